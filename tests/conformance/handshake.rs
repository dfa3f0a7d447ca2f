//! Opening a connection: RFC 9293 sections 3.5, 3.7.1 and 3.10.7, and what the options of a SYN agree on.

use crate::bench::plain;
use crate::trace::{OPEN, run, run_with};
use twinwire::transport::tcp::TcpConfig;

#[test]
fn tcp_01_three_way_handshake_passive() {
    run(
        &plain(),
        "
        listen
        < S 0:0(0) win 1000 <mss 1460>
        > S. 0:0(0) ack 1 <mss 1000>
        state SYN-RECEIVED
        < . 1:101(100) ack 1 win 1000
        state ESTABLISHED
        accept
        read 100
        > . 1:1(0) ack 101
        silent
    ",
    );
}

#[test]
fn tcp_02_three_way_handshake_active() {
    run(
        &plain(),
        "
        connect
        > S 0:0(0) <mss 1000,ws 0>
        state SYN-SENT
        < S. 0:0(0) ack 1 win 1000 <mss 1460>
        > . 1:1(0) ack 1
        state ESTABLISHED
        silent
    ",
    );
}

#[test]
fn tcp_03_simultaneous_open() {
    run(
        &plain(),
        "
        connect
        > S 0:0(0)
        < S 0:0(0) win 1000 <mss 1460>
        > S. 0:0(0) ack 1
        state SYN-RECEIVED
        < S. 0:0(0) ack 1 win 1000 <mss 1460>
        state ESTABLISHED
        silent
        write 10
        > P. 1:11(10) ack 1
    ",
    );
    // The peer's answer may also come as a bare ACK.
    run(
        &plain(),
        "
        connect
        > S 0:0(0)
        < S 0:0(0) win 1000 <mss 1460>
        > S. 0:0(0) ack 1
        < . 1:1(0) ack 1 win 1000
        state ESTABLISHED
        silent
    ",
    );
}

#[test]
fn tcp_13_listen() {
    run(
        &plain(),
        "
        listen
        < . 1:1(0) ack 777
        > R 777:777(0)
        < R 1:1(0)
        silent
        < R. 1:1(0) ack 5
        silent
        < - 1:11(10)
        silent
        < F 1:1(0)
        silent
        < S. 0:0(0) ack 9
        > R 9:9(0)
        < SR 0:0(0)
        silent
        < S 0:0(0)
        > S. 0:0(0) ack 1
    ",
    );
}

#[test]
fn tcp_14_syn_sent() {
    run_with(
        &plain(),
        (500, 9000),
        "
        connect
        > S 0:0(0)
        < . 1:1(0) ack 0            # ISS 500: ack 500
        > R 0:0(0)
        < . 1:1(0) ack 2            # ack 502
        > R 2:2(0)
        < S. 0:0(0) ack 0
        > R 0:0(0)
        < R. 1:1(0) ack 0
        silent
        < R 1:1(0)
        silent
        < . 1:1(0) ack 1            # acceptable, and neither SYN nor RST
        silent
        state SYN-SENT
        < R. 1:1(0) ack 1
        state CLOSED
        end refused
        silent
        timeout none
    ",
    );
}

#[test]
fn tcp_15_syn_received() {
    let half_open = "
        listen
        < S 0:0(0) win 1000
        > S. 0:0(0) ack 1
    ";
    run(
        &plain(),
        &format!(
            "{half_open}
        < . 1:1(0) ack 0
        > R 0:0(0)
        < . 1:1(0) ack 2
        > R 2:2(0)
        state SYN-RECEIVED
        < S 0:0(0) win 1000         # the SYN again: the answer again
        > S. 0:0(0) ack 1
        < R 1:1(0)                  # back to LISTEN
        silent
        state none
        timeout none
        < S 0:0(0) win 1000
        > S. 0:0(0) ack 1
        < . 1:1(0) ack 1
        accept
    "
        ),
    );
    // A new SYN in the window sends a passive connection back to LISTEN, too.
    run(
        &plain(),
        &format!(
            "{half_open}
        < S 1:1(0) win 1000
        silent
        state none
    "
        ),
    );
    let both = "
        connect
        > S 0:0(0)
        < S 0:0(0) win 1000
        > S. 0:0(0) ack 1
    ";
    run(&plain(), &format!("{both}\n < R 1:1(0)\n state CLOSED\n end refused\n silent"));
    // RFC 5961 section 3.2 holds here as well.
    run(&plain(), &format!("{both}\n < R 2:2(0)\n > . 1:1(0) ack 1\n state SYN-RECEIVED"));
}

#[test]
fn tcp_27_without_an_mss_option_536() {
    run(
        &plain(),
        "
        listen
        < S 0:0(0) win 65535
        > S. 0:0(0) ack 1 <mss 1000>
        < . 1:1(0) ack 1
        accept
        smss 536
        write 1000
        > . 1:537(536) ack 1
    ",
    );
    run(
        &TcpConfig { mss: 1460, ..plain() },
        "
        connect
        > S 0:0(0) <mss 1460,ws 0>
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1
        smss 536
    ",
    );
}

#[test]
fn tcp_28_options_take_their_bytes_from_the_data() {
    let config = TcpConfig { nagle: false, ..TcpConfig::default() };
    run(
        &config,
        "
        connect
        > S 0:0(0) <mss 1460,ws 9,sackOK,TS 0 0>
        < S. 0:0(0) ack 1 <mss 1460,ws 7,sackOK,TS 70 0>
        > . 1:1(0) ack 1 <TS 0 70>
        < . 1001:1011(10) ack 1 <TS 70 0>
        > . 1:1(0) ack 1 <TS 0 70,sack 1001:1011>
        < . 3001:3011(10) ack 1 <TS 70 0>
        > . 1:1(0) ack 1 <TS 0 70,sack 3001:3011 1001:1011>
        write 2000
        > . 1:1429(1428) ack 1 <TS 0 70,sack 3001:3011 1001:1011>
        > P. 1429:2001(572) ack 1
        < . 1:1001(1000) ack 2001 <TS 70 0>
        > . 2001:2001(0) ack 1011
        < . 1011:3001(1990) ack 2001 <TS 70 0>
        > . 2001:2001(0) ack 3011
        write 1500
        > . 2001:3449(1448) ack 3011 <TS 0 70>
    ",
    );
    // Without timestamps the peer's 1460 is all for data.
    run(
        &TcpConfig { mss: 1460, ..plain() },
        "
        connect
        > S 0:0(0)
        < S. 0:0(0) ack 1 <mss 1460>
        > . 1:1(0) ack 1
        write 1500
        > . 1:1461(1460) ack 1
    ",
    );
}

#[test]
fn tcp_29_a_tiny_mss_makes_no_storm() {
    for (mss, smss) in [(0, 64), (1, 64), (63, 64), (64, 64), (100, 100)] {
        run(
            &plain(),
            &format!(
                "
            listen
            < S 0:0(0) <mss {mss}>
            > S. 0:0(0) ack 1
            < . 1:1(0) ack 1
            accept
            smss {smss}
            write 1000
            > . 1:{}({smss}) ack 1
        ",
                smss + 1
            ),
        );
    }
}

#[test]
fn tcp_34_data_of_a_syn_is_left_to_be_sent_again() {
    run(
        &plain(),
        "
        listen
        < S 0:5(5) win 1000
        > S. 0:0(0) ack 1
        < . 1:6(5) ack 1
        > . 1:1(0) ack 6
        accept
        read 5
        unread 0
    ",
    );
    // The data of a SYN, ACK belongs to a connection that is open.
    run(
        &plain(),
        "
        connect
        > S 0:0(0)
        < S. 0:5(5) ack 1
        > . 1:1(0) ack 6
        read 5
    ",
    );
}

#[test]
fn tsws_01_scale_only_if_both_say_so() {
    let config = TcpConfig { receive_buffer: 1 << 20, ..plain() };
    // The peer does not: 16 bits both ways.
    run(
        &config,
        "
        listen
        < S 0:0(0) win 65535 <mss 1000>
        > S. 0:0(0) ack 1 win 65535 <mss 1000>
        < . 1:1(0) ack 1 win 65535
        accept
        wnd 65535
        < . 1:11(10) ack 1
        > . 1:1(0) ack 11 win 65535
    ",
    );
    // Both: the windows of the SYNs are not scaled.
    run(
        &config,
        "
        listen
        < S 0:0(0) win 60000 <mss 1000,ws 3>
        > S. 0:0(0) ack 1 win 65535 <mss 1000,ws 5>
        < . 1:1(0) ack 1 win 60000
        accept
        wnd 480000
        < . 1:11(10) ack 1 win 1
        > . 1:1(0) ack 11 win 32767
        wnd 8
    ",
    );
    // We do not.
    run(
        &TcpConfig { window_scaling: false, ..config },
        "
        listen
        < S 0:0(0) win 60000 <mss 1000,ws 3>
        > S. 0:0(0) ack 1 win 65535 <mss 1000>
        < . 1:1(0) ack 1 win 60000
        accept
        wnd 60000
    ",
    );
}

#[test]
fn tsws_02_a_shift_above_14_is_14() {
    for (shift, window) in [(14, 16_384_000), (15, 16_384_000), (255, 16_384_000), (13, 8_192_000)] {
        run(
            &plain(),
            &format!(
                "
            listen
            < S 0:0(0) win 1000 <mss 1000,ws {shift}>
            > S. 0:0(0) ack 1
            < . 1:1(0) ack 1 win 1000
            accept
            wnd {window}
        "
            ),
        );
    }
}

#[test]
fn tsws_03_the_shift_follows_the_buffer() {
    for (receive_buffer, shift) in [(65_535, 0), (65_536, 1), (1 << 20, 5), (4 << 20, 7), (1 << 30, 14)] {
        let config = TcpConfig { receive_buffer, ..plain() };
        run(&config, &format!("connect\n > S 0:0(0) win 65535 <mss 1000,ws {shift}>"));
    }
}

#[test]
fn tsws_04_the_advertised_window_is_rounded_down() {
    let config = TcpConfig { receive_buffer: 1 << 20, mss: 60_000, ..plain() };
    // 1,048,576 less 270,799 is 777,777; that is 24,305 units of 32 bytes, and 17 bytes.
    run(
        &config,
        "
        listen
        < S 0:0(0) <mss 60000,ws 0>
        > S. 0:0(0) ack 1 <mss 60000,ws 5>
        < . 1:1(0) ack 1
        < . 1:60001(60000) ack 1
        > . 1:1(0) ack 60001
        < . 60001:120001(60000) ack 1
        > . 1:1(0) ack 120001
        < . 120001:180001(60000) ack 1
        > . 1:1(0) ack 180001
        < . 180001:240001(60000) ack 1
        > . 1:1(0) ack 240001
        < . 240001:270800(30799) ack 1
        > . 1:1(0) ack 270800 win 24305
    ",
    );
}

#[test]
fn open_is_what_it_says() {
    run(&plain(), &format!("{OPEN}\n state ESTABLISHED\n smss 1000\n wnd 65535\n una 1\n rcv 1\n timeout none"));
}

//! Longer exchanges, as packet traces show them: repairs, windows and ends that meet each other.

use crate::bench::{ms, plain};
use crate::trace::{OPEN, run};
use twinwire::transport::rtt::RtoLimits;
use twinwire::transport::tcp::TcpConfig;

fn sack() -> TcpConfig {
    TcpConfig { sack: true, ..plain() }
}

/// Open with SACK.
const SACK_OPEN: &str = "
    listen
    < S 0:0(0) <mss 1000,sackOK>
    > S. 0:0(0) ack 1 <mss 1000,sackOK>
    < . 1:1(0) ack 1
    accept
";

#[test]
fn blocks_tell_what_came_ahead_newest_first() {
    run(
        &sack(),
        &format!(
            "{SACK_OPEN}
        < . 1001:2001(1000) ack 1
        > . 1:1(0) ack 1 <sack 1001:2001>
        < . 3001:4001(1000) ack 1
        > . 1:1(0) ack 1 <sack 3001:4001 1001:2001>
        < . 5001:6001(1000) ack 1
        > . 1:1(0) ack 1 <sack 5001:6001 3001:4001 1001:2001>
        < . 2001:3001(1000) ack 1
        > . 1:1(0) ack 1 <sack 1001:4001 5001:6001>
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 4001 <sack 5001:6001>
        < . 4001:5001(1000) ack 1
        > . 1:1(0) ack 6001 <>
        read 6000
    "
        ),
    );
    // Not agreed: no blocks.
    run(&plain(), &format!("{OPEN}\n < . 1001:2001(1000) ack 1\n > . 1:1(0) ack 1 <>"));
}

#[test]
fn what_comes_twice_is_told_once() {
    run(
        &sack(),
        &format!(
            "{SACK_OPEN}
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 1001 <>
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 1001 <sack 1:1001>
        < . 2001:3001(1000) ack 1
        > . 1:1(0) ack 1001 <sack 2001:3001>
        < . 2001:3001(1000) ack 1
        > . 1:1(0) ack 1001 <sack 2001:3001 2001:3001>
        < . 501:1501(1000) ack 1
        > . 1:1(0) ack 1501 <sack 501:1001 2001:3001>
        < . 1501:2501(1000) ack 1
        > . 1:1(0) ack 3001 <sack 2001:2501>
        read 3000
    "
        ),
    );
    let config = TcpConfig { dsack: false, ..sack() };
    run(
        &config,
        &format!(
            "{SACK_OPEN}
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 1001
        < . 1:1001(1000) ack 1
        > . 1:1(0) ack 1001 <>
    "
        ),
    );
}

#[test]
fn a_lost_segment_is_sent_again_on_the_third_duplicate() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        write 5000
        > . 1:1001(1000)
        > . 1001:2001(1000)
        > . 2001:3001(1000)
        > . 3001:4001(1000)
        > P. 4001:5001(1000)
        +100ms < . 1:1(0) ack 1001
        < . 1:1(0) ack 1001
        < . 1:1(0) ack 1001
        silent
        < . 1:1(0) ack 1001
        > . 1001:2001(1000)
        silent
        +100ms < . 1:1(0) ack 5001
        flight 0
        timeout none
    "
        ),
    );
}

#[test]
fn the_timeout_follows_the_round_trip() {
    // 200 ms measured by the handshake: SRTT 200, RTTVAR 100, RTO 600 ms, its floor lowered.
    let config = TcpConfig { rto: RtoLimits { min: ms(100), ..RtoLimits::default() }, ..plain() };
    run(
        &config,
        "
        connect
        > S 0:0(0)
        +200ms < S. 0:0(0) ack 1 <mss 1000>
        > . 1:1(0) ack 1
        write 100
        > P. 1:101(100)
        timeout 600ms
        +600ms > P. 1:101(100)
        +1200ms > P. 1:101(100)
        +2400ms > P. 1:101(100)
        +10ms < . 1:1(0) ack 101      # Karn: no sample, and the back-off stays
        write 100
        > P. 101:201(100)
        timeout 4800ms
        +200ms < . 1:1(0) ack 201     # RTTVAR 75, SRTT 200
        write 100
        > P. 201:301(100)
        timeout 500ms
    ",
    );
}

#[test]
fn two_fins_with_data_cross() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        write 100
        > P. 1:101(100) ack 1
        finish
        > F. 101:101(0) ack 1
        < FP. 1:51(50) ack 1
        > . 102:102(0) ack 52
        state CLOSING
        read 50
        read 0
        < . 52:52(0) ack 102
        state TIME-WAIT
    "
        ),
    );
}

#[test]
fn a_lost_fin_comes_again_with_its_data() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        write 100
        > P. 1:101(100) ack 1
        finish
        > F. 101:101(0) ack 1
        +1s > FP. 1:101(100) ack 1
        < . 1:1(0) ack 101           # the data alone
        state FIN-WAIT-1
        silent
        +2s > F. 101:101(0) ack 1
        < . 1:1(0) ack 102
        state FIN-WAIT-2
    "
        ),
    );
}

#[test]
fn a_fin_waits_for_the_window_no_longer_than_its_data() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        < . 1:1(0) ack 1 win 1000
        write 1500
        finish
        > . 1:1001(1000) ack 1
        silent
        < . 1:1(0) ack 1001 win 500
        > FP. 1001:1501(500) ack 1
        state FIN-WAIT-1
    "
        ),
    );
    // A FIN alone needs no window.
    run(&plain(), &format!("{OPEN}\n < . 1:1(0) ack 1 win 0\n finish\n > F. 1:1(0) ack 1"));
}

#[test]
fn a_window_that_opens_closed() {
    run(
        &plain(),
        "
        listen
        < S 0:0(0) win 0 <mss 1000>
        > S. 0:0(0) ack 1
        < . 1:1(0) ack 1 win 0
        accept
        write 1000
        silent
        +1s > . 1:2(1) ack 1
        < . 1:1(0) ack 1 win 5000
        > P. 1:1001(1000) ack 1
    ",
    );
}

#[test]
fn a_window_that_closes_on_what_is_out() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        write 2000
        > . 1:1001(1000)
        > P. 1001:2001(1000)
        < . 1:1(0) ack 1001 win 0
        silent
        +1s > P. 1001:2001(1000)     # the timer goes on, one segment at a time
        < . 1:1(0) ack 1001 win 0
        silent
        +2s > P. 1001:2001(1000)
        < . 1:1(0) ack 2001 win 0
        timeout none
    "
        ),
    );
}

#[test]
fn the_smaller_of_two_sizes_counts() {
    for (mss, smss) in [(1460, 1000), (1000, 1000), (999, 999), (65_535, 1000)] {
        run(
            &plain(),
            &format!(
                "
            connect
            > S 0:0(0) <mss 1000,ws 0>
            < S. 0:0(0) ack 1 <mss {mss}>
            > . 1:1(0) ack 1
            smss {smss}
        "
            ),
        );
    }
}

#[test]
fn a_simultaneous_open_agrees_on_options() {
    let config = TcpConfig { sack: true, timestamps: true, receive_buffer: 1 << 20, ..plain() };
    run(
        &config,
        "
        connect
        > S 0:0(0) win 65535 <mss 1012,ws 5,sackOK,TS 0 0>
        +5ms < S 0:0(0) win 100 <mss 1460,ws 2,sackOK,TS 300 0>
        > S. 0:0(0) ack 1 win 65535 <mss 1012,ws 5,sackOK,TS 5 300>
        +5ms < S. 0:0(0) ack 1 win 100 <mss 1460,ws 2,sackOK,TS 305 0>
        state ESTABLISHED
        silent
        < . 1:1(0) ack 1 win 100 <TS 306 5>
        wnd 400
        smss 1000
    ",
    );
}

#[test]
fn a_reset_leaves_what_was_received() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        < . 1:101(100) ack 1
        > . 1:1(0) ack 101
        write 10
        > P. 1:11(10) ack 101
        < R 101:101(0)
        state CLOSED
        end reset
        timeout none
        unread 100
        read 100
    "
        ),
    );
    // A reset with text is a reset.
    run(&plain(), &format!("{OPEN}\n < R 1:11(10)\n state CLOSED\n silent"));
}

#[test]
fn abort_forgets_what_was_written() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        < . 1:1(0) ack 1 win 1000
        write 5000
        > . 1:1001(1000)
        abort
        > R. 1001:1001(0) ack 1
        silent
        end aborted
        timeout none
        < . 1:1(0) ack 1001          # nobody there any more
        > R 1001:1001(0)
    "
        ),
    );
}

#[test]
fn a_port_can_be_used_again_at_once_after_last_ack() {
    run(
        &plain(),
        &format!(
            "{OPEN}
        < F. 1:1(0) ack 1
        > . 1:1(0) ack 2
        finish
        > F. 1:1(0) ack 2
        < . 2:2(0) ack 2
        state CLOSED
        < S 9000:9000(0) <mss 1000>
        > S. 0:0(0) ack 9001
        < . 9001:9001(0) ack 1
        accept
        state ESTABLISHED
    "
        ),
    );
}

#[test]
fn a_reopened_connection_is_a_new_one() {
    // A half-open peer that has crashed: its SYN is challenged, its reset believed, its SYN answered.
    run(
        &plain(),
        &format!(
            "{OPEN}
        < S 70000:70000(0) <mss 1000>
        > . 1:1(0) ack 1
        < R 1:1(0)
        state CLOSED
        < S 70000:70000(0) <mss 1000>
        > S. 0:0(0) ack 70001
        < . 70001:70001(0) ack 1
        accept
        state ESTABLISHED
    "
        ),
    );
}

#[test]
fn data_both_ways_carries_the_acknowledgments() {
    let config = TcpConfig { delayed_ack: true, ..plain() };
    run(
        &config,
        &format!(
            "{OPEN}
        < P. 1:101(100) ack 1
        write 100
        > P. 1:101(100) ack 101
        < P. 101:201(100) ack 101
        write 100
        > P. 101:201(100) ack 201
        < . 201:201(0) ack 201
        +1s silent
        read 200
        timeout none
    "
        ),
    );
}

#[test]
fn the_first_bytes_meet_a_slow_acceptor() {
    // Nobody has accepted yet; data and FIN wait.
    run(
        &plain(),
        "
        listen
        < S 0:0(0) <mss 1000>
        > S. 0:0(0) ack 1
        < . 1:1(0) ack 1
        < P. 1:101(100) ack 1
        > . 1:1(0) ack 101
        < F. 101:101(0) ack 1
        > . 1:1(0) ack 102
        accept
        state CLOSE-WAIT
        read 100
        read 0
        close
        > F. 1:1(0) ack 102
    ",
    );
}

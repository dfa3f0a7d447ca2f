//! Timestamps: RFC 7323 sections 3 to 5.

use crate::bench::plain;
use crate::trace::{OURS, THEIRS, run};
use twinwire::base::rng::Seed;
use twinwire::base::time::Instant;
use twinwire::transport::tcp::{TcpConfig, TcpDoor};
use twinwire::wire::tcp::TcpSegment;

fn config() -> TcpConfig {
    TcpConfig { timestamps: true, ..plain() }
}

/// Open, the peer's clock at `recent`.
fn open(recent: u32) -> String {
    format!(
        "
        listen
        < S 0:0(0) win 65535 <mss 1012,TS {recent} 0>
        > S. 0:0(0) ack 1 <mss 1012,TS 0 {recent}>
        < . 1:1(0) ack 1 win 65535 <TS {recent} 0>
        accept
    "
    )
}

#[test]
fn tsws_05_once_agreed_in_every_segment() {
    run(
        &config(),
        &format!(
            "{}
        write 10
        > P. 1:11(10) ack 1 <TS 0 40>
        +7ms < . 1:11(10) ack 11 <TS 47 0>
        > . 11:11(0) ack 11 <TS 7 47>
        < . 11:21(10) ack 11        # without: dropped
        silent
        unread 10
        < R. 12:12(0) ack 11        # a reset may be without
        > . 11:11(0) ack 11 <TS 7 47>
        < R. 11:11(0) ack 11
        state CLOSED
    ",
            open(40)
        ),
    );
    // The peer did not offer them, or we do not.
    let without = "
        listen
        < S 0:0(0) <mss 1000>
        > S. 0:0(0) ack 1 <mss 1012>
        < . 1:11(10) ack 1
        > . 1:1(0) ack 11 <>
    ";
    run(&config(), without);
    run(
        &plain(),
        "
        listen
        < S 0:0(0) <mss 1000,TS 5 0>
        > S. 0:0(0) ack 1 <mss 1000>
        < . 1:11(10) ack 1 <TS 5 0>
        > . 1:1(0) ack 11 <>
    ",
    );
}

#[test]
fn tsws_06_what_is_echoed() {
    run(
        &config(),
        &format!(
            "{}
        < . 1:101(100) ack 1 <TS 50 0>
        > . 1:1(0) ack 101 <TS 0 50>
        < . 201:301(100) ack 1 <TS 60 0>        # a hole before it
        > . 1:1(0) ack 101 <TS 0 50>
        < . 101:201(100) ack 1 <TS 70 0>        # fills it
        > . 1:1(0) ack 301 <TS 0 70>
    ",
            open(40)
        ),
    );
    // A delayed ACK echoes the first of its two segments.
    run(
        &TcpConfig { delayed_ack: true, ..config() },
        &format!(
            "{}
        < . 1:1001(1000) ack 1 <TS 50 0>
        silent
        < . 1001:2001(1000) ack 1 <TS 51 0>
        > . 1:1(0) ack 2001 <TS 0 50>
    ",
            open(40)
        ),
    );
}

#[test]
fn tsws_07_older_timestamps_are_dropped_and_answered() {
    let recent = 0xffff_f000_u32;
    for (value, ok) in
        [(0x800, true), (0x7fff_efff, true), (0xffff_f000, true), (0x7fff_f000, false), (0xffff_efff, false)]
    {
        let (next, unread, echo) = if ok { (11, 10, value) } else { (1, 0, recent) };
        run(
            &config(),
            &format!(
                "{}
            < . 1:11(10) ack 1 <TS {value} 0>
            > . 1:1(0) ack {next} <TS 0 {echo}>
            unread {unread}
        ",
                open(recent)
            ),
        );
        run(&config(), &format!("{}\n < R. 1:1(0) ack 1 <TS {value} 0>\n state CLOSED", open(recent)));
    }
}

#[test]
fn tsws_08_after_24_days_a_timestamp_says_nothing() {
    let days = |n: u64| n * 86_400;
    for (wait, next) in [(days(23), 1), (days(25), 11)] {
        run(
            &config(),
            &format!(
                "{}
            +{wait}s < . 1:11(10) ack 1 <TS 900 0>
            > . 1:1(0) ack {next}
        ",
                open(1000)
            ),
        );
    }
}

#[test]
fn tsws_09_only_acks_that_advance_una_are_measured() {
    let sent = |door: &mut TcpDoor, now| {
        let (src, dst, bytes) = door.segment_out(now).unwrap();
        TcpSegment::parse(src, dst, &bytes).unwrap()
    };
    let mut door = TcpDoor::new(Seed(1)).with_timestamp_offset(0);
    let at = |n| crate::bench::at_ms(n);
    let conn = door.connect(at(0), OURS, THEIRS, &config()).unwrap();
    let syn = sent(&mut door, at(0));
    let feed = |door: &mut TcpDoor, now, mut s: TcpSegment| {
        (s.src_port, s.dst_port, s.window, s.flags.ack) = (THEIRS.port(), OURS.port(), 9000, true);
        let mut bytes = Vec::new();
        s.encode(*THEIRS.ip(), *OURS.ip(), &mut bytes);
        door.segment_in(now, *THEIRS.ip(), *OURS.ip(), &bytes).unwrap();
    };
    let one = syn.seq.wrapping_add(1);
    let mut answer = TcpSegment { seq: 0, ack: one, ..Default::default() };
    (answer.flags.syn, answer.options.timestamps, answer.options.mss) = (true, Some((1, 0)), Some(1460));
    feed(&mut door, at(100), answer);
    let srtt = |door: &TcpDoor| door.snapshot(conn).unwrap().srtt.unwrap().as_millis();
    assert_eq!(srtt(&door), 100);
    assert_eq!(door.write(conn, vec![0; 1000]), 1000);
    let data = sent(&mut door, at(100));
    let echo = data.options.timestamps.unwrap().0;
    // Duplicates that echo it, after a long time: no sample.
    let ack = |ack| {
        let mut s = TcpSegment { seq: 1, ack, ..Default::default() };
        s.options.timestamps = Some((2, echo));
        s
    };
    for _ in 0..2 {
        feed(&mut door, at(900), ack(one));
        assert_eq!(srtt(&door), 100);
    }
    feed(&mut door, at(900), ack(one.wrapping_add(1000)));
    assert_eq!(srtt(&door), 100 + (800 - 100) / 8);
}

#[test]
fn tsws_10_every_connection_has_its_own_offset() {
    let mut door = TcpDoor::new(Seed(1));
    let mut first = |port| {
        let remote = std::net::SocketAddrV4::new(*THEIRS.ip(), port);
        door.connect(Instant::ZERO, OURS, remote, &config()).unwrap();
        let (src, dst, bytes) = door.segment_out(Instant::ZERO).unwrap();
        TcpSegment::parse(src, dst, &bytes).unwrap().options.timestamps.unwrap().0
    };
    assert_ne!(first(1), first(2));
}

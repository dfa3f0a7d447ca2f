//! Segments that somebody else made up: RFC 5961, storms of ACKs, floods of SYNs (RFC 4987), backlogs.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::bench::plain;
use crate::trace::{OPEN, OURS, run};
use twinwire::base::rng::Seed;
use twinwire::base::time::{Duration, Instant};
use twinwire::transport::endpoint::ConnId;
use twinwire::transport::tcp::{SynCookies, TcpConfig, TcpDoor};
use twinwire::wire::tcp::{TcpFlags, TcpOptions, TcpSegment};

#[test]
fn tcps_01_resets_count_at_rcv_nxt_only() {
    // RCV.NXT is 1, the window 1000.
    let config = TcpConfig { receive_buffer: 1000, ..plain() };
    let challenge = "> . 1:1(0) ack 1\n silent\n state ESTABLISHED";
    let nothing = "silent\n state ESTABLISHED";
    for (at, then) in
        [(1, "state CLOSED\n end reset\n silent"), (2, challenge), (1000, challenge), (0, nothing), (1001, nothing)]
    {
        run(&config, &format!("{OPEN}\n < R {at}:{at}(0)\n {then}"));
        run(&config, &format!("{OPEN}\n < R. {at}:{at}(0) ack 1\n {then}"));
    }
}

#[test]
fn tcps_02_a_syn_of_any_number_is_challenged() {
    let states = [
        ("ESTABLISHED", "", "1:1(0) ack 1"),
        ("FIN-WAIT-1", "finish\n > F. 1:1(0) ack 1", "2:2(0) ack 1"),
        ("FIN-WAIT-2", "finish\n > F. 1:1(0) ack 1\n < . 1:1(0) ack 2", "2:2(0) ack 1"),
        ("CLOSE-WAIT", "< F. 1:1(0) ack 1\n > . 1:1(0) ack 2", "1:1(0) ack 2"),
        ("CLOSING", "finish\n > F. 1:1(0) ack 1\n < F. 1:1(0) ack 1\n > . 2:2(0) ack 2", "2:2(0) ack 2"),
        ("LAST-ACK", "< F. 1:1(0) ack 1\n > . 1:1(0)\n finish\n > F. 1:1(0) ack 2", "2:2(0) ack 2"),
    ];
    for (state, way, answer) in states {
        for at in [-100_000, 0, 1, 2, 500, 100_000] {
            let syns = [format!("S {at}:{at}(0)"), format!("S. {at}:{at}(0) ack 1")];
            for syn in syns {
                run(
                    &plain(),
                    &format!("{OPEN}\n {way}\n state {state}\n < {syn}\n > . {answer}\n silent\n state {state}"),
                );
            }
        }
    }
}

#[test]
fn tcps_03_old_acks_are_believed_as_far_as_the_largest_window() {
    // UNA 9000, NXT 12000, largest window 4000; what is believed brings its data along.
    let open = "
        listen
        < S 0:0(0) win 4000 <mss 3000>
        > S. 0:0(0) ack 1
        < . 1:1(0) ack 1 win 4000
        accept
        write 2999
        > P. 1:3000(2999)
        < . 1:1(0) ack 3000 win 4000
        write 3000
        > . 3000:6000(3000)
        < . 1:1(0) ack 6000 win 4000
        write 3000
        > . 6000:9000(3000)
        < . 1:1(0) ack 9000 win 4000
        write 3000
        > . 9000:12000(3000)
        una 9000
    ";
    let config = TcpConfig { mss: 3000, ..plain() };
    for (ack, taken) in [(5000, 10), (4999, 0), (12_000, 10), (12_001, 0)] {
        let next = 1 + taken;
        run(
            &config,
            &format!(
                "{open}
            < . 1:11(10) ack {ack} win 4000
            > . 12000:12000(0) ack {next}
            silent
            unread {taken}
        "
            ),
        );
    }
}

#[test]
fn tcps_04_a_challenge_says_where_we_are() {
    run(
        &TcpConfig { receive_buffer: 4000, ..plain() },
        &format!(
            "{OPEN}
        write 100
        > P. 1:101(100) ack 1
        < . 1:51(50) ack 1
        > . 101:101(0) ack 51 win 3950
        < R 60:60(0)
        > . 101:101(0) ack 51 win 3950
        < S 60:60(0)
        > . 101:101(0) ack 51 win 3950
    "
        ),
    );
}

#[test]
fn tcps_05_challenges_are_limited() {
    let mut script = OPEN.to_owned();
    for n in 0..100 {
        let answer = if n < 10 { "> . 1:1(0) ack 1" } else { "silent" };
        script += &format!("< R {at}:{at}(0)\n {answer}\n +10ms\n", at = 2 + n);
    }
    // One second is over. After five there are ten more.
    script += "+3999ms < R 200:200(0)\n silent\n";
    for n in 0..12 {
        let answer = if n < 10 { "> . 1:1(0) ack 1" } else { "silent" };
        script += &format!("+1ms < S 500:500(0)\n {answer}\n");
    }
    run(&plain(), &script);
    // Not a shared counter: another connection of the same host has its own.
    let mut two = Two::new(&plain());
    for n in 0..20 {
        assert_eq!(two.reset_in_window(0), n < 10);
    }
    assert!(two.reset_in_window(1));
}

/// A door with two open connections.
struct Two {
    door: TcpDoor,
}

impl Two {
    fn new(config: &TcpConfig) -> Two {
        let mut door = TcpDoor::new(Seed(1)).with_iss(0);
        door.listen(80, config).unwrap();
        for n in 0..2 {
            feed(&mut door, Instant::ZERO, peer(n), "S", 0, 0);
            assert!(door.segment_out(Instant::ZERO).is_some());
            feed(&mut door, Instant::ZERO, peer(n), ".", 1, 1);
        }
        Two { door }
    }

    fn reset_in_window(&mut self, n: u16) -> bool {
        feed(&mut self.door, Instant::ZERO, peer(n), "R", 2, 0);
        self.door.segment_out(Instant::ZERO).is_some()
    }
}

fn peer(n: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(10, 9, (n >> 8) as u8, n as u8), 5000)
}

fn feed_with(door: &mut TcpDoor, now: Instant, from: SocketAddrV4, kind: &str, at: (u32, u32), options: TcpOptions) {
    let on = |c| kind.contains(c);
    let flags = TcpFlags { syn: on('S'), ack: on('.'), rst: on('R'), ..TcpFlags::default() };
    let (src_port, dst_port, (seq, ack), window) = (from.port(), OURS.port(), at, 1000);
    let s = TcpSegment { src_port, dst_port, seq, ack, flags, window, options, ..Default::default() };
    let mut bytes = Vec::new();
    s.encode(*from.ip(), *OURS.ip(), &mut bytes);
    door.segment_in(now, *from.ip(), *OURS.ip(), &bytes).unwrap();
}

fn feed(door: &mut TcpDoor, now: Instant, from: SocketAddrV4, kind: &str, seq: u32, ack: u32) {
    feed_with(door, now, from, kind, (seq, ack), TcpOptions::default());
}

fn out(door: &mut TcpDoor, now: Instant) -> Option<TcpSegment> {
    door.segment_out(now).map(|(src, dst, bytes)| TcpSegment::parse(src, dst, &bytes).unwrap())
}

#[test]
fn tcps_06_two_confused_stacks_do_not_storm() {
    for keep_alive in [false, true] {
        confuse(keep_alive);
    }
}

/// A byte that is sent, or a keep-alive, begins it.
fn confuse(keep_alive: bool) {
    let keepalive_idle = Duration::from_millis(1);
    let config = TcpConfig { keepalive: keep_alive, keepalive_idle, ..plain() };
    // Both are open, between the same ends, with numbers that the other knows nothing of.
    let (a, b) = (OURS, peer(7));
    let half = |iss: u32, irs: u32, local: SocketAddrV4, remote: SocketAddrV4, config: &TcpConfig| {
        let mut door = TcpDoor::new(Seed(1)).with_iss(iss);
        let conn = door.connect(Instant::ZERO, local, remote, config).unwrap();
        assert!(door.segment_out(Instant::ZERO).is_some());
        let flags = TcpFlags { syn: true, ack: true, ..TcpFlags::default() };
        let (src_port, dst_port, ack) = (remote.port(), local.port(), iss.wrapping_add(1));
        let s = TcpSegment { src_port, dst_port, seq: irs, ack, flags, window: 9000, ..Default::default() };
        let mut bytes = Vec::new();
        s.encode(*remote.ip(), *local.ip(), &mut bytes);
        door.segment_in(Instant::ZERO, *remote.ip(), *local.ip(), &bytes).unwrap();
        while door.segment_out(Instant::ZERO).is_some() {}
        (door, conn)
    };
    let (mut x, cx) = half(1_000_000, 5_000_000, a, b, &config);
    let (mut y, cy) = half(9_000_000, 20_000_000, b, a, &plain());
    let mut now = Instant::ZERO;
    if !keep_alive {
        x.write(cx, &b"?"[..]);
    }
    let mut acks = Vec::new();
    for _ in 0..500 {
        now += Duration::from_millis(1);
        x.handle_timeout(now);
        y.handle_timeout(now);
        let from_x: Vec<_> = std::iter::from_fn(|| x.segment_out(now)).collect();
        let from_y: Vec<_> = std::iter::from_fn(|| y.segment_out(now)).collect();
        acks.extend(
            from_x
                .iter()
                .chain(&from_y)
                .filter(|s| s.2.len() == 20 && (!keep_alive || s.2[4..8] != 1_000_000_u32.to_be_bytes()))
                .map(|_| now),
        );
        from_x.iter().for_each(|(src, dst, s)| assert_eq!(y.segment_in(now, *src, *dst, s), Ok(true)));
        from_y.iter().for_each(|(src, dst, s)| assert_eq!(x.segment_in(now, *src, *dst, s), Ok(true)));
    }
    assert!((1..=2).contains(&acks.len()), "{acks:?}");
    assert!([(&x, cx), (&y, cy)].iter().all(|(d, c)| d.snapshot(*c).unwrap().state == "ESTABLISHED"));
}

/// Opens a connection from peer `n` as far as the answer to its SYN.
fn knock(door: &mut TcpDoor, now: Instant, n: u16) -> Option<TcpSegment> {
    feed(door, now, peer(n), "S", 100, 0);
    out(door, now)
}

fn enter(door: &mut TcpDoor, now: Instant, n: u16) -> bool {
    let Some(answer) = knock(door, now, n) else { return false };
    assert!(answer.flags.syn && answer.flags.ack && answer.ack == 101);
    feed(door, now, peer(n), ".", 101, answer.seq.wrapping_add(1));
    assert_eq!(out(door, now), None);
    true
}

#[test]
fn tcp_35_a_full_backlog_drops_syns() {
    for syn_cookies in [SynCookies::Never, SynCookies::Overflow] {
        let (mut door, now) = (TcpDoor::new(Seed(1)), Instant::ZERO);
        door.listen(80, &TcpConfig { backlog: 1, syn_cookies, ..plain() }).unwrap();
        // As in Linux, backlog 1 is room for two.
        assert!(enter(&mut door, now, 1) && enter(&mut door, now, 2));
        assert_eq!(knock(&mut door, now, 3), None);
        assert_eq!(knock(&mut door, now, 3), None);
        assert_eq!(door.accept(80).map(|a| a.1), Some(peer(1)));
        assert!(enter(&mut door, now, 3) && !enter(&mut door, now, 4));
        let rest: Vec<_> = std::iter::from_fn(|| door.accept(80)).map(|a| a.1).collect();
        assert_eq!(rest, [peer(2), peer(3)]);
    }
    // Half-open ones count, until they are reset or given up.
    let (mut door, now) = (TcpDoor::new(Seed(1)), Instant::ZERO);
    door.listen(80, &TcpConfig { backlog: 1, syn_cookies: SynCookies::Never, syn_retries: 0, ..plain() }).unwrap();
    assert!(knock(&mut door, now, 1).is_some() && knock(&mut door, now, 2).is_some());
    assert_eq!(knock(&mut door, now, 3), None);
    feed(&mut door, now, peer(1), "R", 101, 0);
    assert_eq!(out(&mut door, now), None);
    assert!(knock(&mut door, now, 3).is_some() && knock(&mut door, now, 4).is_none());
    let later = now + Duration::from_secs(1);
    door.handle_timeout(later);
    assert_eq!(out(&mut door, later), None);
    assert!(knock(&mut door, later, 5).is_some());
}

fn connections(door: &mut TcpDoor, peers: u16) -> usize {
    (0..peers).filter(|&n| door.find(OURS, peer(n)).is_some()).count()
}

#[test]
fn tcps_07_a_flood_of_syns_costs_nothing() {
    let (mut door, now) = (TcpDoor::new(Seed(1)), Instant::ZERO);
    door.listen(80, &TcpConfig { syn_cookies: SynCookies::Always, ..plain() }).unwrap();
    let mut last = None;
    for n in 0..10_000 {
        let answer = knock(&mut door, now, n).expect("answered");
        assert!(answer.flags.syn && answer.flags.ack && answer.ack == 101 && answer.options.mss == Some(1000));
        last = Some(answer);
    }
    assert_eq!((out(&mut door, now), door.next_timeout(), connections(&mut door, 10_000)), (None, None, 0));
    // A wrong cookie, and the right one from somebody else.
    let good = last.unwrap().seq.wrapping_add(1);
    for (n, ack) in [(9_999, good.wrapping_add(1)), (9_999, good ^ 1 << 20), (9_998, good)] {
        feed(&mut door, now, peer(n), ".", 101, ack);
        let rst = out(&mut door, now).expect("a reset");
        assert_eq!((rst.flags.rst, rst.flags.ack, rst.seq), (true, false, ack));
    }
    assert_eq!(connections(&mut door, 10_000), 0);
    feed(&mut door, now, peer(9_999), ".", 101, good);
    assert_eq!((out(&mut door, now), connections(&mut door, 10_000)), (None, 1));
    let (conn, from) = door.accept(80).unwrap();
    assert_eq!((from, door.snapshot(conn).unwrap().state), (peer(9_999), "ESTABLISHED"));
    // Its number goes on from the cookie.
    door.write(conn, &b"hello"[..]);
    let s = out(&mut door, now).unwrap();
    assert_eq!((s.seq, s.ack, &s.payload[..]), (good, 101, &b"hello"[..]));
}

#[test]
fn tcps_07_above_the_backlog_only() {
    let (mut door, now) = (TcpDoor::new(Seed(1)).with_iss(77), Instant::ZERO);
    door.listen(80, &TcpConfig { backlog: 4, ..plain() }).unwrap();
    feed(&mut door, now, peer(900), ".", 101, 5);
    assert!(out(&mut door, now).is_some_and(|s| s.flags.rst));
    let answers: Vec<_> = (0..1_000).map(|n| knock(&mut door, now, n).expect("answered").seq).collect();
    assert_eq!((connections(&mut door, 1_000), answers.iter().filter(|&&iss| iss == 77).count()), (5, 5));
    // One minute later a cookie is still good, after two periods it is not.
    let later = now + Duration::from_secs(70);
    feed(&mut door, later, peer(500), ".", 101, answers[500].wrapping_add(1));
    assert_eq!(out(&mut door, later), None);
    assert_eq!(door.accept(80).map(|a| a.1), Some(peer(500)));
    let late = now + Duration::from_secs(129);
    feed(&mut door, late, peer(501), ".", 101, answers[501].wrapping_add(1));
    assert!(std::iter::from_fn(|| out(&mut door, late)).any(|s| s.flags.rst && s.seq == answers[501].wrapping_add(1)));
}

#[test]
fn tcps_07_timestamps_carry_the_options_through_a_cookie() {
    let config = TcpConfig { syn_cookies: SynCookies::Always, ..TcpConfig::default() };
    let (mut door, now) = (TcpDoor::new(Seed(1)).with_timestamp_offset(5_000), Instant::ZERO);
    door.listen(80, &config).unwrap();
    let open = |door: &mut TcpDoor, n, options: TcpOptions| -> (TcpSegment, ConnId) {
        feed_with(door, now, peer(n), "S", (100, 0), options.clone());
        let answer = out(door, now).unwrap();
        let echo = answer.options.timestamps.map(|(value, _)| (options.timestamps.unwrap().0, value));
        let mine = TcpOptions { timestamps: echo, ..TcpOptions::default() };
        feed_with(door, now, peer(n), ".", (101, answer.seq.wrapping_add(1)), mine);
        (answer, door.accept(80).unwrap().0)
    };
    let timestamps = Some((9, 0));
    let all =
        TcpOptions { mss: Some(1460), window_scale: Some(7), sack_permitted: true, timestamps, ..Default::default() };
    let (answer, conn) = open(&mut door, 1, all.clone());
    let value = answer.options.timestamps.unwrap().0;
    assert!(answer.options.sack_permitted && answer.options.window_scale == Some(9) && value <= 5_000);
    let s = door.snapshot(conn).unwrap();
    assert_eq!((s.snd_wnd, s.smss), (1000 << 7, 1448));
    // SACK is on: data ahead of a gap is told of.
    let mut ahead = TcpSegment { src_port: 5000, dst_port: 80, seq: 111, window: 9, ..Default::default() };
    (ahead.ack, ahead.flags.ack, ahead.payload) = (answer.seq.wrapping_add(1), true, b"x"[..].into());
    ahead.options.timestamps = Some((9, value));
    let mut bytes = Vec::new();
    ahead.encode(*peer(1).ip(), *OURS.ip(), &mut bytes);
    door.segment_in(now, *peer(1).ip(), *OURS.ip(), &bytes).unwrap();
    assert_eq!(out(&mut door, now).unwrap().options.sack.as_slice(), [(111, 112)]);
    // Without timestamps neither is offered, and sizes are rounded down to one that a cookie can tell.
    let (answer, conn) = open(&mut door, 2, TcpOptions { timestamps: None, mss: Some(1450), ..all });
    assert_eq!((answer.options.sack_permitted, answer.options.window_scale), (false, None));
    let s = door.snapshot(conn).unwrap();
    assert_eq!((s.snd_wnd, s.smss), (1000, 1440));
}

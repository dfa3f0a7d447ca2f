//! The byte-level door of TCP: what its doc test does not show.

use std::net::SocketAddrV4;

use twinwire::base::note::CloseReason;
use twinwire::base::rng::Seed;
use twinwire::base::time::{Duration, Instant};
use twinwire::transport::endpoint::ConnId;
use twinwire::transport::stream::StreamEvent;
use twinwire::transport::tcp::{DoorError, TcpConfig, TcpDoor};
use twinwire::wire::tcp::{TcpParseError, TcpSegment};

fn ends() -> (SocketAddrV4, SocketAddrV4) {
    ("10.0.0.1:5000".parse().unwrap(), "10.0.0.2:80".parse().unwrap())
}

/// Everything that `from` has to say arrives at `to`; gives it back, read.
fn carry(now: Instant, from: &mut TcpDoor, to: &mut TcpDoor) -> Vec<TcpSegment> {
    let mut carried = Vec::new();
    while let Some((src, dst, bytes)) = from.segment_out(now) {
        carried.push(TcpSegment::parse(src, dst, &bytes).unwrap());
        to.segment_in(now, src, dst, &bytes).unwrap();
    }
    carried
}

fn state(door: &TcpDoor, conn: ConnId) -> &'static str {
    door.snapshot(conn).unwrap().state
}

/// Two doors with an open connection.
fn open(config: &TcpConfig) -> (TcpDoor, ConnId, TcpDoor, ConnId) {
    let ((local, remote), now) = (ends(), Instant::ZERO);
    let mut client = TcpDoor::new(Seed(1)).with_iss(1000).with_timestamp_offset(77);
    let mut server = TcpDoor::new(Seed(2)).with_iss(u32::MAX).with_timestamp_offset(88);
    server.listen(80, config).unwrap();
    let c = client.connect(now, local, remote, config).unwrap();
    assert_eq!(client.connect(now, local, remote, config), Err(DoorError::Exists(local, remote)));
    let syn = carry(now, &mut client, &mut server);
    assert_eq!((syn[0].seq, syn[0].options.timestamps), (1000, Some((77, 0))));
    let half_open = server.find(remote, local).unwrap();
    assert_eq!((state(&server, half_open), server.accept(80)), ("SYN-RECEIVED", None));
    let syn_ack = carry(now, &mut server, &mut client);
    assert_eq!((syn_ack[0].seq, syn_ack[0].options.timestamps), (u32::MAX, Some((88, 77))));
    carry(now, &mut client, &mut server);
    assert_eq!((server.accept(81), server.accept(80)), (None, Some((half_open, local))));
    (client, c, server, half_open)
}

#[test]
fn reads_may_be_small_and_outlive_the_connection() {
    let config = TcpConfig { time_wait: Duration::from_secs(1), ..TcpConfig::default() };
    let (mut client, c, mut server, s) = open(&config);
    let now = Instant::ZERO;
    assert_eq!((client.write(c, &b"abcdefgh"[..]), server.read(s, 9)), (8, None));
    client.finish(c);
    carry(now, &mut client, &mut server);
    assert_eq!((server.read(s, 0), &server.read(s, 3).unwrap()[..]), (None, &b"abc"[..]));
    server.finish(s);
    for _ in 0..2 {
        carry(now, &mut server, &mut client);
        carry(now, &mut client, &mut server);
    }
    assert_eq!((state(&server, s), server.end(s)), ("CLOSED", Some(CloseReason::Finished)));
    let parts = [2, 9, 9].map(|most| server.read(s, most).unwrap());
    assert_eq!(parts.map(|p| p.to_vec()), [b"de".to_vec(), b"fgh".to_vec(), Vec::new()]);
    server.forget(s);
    assert_eq!((server.snapshot(s), server.read(s, 9), server.write(s, &b"x"[..])), (None, None, 0));
}

#[test]
fn a_small_read_opens_the_window_by_what_it_took() {
    let config = TcpConfig { receive_buffer: 8_000, window_scaling: false, ..TcpConfig::default() };
    let (mut client, c, mut server, s) = open(&config);
    let now = Instant::ZERO;
    client.write(c, vec![7; 9_000]);
    for _ in 0..9 {
        carry(now, &mut client, &mut server);
        carry(now, &mut server, &mut client);
    }
    let before = client.snapshot(c).unwrap().snd_wnd;
    let mut read = 0;
    while read < 4_000 {
        read += server.read(s, 500).unwrap().len() as u64;
    }
    assert_eq!((read, before < 1_448), (3 * 1_448, true));
    let update = carry(now, &mut server, &mut client);
    assert_eq!((update.len(), client.snapshot(c).unwrap().snd_wnd <= before + read), (1, true));
    assert!(client.snapshot(c).unwrap().snd_wnd >= 1_448);
}

#[test]
fn close_with_unread_data_and_abort_reset() {
    let now = Instant::ZERO;
    for abort in [false, true] {
        let (mut client, c, mut server, s) = open(&TcpConfig::default());
        client.write(c, &b"unread"[..]);
        carry(now, &mut client, &mut server);
        if abort {
            server.abort(s)
        } else {
            server.close(s)
        }
        assert_eq!(server.next_timeout(), Some(now));
        let rst = carry(now, &mut server, &mut client);
        assert!(rst.len() == 1 && rst[0].flags.rst && rst[0].seq == 0);
        let closed = (state(&client, c), client.end(c), server.end(s));
        assert_eq!(closed, ("CLOSED", Some(CloseReason::Reset), Some(CloseReason::Aborted)));
        assert_eq!((client.segment_out(now), client.next_timeout(), server.next_timeout()), (None, None, None));
    }
}

#[test]
fn damaged_segments_change_nothing() {
    let (mut client, c, mut server, s) = open(&TcpConfig::default());
    let now = Instant::ZERO;
    client.write(c, &b"hello"[..]);
    let (src, dst, mut bytes) = client.segment_out(now).unwrap();
    bytes[33] ^= 1;
    let before = server.snapshot(s);
    assert_eq!(server.segment_in(now, src, dst, &bytes), Err(TcpParseError::Checksum));
    assert_eq!((server.segment_out(now), server.snapshot(s)), (None, before));
}

#[test]
fn tcp_33_a_hard_icmp_error_ends_an_opening_connection_only() {
    let ((local, remote), now) = (ends(), Instant::ZERO);
    let mut door = TcpDoor::new(Seed(1));
    let c = door.connect(now, local, remote, &TcpConfig::default()).unwrap();
    assert!(door.segment_out(now).is_some());
    door.unreachable(now, local, remote, false);
    assert_eq!(state(&door, c), "SYN-SENT");
    door.unreachable(now, local, remote, true);
    assert_eq!((state(&door, c), door.end(c)), ("CLOSED", Some(CloseReason::Refused)));
    let (mut client, c, _, _) = open(&TcpConfig::default());
    client.unreachable(now, local, remote, true);
    assert_eq!(state(&client, c), "ESTABLISHED");
}

#[test]
fn after_a_timeout_the_snapshot_tells_of_it() {
    let (mut client, c, _, _) = open(&TcpConfig { nagle: false, ..TcpConfig::default() });
    client.write(c, vec![0; 5_000]);
    while client.segment_out(Instant::ZERO).is_some() {}
    let before = client.snapshot(c).unwrap();
    assert_eq!((before.snd_una, before.snd_nxt, before.snd_max, before.rcv_nxt), (1001, 6001, 6001, 0));
    assert_eq!((before.flight, before.pipe, before.backoff, before.recovery_point), (5_000, 5_000, 0, None));
    let due = client.next_timeout().unwrap();
    client.handle_timeout(due);
    let s = client.snapshot(c).unwrap();
    assert_eq!((s.cwnd, s.backoff, s.rto, s.snd_nxt, s.snd_max), (1_448, 1, before.rto * 2, 1001, 6001));
    assert_eq!((s.recovery_point, s.ssthresh), (Some(6001), Some(2 * 1_448)));
}

#[test]
fn what_no_scenario_could_say_is_refused() {
    let mut door = TcpDoor::new(Seed(1));
    let refused = |e: DoorError| e.to_string();
    let c = TcpConfig { mss: 1, ..TcpConfig::default() };
    assert_eq!(door.listen(80, &c).map_err(refused), Err("mss of TcpConfig must be from 64 to 65000".to_owned()));
    let c = TcpConfig { congestion: "vegas".to_owned(), ..TcpConfig::default() };
    let must = DoorError::Config("congestion", "the name of a controller");
    assert_eq!(door.connect(Instant::ZERO, ends().0, ends().1, &c), Err(must));
}

#[test]
fn the_caller_sees_events_windows_and_what_waits() {
    let config = TcpConfig { receive_buffer: 100_000, send_buffer: 1_000, ..TcpConfig::default() };
    let (mut client, c, mut server, s) = open(&config);
    let now = Instant::ZERO;
    assert_eq!((client.event(), client.event()), (Some((c, StreamEvent::Connected)), None));
    assert_eq!((server.event(), server.event()), (Some((s, StreamEvent::Connected)), None));
    let open = client.snapshot(c).unwrap();
    assert_eq!((open.window_scale, open.sack, open.ts_recent), (Some((1, 1)), true, Some(88)));
    assert_eq!((client.writable(c), client.write(c, vec![5; 1_200]), client.writable(c)), (1_000, 1_000, 0));
    carry(now, &mut client, &mut server);
    assert_eq!((server.readable(s), server.peek(s), server.readable(s)), (1_000, vec![5; 1_000], 1_000));
    // The SYN's answer promised 65,535 bytes, and nothing has left since.
    assert_eq!(server.snapshot(s).unwrap().rcv_wnd, 64_535);
    assert_eq!(server.event(), Some((s, StreamEvent::Readable)));
    assert!(server.segment_out(now).is_none());
    let acked = server.next_timeout().unwrap();
    server.handle_timeout(acked);
    carry(acked, &mut server, &mut client);
    assert_eq!(client.event(), Some((c, StreamEvent::Writable)));
    client.abort(c);
    carry(acked, &mut client, &mut server);
    assert_eq!(server.event(), Some((s, StreamEvent::Closed(CloseReason::Reset))));
    assert_eq!(
        (server.readable(s), server.peek(s).len(), server.read(s, 5_000).map(|d| d.len())),
        (1_000, 1_000, Some(1_000))
    );
    assert_eq!((server.read(s, 1), server.writable(s)), (None, 0));
}

#[test]
fn a_listener_ends_and_its_connections_stay() {
    let (mut client, c, mut server, s) = open(&TcpConfig::default());
    let now = Instant::ZERO;
    server.unlisten(80);
    client.write(c, &b"on"[..]);
    carry(now, &mut client, &mut server);
    assert_eq!(server.read(s, 9).as_deref(), Some(&b"on"[..]));
    let late = client.connect(now, "10.0.0.1:5001".parse().unwrap(), ends().1, &TcpConfig::default()).unwrap();
    carry(now, &mut client, &mut server);
    carry(now, &mut server, &mut client);
    assert_eq!((state(&client, late), client.end(late)), ("CLOSED", Some(CloseReason::Refused)));
}

#[test]
fn what_is_changed_counts_from_now_on() {
    let (mut client, c, mut server, _) = open(&TcpConfig::default());
    let now = Instant::ZERO;
    client.write(c, &b"a"[..]);
    client.write(c, &b"b"[..]);
    assert_eq!(carry(now, &mut client, &mut server).len(), 1);
    client.write(c, &b"c"[..]);
    client.reconfigure(c, |config| config.nagle = false).unwrap();
    assert_eq!(carry(now, &mut client, &mut server).iter().map(|s| s.payload.len()).collect::<Vec<_>>(), [1]);
    let bad = client.reconfigure(c, |config| config.congestion.clear());
    assert_eq!(bad, Err(DoorError::Config("congestion", "the name of a controller")));
    client.reconfigure(c, |config| config.user_timeout = Some(Duration::from_millis(300))).unwrap();
    assert!(client.segment_out(now).is_none());
    let due = client.next_timeout().unwrap();
    assert_eq!(due, now + Duration::from_millis(300));
    client.handle_timeout(due);
    assert_eq!(client.end(c), Some(CloseReason::TimedOut));
}

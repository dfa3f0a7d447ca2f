//! What a host does where there is no connection: strangers, initial numbers, ICMP (RFC 9293
//! sections 3.4.1, 3.9.2 and 3.10.7.1).

use std::net::SocketAddrV4;

use crate::bench::plain;
use crate::trace::{OURS, THEIRS};
use twinwire::base::note::CloseReason;
use twinwire::base::rng::Seed;
use twinwire::base::time::{Duration, Instant};
use twinwire::transport::tcp::TcpDoor;
use twinwire::wire::tcp::{TcpFlags, TcpSegment};

const NOW: Instant = Instant::ZERO;

fn out(door: &mut TcpDoor, now: Instant) -> Option<TcpSegment> {
    door.segment_out(now).map(|(src, dst, bytes)| TcpSegment::parse(src, dst, &bytes).unwrap())
}

fn feed(door: &mut TcpDoor, s: &TcpSegment) -> bool {
    let mut bytes = Vec::new();
    s.encode(*THEIRS.ip(), *OURS.ip(), &mut bytes);
    door.segment_in(NOW, *THEIRS.ip(), *OURS.ip(), &bytes).unwrap()
}

#[test]
fn tcp_12_strangers_are_reset() {
    let none = TcpFlags::default();
    let (syn, ack, fin, rst) = (
        TcpFlags { syn: true, ..none },
        TcpFlags { ack: true, ..none },
        TcpFlags { fin: true, ..none },
        TcpFlags { rst: true, ..none },
    );
    let rst_ack = TcpFlags { ack: true, ..rst };
    // Without an ACK: seq 0, and all of the segment acknowledged.
    for (flags, bytes, answer) in [
        (syn, 0, Some((rst_ack, 0, 101))),
        (syn, 7, Some((rst_ack, 0, 108))),
        (fin, 7, Some((rst_ack, 0, 108))),
        (none, 7, Some((rst_ack, 0, 107))),
        (ack, 0, Some((rst, 777, 0))),
        (TcpFlags { syn: true, ..ack }, 0, Some((rst, 777, 0))),
        (TcpFlags { fin: true, ..ack }, 5, Some((rst, 777, 0))),
        (rst, 0, None),
        (rst_ack, 0, None),
    ] {
        let mut door = TcpDoor::new(Seed(1));
        let (src_port, dst_port) = (THEIRS.port(), OURS.port());
        let payload = vec![0; bytes].into();
        let s = TcpSegment { src_port, dst_port, seq: 100, ack: 777, flags, payload, ..Default::default() };
        assert!(!feed(&mut door, &s), "nobody wanted it");
        let got = out(&mut door, NOW);
        assert_eq!(got.as_ref().map(|s| (s.flags, s.seq, s.ack)), answer, "{flags:?}");
        assert!(got.is_none_or(|s| (s.src_port, s.dst_port) == (dst_port, src_port) && s.payload.is_empty()));
        assert_eq!((out(&mut door, NOW), door.next_timeout()), (None, None));
    }
}

#[test]
fn tcp_23_initial_numbers() {
    let iss = |seed, at, remote: SocketAddrV4| {
        let mut door = TcpDoor::new(Seed(seed));
        door.connect(at, OURS, remote, &plain()).unwrap();
        out(&mut door, at).unwrap().seq
    };
    let other = SocketAddrV4::new(*THEIRS.ip(), 81);
    let second = NOW + Duration::from_secs(1);
    assert_eq!(iss(1, second, THEIRS), iss(1, NOW, THEIRS).wrapping_add(250_000));
    // The other four-tuple and the other key: unrelated.
    let far = |a: u32, b: u32| a.wrapping_sub(b).min(b.wrapping_sub(a)) > 1_000_000;
    assert!(far(iss(1, NOW, THEIRS), iss(1, NOW, other)));
    assert!(far(iss(1, NOW, THEIRS), iss(2, NOW, THEIRS)));
    // A test may say the number of each connection.
    let mut door = TcpDoor::new(Seed(1)).with_iss(7);
    door.connect(NOW, OURS, THEIRS, &plain()).unwrap();
    door.set_iss(Some(8));
    door.connect(NOW, OURS, other, &plain()).unwrap();
    let seqs: Vec<u32> = std::iter::from_fn(|| out(&mut door, NOW)).map(|s| s.seq).collect();
    assert_eq!(seqs, [7, 8]);
}

#[test]
fn tcp_33_icmp_ends_only_what_is_opening_and_only_if_it_is_hard() {
    for hard in [false, true] {
        let mut door = TcpDoor::new(Seed(1)).with_iss(0);
        let conn = door.connect(NOW, OURS, THEIRS, &plain()).unwrap();
        assert!(out(&mut door, NOW).is_some());
        door.unreachable(NOW, OURS, THEIRS, hard);
        let end = hard.then_some(CloseReason::Refused);
        let state = if hard { "CLOSED" } else { "SYN-SENT" };
        assert_eq!((door.end(conn), door.snapshot(conn).unwrap().state), (end, state));
        assert_eq!((out(&mut door, NOW), door.next_timeout().is_none()), (None, hard));
        // SYN-RECEIVED, then ESTABLISHED.
        let mut door = TcpDoor::new(Seed(1)).with_iss(0);
        door.listen(80, &plain()).unwrap();
        let flags = TcpFlags { syn: true, ..TcpFlags::default() };
        let syn = TcpSegment { src_port: 5000, dst_port: 80, flags, ..Default::default() };
        let flags = TcpFlags { ack: true, ..TcpFlags::default() };
        let ack = TcpSegment { seq: 1, ack: 1, flags, ..syn.clone() };
        feed(&mut door, &syn);
        assert!(out(&mut door, NOW).is_some());
        door.unreachable(NOW, OURS, THEIRS, hard);
        assert_eq!(out(&mut door, NOW), None);
        assert_eq!(door.find(OURS, THEIRS).is_none(), hard);
        feed(&mut door, &syn);
        assert_eq!(out(&mut door, NOW).map(|s| s.flags.syn), Some(true));
        feed(&mut door, &ack);
        let (conn, _) = door.accept(80).unwrap();
        door.unreachable(NOW, OURS, THEIRS, hard);
        assert_eq!((door.snapshot(conn).unwrap().state, out(&mut door, NOW)), ("ESTABLISHED", None));
    }
}

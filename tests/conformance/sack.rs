//! SACK: RFC 2018, 2883 and 6675. SACK-13 stands beside the scoreboard.

use std::net::SocketAddrV4;

use twinwire::base::rng::Seed;
use twinwire::base::time::Instant;
use twinwire::transport::tcp::{TcpConfig, TcpDoor};
use twinwire::wire::tcp::TcpSegment;

use crate::bench::{MSS, plain};
use crate::sender::{Script, racking, sacking};

const ISS: u32 = 700;

/// A receiver behind the door, whose peer's segments are numbered from 1. Gives back the SACK
/// blocks of its ACK, in bytes of the stream, and the ACK number.
struct Receiver {
    door: TcpDoor,
    ends: (SocketAddrV4, SocketAddrV4),
    timestamps: bool,
}

impl Receiver {
    fn new(config: &TcpConfig, offer: bool) -> Receiver {
        let ends: (SocketAddrV4, SocketAddrV4) = ("10.0.0.1:1000".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let mut door = TcpDoor::new(Seed(1)).with_iss(9000);
        door.listen(80, config).expect("a good configuration");
        let mut r = Receiver { door, ends, timestamps: config.timestamps };
        let mut syn = TcpSegment { src_port: 1000, dst_port: 80, seq: ISS, window: 65_535, ..Default::default() };
        syn.flags.syn = true;
        syn.options.mss = Some(1460);
        syn.options.sack_permitted = offer;
        syn.options.timestamps = config.timestamps.then_some((1, 0));
        let answer = r.feed(&syn);
        assert_eq!(answer.options.sack_permitted, offer && config.sack, "an answer offers what was offered");
        let mut ack = TcpSegment { seq: ISS + 1, ack: 9001, ..syn };
        (ack.flags.syn, ack.flags.ack) = (false, true);
        ack.options = Default::default();
        ack.options.timestamps = config.timestamps.then_some((1, 1));
        r.take(&ack);
        r
    }

    fn take(&mut self, s: &TcpSegment) {
        let mut bytes = Vec::new();
        s.encode(*self.ends.0.ip(), *self.ends.1.ip(), &mut bytes);
        self.door.segment_in(Instant::ZERO, *self.ends.0.ip(), *self.ends.1.ip(), &bytes).expect("well formed");
    }

    fn feed(&mut self, s: &TcpSegment) -> TcpSegment {
        self.take(s);
        let (src, dst, bytes) = self.door.segment_out(Instant::ZERO).expect("an answer at once");
        assert!(self.door.segment_out(Instant::ZERO).is_none(), "one answer");
        TcpSegment::parse(src, dst, &bytes).expect("what we send can be read")
    }

    /// The bytes from `from` to before `to` arrive.
    fn data(&mut self, from: u64, to: u64, fin: bool) -> (u64, Vec<(u64, u64)>) {
        let mut s = TcpSegment { src_port: 1000, dst_port: 80, window: 65_535, ..Default::default() };
        (s.seq, s.ack) = (ISS + 1 + from as u32, 9001);
        (s.flags.ack, s.flags.fin) = (true, fin);
        s.options.timestamps = self.timestamps.then_some((1, 1));
        s.payload = vec![7; (to - from) as usize].into();
        let answer = self.feed(&s);
        let offset = |number: u32| u64::from(number - ISS - 1);
        (offset(answer.ack), answer.options.sack.iter().map(|&(a, b)| (offset(a), offset(b))).collect())
    }

    /// Segment `k` arrives; blocks in segments, as first and last.
    fn segment(&mut self, k: u64) -> Vec<(u64, u64)> {
        let (_, blocks) = self.data((k - 1) * MSS, k * MSS, false);
        blocks.into_iter().map(|(from, to)| (from / MSS + 1, to / MSS)).collect()
    }
}

#[test]
fn sack_01_how_many_blocks() {
    let blocks = |config: &TcpConfig, offer| {
        let mut r = Receiver::new(config, offer);
        [2, 4, 6, 8, 10].map(|k| r.segment(k).len())
    };
    assert_eq!(blocks(&sacking(10), true), [1, 2, 3, 4, 4]);
    assert_eq!(blocks(&TcpConfig { timestamps: true, ..sacking(10) }, true), [1, 2, 3, 3, 3]);
    assert_eq!(blocks(&sacking(10), false), [0; 5], "not offered");
    assert_eq!(blocks(&plain(), true), [0; 5], "not wanted");
}

#[test]
fn sack_02_the_newest_block_comes_first() {
    let mut r = Receiver::new(&sacking(10), true);
    r.segment(2);
    r.segment(4);
    assert_eq!(r.segment(6), [(6, 6), (4, 4), (2, 2)]);
    assert_eq!(r.segment(5), [(4, 6), (2, 2)]);
    // A FIN has a number, too (RFC 9293 section 3.4).
    let mut r = Receiver::new(&sacking(10), true);
    assert_eq!(r.data(1000, 2000, true), (0, vec![(1000, 2001)]));
}

#[test]
fn sack_03_data_that_arrives_twice() {
    let mut r = Receiver::new(&sacking(10), true);
    for k in 1..=4 {
        r.segment(k);
    }
    assert_eq!(r.data(1000, 2000, false), (4000, vec![(1000, 2000)]));
    // Above the ACK the second block holds it (RFC 2883 section 4.2.2).
    r.data(5000, 7000, false);
    assert_eq!(r.data(5000, 6000, false), (4000, vec![(5000, 6000), (5000, 7000)]));
    let mut r = Receiver::new(&TcpConfig { dsack: false, ..sacking(10) }, true);
    for k in 1..=4 {
        r.segment(k);
    }
    assert_eq!(r.data(1000, 2000, false), (4000, vec![]));
}

#[test]
fn sack_04_what_is_lost() {
    // pipe falls by what is SACKed and, once it is lost, by the segment in front of it.
    let pipe = |blocks: &[(u64, u64)]| {
        let mut t = Script::new(&TcpConfig { prr: false, ..sacking(10) }, 10);
        t.feed(&t.segment(1000, &[]));
        let before = t.snapshot().pipe;
        t.feed(&t.segment(1000, blocks));
        (before, t.snapshot().pipe, t.snapshot().recovery_point.is_some())
    };
    assert_eq!(pipe(&[(2000, 4000)]), (9000, 7000, false), "two segments are not more than two");
    // One byte more, and 1000 to 2000 is lost, and, resent at once, in the pipe again.
    assert_eq!(pipe(&[(2000, 4001)]), (9000, 6999, true));
    assert!(pipe(&[(2000, 2010), (3000, 3010), (4000, 4010)]).2);
    assert!(!pipe(&[(2000, 2010), (3000, 3010)]).2);
}

#[test]
fn sack_05_what_is_in_the_pipe() {
    // Nothing resent: 10000 - 3000 SACKed - 3000 lost; the fast retransmit of 0 to 1000 is then one
    // of those below HighRxt.
    let mut t = Script::new(&sacking(10), 10);
    assert_eq!(t.feed(&t.segment(0, &[(3000, 6000)])), "R1");
    assert_eq!(t.snapshot().pipe, 5000);
}

/// 12 out, 1 and 3 lost: the three SACKs that begin recovery.
fn two_losses() -> Script {
    let mut t = Script::new(&sacking(12), 40);
    assert_eq!(t.sack(1, &[(2, 3)]), "N13");
    assert_eq!(t.sack(1, &[(4, 5), (2, 3)]), "N14");
    t
}

#[test]
fn sack_06_recovery_begins() {
    let mut t = two_losses();
    assert_eq!((t.cwnd(), t.snapshot().recovery_point), (12_000, None));
    assert_eq!(t.sack(1, &[(4, 6), (2, 3)]), "R1");
    let s = t.snapshot();
    assert_eq!((s.cwnd, s.ssthresh, s.dupacks), (6000, Some(6000), 3));
    // Pipe before it: 14 out - 3 SACKed - 1 lost = 10; HighData is 14 segments.
    assert_eq!((s.pipe, s.recovery_point), (11_000, Some(s.snd_max)));
    assert_eq!(s.snd_max.wrapping_sub(s.snd_una), 14_000);
    // IsLost(SND.UNA) does as well as the third duplicate.
    let mut t = Script::new(&sacking(12), 40);
    assert_eq!(t.sack(1, &[(2, 5)]), "R1");
    assert_eq!((t.snapshot().dupacks, t.cwnd()), (1, 6000));
}

#[test]
fn sack_07_what_goes_next() {
    // 1 is lost, 5 is a hole below the highest SACK but not lost: two segments lie above it. The pipe
    // is 8 - 5 SACKed - 1 lost = 2 of cwnd 4.
    let holes = [(2, 5), (6, 8)];
    let begun = |more: u64| {
        let mut t = Script::new(&sacking(8), 8 + more);
        (t.sack(1, &holes), t)
    };
    assert_eq!(begun(4).0, "R1 N9", "what is lost, then new data, never 5");
    let (sent, mut t) = begun(0);
    assert_eq!(sent, "R1 R5", "without new data the hole");
    // And once in a recovery the last segment, whatever has become of it (rule 4).
    assert_eq!(t.sack(5, &[(6, 8)]), "R8");
    assert_eq!((t.sack(5, &[(6, 8)]), t.ack(8)), (String::new(), String::new()));
}

#[test]
fn sack_07_a_rescue_takes_the_last_data_with_its_fin() {
    let mut t = Script::new(&sacking(8), 8);
    assert_eq!(t.finish(), "F");
    assert_eq!(t.sack(1, &[(2, 5), (6, 8)]), "R1");
    assert_eq!(t.sack(5, &[(6, 8)]), "R5");
    assert_eq!(t.ack(8), "R8", "the whole segment, not its last 999 bytes");
}

#[test]
fn sack_08_the_pipe_decides() {
    let mut t = two_losses();
    let mut sent = vec![t.sack(1, &[(4, 6), (2, 3)])];
    // The SACKs of 6 to 14.
    for k in 6..=14 {
        sent.push(t.sack(1, &[(4, k + 1), (2, 3)]));
    }
    assert_eq!(sent, ["R1", "", "", "", "", "R3", "N15", "N16", "N17", "N18"]);
    assert_eq!(t.sack(3, &[(4, 15)]), "N19");
    assert_eq!(t.cwnd(), 6000, "no inflation");
}

#[test]
fn sack_09_recovery_ends_at_its_point() {
    let mut t = two_losses();
    for k in 5..=14 {
        t.sack(1, &[(4, k + 1), (2, 3)]);
    }
    t.sack(3, &[(4, 15)]);
    assert!(t.snapshot().recovery_point.is_some(), "a partial ACK does not end it");
    t.ack(15);
    let s = t.snapshot();
    assert_eq!((s.recovery_point, s.cwnd, s.dupacks), (None, 6000, 0));
}

#[test]
fn sack_10_a_timeout_forgets() {
    let mut t = Script::new(&sacking(10), 10);
    t.sack(1, &[(3, 5)]);
    assert_eq!(t.until(1000), ["1000 R1"]);
    // 1 arrives: 2 and 3 go, though 3 was SACKed; the peer may have let go of it.
    assert_eq!(t.ack(2), "R2 R3");
    let point = t.snapshot().recovery_point;
    assert_eq!(point, Some(t.snapshot().snd_max), "RecoveryPoint is HighData");
    // No recovery begins before that is passed.
    let (cwnd, ssthresh) = (t.cwnd(), t.ssthresh());
    t.sack(2, &[(3, 9)]);
    assert_eq!((t.cwnd(), t.ssthresh(), t.snapshot().recovery_point), (cwnd, ssthresh, point));
}

#[test]
fn sack_10_with_rack_a_timeout_keeps_what_is_sacked() {
    // RFC 8985 section 6.3 marks the first segment and what is older than a round trip.
    let mut t = Script::new(&racking(10), 10);
    t.until(100);
    t.sack(1, &[(3, 5)]);
    assert_eq!(t.until(1200), ["125 R1", "1125 R1"]);
    assert_eq!(t.ack(2), "R2 R5", "neither 3 nor 4 goes again");
    // A peer that acknowledges less than it SACKed has let go of it: all goes anew.
    let mut t = Script::new(&racking(10), 10);
    t.until(100);
    t.sack(1, &[(2, 4)]);
    t.ack(2);
    assert_eq!(t.until(1100), ["1100 R2"]);
    assert_eq!(t.ack(3), "R3 R4");
}

#[test]
fn sack_11_blocks_that_cannot_be() {
    let mut t = Script::new(&sacking(10), 10);
    t.feed(&t.segment(1000, &[]));
    let before = t.snapshot();
    for block in [(98_000, 97_000), (3000, 2000), (2000, 2000), (99_000, 99_500), (9000, 10_001), (0, 900)] {
        assert_eq!(t.feed(&t.segment(1000, &[block])), "", "{block:?}");
        assert_eq!(t.snapshot(), before, "{block:?}");
    }
}

#[test]
fn sack_12_news_makes_a_duplicate() {
    let mut t = Script::new(&sacking(10), 10);
    for _ in 0..3 {
        t.sack(1, &[(2, 3)]);
    }
    assert_eq!(t.snapshot().dupacks, 1);
    let mut t = Script::new(&sacking(10), 10);
    for (k, window) in [(3, 60_000), (4, 50_000), (5, 40_000)] {
        t.window = window;
        t.sack(1, &[(2, k)]);
    }
    assert_eq!(t.snapshot().dupacks, 3);
}

#[test]
fn rto_07_a_segment_sent_again_has_a_whole_rto() {
    // RFC 6298 section 5: a segment is never repeated less than one RTO after it last left. Duplicates that
    // come late in a recovery, RTO 1 s: 1 leaves at 0 and again at 900 ms.
    let mut t = Script::new(&sacking(10), 10);
    t.until(900);
    assert_eq!(t.sack(1, &[(2, 5)]), "R1");
    assert_eq!(t.until(1899), Vec::<String>::new());
    assert_eq!(t.until(1900), ["1900 R1"]);
}

//! RENO: RFC 5681, 6928, 3042, 3465. RENO-01 stands beside the keys of `[transport.tcp]`.

use twinwire::base::note::{SendCause, WindowCause};
use twinwire::base::rng::Seed;
use twinwire::base::schema::Data;
use twinwire::base::time::Instant;
use twinwire::transport::congestion::controller::{Acked, Controller};
use twinwire::transport::endpoint::Endpoint;
use twinwire::transport::tcp::TcpConfig;

use crate::bench::{Bench, acked, controller, lost, plain};

/// NewReno in congestion avoidance at `cwnd`, segments of 1000 bytes.
fn avoiding(cwnd: u64, byte_counting: bool) -> Box<dyn Controller> {
    let mut c = controller("newreno", 1000, 10_000, byte_counting, &[]);
    c.on_loss(&lost(Instant::ZERO, 2 * cwnd));
    assert_eq!((c.window(), c.ssthresh()), (cwnd, Some(cwnd)));
    c
}

fn ack(c: &mut Box<dyn Controller>, bytes: u64) -> u64 {
    c.on_ack(&acked(Instant::ZERO, bytes, c.window()));
    c.window()
}

fn iw(segments: u64) -> TcpConfig {
    TcpConfig { initial_window: segments, ..plain() }
}

#[test]
fn reno_02_initial_window_without_iw10() {
    let first = |mss| {
        let config = TcpConfig { mss, ..iw(4) };
        Bench::new(&config, &[], 0).cwnd()
    };
    assert_eq!([536, 1460, 4000].map(first), [2144, 4380, 8000]);
}

#[test]
fn reno_03_the_handshake_does_not_raise_cwnd() {
    let mut t = Bench::new(&plain(), &[], 40);
    assert_eq!(t.cwnd(), 10_000);
    t.run_ms(0);
    assert_eq!(t.sent_at(0), (1..=10).collect::<Vec<_>>());
}

#[test]
fn reno_04_lost_syns() {
    let first_flight = |lost_syns| {
        let mut t = Bench::opening(&plain(), lost_syns);
        t.write(40);
        t.run_ms(3150);
        let at = t.log[0].0;
        (t.syns.clone(), t.sent_at(at).len())
    };
    assert_eq!(first_flight(1), (vec![0, 1000], 10));
    assert_eq!(first_flight(2), (vec![0, 1000, 3000], 1));
}

#[test]
fn reno_05_slow_start() {
    let mut t = Bench::new(&iw(4), &[], 40);
    t.run_ms(100);
    assert_eq!(t.cwnds(WindowCause::Ack), [5000, 6000, 7000, 8000]);
    t.run_ms(200);
    assert_eq!(t.cwnd(), 16_000);
    // An ACK for every second segment.
    let mut t = Bench::scripted(&iw(4), 40);
    for (k, cwnd) in [(3, 5000), (5, 6000), (7, 7000), (9, 8000), (11, 9000)] {
        t.ack(k);
        assert_eq!(t.cwnd(), cwnd);
    }
}

#[test]
fn reno_06_splitting_acks_earns_nothing() {
    let mut t = Bench::scripted(&iw(4), 40);
    for quarter in 1..=4 {
        t.feed(t.bare_ack(250 * quarter));
    }
    assert_eq!(t.cwnd(), 5000);
}

#[test]
fn reno_07_slow_start_ends_at_ssthresh() {
    let mut c = controller("newreno", 1000, 10_000, false, &[]);
    c.on_loss(&lost(Instant::ZERO, 12_000));
    c.on_recovered(4000);
    assert_eq!((c.window(), c.ssthresh()), (5000, Some(6000)));
    assert_eq!([ack(&mut c, 1000), ack(&mut c, 1000)], [6000, 6166]);
}

#[test]
fn reno_08_congestion_avoidance_by_acks() {
    let mut c = avoiding(8000, false);
    let seen: Vec<u64> = (0..8).map(|_| ack(&mut c, 1000)).collect();
    assert_eq!(seen, [8125, 8248, 8369, 8488, 8605, 8721, 8835, 8948]);
}

#[test]
fn reno_09_congestion_avoidance_by_bytes() {
    let mut c = avoiding(8000, true);
    let seen: Vec<u64> = (0..8).map(|_| ack(&mut c, 1000)).collect();
    assert_eq!(seen, [8000, 8000, 8000, 8000, 8000, 8000, 8000, 9000]);
    let mut c = avoiding(8000, true);
    assert_eq!([ack(&mut c, 4500), ack(&mut c, 4500)], [8000, 9000]);
    // 1000 bytes are carried: 8000 more make the next segment.
    assert_eq!([ack(&mut c, 7999), ack(&mut c, 1)], [9000, 10_000]);
}

#[test]
fn reno_10_one_segment_a_round_trip() {
    let mut rng = Seed(10).stream("acks");
    let mut c = avoiding(20_000, true);
    // (bytes acknowledged, window) after each ACK.
    let mut seen = vec![(0u64, c.window())];
    for _ in 0..3000 {
        let bytes = 1 + rng.below(1000);
        let window = ack(&mut c, bytes);
        seen.push((seen.last().unwrap().0 + bytes, window));
    }
    for (i, &(from, window)) in seen.iter().enumerate() {
        let round = seen[i..].iter().take_while(|s| s.0 <= from + window);
        assert!(round.last().unwrap().1 <= window + 1000);
    }
    assert!(seen.last().unwrap().1 > 40_000, "it grows at all");
}

#[test]
fn reno_11_the_least_growth_is_a_byte() {
    let mut c = controller("newreno", 100, 1000, false, &[]);
    c.on_loss(&lost(Instant::ZERO, 40_000));
    assert_eq!(ack(&mut c, 100), 20_001);
}

#[test]
fn reno_12_no_growth_while_the_application_is_slow() {
    let mut t = Bench::new(&plain(), &[], 0);
    for n in 1..=20 {
        t.write(1);
        t.run_ms(100 * n);
    }
    assert_eq!((t.log.len(), t.cwnd()), (20, 10_000));
}

#[test]
fn reno_13_ssthresh_starts_unlimited() {
    let config = TcpConfig { receive_buffer: 1 << 20, ..plain() };
    let mut t = Bench::new(&config, &[], 1000);
    assert_eq!(t.ssthresh(), None);
    t.run_ms(500);
    let rounds: Vec<usize> = (0..6).map(|n| t.sent_at(100 * n).len()).collect();
    assert_eq!(rounds, [10, 20, 40, 80, 160, 320]);
}

#[test]
fn reno_14_what_a_duplicate_ack_is() {
    // Fast retransmit comes with the third duplicate, so counting shows what counts.
    let mut t = Bench::scripted(&plain(), 5);
    let fast = |t: &Bench| t.sent_because(SendCause::FastRetransmit).len();
    t.ack(1);
    let mut other_window = t.bare_ack(0);
    other_window.window = 60_000;
    t.feed(other_window.clone());
    let mut data = other_window.clone();
    data.payload = vec![1; 10].into();
    t.feed(data);
    let with_window = |t: &Bench| {
        let mut s = t.bare_ack(0);
        s.window = 60_000;
        s
    };
    let mut fin = with_window(&t);
    fin.flags.fin = true;
    t.feed(fin);
    t.feed(with_window(&t));
    assert_eq!(fast(&t), 0);
    t.feed(with_window(&t));
    assert_eq!(fast(&t), 1, "the third that counts");
    // With nothing out, nothing is counted.
    let mut t = Bench::scripted(&plain(), 0);
    for _ in 0..5 {
        t.ack(1);
    }
    t.write(5);
    t.run_ms(10);
    t.ack(1);
    t.ack(1);
    assert_eq!(fast(&t), 0);
    t.ack(1);
    assert_eq!(fast(&t), 1);
}

/// IW10, 40 segments, the seventh lost.
fn one_loss(ms: u64) -> Bench {
    let mut t = Bench::new(&plain(), &[7], 40);
    t.run_ms(ms);
    t
}

#[test]
fn reno_15_limited_transmit() {
    let t = one_loss(100);
    assert_eq!(t.cwnds(WindowCause::Ack), [11_000, 12_000, 13_000, 14_000, 15_000, 16_000]);
    assert_eq!(t.sent_because(SendCause::LimitedTransmit), [(100, 23), (100, 24)]);
    // No room in the peer's window, no segment.
    let mut t = Bench::scripted(&plain(), 40);
    for _ in 0..3 {
        let mut s = t.bare_ack(0);
        s.window = 10_000;
        t.feed(s);
    }
    assert_eq!(t.sent_because(SendCause::LimitedTransmit), []);
}

#[test]
fn reno_16_the_third_duplicate() {
    let t = one_loss(100);
    let at = t.windows.iter().find(|w| w.1.cause == WindowCause::Loss).unwrap();
    assert_eq!((at.0, at.1.cwnd_bytes, at.1.ssthresh_bytes), (100, 11_000, Some(8000)));
    assert_eq!(t.sent_because(SendCause::FastRetransmit), [(100, 7)]);
}

#[test]
fn reno_17_further_duplicates_inflate() {
    let t = one_loss(199);
    assert_eq!(t.cwnd(), 11_000);
    let t = one_loss(200);
    // The fourth duplicate to the seventeenth.
    assert_eq!(t.cwnds(WindowCause::DuplicateAck), (12..=25).map(|n| n * 1000).collect::<Vec<u64>>());
    // 18 segments are out (7 to 24): the eleventh duplicate makes room for segment 25.
    assert_eq!(t.sent_at(200)[..7], [25, 26, 27, 28, 29, 30, 31]);
}

#[test]
fn reno_18_recovery_ends_at_ssthresh() {
    let t = one_loss(1000);
    let end = t.windows.iter().position(|w| w.1.cause == WindowCause::Recovered).unwrap();
    assert_eq!((t.windows[end].0, t.windows[end].1.cwnd_bytes), (200, 8000));
    assert_eq!(t.windows[end + 1].1.cwnd_bytes, 8125);
    assert_eq!((t.a.reports()[0].stats.retransmits, t.timeouts.len()), (1, 0));
}

#[test]
fn reno_19_ssthresh_comes_from_what_is_out() {
    let mut t = Bench::scripted(&iw(20), 6);
    assert_eq!(t.cwnd(), 20_000);
    for _ in 0..3 {
        t.ack(1);
    }
    assert_eq!(t.ssthresh(), Some(3000));
}

#[test]
fn reno_20_the_floor_is_two_segments() {
    let mut t = Bench::scripted(&plain(), 3);
    for _ in 0..3 {
        t.ack(1);
    }
    assert_eq!(t.ssthresh(), Some(2000));
    let mut t = Bench::new(&plain(), &[1], 1);
    t.run_ms(1000);
    assert_eq!(t.ssthresh(), Some(2000));
}

const FIRST_FLIGHT: [usize; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

#[test]
fn reno_21_a_timeout_leaves_one_segment() {
    let mut t = Bench::new(&plain(), &FIRST_FLIGHT, 40);
    t.run_ms(1000);
    assert_eq!((t.ssthresh(), t.cwnd(), t.sent_at(1000)), (Some(5000), 1000, vec![1]));
}

#[test]
fn reno_22_a_second_timeout_leaves_ssthresh() {
    let lose: Vec<usize> = (1..=11).collect();
    let mut t = Bench::new(&plain(), &lose, 40);
    t.run_ms(3000);
    assert_eq!(t.timeouts, [1000, 3000]);
    let after = |w: &&(u64, twinwire::base::note::Window)| w.1.cause == WindowCause::Timeout;
    let seen: Vec<_> = t.windows.iter().filter(after).map(|w| w.1.ssthresh_bytes).collect();
    assert_eq!(seen, [Some(5000), Some(5000)]);
}

#[test]
fn reno_23_slow_start_after_a_timeout() {
    let mut t = Bench::new(&plain(), &FIRST_FLIGHT, 40);
    t.run_ms(5000);
    assert_eq!(t.cwnds(WindowCause::Ack)[..9], [2000, 3000, 4000, 5000, 5200, 5392, 5577, 5756, 5929]);
}

#[test]
fn reno_24_an_idle_sender_starts_again() {
    let grown = |initial: u64, cwnd: u64| {
        let mut c = controller("newreno", 1000, initial, false, &[]);
        while c.window() < cwnd {
            ack(&mut c, 1000);
        }
        c
    };
    let mut c = grown(10_000, 36_000);
    c.on_idle();
    assert_eq!((c.window(), c.ssthresh()), (10_000, None));
    let mut c = avoiding(4000, false);
    c.on_idle();
    assert_eq!((c.window(), c.ssthresh()), (4000, Some(4000)));
    // The transport says so after an RTO of 1 s, not before.
    let after = |idle: u64| {
        let mut t = Bench::new(&plain(), &[], 40);
        t.run_ms(1000);
        let (last_sent, before) = (t.log.last().unwrap().0, t.cwnd());
        t.run_ms(last_sent + idle);
        t.write(1);
        t.run_ms(last_sent + idle);
        (before, t.cwnd())
    };
    assert_eq!(after(900), (48_000, 48_000));
    assert_eq!(after(2000), (48_000, 10_000));
}

#[test]
fn reno_25_abc_limits() {
    let two = [("abc_limit", Data::Integer(2))];
    let mut c = controller("newreno", 1000, 4000, false, &two);
    assert_eq!(ack(&mut c, 2000), 6000);
    c.on_timeout(&lost(Instant::ZERO, 6000));
    assert_eq!(c.window(), 1000);
    c.on_ack(&Acked { after_timeout: true, ..acked(Instant::ZERO, 2000, 1000) });
    assert_eq!(c.window(), 2000);
}

#[test]
fn reno_26_a_stretched_ack_is_capped() {
    let grow = |limit| {
        let mut c = controller("reno", 1000, 10_000, false, &[("abc_limit", Data::Integer(limit))]);
        ack(&mut c, 8000)
    };
    assert_eq!((grow(2), grow(1)), (12_000, 11_000));
    assert_eq!(ack(&mut controller("reno", 1000, 10_000, false, &[]), 8000), 11_000);
}

#[test]
fn reno_27_gaps_are_acknowledged_at_once() {
    // 1, 3, 4, 2, with delayed ACKs on: only the 2 that answers 1 may wait, and does not, because
    // 3 comes at once.
    let config = TcpConfig { delayed_ack: true, ..plain() };
    let mut t = Bench::new(&config, &[], 4);
    t.late = vec![(2, crate::bench::ms(1))];
    t.run_ms(52);
    assert_eq!(t.acks, [2, 2, 5]);
    let mut t = Bench::new(&plain(), &[], 4);
    t.late = vec![(2, crate::bench::ms(1))];
    t.run_ms(52);
    assert_eq!(t.acks, [2, 2, 2, 5]);
}

#[test]
fn reno_28_reordering_by_two_is_no_loss() {
    let mut t = Bench::new(&plain(), &[], 40);
    // 1 to 6, 8, 9, 7, 10.
    t.late = vec![(7, crate::bench::ms(1)), (10, crate::bench::ms(2))];
    t.run_ms(102);
    assert_eq!(t.acks[..10], [2, 3, 4, 5, 6, 7, 7, 7, 10, 11]);
    assert_eq!((t.a.reports()[0].stats.retransmits, t.cwnd()), (0, 18_000));
}

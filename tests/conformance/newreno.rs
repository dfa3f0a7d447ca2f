//! NR: RFC 6582. Not offered: the guard of section 4 (NR-09).

use twinwire::base::note::{SendCause, WindowCause};
use twinwire::base::time::Instant;
use twinwire::transport::tcp::TcpConfig;

use crate::bench::{Bench, controller, lost, plain};

#[test]
fn nr_01_the_first_segment_is_lost() {
    let mut t = Bench::new(&TcpConfig { initial_window: 4, ..plain() }, &[1], 4);
    t.run_ms(100);
    assert_eq!(t.sent_because(SendCause::FastRetransmit), [(100, 1)]);
    assert_eq!((t.ssthresh(), t.cwnd()), (Some(2000), 5000));
    t.run_ms(5000);
    let end = t.windows.iter().find(|w| w.1.cause == WindowCause::Recovered).unwrap();
    assert_eq!((end.0, t.timeouts.len()), (200, 0));
}

#[test]
fn nr_02_no_second_retransmit_below_recover() {
    // 10 are acknowledged, 20 more go out: recover is 30 when the timer fires.
    let mut t = Bench::scripted(&plain(), 60);
    for k in 2..=11 {
        t.ack(k);
    }
    assert_eq!(t.log.last().unwrap().1, 30);
    t.run_ms(1500);
    assert_eq!(t.timeouts.len(), 1);
    t.ack(21);
    let before = (t.ssthresh(), t.sent_because(SendCause::FastRetransmit));
    for _ in 0..3 {
        t.ack(21);
    }
    assert_eq!((t.ssthresh(), t.sent_because(SendCause::FastRetransmit)), before);
    assert_eq!(before, (Some(10_000), vec![]));
}

#[test]
fn nr_03_no_burst_after_recovery() {
    let recovered = |name, ssthresh: u64, flight| {
        let mut c = controller(name, 1000, 20_000, false, &[]);
        c.on_loss(&lost(Instant::ZERO, 2 * ssthresh));
        c.on_recovered(flight);
        c.window()
    };
    // Option 1 is NewReno's; option 2 is what Reno does.
    assert_eq!((recovered("newreno", 8000, 7000), recovered("reno", 8000, 7000)), (8000, 8000));
    assert_eq!((recovered("newreno", 4000, 0), recovered("reno", 4000, 0)), (2000, 4000));
}

#[test]
fn nr_04_two_losses() {
    let mut t = Bench::new(&plain(), &[7, 9], 40);
    t.run_ms(1000);
    let loss = t.windows.iter().find(|w| w.1.cause == WindowCause::Loss).unwrap();
    assert_eq!((loss.1.cwnd_bytes, loss.1.ssthresh_bytes), (11_000, Some(8000)));
    let dups = t.cwnds(WindowCause::DuplicateAck);
    assert!(dups.contains(&24_000) && dups.last() == Some(&29_000));
    assert_eq!(t.cwnds(WindowCause::PartialAck), [23_000]);
    // Only 8 and 10 of the first flight give duplicates, so the third comes with the first of the
    // second flight, at 200 ms: all is one round trip later than in the row, which counts from there.
    assert_eq!(t.sent_because(SendCause::FastRetransmit), [(200, 7)]);
    assert!(t.log.windows(2).any(|w| w == [(300, 9, SendCause::Recovery), (300, 31, SendCause::New)]));
    let end = t.windows.iter().find(|w| w.1.cause == WindowCause::Recovered).unwrap();
    assert_eq!((end.0, end.1.cwnd_bytes), (400, 8000));
}

#[test]
fn nr_05_one_hole_a_round_trip() {
    // Four of the second flight of twenty.
    let mut t = Bench::new(&plain(), &[11, 13, 15, 17], 60);
    t.run_ms(5000);
    let again: Vec<(u64, u64)> = t
        .log
        .iter()
        .filter(|l| l.2 != SendCause::New && l.2 != SendCause::LimitedTransmit)
        .map(|l| (l.0, l.1))
        .collect();
    assert_eq!(again, [(200, 11), (300, 13), (400, 15), (500, 17)]);
    assert_eq!((t.cwnds(WindowCause::Recovered).len(), t.timeouts.len()), (1, 0));
}

#[test]
fn nr_06_impatient() {
    let lose: Vec<usize> = (11..=24).collect();
    let mut t = Bench::new(&plain(), &lose, 30);
    t.run_ms(5000);
    assert_eq!(t.sent_because(SendCause::FastRetransmit), [(200, 11)]);
    let partial = t.windows.iter().find(|w| w.1.cause == WindowCause::PartialAck).unwrap().0;
    assert_eq!((partial, t.timeouts.as_slice()), (300, &[1300][..]));
}

/// The other variant: fourteen holes, one a round trip, though that takes longer than an RTO.
#[test]
fn nr_06_slow_but_steady() {
    let lose: Vec<usize> = (11..=24).collect();
    let mut t = Bench::new(&TcpConfig { impatient: false, ..plain() }, &lose, 30);
    t.run_ms(5000);
    assert_eq!(t.sent_because(SendCause::FastRetransmit), [(200, 11)]);
    let rest: Vec<(u64, u64)> = (1..14).map(|k| (200 + 100 * k, 11 + k)).collect();
    assert_eq!(t.sent_because(SendCause::Recovery), rest);
    assert_eq!(t.timeouts.len(), 0);
}

/// In recovery from the loss of segment 7, 7 to 24 out, as RENO-16.
fn recovering() -> Bench {
    let mut t = Bench::scripted(&plain(), 40);
    for k in 2..=7 {
        t.ack(k);
    }
    for _ in 0..3 {
        t.ack(7);
    }
    assert_eq!((t.cwnd(), t.ssthresh()), (11_000, Some(8000)));
    t
}

/// RENO-16's run with PRR and without SACK (RFC 9937): 18 out with those of limited transmit, ssthresh 8. Each duplicate
/// ACK delivers one: the window is what is out plus ceil(delivered * 8 / 18), in segments, less what left, by hand.
#[test]
fn nr_prr_without_sack() {
    let mut t = Bench::scripted(&TcpConfig { prr: true, ..plain() }, 40);
    for k in 2..=7 {
        t.ack(k);
    }
    let sent = t.log.len();
    let mut windows = Vec::new();
    for dup in 1..=17 {
        t.ack(7);
        if dup >= 3 {
            windows.push(t.cwnd());
        }
    }
    let by_hand = [15, 14, 14, 13, 13, 12, 12, 11, 10, 10, 9, 8, 8, 8, 8];
    assert_eq!(windows, by_hand.map(|segments| segments * 1000));
    // Two by limited transmit, the repair, then one every other duplicate and, at ssthresh, one for each.
    let left: Vec<u64> = t.log[sent..].iter().map(|l| l.1).collect();
    assert_eq!(left, [23, 24, 7, 25, 26, 27, 28, 29, 30, 31]);
    t.ack(25);
    assert_eq!((t.cwnd(), t.ssthresh()), (8000, Some(8000)));
}

#[test]
fn nr_07_a_partial_ack_of_less_than_a_segment() {
    let mut t = recovering();
    t.feed(t.bare_ack(6400));
    assert_eq!(t.cwnd(), 10_600);
}

#[test]
fn nr_08_a_timeout_ends_recovery() {
    let mut t = recovering();
    t.run_ms(1400);
    assert_eq!((t.timeouts.len(), t.cwnd()), (1, 1000));
    // Slow start, and the count of duplicates begins anew: two more say nothing.
    t.ack(8);
    assert_eq!(t.cwnd(), 2000);
}

use proptest::prelude::*;

use super::*;

fn at(una: u64) -> Scoreboard {
    let mut s = Scoreboard::default();
    s.advance(una);
    s
}

fn sack(s: &mut Scoreboard, start: u64, end: u64) -> bool {
    s.sack(start, end, &mut Fresh::new())
}

#[test]
fn sack_04_is_lost() {
    let mut s = at(1000);
    sack(&mut s, 2000, 4000);
    assert_eq!(s.lost_edge(1000), 1000);
    sack(&mut s, 4000, 4001);
    assert_eq!(s.lost_edge(1000), 2000);
    let mut s = at(1000);
    [2000, 3000, 4000].into_iter().for_each(|n| assert!(sack(&mut s, n, n + 10)));
    assert_eq!(s.lost_edge(1000), 2000);
}

#[test]
fn sack_05_pipe() {
    let mut s = at(0);
    sack(&mut s, 3000, 6000);
    assert_eq!(s.pipe(10_000, 1000), 4000);
    s.retransmitted(1000);
    assert_eq!(s.pipe(10_000, 1000), 5000);
    s.advance(3000);
    assert_eq!((s.pipe(10_000, 1000), s.sacked), (4000, 3000));
}

#[test]
fn a_skipped_hole_below_high_rxt_counts_once() {
    let mut s = at(0);
    sack(&mut s, 2000, 3000);
    sack(&mut s, 5000, 6000);
    s.retransmitted(5000);
    assert_eq!(s.resent, 4000);
    sack(&mut s, 0, 2000);
    sack(&mut s, 3000, 5000);
    assert_eq!((s.resent, s.sacked), (0, 6000));
}

/// A hundred thousand islands of one byte: every question stays cheap. Were any of them answered
/// by walking all ranges, this would take minutes.
#[test]
fn sack_13_a_hundred_thousand_islands() {
    let mut s = at(0);
    let n = 100_000;
    for i in 0..n {
        sack(&mut s, 2 * i + 1, 2 * i + 2);
        assert!(s.pipe(2 * n, 1000) <= 2 * n);
    }
    s.begin_recovery();
    let mut resent = 0;
    while let Some((start, end)) = s.next_hole(s.lost_edge(1000)) {
        s.retransmitted(end);
        resent += end - start;
        assert_eq!(s.resent(), resent);
    }
    assert_eq!((resent, s.sacked()), (n - 2, n));
    for i in 0..n {
        s.advance(2 * i);
        assert!(s.pipe(2 * n, 1000) <= 2 * n);
    }
    assert_eq!(s.sacked(), 1);
}

/// The same, one flag per byte.
#[derive(Default)]
struct Naive {
    una: u64,
    high_rxt: u64,
    sacked: Vec<bool>,
}

impl Naive {
    fn lost(&self, n: u64, smss: u64) -> bool {
        let above = &self.sacked[n as usize + 1..];
        let bytes = above.iter().filter(|s| **s).count() as u64;
        let islands = above.iter().enumerate().filter(|(i, s)| **s && (*i == 0 || !above[i - 1])).count();
        !self.sacked[n as usize] && (islands >= 3 || bytes > 2 * smss)
    }

    fn pipe(&self, nxt: u64, smss: u64) -> u64 {
        (self.una..nxt)
            .filter(|&n| !self.sacked[n as usize])
            .map(|n| u64::from(!self.lost(n, smss)) + u64::from(n < self.high_rxt))
            .sum()
    }
}

const SPACE: u64 = 120;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_scoreboard_agrees_with_a_flag_per_byte(
        steps in prop::collection::vec((0u8..4, 0..SPACE, 1..12u64), 1..60),
        smss in 1..6u64,
    ) {
        let mut fast = Scoreboard::default();
        let mut slow = Naive { sacked: vec![false; SPACE as usize + 12], ..Naive::default() };
        for (what, start, len) in steps {
            match what {
                0 | 1 => {
                    let mut fresh = Fresh::new();
                    let news = fast.sack(start, start + len, &mut fresh);
                    let mut wanted = Vec::new();
                    for n in start.max(slow.una)..start + len {
                        if !std::mem::replace(&mut slow.sacked[n as usize], true) {
                            wanted.push(n);
                        }
                    }
                    let got: Vec<u64> = fresh.iter().flat_map(|&(a, b)| a..b).collect();
                    prop_assert_eq!(news, !wanted.is_empty());
                    prop_assert_eq!(got, wanted);
                }
                2 => {
                    let una = slow.una.max(start.min(slow.una + len));
                    fast.advance(una);
                    slow.sacked[..una as usize].fill(false);
                    (slow.una, slow.high_rxt) = (una, slow.high_rxt.max(una));
                }
                _ => {
                    if let Some((hole, end)) = fast.next_hole(fast.highest()) {
                        prop_assert!((hole..end).all(|n| !slow.sacked[n as usize] && n >= slow.high_rxt));
                        let end = end.min(hole + smss);
                        fast.retransmitted(end);
                        slow.high_rxt = slow.high_rxt.max(end);
                    }
                }
            }
            let nxt = SPACE + 12;
            prop_assert_eq!(fast.sacked(), slow.sacked.iter().filter(|s| **s).count() as u64);
            prop_assert_eq!(fast.pipe(nxt, smss), slow.pipe(nxt, smss));
            let lost = (slow.una..nxt).filter(|&n| slow.lost(n, smss)).max();
            let edge = fast.lost_edge(smss);
            prop_assert!(lost.is_none_or(|n| n < edge));
            prop_assert!((slow.una..edge).all(|n| slow.sacked[n as usize] || slow.lost(n, smss)));
        }
    }
}

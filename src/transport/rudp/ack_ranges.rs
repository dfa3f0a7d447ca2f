//! Which packet numbers arrived, as ranges.

use smallvec::SmallVec;

/// Most ranges that a packet carries.
const MAX_SENT: usize = 16;
/// Most ranges that are remembered.
const MAX_KEPT: usize = 64;

/// Packet numbers received: inclusive ranges, highest first, neither overlapping nor touching.
#[derive(Clone, Debug, Default)]
pub(super) struct AckRanges {
    // More than a few gaps at once are rare.
    ranges: SmallVec<[(u32, u32); 4]>,
    // Everything below was forgotten and counts as seen.
    floor: u32,
}

impl AckRanges {
    /// The highest number received.
    pub(super) fn largest(&self) -> Option<u32> {
        self.ranges.first().map(|r| r.1)
    }

    /// True if `pn` was received, or may have been.
    pub(super) fn seen(&self, pn: u32) -> bool {
        pn < self.floor || self.ranges.iter().any(|&(a, b)| a <= pn && pn <= b)
    }

    /// Adds `pn`; false if it was seen before.
    pub(super) fn insert(&mut self, pn: u32) -> bool {
        // Most come in order.
        if let Some(first) = self.ranges.first_mut().filter(|first| pn.checked_sub(1) == Some(first.1)) {
            first.1 = pn;
            return true;
        }
        if self.seen(pn) {
            return false;
        }
        let i = self.ranges.iter().position(|r| r.1 < pn).unwrap_or(self.ranges.len());
        let joins_above = i > 0 && self.ranges[i - 1].0 - 1 == pn;
        let joins_below = i < self.ranges.len() && self.ranges[i].1 + 1 == pn;
        match (joins_above, joins_below) {
            (true, true) => {
                self.ranges[i - 1].0 = self.ranges[i].0;
                self.ranges.remove(i);
            }
            (true, false) => self.ranges[i - 1].0 = pn,
            (false, true) => self.ranges[i].1 = pn,
            (false, false) => self.ranges.insert(i, (pn, pn)),
        }
        self.forget(MAX_KEPT);
        true
    }

    /// Keeps the `n` highest ranges.
    pub(super) fn forget(&mut self, n: usize) {
        if self.ranges.len() > n {
            self.ranges.truncate(n);
            self.floor = self.ranges.last().map_or(self.floor, |r| r.0);
        }
    }

    /// What a packet carries: the 16 highest.
    pub(super) fn to_send(&self) -> &[(u32, u32)] {
        &self.ranges[..self.ranges.len().min(MAX_SENT)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rudp_14_ranges_highest_first() {
        let mut r = AckRanges::default();
        for pn in [0, 4, 1, 8, 5, 2] {
            assert!(r.insert(pn));
        }
        assert!(!r.insert(4));
        assert_eq!(r.to_send(), &[(8, 8), (4, 5), (0, 2)]);
        r.insert(3);
        assert_eq!(r.to_send(), &[(8, 8), (0, 5)]);
    }

    #[test]
    fn rudp_15_the_sixteen_highest_are_sent() {
        let mut r = AckRanges::default();
        (0..20).for_each(|k| assert!(r.insert(2 * k)));
        let sent = r.to_send();
        assert_eq!((sent.len(), sent[0], sent[15]), (16, (38, 38), (8, 8)));
    }

    proptest::proptest! {
        #[test]
        fn ranges_agree_with_a_set(pns in proptest::collection::vec(0u32..100, 0..150)) {
            let mut ranges = AckRanges::default();
            let mut set = std::collections::BTreeSet::new();
            for pn in pns {
                proptest::prop_assert_eq!(ranges.insert(pn), set.insert(pn));
                let listed: Vec<u32> = ranges.ranges.iter().rev().flat_map(|&(a, b)| a..=b).collect();
                proptest::prop_assert!(listed.iter().eq(set.iter()));
                // Neither overlapping nor touching.
                proptest::prop_assert!(ranges.ranges.windows(2).all(|w| w[1].1 + 1 < w[0].0));
                proptest::prop_assert_eq!(ranges.largest(), set.last().copied());
            }
        }
    }
}

//! A set of stream offsets, as ranges: what is SACKed, lost, or held beyond a gap.

use std::collections::VecDeque;

/// Half-open ranges, ascending, neither overlapping nor touching. A sorted ring: found by halving,
/// changed by moving the shorter side, which streams do at their ends; its memory is used again.
#[derive(Clone, Debug, Default)]
pub struct RangeSet(VecDeque<(u64, u64)>);

impl RangeSet {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// True if there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lowest range.
    pub fn first(&self) -> Option<(u64, u64)> {
        self.0.front().copied()
    }

    /// The highest range.
    pub fn last(&self) -> Option<(u64, u64)> {
        self.0.back().copied()
    }

    /// All ranges, highest first.
    pub fn descending(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().rev().copied()
    }

    /// The range that holds `offset`.
    pub fn holding(&self, offset: u64) -> Option<(u64, u64)> {
        let i = self.0.partition_point(|r| r.1 <= offset);
        self.0.get(i).copied().filter(|r| r.0 <= offset)
    }

    /// The first offset from `offset` on that is not held, and where the next range begins.
    pub fn free_from(&self, offset: u64) -> (u64, Option<u64>) {
        let i = self.0.partition_point(|r| r.1 <= offset);
        match self.0.get(i) {
            Some(&(start, end)) if start <= offset => (end, self.0.get(i + 1).map(|r| r.0)),
            next => (offset, next.map(|r| r.0)),
        }
    }

    /// How much of `start..end` is held.
    pub fn held(&self, start: u64, end: u64) -> u64 {
        let from = self.0.partition_point(|r| r.1 <= start);
        let within = self.0.range(from..).take_while(|r| r.0 < end);
        within.map(|r| r.1.min(end) - r.0.max(start)).sum()
    }

    /// The parts of `start..end` that are not held, in order.
    pub fn gaps(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let from = self.0.partition_point(|r| r.1 <= start);
        let within = self.0.range(from..).copied().take_while(move |r| r.0 < end);
        let mut at = start;
        within.chain([(end, end)]).filter_map(move |(held, next)| {
            let gap = (at, held.min(end));
            at = next;
            (gap.0 < gap.1).then_some(gap)
        })
    }

    /// Adds `start..end`.
    pub fn insert(&mut self, mut start: u64, mut end: u64) {
        if start >= end {
            return;
        }
        // Most come at the end, or lengthen the last.
        let n = self.0.len();
        let from = match self.0.back_mut() {
            None => 0,
            Some(last) if last.1 < start => n,
            Some(last) if last.0 <= start => {
                last.1 = last.1.max(end);
                return;
            }
            Some(_) => self.0.partition_point(|r| r.1 < start),
        };
        let to = self.0.partition_point(|r| r.0 <= end);
        if from < to {
            start = start.min(self.0[from].0);
            end = end.max(self.0[to - 1].1);
            self.0[from] = (start, end);
            self.0.drain(from + 1..to);
        } else {
            self.0.insert(from, (start, end));
        }
    }

    /// Takes away everything below `offset`.
    #[inline]
    pub fn remove_below(&mut self, offset: u64) {
        while let Some(first) = self.0.front_mut().filter(|r| r.0 < offset) {
            if first.1 > offset {
                first.0 = offset;
                return;
            }
            self.0.pop_front();
        }
    }

    /// Takes `start..end` away.
    pub fn remove(&mut self, start: u64, end: u64) {
        if start >= end || self.0.is_empty() {
            return;
        }
        let mut from = self.0.partition_point(|r| r.1 <= start);
        let to = self.0.partition_point(|r| r.0 < end);
        if from >= to {
            return;
        }
        let (first, last) = (self.0[from].0, self.0[to - 1].1);
        if first < start {
            let whole = std::mem::replace(&mut self.0[from], (first, start));
            from += 1;
            if whole.1 > end {
                return self.0.insert(from, (end, whole.1));
            }
        }
        if from < to && last > end {
            self.0[to - 1].0 = end;
            self.0.drain(from..to - 1);
        } else {
            self.0.drain(from..to);
        }
    }

    /// Takes away everything that `other` holds within `start..end`.
    pub fn remove_all(&mut self, other: &RangeSet, start: u64, end: u64) {
        let from = other.0.partition_point(|r| r.1 <= start);
        for &(a, b) in other.0.range(from..).take_while(|r| r.0 < end) {
            self.remove(a.max(start), b.min(end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn ranges_join_and_split() {
        let mut s = RangeSet::default();
        s.insert(10, 20);
        s.insert(30, 40);
        s.insert(20, 30);
        assert_eq!(s.0, [(10, 40)]);
        s.remove(15, 20);
        assert_eq!(s.0, [(10, 15), (20, 40)]);
        s.remove(0, 25);
        assert_eq!(s.0, [(25, 40)]);
        let mut t = RangeSet::default();
        t.insert(0, 50);
        t.remove_all(&s, 0, 30);
        assert_eq!(t.0, [(0, 25), (30, 50)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn ranges_agree_with_a_set_of_offsets(
            steps in prop::collection::vec((0u8..5, 0u64..80, 0u64..12), 1..80),
        ) {
            let (mut fast, mut slow) = (RangeSet::default(), BTreeSet::new());
            for (what, start, len) in steps {
                let end = start + len;
                match what {
                    0..=2 => {
                        let gaps: Vec<u64> = fast.gaps(start, end).flat_map(|(a, b)| a..b).collect();
                        prop_assert!(gaps.into_iter().eq((start..end).filter(|n| !slow.contains(n))));
                        prop_assert_eq!(fast.held(start, end), slow.range(start..end).count() as u64);
                        fast.insert(start, end);
                        slow.extend(start..end);
                    }
                    3 => {
                        fast.remove(start, end);
                        slow.retain(|n| !(start..end).contains(n));
                    }
                    _ => {
                        fast.remove_below(start / 2);
                        slow.retain(|&n| n >= start / 2);
                    }
                }
                // Neither empty nor touching, and the same offsets.
                prop_assert!(fast.0.iter().all(|r| r.0 < r.1));
                prop_assert!(fast.0.iter().zip(fast.0.iter().skip(1)).all(|(a, b)| a.1 < b.0));
                prop_assert!(fast.0.iter().flat_map(|&(a, b)| a..b).eq(slow.iter().copied()));
                let (free, next) = fast.free_from(start);
                prop_assert_eq!(Some(free), (start..).find(|n| !slow.contains(n)));
                prop_assert_eq!(next, slow.range(free..).next().copied());
                let around = fast.holding(start);
                prop_assert_eq!(around.is_some(), slow.contains(&start));
                prop_assert!(around.is_none_or(|(a, b)| a <= start && start < b && fast.0.contains(&(a, b))));
            }
        }
    }
}

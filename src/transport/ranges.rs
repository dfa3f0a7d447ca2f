//! A set of stream offsets, as ranges: what is SACKed, lost, or held beyond a gap.

use std::collections::VecDeque;
use std::collections::vec_deque::Iter;

type Range = (u64, u64);

/// Half-open ranges, ascending, neither overlapping nor touching. Nearly all sets have few, which stand in
/// their place. The others are a sorted ring: found by halving, changed by moving the shorter side, which
/// streams do at their ends; its memory is used again.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct RangeSet {
    // Of all, so that the ring is looked at only if there is something in it.
    len: u32,
    // The lowest.
    near: [Range; NEAR],
    #[expect(clippy::box_collection, reason = "a set of few is to be small")]
    later: Option<Box<VecDeque<Range>>>,
}

/// With these a set fills a cache line.
const NEAR: usize = 3;

impl RangeSet {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.drain(0, self.len());
    }

    /// True if there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    fn near(&self) -> &[Range] {
        &self.near[..self.len().min(NEAR)]
    }

    /// The ring, if there is anything in it.
    #[inline]
    fn later(&self) -> Option<&VecDeque<Range>> {
        self.later.as_deref().filter(|_| self.len() > NEAR)
    }

    #[inline]
    fn get(&self, i: usize) -> Option<Range> {
        match i.checked_sub(NEAR) {
            None => self.near().get(i).copied(),
            Some(i) => self.later()?.get(i).copied(),
        }
    }

    fn set(&mut self, i: usize, range: Range) {
        match (i.checked_sub(NEAR), &mut self.later) {
            (Some(i), Some(later)) => later[i] = range,
            _ => self.near[i] = range,
        }
    }

    fn insert_at(&mut self, i: usize, range: Range) {
        let full = self.len() >= NEAR;
        self.len += 1;
        if i >= NEAR {
            return self.later.get_or_insert_default().insert(i - NEAR, range);
        }
        // What was there, and all behind it, moves on by one.
        let moved = self.near[i..].iter_mut().fold(range, |moved, place| std::mem::replace(place, moved));
        if full {
            self.later.get_or_insert_default().push_front(moved);
        }
    }

    /// Takes the ranges of these places out.
    fn drain(&mut self, from: usize, to: usize) {
        if from >= to {
            return;
        }
        let beyond = self.len().saturating_sub(NEAR);
        self.len -= (to - from) as u32;
        let (near_from, near_to) = (from.min(NEAR), to.min(NEAR));
        for next in near_to..NEAR {
            self.near[next - (near_to - near_from)] = self.near[next];
        }
        let Some(later) = self.later.as_mut().filter(|_| beyond > 0) else { return };
        later.drain(from.max(NEAR) - NEAR..to.max(NEAR) - NEAR);
        for place in &mut self.near[NEAR - (near_to - near_from)..] {
            *place = later.pop_front().unwrap_or_default();
        }
    }

    /// How many ranges end at or before `offset`.
    #[inline(never)]
    fn ended_by(&self, offset: u64) -> usize {
        self.count(|r| r.1 <= offset)
    }

    /// How many ranges begin at or before `offset`.
    #[inline(never)]
    fn begun_by(&self, offset: u64) -> usize {
        self.count(|r| r.0 <= offset)
    }

    /// How many of the first ranges are so: those that are come before those that are not.
    #[inline(always)]
    fn count(&self, is_so: impl Fn(&Range) -> bool) -> usize {
        let near = self.near().iter().take_while(|range| is_so(range)).count();
        if near < NEAR { near } else { near + self.later().map_or(0, |later| later.partition_point(is_so)) }
    }

    /// The ranges from this place on.
    fn range(&self, from: usize) -> impl Iterator<Item = Range> + '_ {
        let near = self.near().get(from..).unwrap_or_default();
        let later = self.later().map_or(Iter::default(), |later| later.range(from.max(NEAR) - NEAR..));
        near.iter().chain(later).copied()
    }

    /// The lowest range.
    #[inline]
    pub fn first(&self) -> Option<Range> {
        (!self.is_empty()).then_some(self.near[0])
    }

    /// The highest range.
    #[inline]
    pub fn last(&self) -> Option<Range> {
        match self.later() {
            None => self.near().last().copied(),
            Some(later) => later.back().copied(),
        }
    }

    /// All ranges, highest first.
    pub fn descending(&self) -> impl Iterator<Item = Range> + '_ {
        let later = self.later().map_or(Iter::default(), |later| later.iter());
        later.rev().chain(self.near().iter().rev()).copied()
    }

    /// The range that holds `offset`.
    pub fn holding(&self, offset: u64) -> Option<Range> {
        let i = self.ended_by(offset);
        self.get(i).filter(|r| r.0 <= offset)
    }

    /// The first offset from `offset` on that is not held, and where the next range begins.
    pub fn free_from(&self, offset: u64) -> (u64, Option<u64>) {
        let i = self.ended_by(offset);
        match self.get(i) {
            Some((start, end)) if start <= offset => (end, self.get(i + 1).map(|r| r.0)),
            next => (offset, next.map(|r| r.0)),
        }
    }

    /// The first part of `start..end` that is held.
    pub fn first_held(&self, start: u64, end: u64) -> Option<Range> {
        if self.last().is_none_or(|last| last.1 <= start) {
            return None;
        }
        let next = self.get(self.ended_by(start));
        next.filter(|r| r.0 < end).map(|r| (r.0.max(start), r.1.min(end)))
    }

    /// How much of `start..end` is held.
    pub fn held(&self, start: u64, end: u64) -> u64 {
        let from = self.ended_by(start);
        let within = self.range(from).take_while(|r| r.0 < end);
        within.map(|r| r.1.min(end) - r.0.max(start)).sum()
    }

    /// The parts of `start..end` that are not held, in order.
    pub fn gaps(&self, start: u64, end: u64) -> impl Iterator<Item = Range> + '_ {
        let from = self.ended_by(start);
        let within = self.range(from).take_while(move |r| r.0 < end);
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
        let n = self.len();
        let from = match self.last() {
            None => return self.insert_at(0, (start, end)),
            Some(last) if last.1 < start => n,
            Some(last) if last.0 <= start => return self.set(n - 1, (last.0, last.1.max(end))),
            Some(_) => start.checked_sub(1).map_or(0, |before| self.ended_by(before)),
        };
        let to = self.begun_by(end);
        if from < to {
            start = start.min(self.get(from).map_or(start, |r| r.0));
            end = end.max(self.get(to - 1).map_or(end, |r| r.1));
            self.set(from, (start, end));
            self.drain(from + 1, to);
        } else {
            self.insert_at(from, (start, end));
        }
    }

    /// Takes away everything below `offset`.
    #[inline]
    pub fn remove_below(&mut self, offset: u64) {
        if self.first().is_some_and(|first| first.0 < offset) {
            self.cut_below(offset);
        }
    }

    #[inline(never)]
    fn cut_below(&mut self, offset: u64) {
        let whole = self.ended_by(offset);
        self.drain(0, whole);
        if !self.is_empty() {
            self.near[0].0 = self.near[0].0.max(offset);
        }
    }

    /// Takes `start..end` away.
    pub fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let mut from = self.ended_by(start);
        let to = self.begun_by(end - 1);
        let (Some(first), true) = (self.get(from), from < to) else { return };
        let last = self.get(to - 1).unwrap_or(first);
        if first.0 < start {
            self.set(from, (first.0, start));
            from += 1;
            if first.1 > end {
                return self.insert_at(from, (end, first.1));
            }
        }
        if from < to && last.1 > end {
            self.set(to - 1, (end, last.1));
            self.drain(from, to - 1);
        } else {
            self.drain(from, to);
        }
    }

    /// Takes away everything that `other` holds within `start..end`.
    pub fn remove_all(&mut self, other: &RangeSet, start: u64, end: u64) {
        let from = other.count(|r| r.1 <= start);
        for (a, b) in other.range(from).take_while(|r| r.0 < end) {
            self.remove(a.max(start), b.min(end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn all(s: &RangeSet) -> Vec<Range> {
        s.range(0).collect()
    }

    #[test]
    fn ranges_join_and_split() {
        let mut s = RangeSet::default();
        s.insert(10, 20);
        s.insert(30, 40);
        s.insert(20, 30);
        assert_eq!(all(&s), [(10, 40)]);
        s.remove(15, 20);
        assert_eq!(all(&s), [(10, 15), (20, 40)]);
        s.remove(0, 25);
        assert_eq!(all(&s), [(25, 40)]);
        let mut t = RangeSet::default();
        t.insert(0, 50);
        t.remove_all(&s, 0, 30);
        assert_eq!(all(&t), [(0, 25), (30, 50)]);
    }

    #[test]
    fn a_set_of_few_is_a_cache_line() {
        assert_eq!(size_of::<RangeSet>(), 64);
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
                let now = all(&fast);
                prop_assert!(now.iter().all(|r| r.0 < r.1));
                prop_assert!(now.windows(2).all(|two| two[0].1 < two[1].0));
                prop_assert!(now.iter().flat_map(|&(a, b)| a..b).eq(slow.iter().copied()));
                prop_assert!(fast.descending().eq(now.iter().rev().copied()));
                prop_assert_eq!((fast.first(), fast.last()), (now.first().copied(), now.last().copied()));
                let (free, next) = fast.free_from(start);
                prop_assert_eq!(Some(free), (start..).find(|n| !slow.contains(n)));
                prop_assert_eq!(next, slow.range(free..).next().copied());
                let around = fast.holding(start);
                prop_assert_eq!(around.is_some(), slow.contains(&start));
                prop_assert!(around.is_none_or(|(a, b)| a <= start && start < b && now.contains(&(a, b))));
            }
        }
    }
}

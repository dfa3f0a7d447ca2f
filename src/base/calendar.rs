//! A calendar with at most one entry per key: an indexed heap of four branches. Keys are small
//! numbers given out from 0, so that finding an entry is an array access and not a hash; of
//! simultaneous entries the one with the smaller key comes first.
//!
//! What happens next mostly makes another thing happen later: [`Calendar::pop`] leaves a gap at the
//! top, and the next entry that is set goes down from there, instead of one that rises after
//! another has sunk.

use super::time::Instant;

const BRANCHES: usize = 4;
const ABSENT: u32 = u32::MAX;

/// Time above, key below: one comparison orders entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Entry(u128);

impl Entry {
    fn new(at: Instant, key: u32) -> Self {
        Entry(u128::from(at.as_nanos()) << 32 | u128::from(key))
    }
    fn at(self) -> Instant {
        Instant::from_nanos((self.0 >> 32) as u64)
    }
    fn key(self) -> u32 {
        self.0 as u32
    }
}

/// Entries by time, then key.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    heap: Vec<Entry>,
    // Where each key's entry stands in the heap.
    places: Vec<u32>,
    // The first entry was popped: what stands in its place is of the past.
    gap: bool,
}

impl Calendar {
    /// The earliest entry.
    #[inline]
    pub fn peek(&self) -> Option<(Instant, u32)> {
        let first = if self.gap { self.first_behind_gap() } else { self.heap.first() };
        first.map(|first| (first.at(), first.key()))
    }

    #[cold]
    fn first_behind_gap(&self) -> Option<&Entry> {
        self.heap[1..].iter().take(BRANCHES).min()
    }

    /// Takes the earliest entry out.
    #[inline]
    pub fn pop(&mut self) -> Option<(Instant, u32)> {
        self.close_gap();
        let first = *self.heap.first()?;
        self.places[first.key() as usize] = ABSENT;
        self.gap = true;
        Some((first.at(), first.key()))
    }

    /// Fills the gap that a popped entry left, so that the next [`Calendar::peek`] is cheap.
    #[inline]
    pub fn close_gap(&mut self) {
        if self.gap {
            self.gap = false;
            self.drop_place(0);
        }
    }

    /// The time of a key's entry.
    #[inline]
    pub fn get(&self, key: u32) -> Option<Instant> {
        let place = *self.places.get(key as usize)?;
        self.heap.get(place as usize).map(|entry| entry.at())
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.heap.len() - usize::from(self.gap)
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets, moves or takes away a key's entry.
    #[inline]
    pub fn set(&mut self, key: u32, at: Option<Instant>) {
        let known = self.places.get(key as usize).is_some_and(|place| *place != ABSENT);
        match at {
            Some(at) if known => self.change(Entry::new(at, key)),
            Some(at) => self.insert(Entry::new(at, key)),
            None if known => self.remove(key),
            None => {}
        }
    }

    fn insert(&mut self, entry: Entry) {
        if self.places.len() <= entry.key() as usize {
            self.places.resize(entry.key() as usize + 1, ABSENT);
        }
        if self.gap {
            self.gap = false;
            return self.sink(0, entry);
        }
        self.heap.push(entry);
        self.rise(self.heap.len() - 1, entry);
    }

    fn change(&mut self, entry: Entry) {
        self.close_gap();
        self.settle(self.places[entry.key() as usize] as usize, entry);
    }

    fn remove(&mut self, key: u32) {
        self.close_gap();
        let place = std::mem::replace(&mut self.places[key as usize], ABSENT);
        self.drop_place(place as usize);
    }

    /// The last entry moves to where another has left.
    fn drop_place(&mut self, place: usize) {
        let Some(last) = self.heap.pop() else { return };
        if place < self.heap.len() {
            self.settle(place, last);
        }
    }

    /// Puts `entry` at `place` and then where it belongs.
    fn settle(&mut self, place: usize, entry: Entry) {
        if place > 0 && entry < self.heap[(place - 1) / BRANCHES] {
            self.rise(place, entry);
        } else {
            self.sink(place, entry);
        }
    }

    fn rise(&mut self, mut place: usize, entry: Entry) {
        while place > 0 {
            let parent = (place - 1) / BRANCHES;
            if self.heap[parent] <= entry {
                break;
            }
            self.put(place, self.heap[parent]);
            place = parent;
        }
        self.put(place, entry);
    }

    fn sink(&mut self, mut place: usize, entry: Entry) {
        loop {
            let first = place * BRANCHES + 1;
            let (child, least) = match self.heap.get(first..first + BRANCHES) {
                // Two pairs, then the better ones: no comparison waits for more than one other.
                Some(&[a, b, c, d]) => {
                    let least = a.min(b).min(c.min(d));
                    (self.places[least.key() as usize] as usize, least)
                }
                _ => match (first..).zip(self.heap.iter().skip(first)).min_by_key(|(_, entry)| **entry) {
                    Some((child, least)) => (child, *least),
                    None => break,
                },
            };
            if entry <= least {
                break;
            }
            self.put(place, least);
            place = child;
        }
        self.put(place, entry);
    }

    #[inline]
    fn put(&mut self, place: usize, entry: Entry) {
        self.heap[place] = entry;
        self.places[entry.key() as usize] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use priority_queue::PriorityQueue;
    use proptest::prelude::*;
    use std::cmp::Reverse;

    proptest! {
        #[test]
        fn a_calendar_is_a_priority_queue(steps in prop::collection::vec((0u32..50, prop::option::of(0u64..60)), 1..400)) {
            let mut ours = Calendar::default();
            let mut oracle: PriorityQueue<u32, Reverse<(Instant, u32)>> = PriorityQueue::new();
            for (key, at) in steps {
                let at = at.map(Instant::from_nanos);
                if key >= 40 {
                    // One step in five takes the first entry out.
                    prop_assert_eq!(ours.pop(), oracle.pop().map(|(_, Reverse(first))| first));
                    continue;
                }
                ours.set(key, at);
                match at {
                    Some(at) => { oracle.push(key, Reverse((at, key))); }
                    None => { oracle.remove(&key); }
                }
                prop_assert_eq!(ours.peek(), oracle.peek().map(|(_, Reverse(first))| *first));
                prop_assert_eq!(ours.get(key), at);
                prop_assert_eq!(ours.len(), oracle.len());
            }
            while let Some((_, Reverse(first))) = oracle.pop() {
                prop_assert_eq!(ours.peek(), Some(first));
                ours.set(first.1, None);
            }
            prop_assert!(ours.is_empty());
        }
    }
}

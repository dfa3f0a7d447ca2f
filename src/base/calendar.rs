//! A calendar with at most one entry per key: an indexed heap of four branches. Keys are small
//! numbers given out from 0, so that finding an entry is an array access and not a hash; of
//! simultaneous entries the one with the smaller key comes first.

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
}

impl Calendar {
    /// The earliest entry.
    #[inline]
    pub fn peek(&self) -> Option<(Instant, u32)> {
        self.heap.first().map(|first| (first.at(), first.key()))
    }

    /// The time of a key's entry.
    #[inline]
    pub fn get(&self, key: u32) -> Option<Instant> {
        let place = *self.places.get(key as usize)?;
        self.heap.get(place as usize).map(|entry| entry.at())
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Sets, moves or takes away a key's entry.
    pub fn set(&mut self, key: u32, at: Option<Instant>) {
        let place = self.places.get(key as usize).copied().unwrap_or(ABSENT);
        match at {
            Some(at) if place == ABSENT => self.insert(key, at),
            Some(at) => self.settle(place as usize, Entry::new(at, key)),
            None if place == ABSENT => {}
            None => self.remove(key, place as usize),
        }
    }

    fn insert(&mut self, key: u32, at: Instant) {
        if self.places.len() <= key as usize {
            self.places.resize(key as usize + 1, ABSENT);
        }
        let entry = Entry::new(at, key);
        self.heap.push(entry);
        self.rise(self.heap.len() - 1, entry);
    }

    fn remove(&mut self, key: u32, place: usize) {
        self.places[key as usize] = ABSENT;
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
            let last = (first + BRANCHES).min(self.heap.len());
            if first >= last {
                break;
            }
            let (mut child, mut least) = (first, self.heap[first]);
            for (place, other) in (first + 1..).zip(&self.heap[first + 1..last]) {
                if *other < least {
                    (child, least) = (place, *other);
                }
            }
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
        fn a_calendar_is_a_priority_queue(steps in prop::collection::vec((0u32..40, prop::option::of(0u64..60)), 1..400)) {
            let mut ours = Calendar::default();
            let mut oracle: PriorityQueue<u32, Reverse<(Instant, u32)>> = PriorityQueue::new();
            for (key, at) in steps {
                let at = at.map(Instant::from_nanos);
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

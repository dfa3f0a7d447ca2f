//! A calendar for entries that mostly lie close together: a timing wheel (Varghese and Lauck, 1987)
//! before an indexed heap. Setting an entry and finding the first one cost the same however many
//! there are.
//!
//! The wheel has one slot for each of the next 4,096 stretches of 2^BITS ns. The entries of a slot
//! are a list in order, by time, then key. What lies beyond the wheel is in the heap, and so is what
//! would have to pass too many others in its slot: where entries lie too close together or too far
//! apart for the wheel, the heap is what is left.

use super::calendar::Calendar;
use super::prefetch::prefetch;
use super::time::Instant;

const SLOTS: usize = 64 * 64;
/// How many entries of its slot a new one may pass.
const PASSED: usize = 8;

/// Instead of a key: before the first entry of a slot, behind the last one, and in an empty slot.
const END: u32 = u32::MAX;
/// Instead of a successor: the entry is in the heap.
const IN_HEAP: u32 = u32::MAX - 1;
/// Instead of a successor: there is no entry.
const ABSENT: u32 = u32::MAX - 2;
/// No stretch of time.
const NONE: u64 = u64::MAX;

/// One key's entry, and its neighbours in its slot.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Instant,
    next: u32,
    before: u32,
}

/// Entries by time, then key; at most one per key. None is at [`Instant::MAX`]. A slot lasts
/// 2^BITS ns.
#[derive(Clone, Debug)]
pub struct TimingWheel<const BITS: u32> {
    // The stretch of what was popped last, and that of the first slot in use.
    now: u64,
    first: u64,
    // Which slots are in use, and which of these words are not zero.
    words: u64,
    used: [u64; 64],
    // The first entry of each slot.
    slots: Box<[u32; SLOTS]>,
    entries: Vec<Entry>,
    heap: Calendar,
}

impl<const BITS: u32> Default for TimingWheel<BITS> {
    fn default() -> Self {
        TimingWheel {
            now: 0,
            first: NONE,
            words: 0,
            used: [0; 64],
            slots: Box::new([END; SLOTS]),
            entries: Vec::new(),
            heap: Calendar::default(),
        }
    }
}

/// Where a stretch has its slot.
#[inline]
fn slot(stretch: u64) -> usize {
    stretch as usize % SLOTS
}

impl<const BITS: u32> TimingWheel<BITS> {
    /// Which stretch of time an instant lies in.
    #[inline]
    fn stretch(at: Instant) -> u64 {
        at.as_nanos() >> BITS
    }

    /// The time and the key of the earliest entry; [`Instant::MAX`] if there is none.
    #[inline]
    pub fn first(&self) -> (Instant, u32) {
        if self.heap.is_empty() && self.first != NONE {
            let key = self.slots[slot(self.first)];
            return (self.entries[key as usize].at, key);
        }
        self.first_of_both()
    }

    #[inline(never)]
    fn first_of_both(&self) -> (Instant, u32) {
        let first = self.heap.peek().unwrap_or((Instant::MAX, 0));
        if self.first == NONE {
            return first;
        }
        let key = self.slots[slot(self.first)];
        first.min((self.entries[key as usize].at, key))
    }

    /// The key of the first entry on the wheel, whose memory is asked for.
    #[inline(always)]
    pub fn prefetch_earliest(&self) -> Option<u32> {
        let key = self.slots[slot(self.first)];
        prefetch(self.entries.get(key as usize)?);
        Some(key)
    }

    /// Takes out the entry that [`TimingWheel::first`] has just shown.
    #[inline(always)]
    pub fn pop(&mut self, (at, key): (Instant, u32)) {
        self.now = Self::stretch(at);
        let entry = &mut self.entries[key as usize];
        let next = std::mem::replace(&mut entry.next, ABSENT);
        if next == IN_HEAP {
            return self.heap.set(key, None);
        }
        self.put_first(self.now, next);
    }

    /// What stands first in a slot changes.
    #[inline]
    fn put_first(&mut self, stretch: u64, first: u32) {
        self.slots[slot(stretch)] = first;
        match self.entries.get_mut(first as usize) {
            Some(entry) => entry.before = END,
            None => self.leave_slot(stretch),
        }
    }

    /// Sets, moves or takes away a key's entry. None lies before what was popped last.
    #[inline(never)]
    pub fn set(&mut self, key: u32, at: Option<Instant>) {
        if self.entries.get(key as usize).is_some_and(|entry| entry.next != ABSENT) {
            self.unlink(key);
        }
        if let Some(at) = at {
            self.insert(key, at);
        }
    }

    /// Sets the entry of a key that has none.
    #[inline]
    pub fn insert(&mut self, key: u32, at: Instant) {
        let stretch = Self::stretch(at);
        if stretch.wrapping_sub(self.now) >= SLOTS as u64 || self.entries.len() <= key as usize {
            return self.insert_elsewhere(key, at);
        }
        let slot = slot(stretch);
        let next = self.slots[slot];
        if next != END {
            return self.insert_beside(key, at);
        }
        self.slots[slot] = key;
        self.entries[key as usize] = Entry { at, next, before: END };
        let word = slot / 64;
        self.used[word] |= 1 << (slot % 64);
        self.words |= 1 << word;
        self.first = self.first.min(stretch);
    }

    /// Into a slot that holds others.
    #[inline(never)]
    fn insert_beside(&mut self, key: u32, at: Instant) {
        let slot = slot(Self::stretch(at));
        let (mut before, mut next, mut passed) = (END, self.slots[slot], 0);
        while next != END && (self.entries[next as usize].at, next) < (at, key) {
            if passed == PASSED {
                return self.insert_into_heap(key, at);
            }
            passed += 1;
            (before, next) = (next, self.entries[next as usize].next);
        }
        match before {
            END => self.slots[slot] = key,
            before => self.entries[before as usize].next = key,
        }
        if next != END {
            self.entries[next as usize].before = key;
        }
        self.entries[key as usize] = Entry { at, next, before };
    }

    /// Into the heap, or for a key that is new.
    #[cold]
    fn insert_elsewhere(&mut self, key: u32, at: Instant) {
        if self.entries.len() <= key as usize {
            self.entries.resize(key as usize + 1, Entry { at, next: ABSENT, before: END });
            return self.insert(key, at);
        }
        self.insert_into_heap(key, at);
    }

    fn insert_into_heap(&mut self, key: u32, at: Instant) {
        self.entries[key as usize] = Entry { at, next: IN_HEAP, before: END };
        self.heap.set(key, Some(at));
    }

    /// Takes any entry out.
    fn unlink(&mut self, key: u32) {
        let entry = &mut self.entries[key as usize];
        let Entry { at, next, before } = *entry;
        entry.next = ABSENT;
        if next == IN_HEAP {
            return self.heap.set(key, None);
        }
        if before == END {
            return self.put_first(Self::stretch(at), next);
        }
        self.entries[before as usize].next = next;
        if next != END {
            self.entries[next as usize].before = before;
        }
    }

    /// A slot is empty now.
    #[inline]
    fn leave_slot(&mut self, stretch: u64) {
        let slot = slot(stretch);
        let word = slot / 64;
        self.used[word] &= !(1 << (slot % 64));
        if self.used[word] == 0 {
            self.words &= !(1 << word);
        }
        if stretch == self.first {
            self.first = self.used_from(stretch);
        }
    }

    /// The first stretch from this one on whose slot is in use: the rest of its word, then the
    /// words behind it, once round.
    #[inline]
    fn used_from(&self, stretch: u64) -> u64 {
        let (word, offset) = (slot(stretch) / 64, stretch % 64);
        let rest = self.used[word] >> offset;
        if rest != 0 {
            return stretch + u64::from(rest.trailing_zeros());
        }
        if self.words == 0 {
            return NONE;
        }
        let skipped = self.words.rotate_right(word as u32 + 1).trailing_zeros() + 1;
        let found = self.used[(word + skipped as usize) % 64].trailing_zeros();
        stretch - offset + u64::from(64 * skipped + found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Near, far and at the same time; and beyond the wheel.
    fn delays() -> impl Strategy<Value = u64> {
        prop_oneof![
            0u64..40,
            0u64..30_000,
            (0u64..9).prop_map(|n| n << 13),
            0u64..60_000_000,
            (0u64..3).prop_map(|n| n << 25)
        ]
    }

    proptest! {
        #[test]
        fn a_timing_wheel_is_a_calendar(steps in prop::collection::vec((0u32..40, prop::option::of(delays())), 1..600)) {
            let (mut ours, mut oracle) = (TimingWheel::<13>::default(), Calendar::default());
            let first = |wheel: &TimingWheel<13>| Some(wheel.first()).filter(|(at, _)| *at < Instant::MAX);
            let mut now = 0;
            for (key, delay) in steps {
                if key >= 20 {
                    // Every second step takes the first entry out.
                    let was = first(&ours);
                    prop_assert_eq!(was, oracle.pop());
                    if let Some(was) = was {
                        ours.pop(was);
                        now = was.0.as_nanos();
                    }
                    continue;
                }
                let at = delay.map(|delay| Instant::from_nanos(now + delay));
                ours.set(key, at);
                oracle.set(key, at);
                oracle.close_gap();
                prop_assert_eq!(first(&ours), oracle.peek());
            }
            while let Some(was) = first(&ours) {
                prop_assert_eq!(Some(was), oracle.pop());
                ours.pop(was);
            }
            prop_assert!(oracle.is_empty());
        }
    }
}

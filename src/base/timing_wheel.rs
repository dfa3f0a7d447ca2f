//! A calendar for entries that mostly lie close together: a timing wheel (Varghese and Lauck, 1987)
//! before an indexed heap. Setting an entry and finding the first one cost the same however many
//! there are.
//!
//! The wheel has one slot for each of the next 4,096 stretches of 2^BITS ns. What lies in the
//! stretch under way, or beyond the wheel, is in the heap; a slot that holds several entries is
//! poured into it when its turn comes. So the order is exact, by time, then key, and where entries
//! lie too close together or too far apart for the wheel, the heap is what is left.

use super::calendar::Calendar;
use super::time::Instant;

const SLOTS: usize = 64 * 64;

/// Follows the last entry of a slot, and goes before the first.
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
    // The earliest entry of all; after it was taken out it is not looked for until it is asked for.
    head: (Instant, u32),
    stale: bool,
    // The stretch of what was popped last, and that of the first slot in use.
    now: u64,
    first: u64,
    // Which slots are in use, and which of these words are not zero.
    words: u64,
    used: [u64; 64],
    // Some entry of each slot in use.
    slots: Box<[u32; SLOTS]>,
    entries: Vec<Entry>,
    heap: Calendar,
}

impl<const BITS: u32> Default for TimingWheel<BITS> {
    fn default() -> Self {
        TimingWheel {
            head: (Instant::MAX, 0),
            stale: false,
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
    pub fn first(&mut self) -> (Instant, u32) {
        if self.stale {
            self.stale = false;
            self.find_head();
        }
        self.head
    }

    /// Takes out the entry that [`TimingWheel::first`] has just shown.
    #[inline(always)]
    pub fn pop(&mut self) {
        let (at, key) = self.head;
        self.now = Self::stretch(at);
        self.unlink(key);
        self.stale = true;
    }

    /// Sets, moves or takes away a key's entry. None lies before what was popped last.
    #[inline(never)]
    pub fn set(&mut self, key: u32, at: Option<Instant>) {
        if self.entries.get(key as usize).is_some_and(|entry| entry.next != ABSENT) {
            self.unlink(key);
            self.stale = true;
        }
        if let Some(at) = at {
            self.insert(key, at);
        }
    }

    /// Sets the entry of a key that has none.
    #[inline]
    pub fn insert(&mut self, key: u32, at: Instant) {
        let stretch = Self::stretch(at);
        // In the wheel are the stretches behind the one under way.
        if stretch.wrapping_sub(self.now + 1) >= SLOTS as u64 - 1 || self.entries.len() <= key as usize {
            return self.insert_elsewhere(key, at);
        }
        let slot = slot(stretch);
        let (word, bit) = (slot / 64, 1 << (slot % 64));
        let next = if self.used[word] & bit == 0 { END } else { self.slots[slot] };
        self.slots[slot] = key;
        self.used[word] |= bit;
        self.words |= 1 << word;
        self.first = self.first.min(stretch);
        self.entries[key as usize] = Entry { at, next, before: END };
        if next != END {
            self.entries[next as usize].before = key;
        }
        if !self.stale {
            self.head = self.head.min((at, key));
        }
    }

    /// Into the heap, or for a key that is new.
    #[cold]
    fn insert_elsewhere(&mut self, key: u32, at: Instant) {
        if self.entries.len() <= key as usize {
            self.entries.resize(key as usize + 1, Entry { at, next: ABSENT, before: END });
            return self.insert(key, at);
        }
        self.entries[key as usize] = Entry { at, next: IN_HEAP, before: END };
        self.heap.set(key, Some(at));
        if !self.stale {
            self.head = self.head.min((at, key));
        }
    }

    /// Takes an entry out; what is the earliest now is still to be found.
    #[inline(always)]
    fn unlink(&mut self, key: u32) {
        let entry = &mut self.entries[key as usize];
        let Entry { at, before, .. } = *entry;
        match std::mem::replace(&mut entry.next, ABSENT) {
            END if before == END => self.leave_slot(Self::stretch(at)),
            next => self.unlink_from_others(key, at, next, before),
        }
    }

    #[inline(never)]
    fn unlink_from_others(&mut self, key: u32, at: Instant, next: u32, before: u32) {
        if next == IN_HEAP {
            return self.heap.set(key, None);
        }
        if next != END {
            self.entries[next as usize].before = before;
        }
        match before {
            END => self.slots[slot(Self::stretch(at))] = next,
            before => self.entries[before as usize].next = next,
        }
    }

    /// The earliest entry is alone in the first slot, or in the heap, into which a slot of several
    /// is poured.
    #[inline(always)]
    fn find_head(&mut self) {
        if self.first != NONE && self.heap.is_empty() {
            let key = self.slots[slot(self.first)];
            let Entry { at, next, .. } = self.entries[key as usize];
            if next == END {
                self.head = (at, key);
                return;
            }
        }
        self.find_head_in_heap();
    }

    #[inline(never)]
    fn find_head_in_heap(&mut self) {
        self.head = self.heap.peek().unwrap_or((Instant::MAX, 0));
        if self.first <= Self::stretch(self.head.0) && self.first != NONE {
            let mut key = self.slots[slot(self.first)];
            if self.entries[key as usize].next == END {
                self.head = self.head.min((self.entries[key as usize].at, key));
                return;
            }
            self.leave_slot(self.first);
            while key != END {
                let entry = &mut self.entries[key as usize];
                let (at, next) = (entry.at, std::mem::replace(&mut entry.next, IN_HEAP));
                self.heap.set(key, Some(at));
                self.head = self.head.min((at, key));
                key = next;
            }
        }
    }

    /// A slot is empty now.
    #[inline(always)]
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
            let first = |wheel: &mut TimingWheel<13>| Some(wheel.first()).filter(|(at, _)| *at < Instant::MAX);
            let mut now = 0;
            for (key, delay) in steps {
                if key >= 20 {
                    // Every second step takes the first entry out.
                    let was = first(&mut ours);
                    prop_assert_eq!(was, oracle.pop());
                    if let Some((at, _)) = was {
                        ours.pop();
                        now = at.as_nanos();
                    }
                    continue;
                }
                let at = delay.map(|delay| Instant::from_nanos(now + delay));
                ours.set(key, at);
                oracle.set(key, at);
                oracle.close_gap();
                prop_assert_eq!(first(&mut ours), oracle.peek());
            }
            while let Some(was) = first(&mut ours) {
                prop_assert_eq!(Some(was), oracle.pop());
                ours.pop();
            }
            prop_assert!(oracle.is_empty());
        }
    }
}

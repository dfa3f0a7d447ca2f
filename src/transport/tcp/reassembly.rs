//! Data that arrived ahead of a gap, and the SACK blocks that tell of it (RFC 2018).

use std::iter;
use std::mem::offset_of;

use bytes::Bytes;

use crate::transport::pieces::Pieces;
use crate::transport::ranges::RangeSet;
use crate::wire::sack_blocks::MOST_SACK_BLOCKS;

/// Disjoint pieces beyond RCV.NXT.
#[derive(Debug, Default)]
#[repr(C)] // what segments ask for comes first
pub(super) struct Reassembly {
    // Contiguous pieces, as one.
    islands: RangeSet,
    /// What arrived twice, to be told with the next segment (RFC 2883).
    pub(super) twice: Option<(u64, u64)>,
    recent: Recent,
    // The bytes themselves, if somebody will read them.
    pieces: Pieces,
}

/// Where the segments that came last begin, in a ring: the newest decide the order of the blocks
/// (RFC 2018 section 4).
#[derive(Debug, Default)]
struct Recent {
    count: u8,
    newest: u8,
    starts: [u64; Recent::MOST],
}

impl Recent {
    const MOST: usize = 8;

    fn push(&mut self, start: u64) {
        self.newest = (self.newest + 1) % Self::MOST as u8;
        self.starts[usize::from(self.newest)] = start;
        self.count = (self.count + 1).min(Self::MOST as u8);
    }

    /// Newest first.
    fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let newest = usize::from(self.newest) + Self::MOST;
        (0..usize::from(self.count)).map(move |age| self.starts[(newest - age) % Self::MOST])
    }
}

impl Reassembly {
    /// All but the bytes.
    pub(super) const HOT_BYTES: usize = offset_of!(Reassembly, pieces);

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.islands.is_empty()
    }

    /// True if there is anything to be told by SACK.
    #[inline]
    pub(super) fn has_news(&self) -> bool {
        !self.islands.is_empty() || self.twice.is_some()
    }

    /// Keeps `data`, whose first byte is `start`, beyond RCV.NXT. Says which part of it, the first
    /// if there are several, was there already.
    pub(super) fn insert(&mut self, start: u64, data: Bytes) -> Option<(u64, u64)> {
        let end = start + data.len() as u64;
        self.pieces.insert(start, data);
        self.mark(start, end)
    }

    /// The same where nobody will read the data.
    pub(super) fn mark(&mut self, start: u64, end: u64) -> Option<(u64, u64)> {
        if start == end {
            return None;
        }
        self.recent.push(start);
        let twice = self.islands.first_held(start, end);
        self.islands.insert(start, end);
        twice
    }

    /// The piece that begins at or before `next`, without what lies before `next`.
    pub(super) fn pop(&mut self, next: u64) -> Option<Bytes> {
        self.pieces.pop(next)
    }

    /// Where the island ends that holds `next` or begins there; without one, `next`.
    pub(super) fn reached(&self, next: u64) -> u64 {
        self.islands.first().filter(|island| island.0 <= next).map_or(next, |island| island.1)
    }

    /// Forgets what RCV.NXT has reached.
    pub(super) fn advance(&mut self, next: u64) {
        self.islands.remove_below(next);
        if self.islands.is_empty() {
            self.recent.count = 0;
        }
    }

    /// Up to `most` blocks, the one with the newest segment first (RFC 2018 section 4).
    pub(super) fn blocks(&self, most: usize) -> impl Iterator<Item = (u64, u64)> + '_ {
        let most = most.min(self.islands.len()).min(MOST_SACK_BLOCKS);
        let (mut told, mut count, mut recent) = ([(0, 0); MOST_SACK_BLOCKS], 0, self.recent.iter());
        iter::from_fn(move || {
            while count < most {
                let start = recent.next()?;
                let known = told[..count].iter().any(|&(left, right)| left <= start && start < right);
                if let Some(block) = self.islands.holding(start).filter(|_| !known) {
                    (told[count], count) = (block, count + 1);
                    return Some(block);
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blocks(r: &Reassembly) -> Vec<(u64, u64)> {
        r.blocks(4).collect()
    }

    fn seg(r: &mut Reassembly, n: u64) {
        r.insert(n * 1000, Bytes::from(vec![n as u8; 1000]));
    }

    #[test]
    fn sack_02_newest_block_first() {
        let mut r = Reassembly::default();
        [2, 4, 6].into_iter().for_each(|n| seg(&mut r, n));
        assert_eq!(blocks(&r), [(6000, 7000), (4000, 5000), (2000, 3000)]);
        seg(&mut r, 5);
        assert_eq!(blocks(&r), [(4000, 7000), (2000, 3000)]);
    }

    #[test]
    fn tcp_19_overlaps_in_every_order_give_the_same_bytes() {
        let stream: Vec<u8> = (0..150).collect();
        let part = |a: usize, b: usize| (a as u64, Bytes::copy_from_slice(&stream[a..b]));
        let parts = [part(0, 100), part(50, 150), part(29, 60)];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut r = Reassembly::default();
            for i in order {
                let (at, data) = parts[i].clone();
                r.insert(at, data);
            }
            let (mut next, mut out) = (0, Vec::new());
            while let Some(data) = r.pop(next) {
                next += data.len() as u64;
                out.extend_from_slice(&data);
            }
            assert_eq!(out, stream);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Of every byte the first copy stays; what is told is whole islands, the newest first.
        #[test]
        fn reassembly_agrees_with_a_byte_array(
            steps in prop::collection::vec((2u64..60, 0u64..12, any::<bool>()), 1..60),
        ) {
            let (mut r, mut unread) = (Reassembly::default(), Reassembly::default());
            let (mut held, mut next) = (vec![None; 1000], 1u64);
            for (name, (start, len, reads)) in steps.into_iter().enumerate() {
                let start = start.max(next + 1);
                let (name, end) = (name as u8, start + len);
                let known: Vec<u64> = (start..end).filter(|n| held[*n as usize].is_some()).collect();
                let twice = r.insert(start, Bytes::from(vec![name; len as usize]));
                prop_assert_eq!(unread.mark(start, end), twice);
                // The first stretch that was there, as one even if several pieces hold it.
                let run = known.iter().enumerate().take_while(|(i, n)| **n == known[0] + *i as u64).count() as u64;
                prop_assert_eq!(twice, known.first().map(|first| (*first, first + run)));
                (start..end).for_each(|n| { held[n as usize].get_or_insert(name); });
                if reads {
                    // The byte in the gap comes, and with it what follows.
                    let first = next;
                    held[first as usize] = Some(name);
                    r.insert(first, Bytes::from(vec![name]));
                    unread.mark(first, first + 1);
                    while let Some(data) = r.pop(next) {
                        for byte in data {
                            prop_assert_eq!(held[next as usize].take(), Some(byte));
                            next += 1;
                        }
                    }
                    prop_assert_eq!(held[next as usize], None);
                    prop_assert_eq!(unread.reached(first), next);
                    r.advance(next);
                    unread.advance(next);
                }
                prop_assert_eq!(r.is_empty(), held.iter().all(Option::is_none));
                let told = blocks(&r);
                prop_assert_eq!(&told, &blocks(&unread));
                prop_assert!(reads || len == 0 || (told[0].0 <= start && start < told[0].1));
                for (a, b) in told {
                    prop_assert!((a..b).all(|n| held[n as usize].is_some()));
                    prop_assert!(held[a as usize - 1].is_none() && held[b as usize].is_none());
                }
            }
        }
    }
}

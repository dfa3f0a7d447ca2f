//! Data that arrived ahead of a gap, and the SACK blocks that tell of it (RFC 2018).

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};
use smallvec::SmallVec;

/// Disjoint pieces beyond RCV.NXT. Of bytes that arrive twice the first copy stays.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    pieces: BTreeMap<u64, Bytes>,
    // Islands of contiguous pieces, first byte to one past the last.
    islands: BTreeMap<u64, u64>,
    // Starts of the segments that came last, newest first: the order of the blocks (section 4).
    recent: SmallVec<[u64; 8]>,
}

impl Reassembly {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Keeps `data`, whose first byte is `start`, beyond RCV.NXT. Says which part of it, the first
    /// if there are several, was there already.
    pub(super) fn insert(&mut self, start: u64, mut data: Bytes) -> Option<(u64, u64)> {
        let end = start + data.len() as u64;
        if start == end {
            return None;
        }
        let mut twice: Option<(u64, u64)> = None;
        self.remember(start);
        let mut at = start;
        // Cut what is there already out of the new data.
        while at < end {
            let before = self.pieces.range(..=at).next_back().map(|(&s, d)| s + d.len() as u64);
            if let Some(covered) = before.filter(|&covered| covered > at) {
                let skip = covered.min(end) - at;
                twice = match twice {
                    None => Some((at, at + skip)),
                    Some((from, to)) if to == at => Some((from, at + skip)),
                    other => other,
                };
                data.advance(skip as usize);
                at += skip;
                continue;
            }
            let stop = self.pieces.range(at..).next().map_or(end, |(&s, _)| s.min(end));
            self.pieces.insert(at, data.split_to((stop - at) as usize));
            at = stop;
        }
        self.join(start, end);
        twice
    }

    fn join(&mut self, mut start: u64, mut end: u64) {
        if let Some((&s, &e)) = self.islands.range(..=start).next_back().filter(|(_, e)| **e >= start) {
            (start, end) = (s, end.max(e));
        }
        while let Some((&s, &e)) = self.islands.range(start..).next().filter(|(s, _)| **s <= end) {
            self.islands.remove(&s);
            end = end.max(e);
        }
        self.islands.insert(start, end);
    }

    fn remember(&mut self, start: u64) {
        if self.recent.len() == self.recent.inline_size() {
            self.recent.pop();
        }
        self.recent.insert(0, start);
    }

    /// The piece that begins at or before `next`, without what lies before `next`.
    pub(super) fn pop(&mut self, next: u64) -> Option<Bytes> {
        while let Some(entry) = self.pieces.first_entry().filter(|e| *e.key() <= next) {
            let start = *entry.key();
            let mut data = entry.remove();
            let skip = next - start;
            if skip < data.len() as u64 {
                data.advance(skip as usize);
                return Some(data);
            }
        }
        None
    }

    /// Forgets islands that RCV.NXT has reached.
    pub(super) fn advance(&mut self, next: u64) {
        while let Some(entry) = self.islands.first_entry().filter(|e| *e.key() <= next) {
            entry.remove();
        }
        if self.islands.is_empty() {
            self.recent.clear();
        }
    }

    /// How many blocks there are to tell of, at most `most`.
    pub(super) fn block_count(&self, most: usize) -> usize {
        if self.is_empty() { 0 } else { self.blocks(most).len() }
    }

    /// Up to `most` blocks, the one with the newest segment first (RFC 2018 section 4).
    pub(super) fn blocks(&self, most: usize) -> SmallVec<[(u64, u64); 4]> {
        let mut out = SmallVec::new();
        for &start in &self.recent {
            if out.len() == most {
                break;
            }
            let island = self.islands.range(..=start).next_back().map(|(&s, &e)| (s, e));
            if let Some(block) = island.filter(|b| b.1 > start && !out.contains(b)) {
                out.push(block);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seg(r: &mut Reassembly, n: u64) {
        r.insert(n * 1000, Bytes::from(vec![n as u8; 1000]));
    }

    #[test]
    fn sack_02_newest_block_first() {
        let mut r = Reassembly::default();
        [2, 4, 6].into_iter().for_each(|n| seg(&mut r, n));
        assert_eq!(r.blocks(4).as_slice(), [(6000, 7000), (4000, 5000), (2000, 3000)]);
        seg(&mut r, 5);
        assert_eq!(r.blocks(4).as_slice(), [(4000, 7000), (2000, 3000)]);
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
}

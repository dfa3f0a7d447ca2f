//! Data that arrived ahead of a gap.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

/// Disjoint pieces of a stream, in order of their first bytes. Of bytes that arrive twice the first
/// copy stays. A sorted ring: streams change it at its ends, and its memory is used again.
#[derive(Debug, Default)]
pub struct Pieces(VecDeque<(u64, Bytes)>);

impl Pieces {
    /// True if there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One past the last byte.
    pub fn end(&self) -> Option<u64> {
        self.0.back().map(end_of)
    }

    /// Keeps `data`, whose first byte is `start`.
    pub fn insert(&mut self, start: u64, mut data: Bytes) {
        let (mut at, end) = (start, start + data.len() as u64);
        // Cut what is there already out of the new data. Most of it comes behind all the rest.
        let mut next = match self.0.back() {
            Some((last, _)) if *last > start => self.0.partition_point(|(s, _)| *s <= start),
            _ => self.0.len(),
        };
        while at < end {
            let covered = next.checked_sub(1).map_or(0, |before| end_of(&self.0[before]));
            if covered > at {
                let skip = covered.min(end) - at;
                data.advance(skip as usize);
                at += skip;
            } else {
                let stop = self.0.get(next).map_or(end, |(s, _)| (*s).min(end));
                if stop > at {
                    self.0.insert(next, (at, data.split_to((stop - at) as usize)));
                    at = stop;
                }
                next += 1;
            }
        }
    }

    /// The piece that begins at or before `next`, without what lies before `next`.
    pub fn pop(&mut self, next: u64) -> Option<Bytes> {
        while self.0.front().is_some_and(|(start, _)| *start <= next) {
            let (start, mut data) = self.0.pop_front()?;
            let skip = next - start;
            if skip < data.len() as u64 {
                data.advance(skip as usize);
                return Some(data);
            }
        }
        None
    }
}

fn end_of((start, data): &(u64, Bytes)) -> u64 {
    start + data.len() as u64
}

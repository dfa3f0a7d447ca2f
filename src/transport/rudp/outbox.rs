//! Bytes written and not yet acknowledged.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// The send buffer: the application's own chunks, addressed by stream offset.
#[derive(Debug)]
pub(super) struct Outbox {
    chunks: VecDeque<(u64, Bytes)>,
    start: u64,
    end: u64,
    capacity: u64,
}

impl Outbox {
    pub(super) fn new(capacity: u64) -> Self {
        Outbox { chunks: VecDeque::new(), start: 0, end: 0, capacity }
    }

    /// Offset after the last byte written.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// How many bytes fit.
    pub(super) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.end - self.start) as usize
    }

    /// Appends as much of `data` as fits.
    pub(super) fn push(&mut self, mut data: Bytes) -> usize {
        let n = data.len().min(self.room());
        if n > 0 {
            data.truncate(n);
            self.chunks.push_back((self.end, data));
            self.end += n as u64;
        }
        n
    }

    /// Forgets everything below `offset`.
    pub(super) fn release(&mut self, offset: u64) {
        self.start = self.start.max(offset.min(self.end));
        while self.chunks.front().is_some_and(|(at, c)| at + c.len() as u64 <= self.start) {
            self.chunks.pop_front();
        }
    }

    /// The `len` bytes at `offset`, which must be held: a slice where they lie in one chunk.
    pub(super) fn slice(&self, offset: u64, len: usize) -> Bytes {
        let i = self.chunks.partition_point(|(at, c)| at + c.len() as u64 <= offset);
        let Some((at, chunk)) = self.chunks.get(i) else { return Bytes::new() };
        let skip = (offset - at) as usize;
        if skip + len <= chunk.len() {
            return chunk.slice(skip..skip + len);
        }
        let mut out = BytesMut::with_capacity(len);
        out.extend_from_slice(&chunk[skip..]);
        for (_, chunk) in self.chunks.iter().skip(i + 1) {
            let n = chunk.len().min(len - out.len());
            out.extend_from_slice(&chunk[..n]);
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cross_chunks_and_respect_the_capacity() {
        let mut o = Outbox::new(8);
        assert_eq!(o.push(Bytes::from_static(b"abc")), 3);
        assert_eq!(o.push(Bytes::from_static(b"defghijk")), 5);
        assert_eq!(o.slice(1, 4).as_ref(), b"bcde");
        o.release(4);
        assert_eq!((o.room(), o.slice(4, 4).as_ref()), (4, &b"efgh"[..]));
    }
}

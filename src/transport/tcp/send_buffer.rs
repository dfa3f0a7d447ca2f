//! What the application wrote and the peer has not yet acknowledged.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Written chunks by sequence offset; the first byte ever written has offset 1, after the SYN.
#[derive(Debug)]
pub(super) struct SendBuffer {
    chunks: VecDeque<(u64, Bytes)>,
    start: u64,
    end: u64,
    capacity: u64,
}

impl SendBuffer {
    pub(super) fn new(capacity: u64) -> Self {
        SendBuffer { chunks: VecDeque::new(), start: 1, end: 1, capacity }
    }

    /// One past the last byte written.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn room(&self) -> u64 {
        self.capacity.saturating_sub(self.end - self.start)
    }

    /// Takes as much as there is room for.
    pub(super) fn write(&mut self, mut data: Bytes) -> usize {
        let taken = data.len().min(usize::try_from(self.room()).unwrap_or(usize::MAX));
        data.truncate(taken);
        if taken > 0 {
            self.chunks.push_back((self.end, data));
            self.end += taken as u64;
        }
        taken
    }

    /// Forgets everything before `offset`.
    pub(super) fn release(&mut self, offset: u64) {
        self.start = offset.clamp(self.start, self.end);
        while self.chunks.front().is_some_and(|(at, chunk)| at + chunk.len() as u64 <= self.start) {
            self.chunks.pop_front();
        }
    }

    /// The `len` bytes from `offset`, which must lie in the buffer. Copies only if they span two
    /// chunks.
    pub(super) fn slice(&self, offset: u64, len: u64) -> Bytes {
        if len == 0 {
            return Bytes::new();
        }
        let first = self.chunks.partition_point(|(at, _)| *at <= offset).saturating_sub(1);
        let (at, chunk) = &self.chunks[first];
        let skip = (offset - at) as usize;
        let len = len as usize;
        if skip + len <= chunk.len() {
            return chunk.slice(skip..skip + len);
        }
        let mut out = BytesMut::with_capacity(len);
        out.extend_from_slice(&chunk[skip..]);
        for (_, chunk) in self.chunks.range(first + 1..) {
            let take = (len - out.len()).min(chunk.len());
            out.extend_from_slice(&chunk[..take]);
            if out.len() == len {
                break;
            }
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cross_chunks_and_release_frees_room() {
        let mut b = SendBuffer::new(8);
        assert_eq!(b.write(Bytes::from_static(b"abcde")), 5);
        assert_eq!(b.write(Bytes::from_static(b"fghij")), 3);
        assert_eq!(&b.slice(4, 4)[..], b"defg");
        b.release(6);
        assert_eq!((b.room(), &b.slice(6, 3)[..]), (5, &b"fgh"[..]));
    }
}

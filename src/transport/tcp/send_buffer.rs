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
    // The chunk that was read last; the next read is most often there or just behind.
    cursor: usize,
    // Where segments are put together that span two chunks.
    joints: Option<Box<BytesMut>>,
}

/// A writer that was cut short hears of room for this much, or a quarter of the buffer, and not of
/// every byte that is acknowledged: it would write crumbs. (Linux waits for a third.)
const WORTH_WRITING: u64 = 1024 * 1024;

impl SendBuffer {
    pub(super) fn new(capacity: u64) -> Self {
        SendBuffer { chunks: VecDeque::new(), start: 1, end: 1, capacity, cursor: 0, joints: None }
    }

    /// One past the last byte written.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn room(&self) -> u64 {
        self.capacity.saturating_sub(self.end - self.start)
    }

    /// True if a writer that was cut short may go on.
    pub(super) fn invites_writing(&self) -> bool {
        self.room() >= WORTH_WRITING.min(self.capacity / 4).max(1)
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

    /// Forgets everything from `offset` on; says how many bytes that were.
    pub(super) fn truncate(&mut self, offset: u64) -> u64 {
        let (end, kept) = (self.end, offset.clamp(self.start, self.end));
        self.end = kept;
        while self.chunks.back().is_some_and(|(at, _)| *at >= kept) {
            self.chunks.pop_back();
        }
        if let Some((at, chunk)) = self.chunks.back_mut() {
            chunk.truncate((kept - *at) as usize);
        }
        end - kept
    }

    /// Forgets everything before `offset`.
    pub(super) fn release(&mut self, offset: u64) {
        self.start = offset.clamp(self.start, self.end);
        while self.chunks.front().is_some_and(|(at, chunk)| at + chunk.len() as u64 <= self.start) {
            self.chunks.pop_front();
            self.cursor = self.cursor.saturating_sub(1);
        }
    }

    /// The place of the chunk that holds `offset`.
    fn find(&self, offset: u64) -> usize {
        for place in [self.cursor, self.cursor + 1] {
            if self.chunks.get(place).is_some_and(|(at, chunk)| (*at..at + chunk.len() as u64).contains(&offset)) {
                return place;
            }
        }
        self.chunks.partition_point(|(at, _)| *at <= offset).saturating_sub(1)
    }

    /// The `len` bytes from `offset`, which must lie in the buffer. Copies only if they span two
    /// chunks.
    pub(super) fn slice(&mut self, offset: u64, len: u64) -> Bytes {
        if len == 0 {
            return Bytes::new();
        }
        let first = self.find(offset);
        self.cursor = first;
        let (at, chunk) = &self.chunks[first];
        let skip = (offset - at) as usize;
        let len = len as usize;
        if skip + len <= chunk.len() {
            return chunk.slice(skip..skip + len);
        }
        // Once the last such segments are gone, their memory is used again.
        let joints = self.joints.get_or_insert_default();
        if joints.capacity() < len {
            joints.reserve(len);
        }
        joints.extend_from_slice(&chunk[skip..]);
        for (_, chunk) in self.chunks.range(first + 1..) {
            let take = (len - joints.len()).min(chunk.len());
            joints.extend_from_slice(&chunk[..take]);
            if joints.len() == len {
                break;
            }
        }
        joints.split().freeze()
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

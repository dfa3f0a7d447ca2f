//! What the application wrote and the peer has not yet acknowledged.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Written chunks by stream offset.
#[derive(Debug)]
pub struct SendBuffer {
    chunks: VecDeque<(u64, Bytes)>,
    start: u64,
    end: u64,
    capacity: u64,
    // The chunk that was read last; the next read is most often there, too.
    cursor: usize,
    // Where segments are put together that span two chunks.
    joints: Option<Box<BytesMut>>,
}

/// A writer that was cut short hears of room for this much, or a quarter of the buffer, and not of
/// every byte that is acknowledged: it would write crumbs. (Linux waits for a third.)
const WORTH_WRITING: u64 = 1024 * 1024;

impl SendBuffer {
    /// An empty buffer for so many bytes; `start` is the offset of the first byte ever written.
    pub fn new(capacity: u64, start: u64) -> Self {
        SendBuffer { chunks: VecDeque::new(), start, end: start, capacity, cursor: 0, joints: None }
    }

    /// One past the last byte written.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// How many bytes fit.
    pub fn room(&self) -> u64 {
        self.capacity.saturating_sub(self.end - self.start)
    }

    /// True if a writer that was cut short may go on.
    pub fn invites_writing(&self) -> bool {
        self.room() >= WORTH_WRITING.min(self.capacity / 4).max(1)
    }

    /// Takes as much as there is room for.
    pub fn write(&mut self, mut data: Bytes) -> usize {
        let taken = data.len().min(usize::try_from(self.room()).unwrap_or(usize::MAX));
        data.truncate(taken);
        if taken > 0 {
            self.chunks.push_back((self.end, data));
            self.end += taken as u64;
        }
        taken
    }

    /// Forgets everything from `offset` on; says how many bytes that were.
    pub fn truncate(&mut self, offset: u64) -> u64 {
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
    #[inline]
    pub fn release(&mut self, offset: u64) {
        self.start = offset.clamp(self.start, self.end);
        while self.chunks.front().is_some_and(|(at, chunk)| at + chunk.len() as u64 <= self.start) {
            self.release_chunk();
        }
    }

    #[inline(never)]
    fn release_chunk(&mut self) {
        self.chunks.pop_front();
        self.cursor = self.cursor.saturating_sub(1);
    }

    /// The place of the chunk that holds `offset`.
    #[inline]
    fn find(&self, offset: u64) -> usize {
        let holds = |(at, chunk): &(u64, Bytes)| (*at..at + chunk.len() as u64).contains(&offset);
        if self.chunks.get(self.cursor).is_some_and(holds) { self.cursor } else { self.find_elsewhere(offset) }
    }

    fn find_elsewhere(&self, offset: u64) -> usize {
        self.chunks.partition_point(|(at, _)| *at <= offset).saturating_sub(1)
    }

    /// The `len` bytes from `offset`, which must lie in the buffer. Copies only if they span two
    /// chunks.
    #[inline]
    pub fn slice(&mut self, offset: u64, len: u64) -> Bytes {
        if len == 0 {
            return Bytes::new();
        }
        self.cursor = self.find(offset);
        let (at, chunk) = &self.chunks[self.cursor];
        let (skip, len) = ((offset - at) as usize, len as usize);
        if skip + len > chunk.len() {
            return self.join(skip, len);
        }
        chunk.slice(skip..skip + len)
    }

    /// `len` bytes that begin in the chunk at the cursor, behind its first `skip`, and end in a later one.
    #[inline(never)]
    fn join(&mut self, skip: usize, len: usize) -> Bytes {
        // Once the last such segments are gone, their memory is used again.
        let joints = self.joints.get_or_insert_default();
        if joints.capacity() < len {
            joints.reserve(len);
        }
        joints.extend_from_slice(&self.chunks[self.cursor].1[skip..]);
        for (_, chunk) in self.chunks.range(self.cursor + 1..) {
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
        let mut b = SendBuffer::new(8, 1);
        assert_eq!(b.write(Bytes::from_static(b"abcde")), 5);
        assert_eq!(b.write(Bytes::from_static(b"fghij")), 3);
        assert_eq!(&b.slice(4, 4)[..], b"defg");
        b.release(6);
        assert_eq!((b.room(), &b.slice(6, 3)[..]), (5, &b"fgh"[..]));
    }
}

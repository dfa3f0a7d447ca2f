//! What the application wrote and the peer has not yet acknowledged.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Written chunks by stream offset. Nearly all that is asked for lies in the first of them, which
/// stands here.
#[derive(Debug)]
#[repr(C)]
pub struct SendBuffer {
    end: u64,
    start: u64,
    capacity: u64,
    // Where the first chunk begins. It is empty only if nothing is held.
    first_at: u64,
    first: Bytes,
    later: Option<Box<Later>>,
}

/// The chunks behind the first.
#[derive(Debug, Default)]
struct Later {
    chunks: VecDeque<(u64, Bytes)>,
    // The one that was read last; the next read is most often there, too.
    cursor: usize,
    // Where segments are put together that span two chunks.
    joints: BytesMut,
}

/// A writer that was cut short hears of room for this much, or a quarter of the buffer, and not of
/// every byte that is acknowledged: it would write crumbs. (Linux waits for a third.)
const WORTH_WRITING: u64 = 1024 * 1024;

impl SendBuffer {
    /// An empty buffer for so many bytes; `start` is the offset of the first byte ever written.
    pub fn new(capacity: u64, start: u64) -> Self {
        SendBuffer { end: start, start, capacity, first_at: start, first: Bytes::new(), later: None }
    }

    /// One past the last byte written.
    #[inline]
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
            if self.first.is_empty() {
                (self.first_at, self.first) = (self.end, data);
            } else {
                self.later.get_or_insert_default().chunks.push_back((self.end, data));
            }
            self.end += taken as u64;
        }
        taken
    }

    /// Forgets everything from `offset` on; says how many bytes that were.
    pub fn truncate(&mut self, offset: u64) -> u64 {
        let (end, kept) = (self.end, offset.clamp(self.start, self.end));
        self.end = kept;
        if let Some(later) = &mut self.later {
            while later.chunks.back().is_some_and(|(at, _)| *at >= kept) {
                later.chunks.pop_back();
            }
            if let Some((at, chunk)) = later.chunks.back_mut() {
                chunk.truncate((kept - *at) as usize);
            }
        }
        self.first.truncate(kept.saturating_sub(self.first_at) as usize);
        end - kept
    }

    /// Forgets everything before `offset`.
    #[inline]
    pub fn release(&mut self, offset: u64) {
        self.start = offset.clamp(self.start, self.end);
        if self.first_at + self.first.len() as u64 <= self.start {
            self.release_chunks();
        }
    }

    #[inline(never)]
    fn release_chunks(&mut self) {
        while !self.first.is_empty() && self.first_at + self.first.len() as u64 <= self.start {
            let later = self.later.as_mut();
            let next = later.and_then(|later| {
                later.cursor = later.cursor.saturating_sub(1);
                later.chunks.pop_front()
            });
            (self.first_at, self.first) = next.unwrap_or((self.end, Bytes::new()));
        }
    }

    /// The `len` bytes from `offset`, which must lie in the buffer. Copies only if they span two
    /// chunks.
    #[inline]
    pub fn slice(&mut self, offset: u64, len: u64) -> Bytes {
        if len == 0 {
            return Bytes::new();
        }
        let (skip, len) = ((offset - self.first_at) as usize, len as usize);
        if skip + len <= self.first.len() { self.first.slice(skip..skip + len) } else { self.slice_later(offset, len) }
    }

    /// The same where the first chunk does not have them all.
    #[inline(never)]
    fn slice_later(&mut self, offset: u64, len: usize) -> Bytes {
        let Later { chunks, cursor, joints } = &mut **self.later.get_or_insert_default();
        let within_first = (offset - self.first_at) as usize;
        let (head, from) = if within_first < self.first.len() {
            (&self.first[within_first..], 0)
        } else {
            let holds = |(at, chunk): &(u64, Bytes)| (*at..at + chunk.len() as u64).contains(&offset);
            if !chunks.get(*cursor).is_some_and(holds) {
                *cursor = chunks.partition_point(|(at, _)| *at <= offset).saturating_sub(1);
            }
            let (at, chunk) = &chunks[*cursor];
            let skip = (offset - at) as usize;
            if skip + len <= chunk.len() {
                return chunk.slice(skip..skip + len);
            }
            (&chunk[skip..], *cursor + 1)
        };
        // Once the last such segments are gone, their memory is used again.
        if joints.capacity() < len {
            joints.reserve(len);
        }
        joints.extend_from_slice(head);
        for (_, chunk) in chunks.range(from..) {
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

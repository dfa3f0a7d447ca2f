//! Bytes received: put in order, until the application reads them.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use crate::transport::pieces::Pieces;
use crate::transport::ranges::RangeSet;

/// The receive buffer. What every packet needs comes first.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Inbox {
    next: u64,
    // Right edge last announced; it never moves left.
    edge: u64,
    unread: u64,
    capacity: u64,
    // What waits for a gap to fill.
    early: RangeSet,
    // The bytes themselves, unless nobody will read them.
    kept: Option<Box<Kept>>,
    discarding: bool,
}

/// Bytes that somebody will read.
#[derive(Debug, Default)]
struct Kept {
    early: Pieces,
    ready: VecDeque<Bytes>,
}

impl Inbox {
    pub(super) fn new(capacity: u64) -> Self {
        let capacity = capacity.clamp(1, u64::from(u32::MAX));
        let early = RangeSet::default();
        Inbox { next: 0, edge: capacity, unread: 0, capacity, early, kept: None, discarding: false }
    }

    /// Next offset expected.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// True if something waits for a gap to fill.
    pub(super) fn has_gap(&self) -> bool {
        !self.early.is_empty()
    }

    /// Right edge last announced.
    pub(super) fn edge(&self) -> u64 {
        self.edge
    }

    fn open_edge(&self) -> u64 {
        self.next + self.capacity.saturating_sub(self.unread)
    }

    /// The window to announce now. It grows only by at least min(buffer / 2, one payload), so that
    /// no silly window arises.
    pub(super) fn announce(&mut self, payload: u64) -> u32 {
        let open = self.open_edge();
        if open >= self.edge + payload.min(self.capacity.div_ceil(2)) {
            self.edge = open;
        }
        self.edge.saturating_sub(self.next).min(u64::from(u32::MAX)) as u32
    }

    /// True if the peer should hear at once that there is room again.
    pub(super) fn update_due(&self, payload: u64) -> bool {
        let growth = self.open_edge().saturating_sub(self.edge);
        let half = self.capacity.div_ceil(2);
        growth >= half || (self.edge <= self.next && growth >= payload.min(half))
    }

    /// From now on nobody reads what comes, nor what waits for a gap to fill.
    pub(super) fn discard_input(&mut self) {
        self.discarding = true;
        if let Some(kept) = &mut self.kept {
            kept.early = Pieces::default();
        }
    }

    /// Whether nobody reads what comes.
    pub(super) fn is_discarding(&self) -> bool {
        self.discarding
    }

    /// Takes data at `offset`, which must lie below the edge; gives the bytes that became readable.
    /// What came first is kept where data overlaps.
    #[inline]
    pub(super) fn insert(&mut self, offset: u64, data: Bytes, keep_early: bool) -> u64 {
        let end = offset + data.len() as u64;
        if end <= self.next {
            return 0;
        }
        let (before, in_order) = (self.next, offset <= self.next);
        if in_order && self.early.is_empty() {
            self.next = end;
        } else if in_order || keep_early {
            self.insert_early(offset.max(before), end);
        } else {
            return 0;
        }
        let more = self.next - before;
        if !self.discarding {
            self.unread += more;
            self.keep(offset, data, before);
        } else if more > 0 {
            // With what could still be read.
            (self.unread, self.kept) = (0, None);
        }
        more
    }

    #[inline(never)]
    fn insert_early(&mut self, start: u64, end: u64) {
        self.early.insert(start, end);
        if let Some((start, end)) = self.early.first()
            && start <= self.next
        {
            self.next = end;
            self.early.remove_below(end);
        }
    }

    /// Keeps the bytes; those that became readable begin at `before`.
    #[inline(never)]
    fn keep(&mut self, offset: u64, mut data: Bytes, before: u64) {
        let kept = self.kept.get_or_insert_default();
        let known = before.saturating_sub(offset);
        data.advance(known as usize);
        if kept.early.is_empty() && self.next > before {
            return kept.ready.push_back(data);
        }
        kept.early.insert(offset + known, data);
        let mut at = before;
        while at < self.next
            && let Some(data) = kept.early.pop(at)
        {
            at += data.len() as u64;
            kept.ready.push_back(data);
        }
    }

    /// Highest offset held, in order or not.
    pub(super) fn highest(&self) -> u64 {
        self.early.last().map_or(self.next, |last| last.1)
    }

    /// How much was read.
    pub(super) fn read_so_far(&self) -> u64 {
        self.next - self.unread
    }

    /// The next in-order bytes.
    pub(super) fn read(&mut self) -> Option<Bytes> {
        let data = self.kept.as_mut()?.ready.pop_front()?;
        self.unread -= data.len() as u64;
        Some(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_gives_the_same_bytes() {
        let all = Bytes::from_static(b"0123456789abcdef");
        let parts = [(0u64, 10u64), (5, 15), (3, 6), (12, 16)];
        for k in 0..256usize {
            let mut inbox = Inbox::new(100);
            let mut delivered = 0;
            for i in [k & 3, k >> 2 & 3, k >> 4 & 3, k >> 6 & 3, 0, 1, 2, 3] {
                let (a, b) = parts[i];
                delivered += inbox.insert(a, all.slice(a as usize..b as usize), true);
            }
            let read: Vec<u8> = std::iter::from_fn(|| inbox.read()).flatten().collect();
            assert_eq!((delivered, read.as_slice()), (16, all.as_ref()), "order {k}");
        }
    }

    #[test]
    fn the_window_grows_by_whole_payloads_only() {
        let mut inbox = Inbox::new(4000);
        for k in 0..4 {
            inbox.insert(1000 * k, Bytes::from(vec![0; 1000]), true);
        }
        assert_eq!(inbox.announce(1500), 0);
        inbox.read();
        assert_eq!((inbox.announce(1500), inbox.update_due(1500)), (0, false));
        inbox.read();
        assert!(inbox.update_due(1500));
        assert_eq!(inbox.announce(1500), 2000);
    }

    proptest::proptest! {
        #[test]
        fn inbox_agrees_with_an_array(
            parts in proptest::collection::vec((0usize..200, 1usize..60), 0..60),
            keep_early: bool,
        ) {
            let all: Vec<u8> = (0..=255).collect();
            let mut held = [false; 256];
            let mut inbox = Inbox::new(256);
            let (mut next, mut read) = (0usize, Vec::new());
            for (at, len) in parts {
                let end = (at + len).min(256);
                let delivered = inbox.insert(at as u64, Bytes::copy_from_slice(&all[at..end]), keep_early);
                if keep_early || at <= next {
                    held[at..end].fill(true);
                }
                let before = next;
                next += held[next..].iter().take_while(|&&h| h).count();
                proptest::prop_assert_eq!((delivered, inbox.next()), ((next - before) as u64, next as u64));
                proptest::prop_assert_eq!(inbox.has_gap(), held[next..].contains(&true));
                let top = held.iter().rposition(|&h| h).map_or(0, |i| i + 1);
                proptest::prop_assert_eq!(inbox.highest(), top as u64);
                read.extend(std::iter::from_fn(|| inbox.read()).flatten());
            }
            proptest::prop_assert_eq!(&read[..], &all[..next]);
        }

        #[test]
        fn who_discards_hears_of_the_same_bytes(
            parts in proptest::collection::vec((0usize..200, 1usize..60), 0..60),
            keep_early: bool,
            from in 0usize..30,
        ) {
            let all: Vec<u8> = (0..=255).collect();
            let (mut reader, mut sink) = (Inbox::new(256), Inbox::new(256));
            for (i, (at, len)) in parts.into_iter().enumerate() {
                if i == from {
                    sink.discard_input();
                }
                let ends = [&mut reader, &mut sink].map(|inbox| {
                    let data = Bytes::copy_from_slice(&all[at..(at + len).min(256)]);
                    let more = inbox.insert(at as u64, data, keep_early);
                    if more > 0 {
                        while inbox.read().is_some() {}
                    }
                    (more, inbox.next(), inbox.highest(), inbox.has_gap(), inbox.read_so_far(), inbox.announce(10))
                });
                proptest::prop_assert_eq!(ends[0], ends[1]);
            }
        }
    }
}

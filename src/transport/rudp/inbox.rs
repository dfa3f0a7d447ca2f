//! Bytes received: put in order, until the application reads them.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::transport::pieces::Pieces;

/// The receive buffer. What every packet needs comes first.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Inbox {
    next: u64,
    // Right edge last announced; it never moves left.
    edge: u64,
    unread: u64,
    capacity: u64,
    early: Pieces,
    ready: VecDeque<Bytes>,
}

impl Inbox {
    pub(super) fn new(capacity: u64) -> Self {
        let capacity = capacity.clamp(1, u64::from(u32::MAX));
        Inbox { ready: VecDeque::new(), unread: 0, early: Pieces::default(), next: 0, capacity, edge: capacity }
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

    /// Takes data at `offset`, which must lie below the edge; gives the bytes that became readable.
    /// What came first is kept where data overlaps.
    pub(super) fn insert(&mut self, mut offset: u64, mut data: Bytes, keep_early: bool) -> u64 {
        if offset < self.next {
            let known = ((self.next - offset) as usize).min(data.len());
            let _ = data.split_to(known);
            offset += known as u64;
        }
        if data.is_empty() {
            return 0;
        }
        let before = self.next;
        if offset == self.next && self.early.is_empty() {
            self.take(data);
        } else if offset == self.next || keep_early {
            self.early.insert(offset, data);
            while let Some(data) = self.early.pop(self.next) {
                self.take(data);
            }
        }
        self.next - before
    }

    fn take(&mut self, data: Bytes) {
        self.next += data.len() as u64;
        self.unread += data.len() as u64;
        self.ready.push_back(data);
    }

    /// Highest offset held, in order or not.
    pub(super) fn highest(&self) -> u64 {
        self.early.end().unwrap_or(self.next)
    }

    /// How much was read.
    pub(super) fn read_so_far(&self) -> u64 {
        self.next - self.unread
    }

    /// Reads everything and throws it away.
    pub(super) fn discard(&mut self) {
        self.ready.clear();
        self.unread = 0;
    }

    /// The next in-order bytes.
    pub(super) fn read(&mut self) -> Option<Bytes> {
        let data = self.ready.pop_front()?;
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
    }
}

//! First in, first out; what does not fit is dropped.

use std::collections::VecDeque;

use super::buffer::Buffer;
use super::discipline::{Queue, QueueEntry, QueueEnv};
use crate::base::note::{Depth, DropCause};
use crate::base::schema::{Key, Kind, Need};
use crate::base::time::{Instant, NANOS_PER_SEC};
use crate::base::units::QueueLimit;
use crate::wire::packet::Packet;

pub(super) const ENTRY: QueueEntry = QueueEntry {
    name: "drop-tail",
    about: "first in, first out; a packet that does not fit is dropped",
    keys: &[Key {
        name: "limit",
        kind: Kind::QueueLimit,
        need: Need::Default("100 pkt"),
        about: "what may wait, the packet in transmission not counted: pkt, bytes, a time at the link's rate, or BDP",
    }],
    build: |params, env| {
        let limit = params.queue_limit("limit").unwrap_or(QueueLimit::Packets(100));
        Buffer::DropTail(DropTail::new(limit, env))
    },
};

/// A queue of packets with a limit.
#[derive(Debug)]
#[repr(C)]
pub struct DropTail {
    waiting: VecDeque<Box<Packet>>,
    bytes: u64,
    max_packets: u64,
    max_bytes: u64,
}

impl DropTail {
    pub(super) fn new(limit: QueueLimit, env: &QueueEnv) -> Self {
        // What the link sends in `nanos`, in bytes; no limit on a link without a rate.
        let sent_in = |nanos: u128| match env.rate {
            Some(rate) => (u128::from(rate.0) * nanos / u128::from(NANOS_PER_SEC) / 8).min(u128::from(u64::MAX)) as u64,
            None => u64::MAX,
        };
        let round_trip = u128::from(env.delay.as_nanos()) * 2;
        let (max_packets, max_bytes) = match limit {
            QueueLimit::Packets(n) => (n, u64::MAX),
            QueueLimit::Bytes(n) => (u64::MAX, n),
            QueueLimit::Time(t) => (u64::MAX, sent_in(u128::from(t.as_nanos()))),
            QueueLimit::BdpThousandths(n) => (u64::MAX, sent_in(round_trip * u128::from(n) / 1000)),
        };
        DropTail { waiting: VecDeque::new(), bytes: 0, max_packets, max_bytes }
    }
}

impl Queue for DropTail {
    #[inline]
    fn enqueue(&mut self, _: Instant, packet: Box<Packet>) -> Result<(), (Box<Packet>, DropCause)> {
        let bytes = self.bytes + u64::from(packet.wire_bytes());
        if self.waiting.len() as u64 >= self.max_packets || bytes > self.max_bytes {
            return Err((packet, DropCause::QueueFull));
        }
        self.bytes = bytes;
        self.waiting.push_back(packet);
        Ok(())
    }

    #[inline]
    fn dequeue(&mut self, _: Instant, _: &mut Vec<(Box<Packet>, DropCause)>) -> Option<Box<Packet>> {
        let packet = self.waiting.pop_front()?;
        if let Some(next) = self.waiting.front() {
            next.prefetch_header();
        }
        self.bytes -= u64::from(packet.wire_bytes());
        Some(packet)
    }

    #[inline]
    fn depth(&self) -> Depth {
        Depth { packets: self.waiting.len() as u32, bytes: self.bytes }
    }
}

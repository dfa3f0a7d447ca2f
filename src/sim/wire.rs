//! The wire of a link direction: packets on their way, by time of arrival.

use std::collections::VecDeque;

use crate::base::time::Instant;
use crate::wire::packet::Packet;

/// A packet that is being transmitted or on the wire.
#[derive(Debug)]
pub(super) struct Flying {
    /// Its arrival.
    pub(super) at: Instant,
    /// The packet.
    pub(super) packet: Box<Packet>,
}

/// Everything on one wire. The first packet has a place of its own: most wires of a large network
/// carry one at most, and then nothing else is looked at.
#[derive(Debug, Default)]
pub(super) struct Wire {
    first: Option<Flying>,
    #[expect(clippy::box_collection, reason = "keeps a channel in two cache lines")]
    others: Option<Box<VecDeque<Flying>>>,
}

impl Wire {
    /// The next arrival.
    #[inline]
    pub(super) fn next(&self) -> Option<Instant> {
        self.first.as_ref().map(|flying| flying.at)
    }

    /// A packet on its way: 0 is the next to arrive.
    #[inline]
    pub(super) fn upcoming(&self, rank: usize) -> Option<&Packet> {
        let flying = match rank.checked_sub(1) {
            None => self.first.as_ref(),
            Some(rank) => self.others.as_ref().and_then(|others| others.get(rank)),
        };
        flying.map(|flying| &*flying.packet)
    }

    /// How many packets are on their way.
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.as_ref().map_or(0, |others| others.len())
    }

    /// Puts a packet on the wire that arrives no earlier than the one before.
    #[inline]
    pub(super) fn put_last(&mut self, at: Instant, packet: Box<Packet>) {
        let flying = Flying { at, packet };
        if self.first.is_none() {
            self.first = Some(flying);
        } else {
            self.others.get_or_insert_default().push_back(flying);
        }
    }

    /// Puts a packet on the wire. Unless wires reorder, it arrives no earlier than the one before.
    pub(super) fn put(&mut self, at: Instant, packet: Box<Packet>, reorder: bool) {
        let Some(first) = &mut self.first else { return self.put_last(at, packet) };
        let last = self.others.as_ref().and_then(|others| others.back()).map_or(first.at, |last| last.at);
        let at = if reorder { at } else { at.max(last) };
        if last <= at {
            return self.put_last(at, packet);
        }
        let (others, flying) = (self.others.get_or_insert_default(), Flying { at, packet });
        if at < first.at {
            others.push_front(std::mem::replace(first, flying));
        } else {
            others.insert(others.partition_point(|other| other.at <= at), flying);
        }
    }

    /// The next packet, if it has arrived by `now`.
    #[inline]
    pub(super) fn take(&mut self, now: Instant) -> Option<Box<Packet>> {
        let arrived = self.first.take_if(|first| first.at <= now)?;
        self.first = self.others.as_mut().and_then(|others| others.pop_front());
        Some(arrived.packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{NodeId, PacketId};
    use crate::wire::packet::{Body, Hop};
    use crate::wire::udp::Datagram;
    use std::net::Ipv4Addr;

    fn numbered(number: u32) -> Box<Packet> {
        let id = PacketId { origin: NodeId(0), number };
        let (here, payload) = (Ipv4Addr::UNSPECIFIED, Default::default());
        let body = Body::Udp(Datagram { src_port: 0, dst_port: 0, payload });
        Box::new(Packet::new(id, here, here, Hop { from: here, to: here }, body))
    }

    fn order(reorder: bool, times: &[u64]) -> Vec<(u64, u32)> {
        let mut wire = Wire::default();
        for (n, at) in times.iter().enumerate() {
            wire.put(Instant::from_nanos(*at), numbered(n as u32), reorder);
        }
        assert_eq!(wire.len(), times.len());
        std::iter::from_fn(|| Some((wire.next()?.as_nanos(), wire.take(Instant::MAX)?.id.number))).collect()
    }

    #[test]
    fn a_wire_reorders_only_where_it_may() {
        let times = [5, 9, 5, 3, 7, 9];
        assert_eq!(order(true, &times), [(3, 3), (5, 0), (5, 2), (7, 4), (9, 1), (9, 5)]);
        assert_eq!(order(false, &times), [(5, 0), (9, 1), (9, 2), (9, 3), (9, 4), (9, 5)]);
    }

    #[test]
    fn nothing_arrives_early() {
        let mut wire = Wire::default();
        wire.put(Instant::from_nanos(5), numbered(0), false);
        assert!(wire.take(Instant::from_nanos(4)).is_none());
        assert!(wire.take(Instant::from_nanos(5)).is_some() && wire.next().is_none());
    }
}

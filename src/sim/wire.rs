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

/// The packets on a wire behind the first one, which has its place in the channel.
#[derive(Debug, Default)]
pub(super) struct Wire(VecDeque<Flying>);

impl Wire {
    /// True if the first packet is alone, or there is none.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By time of arrival.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Flying> {
        self.0.iter()
    }

    /// The two packets that follow the first one, if there are as many.
    #[inline]
    pub(super) fn upcoming(&self) -> Option<[&Packet; 2]> {
        Some([&self.0.front()?.packet, &self.0.get(1)?.packet])
    }

    /// Puts a packet on the wire that arrives no earlier than the one before.
    #[inline]
    pub(super) fn put_last(&mut self, flying: Flying) {
        self.0.push_back(flying);
    }

    /// Puts a packet on the wire, perhaps as the first one. Unless wires reorder, it arrives no
    /// earlier than the one before.
    pub(super) fn put(&mut self, first: &mut Option<Flying>, mut flying: Flying, reorder: bool) {
        let Some(first) = first else {
            *first = Some(flying);
            return;
        };
        let last = self.0.back().map_or(first.at, |last| last.at);
        if !reorder {
            flying.at = flying.at.max(last);
        }
        if last <= flying.at {
            self.put_last(flying);
        } else if flying.at < first.at {
            self.0.push_front(std::mem::replace(first, flying));
        } else {
            self.0.insert(self.0.partition_point(|other| other.at <= flying.at), flying);
        }
    }

    /// The packet that follows the first one.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Flying> {
        let next = self.0.pop_front();
        if self.0.is_empty() {
            // From the start of its memory again: few packets then touch little of it.
            self.0.clear();
        }
        next
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
        let (mut first, mut wire) = (None, Wire::default());
        for (n, at) in times.iter().enumerate() {
            wire.put(&mut first, Flying { at: Instant::from_nanos(*at), packet: numbered(n as u32) }, reorder);
        }
        assert_eq!(1 + wire.iter().count(), times.len());
        let all = std::iter::from_fn(|| std::mem::replace(&mut first, wire.take()));
        all.map(|flying| (flying.at.as_nanos(), flying.packet.id.number)).collect()
    }

    #[test]
    fn a_wire_reorders_only_where_it_may() {
        let times = [5, 9, 5, 3, 7, 9];
        assert_eq!(order(true, &times), [(3, 3), (5, 0), (5, 2), (7, 4), (9, 1), (9, 5)]);
        assert_eq!(order(false, &times), [(5, 0), (9, 1), (9, 2), (9, 3), (9, 4), (9, 5)]);
    }
}

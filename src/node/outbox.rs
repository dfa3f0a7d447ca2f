//! What a node has sent, and the boxes that packets travel in. A box is filled once and moved from
//! hop to hop; the host that takes the packet gives its box back for the next one, so that a run
//! allocates none once it is under way.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use bytes::Bytes;

use crate::base::ids::{PacketId, PortId};
use crate::base::note::DropCause;
use crate::wire::packet::{Body, Hop, Packet};
use crate::wire::udp::Datagram;

#[cold]
fn fresh() -> Box<Packet> {
    let (nobody, id) = (Ipv4Addr::UNSPECIFIED, PacketId::default());
    let body = Body::Udp(Datagram { src_port: 0, dst_port: 0, payload: Bytes::new() });
    Box::new(Packet::new(id, nobody, nobody, Hop { from: nobody, to: nobody }, body))
}

/// Packets on their way from a node to its links.
#[derive(Default)]
pub struct Outbox {
    // What the node sent during this call, in order.
    sent: VecDeque<(PortId, Box<Packet>)>,
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    spare: Vec<Box<Packet>>,
    refused: Vec<(Box<Packet>, DropCause)>,
}

impl Outbox {
    /// The node sends a packet.
    #[inline]
    pub fn push(&mut self, port: PortId, packet: Box<Packet>) {
        self.sent.push_back((port, packet));
    }

    /// The next packet that was sent, in order.
    #[inline]
    pub fn pop(&mut self) -> Option<(PortId, Box<Packet>)> {
        self.sent.pop_front()
    }

    /// A box with this packet.
    #[inline]
    pub fn pack(&mut self, packet: Packet) -> Box<Packet> {
        let mut spare = self.spare();
        *spare = packet;
        spare
    }

    /// A box whose contents are of no use. The next one is asked for: it has not been touched for a while.
    #[inline]
    pub fn spare(&mut self) -> Box<Packet> {
        let spare = self.spare.pop().unwrap_or_else(fresh);
        if let Some(next) = self.spare.last() {
            next.prefetch_plain();
        }
        spare
    }

    /// What a queue threw away on the way to its next packet, until that has been said: scratch space.
    #[inline]
    pub fn refused(&mut self) -> &mut Vec<(Box<Packet>, DropCause)> {
        &mut self.refused
    }

    /// Takes a box back. Its contents are of no use any more.
    #[inline]
    pub fn recycle(&mut self, packet: Box<Packet>) {
        self.spare.push(packet);
    }
}

//! What a node has sent, and the boxes that packets travel in. A box is filled once and moved from
//! hop to hop; the host that takes the packet gives its box back for the next one, so that a run
//! allocates none once it is under way.

use crate::base::ids::PortId;
use crate::wire::packet::Packet;

/// Packets on their way from a node to its links.
#[derive(Default)]
pub struct Outbox {
    /// What the node sent during this call, in order.
    pub sent: Vec<(PortId, Box<Packet>)>,
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    spare: Vec<Box<Packet>>,
}

impl Outbox {
    /// A box for a packet, with anything in it.
    #[inline]
    pub fn spare(&mut self) -> Box<Packet> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a box back. Its contents are of no use any more.
    #[inline]
    pub fn recycle(&mut self, packet: Box<Packet>) {
        self.spare.push(packet);
    }
}

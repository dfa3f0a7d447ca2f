//! What the network knows of a node.

use super::scheduler::{Wake, Wakes};
use crate::base::ids::{ChannelId, NodeId, PortId};
use crate::node::node::Node;

/// A node in its network: one cache line.
#[repr(align(64))]
pub(super) struct NodeSlot {
    /// The node.
    pub(super) node: Box<dyn Node>,
    /// When it wants to be woken.
    pub(super) wake: Wake,
    /// Where its ports lead.
    pub(super) ports: Ports,
    /// The number of the last packet that it made.
    pub(super) last_packet: u32,
    /// It keeps nothing of what it gets.
    pub(super) only_forwards: bool,
    /// It is down.
    pub(super) crashed: bool,
    /// It has work of its own.
    pub(super) busy: bool,
}

impl NodeSlot {
    /// It is up, and keeps nothing of what it gets.
    #[inline]
    pub(super) fn forwards(&self) -> bool {
        self.only_forwards & !self.crashed
    }
}

impl Wakes for Vec<NodeSlot> {
    #[inline]
    fn wake(&mut self, id: NodeId) -> &mut Wake {
        &mut self[id.0 as usize].wake
    }
}

/// The link directions that leave a node, by port; most nodes have one.
#[derive(Default)]
pub(super) struct Ports {
    first: Option<ChannelId>,
    // In one word, and never empty.
    #[expect(clippy::box_collection, reason = "a node is one cache line")]
    others: Option<Box<Vec<ChannelId>>>,
}

impl Ports {
    /// Where a port leads. A node without a link speaks into the void.
    #[inline]
    pub(super) fn get(&self, port: PortId) -> Option<ChannelId> {
        match port.0.checked_sub(1) {
            None => self.first,
            Some(other) => self.others.as_ref()?.get(other as usize).copied(),
        }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.as_ref().map_or(0, |others| others.len())
    }

    /// Adds the next port.
    pub(super) fn push(&mut self, channel: ChannelId) {
        match self.first {
            None => self.first = Some(channel),
            Some(_) => self.others.get_or_insert_default().push(channel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_one_cache_line() {
        assert_eq!((size_of::<NodeSlot>(), align_of::<NodeSlot>()), (64, 64));
    }
}

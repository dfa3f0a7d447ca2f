//! What the network knows of a node.

use smallvec::SmallVec;

use crate::base::ids::ChannelId;
use crate::node::node::Node;

/// A node in its network: one cache line.
#[repr(align(64))]
pub(super) struct NodeSlot {
    /// The node.
    pub(super) node: Box<dyn Node>,
    /// Where its ports lead; most nodes have one.
    pub(super) ports: SmallVec<[ChannelId; 4]>,
    /// The number of the last packet that it made.
    pub(super) last_packet: u32,
    /// It keeps nothing of what it gets.
    pub(super) only_forwards: bool,
    /// It is down.
    pub(super) crashed: bool,
    /// It has work of its own.
    pub(super) busy: bool,
}

//! Small names for things of a run. Node and link numbers follow the sorted order of their names,
//! so that the order of tables in a file changes nothing.

use std::fmt;
use std::net::SocketAddrV4;

/// A node's rank among all node names of the run, sorted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NodeId(pub u32);

/// One of a node's ports: where a link is attached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PortId(pub u32);

/// One direction of one link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChannelId(pub u32);

/// Which way along a link: `Forward` is from the first of `between` to the second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// From the first end to the second.
    Forward,
    /// From the second end to the first.
    Reverse,
}

impl Direction {
    /// `forward` or `reverse`.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Forward => "forward",
            Direction::Reverse => "reverse",
        }
    }
}

/// A packet's name for its whole life: the node that made it, and that node's count.
/// A bystander node shifts neither part of anybody else's packets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PacketId {
    /// The node that made the packet.
    pub origin: NodeId,
    /// Counts that node's packets from 1.
    pub number: u32,
}

/// Which transport carries a stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TransportKind {
    /// Reliable UDP, `docs/rudp.md`.
    Rudp,
    /// RFC 9293.
    Tcp,
}

impl TransportKind {
    /// The word used in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            TransportKind::Rudp => "rudp",
            TransportKind::Tcp => "tcp",
        }
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A connection's name for its whole life. Both ends compute the same one from the transport and
/// the two socket addresses, the initiator's first, so nobody has to hand out numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FlowId(pub u64);

impl FlowId {
    /// The flow that `initiator` opened to `responder`.
    pub fn new(transport: TransportKind, initiator: SocketAddrV4, responder: SocketAddrV4) -> Self {
        let end = |a: SocketAddrV4| u64::from(a.ip().to_bits()) << 16 | u64::from(a.port());
        let mut h = mix(0x7477_696e_7769_7265, transport as u64 + 1);
        h = mix(h, end(initiator));
        FlowId(mix(h, end(responder)))
    }
}

/// Folds one word into a hash state by a 64 x 64 -> 128 bit multiplication. Fixed for ever: the
/// digest depends on it.
#[inline]
pub const fn mix(state: u64, word: u64) -> u64 {
    let product = ((state ^ word) as u128 ^ 0x9e37_79b9_7f4a_7c15) * 0xd1b5_4a32_d192_ed03_u128;
    (product as u64) ^ ((product >> 64) as u64) ^ state.rotate_left(23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_name_a_flow_alike_and_directions_differ() {
        let a = "10.0.0.1:49152".parse().unwrap();
        let b = "10.0.0.2:80".parse().unwrap();
        assert_eq!(FlowId::new(TransportKind::Tcp, a, b), FlowId::new(TransportKind::Tcp, a, b));
        assert_ne!(FlowId::new(TransportKind::Tcp, a, b), FlowId::new(TransportKind::Tcp, b, a));
        assert_ne!(FlowId::new(TransportKind::Tcp, a, b), FlowId::new(TransportKind::Rudp, a, b));
    }
}

//! Looking ahead: with thousands of hosts nothing of the one that a packet reaches is in the cache.
//! But a packet is on its wire for a while, so what it will touch is asked for while others arrive,
//! in steps, as each pointer on the way must have come before it can be followed.
//!
//! Only time depends on it.

use crate::base::ids::NodeId;

/// Packets put on wires between two steps: about what memory takes to answer.
const PACE: usize = 3;
/// Steps of one host.
pub(super) const STEPS: usize = 4;
const KEPT: usize = 16;

/// The hosts to which packets went last.
pub(super) struct Lookahead {
    ring: [NodeId; KEPT],
    turn: usize,
}

impl Default for Lookahead {
    fn default() -> Self {
        Lookahead { ring: [NodeId(0); KEPT], turn: 0 }
    }
}

impl Lookahead {
    /// A packet is on its way to this host: the steps of those before it are due.
    #[inline]
    pub(super) fn announce(&mut self, host: NodeId) {
        self.turn += 1;
        self.ring[self.turn % KEPT] = host;
    }

    /// The host whose step this is now.
    #[inline]
    pub(super) fn at_step(&self, step: usize) -> NodeId {
        self.ring[self.turn.wrapping_sub(step * PACE) % KEPT]
    }
}

//! Looking ahead: with thousands of hosts nothing of the one that a packet reaches is in the cache.
//! But a packet is on its wire for a while, so what it will touch is asked for while others arrive,
//! in steps, as each pointer on the way must have come before it can be followed.
//!
//! Only time depends on it.

use super::channel::Channel;
use super::node_slot::NodeSlot;
use super::scheduler::Scheduler;
use crate::base::ids::{NodeId, PortId};
use crate::base::prefetch::prefetch;
use crate::wire::packet::Packet;

/// Announcements between two steps: about what memory takes to answer.
const PACE: usize = 3;
/// Steps of one host.
const STEPS: usize = 3;
const KEPT: usize = 16;
/// From so many nodes on looking ahead is worth its price.
const MANY_NODES: usize = 1_000;
/// From so many on it is for routes, too.
const MANY_ROUTES: usize = 5_000;

/// The hosts at which something will happen, by when that became known.
pub(super) struct Lookahead {
    ring: [NodeId; KEPT],
    turn: usize,
    // The routes of that many nodes do not fit into the nearer caches either.
    routes: bool,
}

impl Lookahead {
    /// For a network of so many nodes, if it pays there.
    pub(super) fn of(nodes: usize) -> Option<Box<Self>> {
        let lookahead = || Box::new(Lookahead { ring: [NodeId(0); KEPT], turn: 0, routes: nodes >= MANY_ROUTES });
        (nodes >= MANY_NODES).then(lookahead)
    }

    /// The channel whose event comes after the one at hand, if nothing changes.
    #[inline(always)]
    pub(super) fn go_before(&self, channels: &[Channel], scheduler: &Scheduler) {
        if let Some(next) = scheduler.prefetch_channel() {
            channels[next.0 as usize].prefetch(0);
        }
    }

    /// A packet is put on a wire: to a host, or to a router that will want to know where it goes next.
    #[inline(never)]
    pub(super) fn precede(&mut self, packet: &Packet, wire: &Channel, nodes: &[NodeSlot], channels: &[Channel]) {
        let (to, _) = wire.to();
        if wire.leads_to_host() {
            prefetch(packet);
            self.announce(to, nodes, channels);
        } else if self.routes && !wire.carries_several() {
            // Where several are on their way, those that arrive ask in passing.
            nodes[to.0 as usize].node.prefetch_routes(None, packet);
        }
    }

    /// A packet came off a wire to a router: the next ones' headers, routes and links.
    #[inline]
    pub(super) fn follow(&self, wire: &Channel, nodes: &[NodeSlot], channels: &[Channel]) {
        if !self.routes {
            return;
        }
        let Some([first, second, third]) = wire.upcoming() else { return };
        third.prefetch_header();
        let slot = &nodes[wire.to().0.0 as usize];
        if let Some(port) = slot.node.prefetch_routes(Some(first), second)
            && let Some(out) = slot.ports.get(port)
        {
            channels[out.0 as usize].prefetch(0);
        }
    }

    /// Something will happen at a host: the first step for it, and the next for those before it.
    #[inline(never)]
    pub(super) fn announce(&mut self, host: NodeId, nodes: &[NodeSlot], channels: &[Channel]) {
        self.turn += 1;
        self.ring[self.turn % KEPT] = host;
        prefetch(&nodes[host.0 as usize]);
        for step in 1..STEPS {
            let host = self.ring[self.turn.wrapping_sub(step * PACE) % KEPT];
            let slot = &nodes[host.0 as usize];
            slot.node.prefetch(step - 1);
            if let Some(out) = slot.ports.get(PortId(0)) {
                channels[out.0 as usize].prefetch(step - 1);
            }
        }
    }
}

//! What lies between the nodes before a datagram reaches the real network.

use std::net::Ipv4Addr;

use crate::base::ids::{NodeId, PortId};
use crate::base::note::Record;
use crate::base::report::LinkReport;
use crate::base::time::Instant;
use crate::wire::packet::Packet;

/// A datagram that may now really be sent.
#[derive(Debug)]
pub struct Departure {
    /// The address of the node whose wire it came out of; `None`: whoever has its destination.
    pub at: Option<Ipv4Addr>,
    /// The datagram.
    pub packet: Packet,
}

/// Takes datagrams from hosts and lets them go when their time has come.
pub trait Medium {
    /// A host puts a packet on one of its wires.
    fn send(&mut self, now: Instant, from: NodeId, port: PortId, packet: Packet);
    /// Everything that has happened by `now`: what departs, and what there is to record.
    fn advance(&mut self, now: Instant, departures: &mut Vec<Departure>, records: &mut Vec<Record>);
    /// When to call [`Medium::advance`] again without being sent anything.
    fn next_event(&mut self) -> Option<Instant>;
    /// Figures of each link direction, and packets carried over links.
    fn reports(&self) -> (Vec<LinkReport>, u64);
}

/// Nothing at all: what is sent departs at once.
#[derive(Debug, Default)]
pub struct Nothing {
    waiting: Vec<Packet>,
}

impl Medium for Nothing {
    fn send(&mut self, _now: Instant, _from: NodeId, _port: PortId, packet: Packet) {
        self.waiting.push(packet);
    }

    fn advance(&mut self, _now: Instant, departures: &mut Vec<Departure>, _records: &mut Vec<Record>) {
        departures.extend(self.waiting.drain(..).map(|packet| Departure { at: None, packet }));
    }

    fn next_event(&mut self) -> Option<Instant> {
        None
    }

    fn reports(&self) -> (Vec<LinkReport>, u64) {
        (Vec::new(), 0)
    }
}

//! A learning switch: one broadcast domain.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::node::{Ctx, Input, Node, Status};
use crate::base::ids::PortId;
use crate::base::report::NodeReport;
use crate::base::time::Instant;
use crate::wire::packet::Packet;

/// Forwards a packet to the port where its next interface was last heard, or to all others.
#[derive(Debug)]
pub struct Switch {
    ports: u32,
    heard: BTreeMap<Ipv4Addr, PortId>,
}

impl Switch {
    /// A switch with this many wires.
    pub fn new(ports: u32) -> Self {
        Switch { ports, heard: BTreeMap::new() }
    }
}

impl Node for Switch {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        let Input::Packet { port, packet } = input else { return };
        if !packet.hop.from.is_unspecified() && self.heard.get(&packet.hop.from) != Some(&port) {
            self.heard.insert(packet.hop.from, port);
        }
        match self.heard.get(&packet.hop.to) {
            Some(&known) if known == port => ctx.recycle(packet),
            Some(&known) => ctx.forward(known, packet),
            None => {
                for other in (0..self.ports).map(PortId).filter(|&p| p != port) {
                    ctx.send(other, Packet::clone(&packet));
                }
                ctx.recycle(packet);
            }
        }
    }
    fn next_wake(&self) -> Option<Instant> {
        None
    }
    fn only_forwards(&self) -> bool {
        true
    }
    fn status(&self) -> Status {
        Status::Done
    }
    fn report(&self) -> NodeReport {
        NodeReport::default()
    }
}

//! An IPv4 router with static routes.

use std::net::Ipv4Addr;

use super::addressing::prefix_mask;
use super::node::{Ctx, Input, Node, Status};
use crate::base::ids::PortId;
use crate::base::note::{Depth, DropCause, Note};
use crate::base::report::NodeReport;
use crate::base::time::Instant;
use crate::wire::packet::{Hop, Packet};

/// Where a prefix lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// First address of the prefix.
    pub prefix: Ipv4Addr,
    /// Its length.
    pub prefix_len: u8,
    /// The port that leads there.
    pub port: PortId,
    /// The next router; `None`: the destination itself is on that link.
    pub via: Option<Ipv4Addr>,
}

/// Forwards packets by the longest matching prefix (RFC 1812 section 5.2.4.3).
#[derive(Debug)]
pub struct Router {
    // The address of each port.
    addresses: Vec<Ipv4Addr>,
    // For each prefix length in use, longest first: the routes, sorted by prefix.
    routes: Vec<(u32, Vec<Route>)>,
}

impl Router {
    /// A router whose ports have these addresses.
    pub fn new(addresses: Vec<Ipv4Addr>, mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(|r| (std::cmp::Reverse(r.prefix_len), r.prefix));
        let mut by_len: Vec<(u32, Vec<Route>)> = Vec::new();
        for route in routes {
            let mask = prefix_mask(route.prefix_len);
            match by_len.last_mut() {
                Some((last, same)) if *last == mask => same.push(route),
                _ => by_len.push((mask, vec![route])),
            }
        }
        Router { addresses, routes: by_len }
    }

    fn lookup(&self, dst: Ipv4Addr) -> Option<&Route> {
        self.routes.iter().find_map(|(mask, routes)| {
            let network = Ipv4Addr::from_bits(dst.to_bits() & mask);
            routes.binary_search_by_key(&network, |r| r.prefix).ok().map(|i| &routes[i])
        })
    }

    fn forward(&self, mut packet: Packet, ctx: &mut Ctx<'_>) -> Result<(), (Packet, DropCause)> {
        // Packets to the router itself end here: nothing listens.
        if packet.dst.is_broadcast() || self.addresses.contains(&packet.dst) {
            return Err((packet, DropCause::NoListener));
        }
        if packet.ttl <= 1 {
            return Err((packet, DropCause::TtlExpired));
        }
        let Some(&Route { port, via, .. }) = self.lookup(packet.dst) else {
            return Err((packet, DropCause::NoRoute));
        };
        packet.ttl -= 1;
        packet.hop = Hop { from: self.addresses[port.0 as usize], to: via.unwrap_or(packet.dst) };
        ctx.send(port, packet);
        Ok(())
    }
}

impl Node for Router {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        let Input::Packet { port, packet } = input else { return };
        // A switch may have flooded what is for somebody else.
        if packet.hop.to != self.addresses[port.0 as usize] {
            return;
        }
        if let Err((packet, cause)) = self.forward(packet, ctx) {
            let queue = Depth::default();
            ctx.note(Note::PacketDropped { packet: packet.id, bytes: packet.wire_bytes(), cause, queue });
        }
    }
    fn next_wake(&self) -> Option<Instant> {
        None
    }
    fn status(&self) -> Status {
        Status::Done
    }
    fn report(&self) -> NodeReport {
        NodeReport::default()
    }
}

//! An IPv4 router with static routes.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::node::{Ctx, Input, Node, Status};
use super::routes::{Gateways, Route, RouteTable, Target};
use crate::base::ids::PortId;
use crate::base::note::{Depth, DropCause, Note};
use crate::base::report::NodeReport;
use crate::base::time::Instant;
use crate::wire::packet::{Hop, Packet};

/// Forwards packets by the longest matching prefix (RFC 1812 section 5.2.4.3).
#[derive(Debug)]
pub struct Router {
    // The address of each port.
    addresses: Vec<Ipv4Addr>,
    // One table for each prefix length in use, longest first.
    tables: Vec<RouteTable>,
    gateways: Gateways,
}

impl Router {
    /// A router whose ports have these addresses; a port that only a route names has none.
    pub fn new(mut addresses: Vec<Ipv4Addr>, routes: Vec<Route>) -> Self {
        let ports = routes.iter().map(|route| route.port.0 as usize + 1).max().unwrap_or(0);
        addresses.resize(addresses.len().max(ports), Ipv4Addr::UNSPECIFIED);
        let gateways = Gateways::of(&routes);
        let mut by_len: BTreeMap<Reverse<u8>, Vec<Route>> = BTreeMap::new();
        for route in routes {
            by_len.entry(Reverse(route.prefix_len)).or_default().push(route);
        }
        let tables = by_len.into_values().map(|routes| RouteTable::new(routes, &addresses, &gateways)).collect();
        Router { addresses, tables, gateways }
    }

    #[inline]
    fn lookup(&self, dst: Ipv4Addr) -> Option<Target> {
        self.tables.iter().find_map(|table| table.lookup(dst))
    }

    /// Makes a packet ready for its next link and says at which port that is, or why it goes
    /// nowhere; without a reason, it was never for this router.
    #[inline(always)]
    fn send_on(&self, port: PortId, packet: &mut Packet) -> Result<PortId, Option<DropCause>> {
        // A switch may have flooded what is for somebody else.
        if packet.hop.to != self.addresses[port.0 as usize] {
            return Err(None);
        }
        let (port, via, from) = self.next(packet)?;
        packet.ttl -= 1;
        packet.hop = Hop { from, to: via.unwrap_or(packet.dst) };
        Ok(port)
    }

    /// Where a packet goes next, by which other router, and the address of this one there; or why it
    /// goes nowhere.
    #[inline(always)]
    fn next(&self, packet: &Packet) -> Result<(PortId, Option<Ipv4Addr>, Ipv4Addr), DropCause> {
        let dst = packet.dst;
        let Some(target) = self.lookup(dst) else { return Err(self.without_route(packet)) };
        let (port, via) = self.gateways.resolve(target);
        let from = self.addresses[port.0 as usize];
        // Packets to the router itself end here: nothing listens.
        let mine = if target.knows_own() { from == dst } else { self.addresses.contains(&dst) };
        if dst.is_broadcast() || mine {
            return Err(DropCause::NoListener);
        }
        if packet.ttl <= 1 {
            return Err(DropCause::TtlExpired);
        }
        Ok((port, via, from))
    }

    /// Why a packet goes nowhere that no route is for.
    #[cold]
    fn without_route(&self, packet: &Packet) -> DropCause {
        if packet.dst.is_broadcast() || self.addresses.contains(&packet.dst) {
            DropCause::NoListener
        } else if packet.ttl <= 1 {
            DropCause::TtlExpired
        } else {
            DropCause::NoRoute
        }
    }
}

impl Node for Router {
    /// What goes no further, and why.
    #[inline(never)]
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        let Input::Packet { port, mut packet } = input else { return };
        match self.send_on(port, &mut packet) {
            Ok(port) => return ctx.forward(port, packet),
            Err(Some(cause)) => {
                let queue = Depth::default();
                ctx.note(Note::PacketDropped { packet: packet.id, bytes: packet.wire_bytes(), cause, queue });
            }
            Err(None) => {}
        }
        ctx.recycle(packet);
    }
    fn forward(&mut self, port: PortId, packet: &mut Packet) -> Option<PortId> {
        self.send_on(port, packet).ok()
    }
    fn prefetch_routes(&self, near: Option<&Packet>, far: &Packet) -> Option<PortId> {
        self.tables.iter().for_each(|table| table.prefetch(far.dst));
        let target = self.lookup(near?.dst)?;
        Some(self.gateways.resolve(target).0)
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

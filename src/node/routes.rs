//! A router's table for one prefix length. Routes stand scattered over twice as many places, so that
//! a lookup in ten thousand routes touches as much memory as one in ten: mostly one cache line.

use std::net::Ipv4Addr;

use super::addressing::prefix_mask;
use crate::base::ids::PortId;
use crate::base::prefetch::prefetch;

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

/// Where a route leads, in one word: a port if the destination itself is on that link, or else the
/// number of a gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Target(u32);

/// Marks a prefix that others of the router's own addresses lie in than the one at its port.
const OTHERS: u32 = 1 << 31;
/// Marks the number of a gateway.
const GATEWAY: u32 = 1 << 30;
/// Stands where there is no route.
const NOWHERE: Target = Target(u32::MAX);

impl Target {
    /// Whether the router's own addresses inside the prefix are known without looking: none but
    /// perhaps that at the port.
    #[inline]
    pub(super) fn knows_own(self) -> bool {
        self.0 & OTHERS == 0
    }
}

/// The next routers: at which port, and their addresses there; in order.
#[derive(Debug, Default)]
pub(super) struct Gateways(Vec<(PortId, Ipv4Addr)>);

impl Gateways {
    /// Those that routes lead by.
    pub(super) fn of(routes: &[Route]) -> Self {
        let mut all: Vec<_> = routes.iter().filter_map(|r| Some((r.port, r.via?))).collect();
        all.sort();
        all.dedup();
        Gateways(all)
    }

    /// The port of a target, and the next router if there is one.
    #[inline]
    pub(super) fn resolve(&self, target: Target) -> (PortId, Option<Ipv4Addr>) {
        let number = target.0 & !OTHERS;
        if number & GATEWAY == 0 {
            return (PortId(number), None);
        }
        let (port, address) = self.0[(number & !GATEWAY) as usize];
        (port, Some(address))
    }

    fn target(&self, port: PortId, via: Option<Ipv4Addr>) -> Target {
        let number = via.and_then(|via| self.0.binary_search(&(port, via)).ok());
        Target(number.map_or(port.0, |number| number as u32 | GATEWAY))
    }
}

/// The routes of one prefix length: prefixes and where they lead, each at its home or in the next
/// free place behind it.
#[derive(Debug)]
pub(super) struct RouteTable {
    mask: u32,
    // At least twice as many as routes.
    places: Vec<(u32, Target)>,
}

impl RouteTable {
    /// Of routes of the same length; `addresses` are the router's, by port. Of two routes to the
    /// same prefix the first one holds.
    pub(super) fn new(mut routes: Vec<Route>, addresses: &[Ipv4Addr], gateways: &Gateways) -> Self {
        routes.sort_by_key(|r| r.prefix);
        routes.dedup_by_key(|r| r.prefix);
        let mut own: Vec<_> = addresses.iter().zip(0..).map(|(address, port)| (*address, PortId(port))).collect();
        own.sort_by_key(|(address, _)| *address);
        let mask = routes.first().map_or(0, |r| prefix_mask(r.prefix_len));
        let mut table = RouteTable { mask, places: vec![(0, NOWHERE); 2 * routes.len() + 1] };
        // Both are sorted, and prefixes of one length lie apart: each list is gone through once.
        let mut own = &own[..];
        for Route { prefix, port, via, .. } in routes {
            let last = Ipv4Addr::from_bits(prefix.to_bits() | !mask);
            own = &own[own.iter().take_while(|(address, _)| *address < prefix).count()..];
            let (inside, beyond) = own.split_at(own.iter().take_while(|(address, _)| *address <= last).count());
            own = beyond;
            let others = if inside.iter().all(|(_, at)| *at == port) { 0 } else { OTHERS };
            let place = table.find(prefix.to_bits());
            table.places[place] = (prefix.to_bits(), Target(gateways.target(port, via).0 | others));
        }
        table
    }

    #[inline]
    pub(super) fn lookup(&self, dst: Ipv4Addr) -> Option<Target> {
        let (_, target) = self.places[self.find(dst.to_bits() & self.mask)];
        Some(target).filter(|target| *target != NOWHERE)
    }

    /// The place of a prefix, or the free one where it belongs.
    #[inline]
    fn find(&self, network: u32) -> usize {
        let mut place = self.home(network);
        loop {
            let (prefix, target) = self.places[place];
            if prefix == network || target == NOWHERE {
                return place;
            }
            place += 1;
            if place == self.places.len() {
                place = 0;
            }
        }
    }

    /// Where a prefix belongs: the leading bits of its product with the golden ratio spread
    /// neighbours evenly and others by chance (Knuth, The Art of Computer Programming, 6.4).
    #[inline]
    fn home(&self, network: u32) -> usize {
        const GOLDEN: u32 = 0x9e37_79b9;
        ((u64::from(network.wrapping_mul(GOLDEN)) * self.places.len() as u64) >> 32) as usize
    }

    /// Asks the memory for what a lookup will touch.
    #[inline]
    pub(super) fn prefetch(&self, dst: Ipv4Addr) {
        prefetch(&self.places[self.home(dst.to_bits() & self.mask)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_lookup_finds_what_a_search_finds(
            nets in prop::collection::vec(prop_oneof![0u32..40, 0u32..1 << 14, Just((1 << 29) - 1)], 0..60),
            dst in prop_oneof![0u32..400, 0u32..1 << 17, Just(u32::MAX)],
        ) {
            let port = |net: u32| PortId(net % 2);
            let via = |net: u32| (net % 3 == 1).then(|| Ipv4Addr::from_bits(net % 9));
            let route = |net: &u32| Route { prefix: Ipv4Addr::from_bits(net << 3), prefix_len: 29, port: port(*net), via: via(*net) };
            // The router's addresses lie in the first three networks; the third one it has elsewhere.
            let own = [3, 9, 17].map(Ipv4Addr::from_bits);
            let routes: Vec<_> = nets.iter().map(route).collect();
            let gateways = Gateways::of(&routes);
            let table = RouteTable::new(routes, &own, &gateways);
            for dst in nets.iter().map(|net| (net << 3) + 5).chain([dst]) {
                let net = dst >> 3;
                let found = table.lookup(Ipv4Addr::from_bits(dst));
                prop_assert_eq!(found.map(|found| gateways.resolve(found)), nets.contains(&net).then_some((port(net), via(net))));
                prop_assert!(found.is_none_or(|found| found.knows_own() == (net != 2)));
            }
        }
    }

    #[test]
    fn a_route_to_one_host_may_be_to_any_address() {
        let to =
            |prefix: u32| Route { prefix: Ipv4Addr::from_bits(prefix), prefix_len: 32, port: PortId(7), via: None };
        for all in [vec![0], vec![u32::MAX], vec![], vec![0, u32::MAX]] {
            let table = RouteTable::new(all.iter().copied().map(to).collect(), &[], &Gateways::default());
            for dst in [0, 1, u32::MAX] {
                assert_eq!(table.lookup(Ipv4Addr::from_bits(dst)), all.contains(&dst).then_some(Target(7)));
            }
        }
    }
}

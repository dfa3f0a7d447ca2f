//! A router's table for one prefix length. Routes stand sorted; an index over the leading bits of
//! the span they cover says where to look, so that a lookup in ten thousand routes costs about as
//! much as one in ten.

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

/// A route, and what a router wants to know of itself when it takes it: a quarter of a cache line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    prefix: u32,
    // Above `OTHERS`, the port.
    port: u32,
    /// The next router; 0.0.0.0: the destination itself is on that link.
    pub(super) via: Ipv4Addr,
    /// The router's own address there.
    pub(super) from: Ipv4Addr,
}

/// Marks a prefix that others of the router's own addresses lie in than the one at its port.
const OTHERS: u32 = 1 << 31;

impl Entry {
    /// Where the route leads.
    #[inline]
    pub(super) fn port(&self) -> PortId {
        PortId(self.port & !OTHERS)
    }

    /// Whether the router's own addresses inside the prefix are known without looking: none but
    /// perhaps `from`.
    #[inline]
    pub(super) fn knows_own(&self) -> bool {
        self.port & OTHERS == 0
    }
}

/// The routes of one prefix length.
#[derive(Debug)]
pub(super) struct RouteTable {
    mask: u32,
    entries: Vec<Entry>,
    first: u32,
    shift: u32,
    // The first entry of each stretch of 2^shift addresses from `first` on.
    index: Vec<u32>,
}

impl RouteTable {
    /// Of routes of the same length; `addresses` are the router's, by port. Of two routes to the
    /// same prefix the first one holds.
    pub(super) fn new(mut routes: Vec<Route>, addresses: &[Ipv4Addr]) -> Self {
        routes.sort_by_key(|r| r.prefix);
        routes.dedup_by_key(|r| r.prefix);
        let mut own = addresses.to_vec();
        own.sort();
        let mask = routes.first().map_or(0, |r| prefix_mask(r.prefix_len));
        // Both are sorted, and prefixes of one length lie apart: each list is gone through once.
        let mut beyond = &own[..];
        let mut inside = |prefix: Ipv4Addr| {
            let last = Ipv4Addr::from_bits(prefix.to_bits() | !mask);
            let past = |list: &[Ipv4Addr], end: &dyn Fn(&Ipv4Addr) -> bool| list.iter().take_while(|a| end(a)).count();
            beyond = &beyond[past(beyond, &|a| *a < prefix)..];
            let (inside, rest) = beyond.split_at(past(beyond, &|a| *a <= last));
            beyond = rest;
            inside
        };
        let entries: Vec<Entry> = routes
            .into_iter()
            .map(|Route { prefix, port, via, .. }| {
                let from = addresses.get(port.0 as usize).copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
                let others = if inside(prefix).iter().all(|own| *own == from) { 0 } else { OTHERS };
                let via = via.unwrap_or(Ipv4Addr::UNSPECIFIED);
                Entry { prefix: prefix.to_bits(), port: port.0 | others, via, from }
            })
            .collect();
        let (first, last) = (entries.first().map_or(0, |e| e.prefix), entries.last().map_or(0, |e| e.prefix));
        // At most about two stretches per route: more would save steps, but cost memory.
        let mut shift = 0;
        while u64::from((last - first) >> shift) > 2 * entries.len() as u64 {
            shift += 1;
        }
        let stretches = ((last - first) >> shift) + 1;
        let mut start = 0;
        let index = (0..stretches).map(|n| {
            start += entries[start..].iter().take_while(|e| (e.prefix - first) >> shift < n).count();
            start as u32
        });
        let index = index.collect();
        RouteTable { mask, entries, first, shift, index }
    }

    #[inline]
    pub(super) fn lookup(&self, dst: Ipv4Addr) -> Option<&Entry> {
        let network = dst.to_bits() & self.mask;
        // Mostly a stretch has one entry, or none.
        for entry in self.entries.get(self.start(network)?..)? {
            if entry.prefix >= network {
                return (entry.prefix == network).then_some(entry);
            }
        }
        None
    }

    /// The first entry of the stretch that a network lies in.
    #[inline]
    fn start(&self, network: u32) -> Option<usize> {
        let stretch = network.checked_sub(self.first)? >> self.shift;
        self.index.get(stretch as usize).map(|start| *start as usize)
    }

    /// Asks the memory for what a lookup will touch.
    #[inline]
    pub(super) fn prefetch(&self, dst: Ipv4Addr) {
        if let Some(entry) = self.start(dst.to_bits() & self.mask).and_then(|start| self.entries.get(start)) {
            prefetch(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_lookup_finds_what_a_search_finds(
            nets in prop::collection::vec(prop_oneof![0u32..40, 0u32..1 << 14], 0..60),
            dst in prop_oneof![0u32..400, 0u32..1 << 17],
        ) {
            let port = |net: u32| PortId(net % 2);
            let route = |net: &u32| Route { prefix: Ipv4Addr::from_bits(net << 3), prefix_len: 29, port: port(*net), via: None };
            // The router's addresses lie in the first three networks; the third one it has elsewhere.
            let own = [3, 9, 17].map(Ipv4Addr::from_bits);
            let table = RouteTable::new(nets.iter().map(route).collect(), &own);
            for dst in nets.iter().map(|net| (net << 3) + 5).chain([dst]) {
                let net = dst >> 3;
                let found = table.lookup(Ipv4Addr::from_bits(dst));
                prop_assert_eq!(found.map(Entry::port), nets.contains(&net).then_some(port(net)));
                prop_assert!(found.is_none_or(|entry| entry.knows_own() == (net != 2) && entry.from == own[port(net).0 as usize]));
            }
        }
    }

    #[test]
    fn an_entry_is_a_quarter_of_a_cache_line() {
        assert_eq!(size_of::<Entry>(), 16);
    }
}

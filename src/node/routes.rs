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

/// Which of the router's own addresses lie inside a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Own {
    None,
    One(Ipv4Addr),
    Several,
}

/// A route, or several beside each other that lead the same way, and what a router wants to know of
/// itself when it takes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    first: u32,
    last: u32,
    pub(super) port: PortId,
    /// The next router; 0.0.0.0: the destination itself is on that link.
    pub(super) via: Ipv4Addr,
    /// The router's own address there.
    pub(super) from: Ipv4Addr,
    /// Its own addresses behind the prefix.
    pub(super) own: Own,
}

impl Entry {
    /// Takes a route in that lies right behind and leads the same way, so that a thousand hosts
    /// behind one link are one entry.
    fn absorb(&mut self, next: &Entry) -> bool {
        let way = |e: &Entry| (e.port, e.via, e.from, e.own);
        let same = self.own == Own::None && way(self) == way(next) && self.last.checked_add(1) == Some(next.first);
        if same {
            self.last = next.last;
        }
        same
    }
}

/// The routes of one prefix length.
#[derive(Debug)]
pub(super) struct RouteTable {
    entries: Vec<Entry>,
    first: u32,
    shift: u32,
    // The first entry that ends in each stretch of 2^shift addresses from `first` on, or behind it.
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
            match inside {
                [] => Own::None,
                [one] => Own::One(*one),
                _ => Own::Several,
            }
        };
        let mut entries: Vec<Entry> = routes
            .into_iter()
            .map(|Route { prefix, port, via, .. }| {
                let from = addresses.get(port.0 as usize).copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
                let via = via.unwrap_or(Ipv4Addr::UNSPECIFIED);
                let (first, last) = (prefix.to_bits(), prefix.to_bits() | !mask);
                Entry { first, last, port, via, from, own: inside(prefix) }
            })
            .collect();
        entries.dedup_by(|next, entry| entry.absorb(next));
        let (first, last) = (entries.first().map_or(0, |e| e.first), entries.last().map_or(0, |e| e.last));
        // At most about eight stretches per route.
        let mut shift = 0;
        while u64::from((last - first) >> shift) > 8 * entries.len() as u64 {
            shift += 1;
        }
        let stretches = ((last - first) >> shift) + 1;
        let mut start = 0;
        let index = (0..stretches).map(|n| {
            start += entries[start..].iter().take_while(|e| (e.last - first) >> shift < n).count();
            start as u32
        });
        let index = index.collect();
        RouteTable { entries, first, shift, index }
    }

    #[inline]
    pub(super) fn lookup(&self, dst: Ipv4Addr) -> Option<&Entry> {
        let dst = dst.to_bits();
        // Mostly a stretch has one entry, or none.
        for entry in self.entries.get(self.start(dst)?..)? {
            if entry.last >= dst {
                return (entry.first <= dst).then_some(entry);
            }
        }
        None
    }

    /// The first entry that ends in the stretch of an address, or behind it.
    #[inline]
    fn start(&self, dst: u32) -> Option<usize> {
        let stretch = dst.checked_sub(self.first)? >> self.shift;
        self.index.get(stretch as usize).map(|start| *start as usize)
    }

    /// Asks the memory for what a lookup will touch.
    #[inline]
    pub(super) fn prefetch(&self, dst: Ipv4Addr) {
        if let Some(entry) = self.start(dst.to_bits()).and_then(|start| self.entries.get(start)) {
            prefetch(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn routes_beside_each_other_that_lead_the_same_way_are_one_entry() {
        let to = |net: u32, port| Route {
            prefix: Ipv4Addr::from_bits(net << 3),
            prefix_len: 29,
            port: PortId(port),
            via: None,
        };
        let routes = [to(4, 1), to(5, 1), to(6, 1), to(7, 2), to(9, 2), to(10, 2)];
        let table = RouteTable::new(routes.to_vec(), &[Ipv4Addr::from_bits(10 << 3)]);
        assert_eq!(
            table.entries.iter().map(|e| (e.first >> 3, e.last >> 3)).collect::<Vec<_>>(),
            [(4, 6), (7, 7), (9, 9), (10, 10)]
        );
    }

    proptest! {
        #[test]
        fn a_lookup_finds_what_a_search_finds(nets in prop::collection::vec(prop_oneof![0u32..60, 0u32..1 << 14], 0..60), dst in 0u32..1 << 17) {
            let route = |net: &u32| Route { prefix: Ipv4Addr::from_bits(net << 3), prefix_len: 29, port: PortId(*net % 3), via: None };
            let own = [Ipv4Addr::from_bits(9)];
            let table = RouteTable::new(nets.iter().map(route).collect(), &own);
            for dst in nets.iter().map(|net| (net << 3) + 5).chain([dst]) {
                let found = table.lookup(Ipv4Addr::from_bits(dst));
                prop_assert_eq!(found.map(|e| e.port.0), nets.iter().find(|net| **net == dst >> 3).map(|net| net % 3));
                prop_assert_eq!(found.is_some_and(|e| e.own == Own::One(own[0])), found.is_some() && dst >> 3 == 1);
            }
        }
    }
}

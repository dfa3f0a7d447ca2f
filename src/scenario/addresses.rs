//! Addresses by name. A subnet is one broadcast domain (switches joined by links, with all that is
//! attached) or one wire between two nodes that are no switches. Its place in 10.128.0.0/9 is a
//! hash of its own name and a host's place in it a hash of the host's, so that a bystander changes
//! nobody's address. Explicit addresses and DHCP pools pin their subnet to their /24.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::check::Checker;
use super::diagnostic::Diagnostic;
use super::plan::{LinkPlan, NodeKind, NodePlan};
use crate::base::ids::mix;
use crate::base::schema::Data;
use crate::node::addressing::prefix_mask;

/// What a network is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SubnetName {
    /// `domain/` and the first name of its switches.
    Domain(Arc<str>),
    /// `wire/a--b`.
    Wire(Arc<str>),
}

impl SubnetName {
    fn parts(&self) -> [&str; 2] {
        match self {
            SubnetName::Domain(name) => ["domain/", name],
            SubnetName::Wire(name) => ["wire/", name],
        }
    }
}

impl fmt::Display for SubnetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().iter().try_for_each(|part| f.write_str(part))
    }
}

/// One network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subnet {
    /// Its name.
    pub name: SubnetName,
    /// Its first address.
    pub prefix: Ipv4Addr,
    /// Length of its prefix.
    pub len: u8,
    /// Its members that are no switches: node and port. Those of a wire in its forward order.
    pub members: SmallVec<[(usize, usize); 2]>,
}

/// The networks by name, domains first, and which of them each link belongs to.
pub(super) struct Subnets {
    pub(super) list: Vec<Subnet>,
    pub(super) of_links: Vec<usize>,
}

/// Domains take the lower half of 10.128.0.0/9, wires the upper.
const DOMAINS: (u32, u8) = (0x0a80_0000, 10);
const WIRES: (u32, u8) = (0x0ac0_0000, 10);

/// Gives every port of every host and router an address, and the networks they are in.
pub(super) fn assign(checker: &mut Checker, nodes: &mut [NodePlan], links: &[LinkPlan]) -> Subnets {
    let Subnets { list: mut subnets, of_links } = group(nodes, links);
    let homes = homes(nodes, &subnets);
    let at_home = |node: usize, port: usize| homes.get(node) == Some(&port);
    let mut taken: BTreeMap<u32, u32> = BTreeMap::new();
    let mut pinned = vec![false; subnets.len()];
    for (subnet, pinned) in subnets.iter_mut().zip(&mut pinned) {
        *pinned = pin(checker, subnet, nodes, &at_home, &mut taken);
    }
    for (subnet, _) in subnets.iter_mut().zip(&pinned).filter(|(_, pinned)| !**pinned) {
        place(checker, subnet, &mut taken);
    }
    for subnet in &subnets {
        number(checker, subnet, nodes, &at_home, links);
    }
    Subnets { list: subnets, of_links }
}

/// The subnets by name, without addresses.
fn group(nodes: &[NodePlan], links: &[LinkPlan]) -> Subnets {
    let is_switch = |n: usize| nodes.get(n).is_some_and(|n| n.kind == NodeKind::Switch);
    // Union-find over switches; the smaller rank, that is the smaller name, is the root.
    let mut root: Vec<usize> = (0..nodes.len()).collect();
    fn find(root: &mut [usize], mut n: usize) -> usize {
        while root[n] != n {
            root[n] = root[root[n]];
            n = root[n];
        }
        n
    }
    for link in links.iter().filter(|l| l.nodes.iter().all(|n| is_switch(*n))) {
        let (a, b) = (find(&mut root, link.nodes[0]), find(&mut root, link.nodes[1]));
        root[a.max(b)] = a.min(b);
    }
    // By the first of their switches; wires are in order because links are.
    let mut domains: BTreeMap<usize, SmallVec<[(usize, usize); 2]>> = BTreeMap::new();
    let mut wires = Vec::with_capacity(links.len());
    let subnet = |name, members| Subnet { name, prefix: Ipv4Addr::UNSPECIFIED, len: 0, members };
    let mut homes: Vec<Result<usize, usize>> = Vec::with_capacity(links.len());
    for link in links {
        let ends = (0..2).map(|end| (link.nodes[end], link.ports[end])).filter(|(n, _)| !is_switch(*n));
        match link.nodes.iter().copied().find(|n| is_switch(*n)) {
            Some(switch) => {
                let first = find(&mut root, switch);
                domains.entry(first).or_default().extend(ends);
                homes.push(Ok(first));
            }
            None => {
                homes.push(Err(wires.len()));
                wires.push(subnet(SubnetName::Wire(link.name.clone()), ends.collect()));
            }
        }
    }
    let ranks: BTreeMap<usize, usize> = domains.keys().copied().zip(0..).collect();
    let place = |home: Result<usize, usize>| match home {
        Ok(first) => ranks[&first],
        Err(wire) => domains.len() + wire,
    };
    let of_links = homes.into_iter().map(place).collect();
    let mut list = Vec::with_capacity(domains.len() + wires.len());
    for (first, mut members) in domains {
        members.sort();
        list.push(subnet(SubnetName::Domain(nodes[first].name.clone()), members));
    }
    list.extend(wires);
    Subnets { list, of_links }
}

/// Explicit addresses and pools of a node on its first port, with their places in the file.
fn pins(node: &NodePlan) -> Vec<(Ipv4Addr, Range<usize>)> {
    let fixed = node.fixed.map(|a| (a, node.params.span("address")));
    let ranges = node.params.0.values().filter_map(|v| match v.data {
        Data::AddressRange(first, last) => Some([(first, v.span.clone()), (last, v.span.clone())]),
        _ => None,
    });
    fixed.into_iter().chain(ranges.flatten()).collect()
}

/// The port that a node's explicit address belongs to: its first; of a router, the one whose network
/// that address fits.
fn homes(nodes: &[NodePlan], subnets: &[Subnet]) -> Vec<usize> {
    let mut homes = vec![0; nodes.len()];
    let net = |address: Ipv4Addr| address.to_bits() & prefix_mask(24);
    for subnet in subnets {
        let others = |me: usize| subnet.members.iter().filter(move |(node, _)| *node != me);
        for (node, port) in &subnet.members {
            let Some(fixed) = nodes[*node].fixed.filter(|_| nodes[*node].kind == NodeKind::Router) else { continue };
            let fits = |other: usize| pins(&nodes[other]).iter().any(|(address, _)| net(*address) == net(fixed));
            if others(*node).any(|(other, _)| nodes[*other].kind == NodeKind::Host && fits(*other)) {
                homes[*node] = *port;
            }
        }
    }
    homes
}

/// Whether this port of a node is the one that its explicit address belongs to.
type AtHome<'a> = &'a dyn Fn(usize, usize) -> bool;

fn pin(
    checker: &mut Checker,
    subnet: &mut Subnet,
    nodes: &[NodePlan],
    at_home: AtHome<'_>,
    taken: &mut BTreeMap<u32, u32>,
) -> bool {
    let mut prefix: Option<(u32, usize)> = None;
    for (node, _) in subnet.members.iter().filter(|(node, port)| at_home(*node, *port)) {
        for (address, span) in pins(&nodes[*node]) {
            let wanted = address.to_bits() & prefix_mask(24);
            match prefix {
                None if taken.contains_key(&wanted) => {
                    let message = format!("{address} is in a network that another part of the scenario already uses");
                    let help = "join the two by a switch, or use another /24";
                    checker.diagnostics.push(Diagnostic::error(span, message).help(help));
                }
                None => prefix = Some((wanted, *node)),
                Some((prefix, first)) if prefix != wanted => {
                    let message = format!(
                        "{address} of `{}` is not in {}/24, the network of `{}`, though both are on {}",
                        nodes[*node].name,
                        Ipv4Addr::from_bits(prefix),
                        nodes[first].name,
                        subnet.name
                    );
                    let help = "one network is one /24: change the address, or put a router between";
                    checker.diagnostics.push(Diagnostic::error(span, message).help(help));
                }
                Some(_) => {}
            }
        }
    }
    let Some((prefix, _)) = prefix else { return false };
    taken.insert(prefix, prefix | 0xff);
    (subnet.prefix, subnet.len) = (Ipv4Addr::from_bits(prefix), 24);
    true
}

/// A free block for an unpinned subnet: where its name's hash says, or the next free one.
fn place(checker: &mut Checker, subnet: &mut Subnet, taken: &mut BTreeMap<u32, u32>) {
    let wire = matches!(subnet.name, SubnetName::Wire(_));
    let ((base, base_len), mut len) = if wire { (WIRES, 30) } else { (DOMAINS, 24) };
    // Half of a domain stays free, so that hashed places collide seldom.
    while !wire && len > base_len && (1u64 << (32 - len)) < 2 * subnet.members.len() as u64 {
        len -= 1;
    }
    let slots = 1u32 << (len - base_len);
    let size = 1u32 << (32 - u32::from(len));
    let first = (hash(subnet.name.parts(), 0) % u64::from(slots)) as u32;
    for step in 0..slots {
        let start = base + ((first + step) % slots) * size;
        let end = start + (size - 1);
        let overlaps = taken.range(..=end).next_back().is_some_and(|(_, taken_end)| *taken_end >= start);
        if !overlaps {
            taken.insert(start, end);
            (subnet.prefix, subnet.len) = (Ipv4Addr::from_bits(start), len);
            return;
        }
    }
    checker.diagnostics.push(Diagnostic::error(0..0, format!("no room is left in 10.128.0.0/9 for {}", subnet.name)));
}

/// The hash of a name in two parts.
fn hash(parts: [&str; 2], salt: u64) -> u64 {
    let mut name: SmallVec<[u8; 128]> = SmallVec::new();
    parts.iter().for_each(|part| name.extend_from_slice(part.as_bytes()));
    let bytes = blake3::hash(&name);
    let word = bytes.as_bytes().iter().take(8).fold(0u64, |word, b| word << 8 | u64::from(*b));
    mix(word, salt)
}

/// Gives each member its address.
fn number(checker: &mut Checker, subnet: &Subnet, nodes: &mut [NodePlan], at_home: AtHome<'_>, links: &[LinkPlan]) {
    let base = subnet.prefix.to_bits();
    let size = 1u64 << (32 - u32::from(subnet.len.max(1)));
    let mut used: BTreeSet<u32> = BTreeSet::new();
    let mut pools: Vec<(u32, u32)> = Vec::new();
    for (node, _) in subnet.members.iter().filter(|(node, port)| at_home(*node, *port)) {
        for value in nodes[*node].params.0.values() {
            if let Data::AddressRange(first, last) = value.data {
                pools.push((first.to_bits(), last.to_bits()));
            }
        }
    }
    for (node, _) in subnet.members.iter().filter(|(node, port)| at_home(*node, *port)) {
        let Some(fixed) = nodes[*node].fixed else { continue };
        let span = nodes[*node].params.span("address");
        let bits = fixed.to_bits();
        if u64::from(bits & !prefix_mask(subnet.len)) == 0 || u64::from(bits & !prefix_mask(subnet.len)) == size - 1 {
            let message = format!("{fixed} is the first or last address of its network and no host's");
            checker.diagnostics.push(Diagnostic::error(span, message));
        } else if pools.iter().any(|(first, last)| (*first..=*last).contains(&bits)) {
            let message = format!("{fixed} of `{}` is inside a DHCP pool of its network", nodes[*node].name);
            checker.diagnostics.push(Diagnostic::error(span, message).help("choose one outside the pool"));
        } else if !used.insert(bits) {
            let message = format!("{fixed} of `{}` is another node's too", nodes[*node].name);
            checker.diagnostics.push(Diagnostic::error(span, message).help("leave `address` out to have one assigned"));
        }
    }
    for (rank, (node, port)) in subnet.members.iter().enumerate() {
        let plan = &mut nodes[*node];
        let fixed = plan.fixed.filter(|_| at_home(*node, *port));
        let address = match fixed {
            Some(fixed) => Some(fixed),
            None if plan.dhcp && *port == 0 => None,
            None if subnet.len == 30 => Some(Ipv4Addr::from_bits(base + 1 + rank as u32)),
            None => {
                let hosts = size - 2;
                let link = &links[plan.ports[*port].link].name;
                let first = hash([&format!("{} ", plan.name), link], 1) % hosts;
                let free = (0..hosts)
                    .map(|step| base + 1 + ((first + step) % hosts) as u32)
                    .find(|bits| !used.contains(bits) && !pools.iter().any(|(a, b)| (*a..=*b).contains(bits)));
                if free.is_none() {
                    let message = format!("{}/{} has no address left for `{}`", subnet.prefix, subnet.len, plan.name);
                    let help = "make the pool smaller, or leave out what pins the network to a /24";
                    checker.diagnostics.push(Diagnostic::error(plan.span.clone(), message).help(help));
                }
                used.extend(free);
                free.map(Ipv4Addr::from_bits)
            }
        };
        plan.ports[*port].address = address;
        plan.ports[*port].prefix_len = subnet.len;
    }
}

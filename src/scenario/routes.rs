//! Routes by shortest path, counted in networks crossed; of equal ones, the first by name.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::net::Ipv4Addr;

use super::addresses::Subnets;
use super::lists::Lists;
use super::plan::{NodeKind, NodePlan, Route};

/// Fills every router's table and every host's gateway.
pub(super) fn fill(nodes: &mut [NodePlan], subnets: &Subnets) {
    let of_kind = |kind| nodes.iter().enumerate().filter(move |(_, node)| node.kind == kind);
    let ports = of_kind(NodeKind::Router).flat_map(|(rank, node)| (0..node.ports.len()).map(move |port| (rank, port)));
    let net = |node: usize, port: usize| subnets.of_links[nodes[node].ports[port].link];
    let routers = Lists::new(subnets.list.len(), ports.map(|(node, port)| (net(node, port), (node, port))));
    // Tables stand in this order.
    let mut by_prefix: Vec<usize> = (0..subnets.list.len()).collect();
    by_prefix.sort_by_cached_key(|net| (Reverse(subnets.list[*net].len), subnets.list[*net].prefix.to_bits()));

    let world = World { nodes, subnets, routers, by_prefix };
    let tables: Vec<(usize, Vec<Route>)> =
        of_kind(NodeKind::Router).map(|(router, _)| (router, world.table(router))).collect();
    let gateways: Vec<Option<Ipv4Addr>> = (0..nodes.len()).map(|node| world.gateway(node)).collect();
    nodes.iter_mut().zip(gateways).for_each(|(node, gateway)| node.gateway = gateway);
    tables.into_iter().for_each(|(router, table)| nodes[router].routes = table);
}

struct World<'a> {
    nodes: &'a [NodePlan],
    subnets: &'a Subnets,
    /// The routers on each network, by name, and their ports there.
    routers: Lists<(usize, usize)>,
    /// The networks, the longest prefixes first.
    by_prefix: Vec<usize>,
}

impl World<'_> {
    /// The networks of a node, by port.
    fn networks(&self, node: usize) -> impl Iterator<Item = (usize, usize)> {
        self.nodes[node].ports.iter().map(|port| self.subnets.of_links[port.link]).enumerate()
    }

    /// The first router on a host's first network.
    fn gateway(&self, node: usize) -> Option<Ipv4Addr> {
        let (_, net) = self.networks(node).next().filter(|_| self.nodes[node].kind == NodeKind::Host)?;
        self.routers.of(net).first().and_then(|(router, port)| self.nodes[*router].ports[*port].address)
    }

    /// Breadth first over networks, through the routers that join them.
    fn table(&self, from: usize) -> Vec<Route> {
        let at = |net: usize, port, next_hop| {
            let subnet = &self.subnets.list[net];
            Some(Route { prefix: subnet.prefix, len: subnet.len, port, next_hop })
        };
        let mut routes: Vec<Option<Route>> = vec![None; self.subnets.list.len()];
        let mut queue = VecDeque::new();
        let mut seen = vec![false; self.nodes.len()];
        seen[from] = true;
        for (port, net) in self.networks(from) {
            if routes[net].is_none() {
                routes[net] = at(net, port, None);
                queue.push_back(net);
            }
        }
        while let Some(net) = queue.pop_front() {
            let Some(here) = routes[net] else { continue };
            for (router, its_port) in self.routers.of(net) {
                if std::mem::replace(&mut seen[*router], true) {
                    continue;
                }
                let next_hop = here.next_hop.or(self.nodes[*router].ports[*its_port].address);
                for (_, further) in self.networks(*router) {
                    if routes[further].is_none() {
                        routes[further] = at(further, here.port, next_hop);
                        queue.push_back(further);
                    }
                }
            }
        }
        let mut table = Vec::with_capacity(routes.iter().flatten().count());
        table.extend(self.by_prefix.iter().filter_map(|net| routes[*net]));
        table
    }
}

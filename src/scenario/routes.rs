//! Routes by shortest path, counted in networks crossed; of equal ones, the first by name.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use super::addresses::Subnet;
use super::plan::{NodeKind, NodePlan, Route};

/// Fills every router's table and every host's gateway.
pub(super) fn fill(nodes: &mut [NodePlan], subnets: &[Subnet]) {
    // The networks of each node, by port.
    let mut networks: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (net, subnet) in subnets.iter().enumerate() {
        for (node, port) in &subnet.members {
            networks.entry(*node).or_default().push((*port, net));
        }
    }
    networks.values_mut().for_each(|ports| ports.sort());
    // The routers on each network, by name.
    let is_router = |node: usize| nodes[node].kind == NodeKind::Router;
    let routers: Vec<Vec<(usize, usize)>> = subnets
        .iter()
        .map(|subnet| {
            let mut on_it: Vec<_> = subnet.members.iter().copied().filter(|(node, _)| is_router(*node)).collect();
            on_it.sort();
            on_it
        })
        .collect();

    let tables: Vec<Vec<Route>> = (0..nodes.len())
        .map(|node| if is_router(node) { table(node, nodes, subnets, &networks, &routers) } else { Vec::new() })
        .collect();
    let gateways: Vec<Option<Ipv4Addr>> = (0..nodes.len())
        .map(|node| {
            let (_, net) = networks.get(&node)?.first().filter(|_| nodes[node].kind == NodeKind::Host)?;
            routers[*net].first().and_then(|(router, port)| nodes[*router].ports[*port].address)
        })
        .collect();
    for ((node, table), gateway) in nodes.iter_mut().zip(tables).zip(gateways) {
        (node.routes, node.gateway) = (table, gateway);
    }
}

/// Breadth first over networks, through the routers that join them.
fn table(
    from: usize,
    nodes: &[NodePlan],
    subnets: &[Subnet],
    networks: &BTreeMap<usize, Vec<(usize, usize)>>,
    routers: &[Vec<(usize, usize)>],
) -> Vec<Route> {
    let mut routes: BTreeMap<usize, Route> = BTreeMap::new();
    let mut queue = VecDeque::new();
    let mut seen = vec![false; nodes.len()];
    seen[from] = true;
    let at = |net: usize, port, next_hop| Route { prefix: subnets[net].prefix, len: subnets[net].len, port, next_hop };
    for (port, net) in networks.get(&from).into_iter().flatten() {
        if !routes.contains_key(net) {
            routes.insert(*net, at(*net, *port, None));
            queue.push_back(*net);
        }
    }
    while let Some(net) = queue.pop_front() {
        let here = routes[&net];
        for (router, its_port) in &routers[net] {
            if std::mem::replace(&mut seen[*router], true) {
                continue;
            }
            let next_hop = here.next_hop.or(nodes[*router].ports[*its_port].address);
            for (_, further) in networks.get(router).into_iter().flatten() {
                if !routes.contains_key(further) {
                    routes.insert(*further, at(*further, here.port, next_hop));
                    queue.push_back(*further);
                }
            }
        }
    }
    let mut routes: Vec<Route> = routes.into_values().collect();
    routes.sort_by_key(|r| (std::cmp::Reverse(r.len), r.prefix));
    routes
}

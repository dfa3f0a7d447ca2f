//! Warnings about physics: what can run, but hardly as meant; and the error of a flow to nowhere. Only [`super::plan::Plan`] is looked at.

use std::collections::{BTreeSet, VecDeque};

use super::diagnostic::Diagnostic;
use super::plan::{Amount, ChannelPlan, FlowPlan, NodeKind, Plan};
use crate::base::schema::Data;
use crate::base::time::{Duration, NANOS_PER_SEC};
use crate::base::units::{QueueLimit, Rate, Size};

/// A usual packet, to compare limits in packets with those in bytes.
const PACKET_BYTES: u128 = 1_500;

/// More flows than these are not looked at, so that a check stays quick.
const MAX_FLOWS: usize = 1_000;

/// Everything odd about a plan that is right otherwise.
pub(super) fn warnings(plan: &Plan) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for node in plan.nodes.iter().filter(|n| n.ports.is_empty()) {
        let warning = Diagnostic::warning(node.span.clone(), format!("`{}` is connected to nothing", node.name));
        found.push(warning.help("name it in a [[connect]]"));
    }
    no_dhcp_server(plan, &mut found);
    let mut buffers = BTreeSet::new();
    // Members of a group differ little: the first of each [[flow]] speaks for all.
    let mut tables = BTreeSet::new();
    let firsts = plan.flows.iter().filter(|f| tables.insert(f.span.start)).take(MAX_FLOWS);
    for flow in firsts {
        let tree = paths(flow.from, plan);
        let Some(path) = path(&tree, flow) else {
            let (from, to) = (&plan.nodes[flow.from].name, &plan.nodes[flow.to].name);
            let message = format!("flow `{}` cannot finish: nothing joins `{from}` and `{to}`", flow.name);
            found.push(Diagnostic::error(flow.span.clone(), message).help("add a [[connect]]"));
            continue;
        };
        let channels: Vec<&ChannelPlan> = path.iter().map(|(link, way)| &*plan.links[*link].channels[*way]).collect();
        let back = path.iter().map(|(link, way)| plan.links[*link].channels[1 - way].delay.base);
        let rtt = channels.iter().map(|c| c.delay.base).chain(back).fold(Duration::ZERO, |sum, d| sum + d);
        let slowest = path
            .iter()
            .zip(&channels)
            .filter_map(|(hop, c)| c.rate.map(|rate| (rate, hop, c)))
            .min_by_key(|(r, ..)| *r);
        let Some((rate, (link, _), channel)) = slowest else { continue };
        too_long(plan, flow, rate, rtt, &mut found);
        if buffers.insert(*link) {
            buffer(plan, *link, channel, rate, rtt, &mut found);
        }
    }
    found
}

/// A DHCP client in a network where nobody has a pool of addresses.
fn no_dhcp_server(plan: &Plan, found: &mut Vec<Diagnostic>) {
    let has_pool = |n: &super::plan::NodePlan| n.params.0.values().any(|v| matches!(v.data, Data::AddressRange(..)));
    if plan.nodes.iter().any(has_pool) {
        return;
    }
    for node in plan.nodes.iter().filter(|n| n.dhcp) {
        let message = format!("`{}` waits for an address, but no node has a pool of them", node.name);
        let warning = Diagnostic::warning(node.params.span("address"), message);
        found.push(warning.help("add a node with role = \"dhcp-server\", or give the address"));
    }
}

fn too_long(plan: &Plan, flow: &FlowPlan, rate: Rate, rtt: Duration, found: &mut Vec<Diagnostic>) {
    let Amount::Bytes(Size(bytes)) = flow.amount else { return };
    let nanos = u128::from(bytes) * 8 * u128::from(NANOS_PER_SEC) / u128::from(rate.0.max(1));
    let least = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)) + rtt;
    if flow.start + least > plan.until {
        let message = format!(
            "flow `{}` cannot finish: {} at {rate} takes {} s, and the run ends at {} s",
            flow.name,
            Size(bytes),
            least.as_secs() + 1,
            plan.until
        );
        found.push(Diagnostic::warning(flow.span.clone(), message).help("send less, or raise `until`"));
    }
}

/// Far less than the path's bandwidth-delay product starves the link; far more only delays.
fn buffer(plan: &Plan, link: usize, channel: &ChannelPlan, rate: Rate, rtt: Duration, found: &mut Vec<Diagnostic>) {
    let bdp = u128::from(rate.0) * u128::from(rtt.as_nanos()) / u128::from(8 * NANOS_PER_SEC);
    let Some(value) = channel.queue.1.get("limit") else { return };
    let held = match value.data {
        Data::QueueLimit(QueueLimit::Packets(n)) => u128::from(n) * PACKET_BYTES,
        Data::QueueLimit(QueueLimit::Bytes(n)) => u128::from(n),
        _ => return,
    };
    // The default is no choice of the user's, and a path shorter than a few packets needs none.
    if value.span.is_empty() || bdp < 4 * PACKET_BYTES {
        return;
    }
    let name = &plan.links[link].name;
    let product = Size(u64::try_from(bdp).unwrap_or(u64::MAX));
    let odd = if held * 10 < bdp {
        "less than a tenth of"
    } else if held > bdp * 10 {
        "more than ten times"
    } else {
        return;
    };
    let message = format!("the queue of `{name}` is {odd} the bandwidth-delay product of its path, {product}");
    found.push(Diagnostic::warning(value.span.clone(), message).help("\"1 BDP\" fits the link's own delay"));
}

/// For each node the last hop of the shortest path to it: link, way, and the node before. Hosts
/// forward nothing.
fn paths(from: usize, plan: &Plan) -> Vec<Option<Hop>> {
    let mut last = vec![None; plan.nodes.len()];
    let mut queue = VecDeque::from([from]);
    while let Some(node) = queue.pop_front() {
        if node != from && plan.nodes[node].kind == NodeKind::Host {
            continue;
        }
        for port in &plan.nodes[node].ports {
            let next = plan.links[port.link].nodes[1 - port.end];
            if next != from && last[next].is_none() {
                last[next] = Some((port.link, port.end, node));
                queue.push_back(next);
            }
        }
    }
    last
}

/// Link, way along it, and the node it begins at.
type Hop = (usize, usize, usize);

/// The hops of a flow, last first.
fn path(tree: &[Option<Hop>], flow: &FlowPlan) -> Option<Vec<(usize, usize)>> {
    let mut hops = Vec::new();
    let mut node = flow.to;
    while node != flow.from {
        let (link, way, before) = tree.get(node).copied().flatten()?;
        hops.push((link, way));
        node = before;
    }
    Some(hops)
}

//! What the network cannot be: a host on two wires, switches in a circle.

use super::check::Checker;
use super::diagnostic::Diagnostic;
use super::plan::{LinkPlan, NodeKind, NodePlan};

/// Refuses what could not run as it stands.
pub(super) fn check(checker: &mut Checker, nodes: &[NodePlan], links: &[LinkPlan]) {
    one_interface(checker, nodes, links);
    no_circle_of_switches(checker, nodes, links);
}

/// A host has one interface. Of a group the first speaks for all.
fn one_interface(checker: &mut Checker, nodes: &[NodePlan], links: &[LinkPlan]) {
    let mut last = None;
    for node in nodes.iter().filter(|n| n.kind == NodeKind::Host && n.ports.len() > 1) {
        if last.replace(node.span.clone()) == Some(node.span.clone()) {
            continue;
        }
        let names: Vec<&str> = node.ports.iter().filter_map(|p| links.get(p.link)).map(|l| &*l.name).collect();
        let place = node.ports.get(1).and_then(|p| links.get(p.link)).map_or(node.span.clone(), |l| l.span.clone());
        let few = names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        let more = if names.len() > 3 { ", ..." } else { "" };
        let message =
            format!("`{}` is a {} and has one interface, but {} links: {few}{more}", node.name, node.role, names.len());
        let help = "connect it to a switch or a router, and that to the others";
        checker.diagnostics.push(Diagnostic::error(place, message).help(help));
    }
}

/// Switches forward what they do not know to everybody: in a circle that would never end.
fn no_circle_of_switches(checker: &mut Checker, nodes: &[NodePlan], links: &[LinkPlan]) {
    let mut root: Vec<usize> = (0..nodes.len()).collect();
    let is_switch = |n: usize| nodes.get(n).is_some_and(|n| n.kind == NodeKind::Switch);
    // In the order of the file, so that the link that is named is the one that closes the circle.
    let mut between: Vec<&LinkPlan> = links.iter().filter(|l| l.nodes.iter().all(|n| is_switch(*n))).collect();
    between.sort_by_key(|l| l.span.start);
    for link in between {
        let [a, b] = link.nodes.map(|node| find(&mut root, node));
        if a == b {
            let message = format!("`{}` closes a circle of switches, in which a broadcast would never end", link.name);
            let help = "take out this link, or make one of them a router";
            checker.diagnostics.push(Diagnostic::error(link.span.clone(), message).help(help));
        }
        root[a] = b;
    }
}

/// The one that stands for all that `node` is joined with.
fn find(root: &mut [usize], mut node: usize) -> usize {
    while root[node] != node {
        root[node] = root[root[node]];
        node = root[node];
    }
    node
}

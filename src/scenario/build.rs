//! From a checked plan to a network that can run.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::hosts::Hosts;
use super::plan::{Change as PlannedChange, ChannelChange, ChannelPlan, DelayPlan, NodeKind, NodePlan, Plan};
use crate::base::ids::{ChannelId, NodeId, PortId};
use crate::base::note::Sink;
use crate::base::rng::{Around, Rng, Seed};
use crate::base::schema::Params;
use crate::base::time::{Duration, Instant};
use crate::node::router::Router;
use crate::node::routes::Route;
use crate::node::switch::Switch;
use crate::sim::channel::ChannelSetup;
use crate::sim::delay::{DelaySettings, Distribution};
use crate::sim::fault::{Change, Fault};
use crate::sim::loss::LOSS_MODELS;
use crate::sim::loss::model::LossModel;
use crate::sim::network::{Network, NodeFactory};
use crate::sim::queue::QUEUES;
use crate::sim::queue::buffer::Buffer;
use crate::sim::queue::discipline::QueueEnv;

/// The streams of a link's two directions, by what they are for.
const JITTER: [Around; 2] = [["link/", "/forward/jitter"], ["link/", "/reverse/jitter"]];
const LOSS: [Around; 2] = [["link/", "/forward/loss"], ["link/", "/reverse/loss"]];
const EVENT_LOSS: [Around; 2] = [["link/", "/forward/event/loss"], ["link/", "/reverse/event/loss"]];

/// The names of all places of a run, in their order: nodes, then `link/forward` and
/// `link/reverse` of each link. The second figure counts the nodes.
pub fn place_names(plan: &Plan) -> (Vec<String>, u32) {
    let nodes = plan.nodes.iter().map(|n| n.name.to_string());
    let links = plan.links.iter().flat_map(|l| ["/forward", "/reverse"].map(|way| [&*l.name, way].concat()));
    let mut names = Vec::with_capacity(plan.nodes.len() + 2 * plan.links.len());
    names.extend(nodes.chain(links));
    (names, plan.nodes.len() as u32)
}

/// Makes the network of a plan.
///
/// # Errors
/// What only a role can see to be wrong, such as a file that is not there.
pub fn build<S: Sink>(plan: &Arc<Plan>, sink: S) -> Result<Network<S>, Vec<Diagnostic>> {
    build_with(plan, sink, &|_| None)
}

/// The same with other nodes in the place of some, by rank.
pub(super) fn build_with<S: Sink>(
    plan: &Arc<Plan>,
    sink: S,
    other: &dyn Fn(usize) -> Option<NodeFactory>,
) -> Result<Network<S>, Vec<Diagnostic>> {
    let hosts = Rc::new(Hosts::new(plan.clone()));
    let mut network = Network::new(sink);
    network.reserve(plan.nodes.len(), plan.links.len());
    let mut mistakes = Vec::new();
    for index in 0..plan.nodes.len() {
        match other(index).map_or_else(|| node_factory(&hosts, index), Ok) {
            Ok(factory) => {
                network.add_node(factory);
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let seed = Seed(plan.seed);
    for link in &plan.links {
        let [a, b] = link.nodes.map(|n| NodeId(n as u32));
        let setup =
            |way: usize| channel_setup(&link.channels[way], way, &|purpose| seed.stream_of(purpose, &link.name));
        network.add_link(a, b, setup(0), setup(1));
    }
    network.set_wire(plan.wire);
    network.set_faults(faults(plan));
    Ok(network)
}

/// The node of this rank. Its role is made now, so that mistakes are seen before the run; a later
/// life makes it anew.
fn node_factory(hosts: &Rc<Hosts>, index: usize) -> Result<NodeFactory, Diagnostic> {
    let node = &hosts.plan.nodes[index];
    Ok(match node.kind {
        NodeKind::Switch => {
            let ports = node.ports.len() as u32;
            Box::new(move |_| Box::new(Switch::new(ports)))
        }
        NodeKind::Router => {
            let (hosts, index) = (hosts.clone(), index);
            Box::new(move |_| Box::new(router(&hosts.plan.nodes[index])))
        }
        NodeKind::Host => {
            let first = RefCell::new(Some(hosts.role(node)?));
            let hosts = hosts.clone();
            Box::new(move |lives| {
                let role = first.borrow_mut().take().map_or_else(|| hosts.role(&hosts.plan.nodes[index]), Ok);
                Box::new(hosts.host(index, lives, role.ok()))
            })
        }
    })
}

fn router(node: &NodePlan) -> Router {
    let addresses = node.ports.iter().map(|p| p.address.unwrap_or(Ipv4Addr::UNSPECIFIED)).collect();
    let route = |r: &super::plan::Route| Route {
        prefix: r.prefix,
        prefix_len: r.len,
        port: PortId(r.port as u32),
        via: r.next_hop,
    };
    Router::new(addresses, node.routes.iter().map(route).collect())
}

/// One way of a link; `stream` makes the random stream of a purpose.
fn channel_setup(plan: &ChannelPlan, way: usize, stream: &dyn Fn(&'static Around) -> Rng) -> ChannelSetup {
    ChannelSetup {
        rate: plan.rate,
        delay: delay_settings(&plan.delay),
        queue: queue(&plan.queue, plan),
        loss: loss(&plan.loss, || stream(&LOSS[way])),
        jitter: stream(&JITTER[way]),
    }
}

fn delay_settings(plan: &DelayPlan) -> DelaySettings {
    let distribution = if plan.distribution == "normal" { Distribution::Normal } else { Distribution::Uniform };
    DelaySettings { base: plan.base, jitter: plan.jitter, distribution, reorder: plan.reorder }
}

fn queue((name, params): &(String, Params), channel: &ChannelPlan) -> Buffer {
    let entry = QUEUES.find(name).expect("the checker knows every queue");
    (entry.build)(params, &QueueEnv { rate: channel.rate, delay: channel.delay.base })
}

fn loss((name, params): &(String, Params), stream: impl Fn() -> Rng) -> Option<Box<dyn LossModel>> {
    let entry = LOSS_MODELS.find(name).expect("the checker knows every loss model");
    (name != "none").then(|| (entry.build)(params, stream()))
}

/// The fault timeline: each event's beginning and, if it ends, its end.
fn faults(plan: &Plan) -> Vec<Fault> {
    let mut faults = Vec::new();
    for event in &plan.events {
        let at = Instant::ZERO + event.at;
        let mut add = |at, ends, changes: Vec<Change>| {
            faults.extend(changes.into_iter().map(|change| Fault { at, what: event.text.clone(), ends, change }));
        };
        let end = event.lasts.map(|time: Duration| at + time);
        match &event.change {
            PlannedChange::Node(node, crashed) => {
                add(at, false, vec![Change::Crashed(NodeId(*node as u32), *crashed)]);
                if let Some(end) = end {
                    add(end, true, vec![Change::Crashed(NodeId(*node as u32), !crashed)]);
                }
            }
            PlannedChange::Link(link, ways) => {
                for way in 0..2 {
                    let link_plan = &plan.links[*link];
                    let base = &link_plan.channels[way];
                    let id = ChannelId((2 * link + way) as u32);
                    let stream = || Seed(plan.seed).stream_of(&EVENT_LOSS[way], &link_plan.name);
                    add(at, false, changes(id, &ways[way], base, &stream));
                    if let Some(end) = end {
                        add(end, true, changes(id, &taken_back(&ways[way], base), base, &stream));
                    }
                }
            }
        }
    }
    faults
}

/// The change that restores what `change` changed.
fn taken_back(change: &ChannelChange, base: &ChannelPlan) -> ChannelChange {
    ChannelChange {
        rate: change.rate.and(base.rate),
        delay: change.delay.as_ref().map(|_| base.delay.clone()),
        loss: change.loss.as_ref().map(|_| base.loss.clone()),
        queue: change.queue.as_ref().map(|_| base.queue.clone()),
        down: change.down.map(|down| !down),
    }
}

fn changes(id: ChannelId, change: &ChannelChange, base: &ChannelPlan, stream: &dyn Fn() -> Rng) -> Vec<Change> {
    let rate = change.rate.map(|rate| Change::Rate(id, Some(rate)));
    let delay = change.delay.as_ref().map(|delay| Change::Delay(id, delay_settings(delay)));
    let loss = change.loss.as_ref().map(|l| Change::Loss(id, loss(l, stream)));
    let queue = change.queue.as_ref().map(|q| Change::Queue(id, queue(q, base)));
    let down = change.down.map(|down| Change::Down(id, down));
    [rate, delay, loss, queue, down].into_iter().flatten().collect()
}

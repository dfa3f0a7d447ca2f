//! The links of a scenario between hosts that are elsewhere: datagrams of a live run cross the
//! simulated network, switches, routers and faults included, by the clock of the live driver.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::build::build_with;
use super::diagnostic::Diagnostic;
use super::plan::{NodeKind, Plan};
use crate::base::ids::{NodeId, PacketId, PortId};
use crate::base::note::{Note, Place, Record, Sink};
use crate::base::report::{LinkReport, NodeReport};
use crate::base::time::Instant;
use crate::live::medium::{Departure, Medium};
use crate::node::node::{Ctx, Input, Node, Status};
use crate::proto::dhcp::SERVER_PORT;
use crate::sim::network::{Network, NodeFactory};
use crate::wire::packet::{Body, Packet};

/// Copies of a flooded datagram that are remembered.
const REMEMBERED: usize = 256;

/// Stands where a host is in the scenario, and hands out what arrives there.
struct Portal {
    id: NodeId,
    out: Sender<(NodeId, Packet)>,
}

impl Node for Portal {
    fn handle(&mut self, input: Input, _ctx: &mut Ctx<'_>) {
        if let Input::Packet { packet, .. } = input {
            // Nobody listens any more only when the run is over.
            let _ = self.out.send((self.id, *packet));
        }
    }
    fn next_wake(&self) -> Option<Instant> {
        None
    }
    fn status(&self) -> Status {
        Status::Done
    }
    fn report(&self) -> NodeReport {
        NodeReport::default()
    }
}

/// Hears what the network notes, and hands it to its [`Links`].
pub struct Tap(Sender<Record>);

/// A tap, and its other end.
pub fn tap() -> (Tap, Receiver<Record>) {
    let (notes, noted) = channel();
    (Tap(notes), noted)
}

impl Sink for Tap {
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        // Nobody listens any more only when the run is over.
        let _ = self.0.send(Record { at, place, note: note.clone() });
    }
}

/// The links of a plan.
pub struct Links<'s> {
    network: Network<Option<&'s mut Tap>>,
    arrived: Receiver<(NodeId, Packet)>,
    noted: Option<Receiver<Record>>,
    /// What needs no link: for strangers.
    direct: Vec<Packet>,
    /// Hosts' fixed addresses, and by rank.
    fixed: BTreeMap<Ipv4Addr, NodeId>,
    addresses: Vec<Option<Ipv4Addr>>,
    pools: Vec<(Ipv4Addr, Ipv4Addr)>,
    recent: VecDeque<PacketId>,
}

impl<'s> Links<'s> {
    /// The links of `plan`, with its seed; what they note goes through the tap, if there is one.
    ///
    /// # Errors
    /// None that checking the plan has not found before.
    pub fn new(plan: &Arc<Plan>, tap: Option<(&'s mut Tap, Receiver<Record>)>) -> Result<Self, Vec<Diagnostic>> {
        let (out, arrived) = channel();
        let portal = |index: usize| -> NodeFactory {
            let (id, out) = (NodeId(index as u32), out.clone());
            Box::new(move |_| Box::new(Portal { id, out: out.clone() }))
        };
        let (sink, noted) = tap.unzip();
        let mut network =
            build_with(plan, sink, &|index| (plan.nodes[index].kind == NodeKind::Host).then(|| portal(index)))?;
        network.start();
        let hosts = || plan.nodes.iter().enumerate().filter(|(_, n)| n.kind == NodeKind::Host);
        // A pool without a host that asks it serves strangers only.
        let pools = if hosts().any(|(_, n)| n.dhcp) {
            hosts().filter_map(|(_, n)| n.params.address_range("pool")).collect()
        } else {
            Vec::new()
        };
        Ok(Links {
            network,
            arrived,
            noted,
            direct: Vec::new(),
            fixed: hosts().filter_map(|(i, n)| Some((n.address()?, NodeId(i as u32)))).collect(),
            addresses: plan.nodes.iter().map(|n| n.address()).collect(),
            pools,
            recent: VecDeque::new(),
        })
    }

    fn is_for_a_node(&self, dst: Ipv4Addr) -> bool {
        let pooled = || self.pools.iter().any(|(first, last)| (*first..=*last).contains(&dst));
        dst.is_broadcast() || self.fixed.contains_key(&dst) || pooled()
    }

    /// What came out at a host, if it is for that host.
    fn departure(&mut self, node: NodeId, packet: Packet) -> Option<Departure> {
        let at = self.addresses[node.0 as usize];
        if !packet.dst.is_broadcast() {
            let mine = match at {
                Some(at) => at == packet.dst,
                None => !self.fixed.contains_key(&packet.dst),
            };
            // A switch floods: one copy is enough where several might be meant.
            if !mine || (at.is_none() && self.recent.contains(&packet.id)) {
                return None;
            }
            if at.is_none() {
                self.recent.truncate(REMEMBERED - 1);
                self.recent.push_front(packet.id);
            }
        }
        Some(Departure { at, packet })
    }
}

impl Medium for Links<'_> {
    fn send(&mut self, now: Instant, from: NodeId, port: PortId, packet: Packet) {
        // A DHCP answer goes back to where its question really came from.
        let answer = matches!(&packet.body, Body::Udp(d) if d.src_port == SERVER_PORT);
        if answer || !self.is_for_a_node(packet.dst) {
            return self.direct.push(packet);
        }
        while self.network.step(now) {}
        self.network.inject(now, from, port, packet);
    }

    fn advance(&mut self, now: Instant, departures: &mut Vec<Departure>, records: &mut Vec<Record>) {
        departures.extend(self.direct.drain(..).map(|packet| Departure { at: None, packet }));
        while self.network.step(now) {}
        while let Ok((node, packet)) = self.arrived.try_recv() {
            departures.extend(self.departure(node, packet));
        }
        records.extend(self.noted.iter().flat_map(Receiver::try_iter));
    }

    fn next_event(&mut self) -> Option<Instant> {
        self.network.next_event()
    }

    fn reports(&self) -> (Vec<LinkReport>, u64) {
        (self.network.link_reports(), self.network.packet_hops())
    }
}

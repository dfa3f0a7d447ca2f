//! The simulated world: nodes, the channels between them, and the loop that runs them.

use super::channel::{Arrival, Channel, ChannelSetup, News, Watch};
use super::fault::{Change, Fault};
use super::lookahead::Lookahead;
use super::node_slot::{NodeSlot, Ports};
use super::scheduler::{Scheduler, Source, Wake};
use crate::base::ids::{ChannelId, NodeId, PortId};
use crate::base::note::{Depth, DropCause, Nobody, Note, Notebook, Place, Sink, Way};
use crate::base::report::{LinkReport, NodeReport};
use crate::base::sinks::Here;
use crate::base::time::Instant;
use crate::node::node::{Ctx, Input, Node, Status, Wish};
use crate::node::outbox::Outbox;
use crate::wire::codec::through_bytes;
use crate::wire::packet::Packet;

/// Makes a node, and makes it anew after a crash; counts its lives from 0.
pub type NodeFactory = Box<dyn Fn(u32) -> Box<dyn Node>>;

/// A network and its clock. What happens is told to the sink; that its kind is known spares those
/// that keep little the making of what they do not keep.
pub struct Network<S = Nobody> {
    now: Instant,
    nodes: Vec<NodeSlot>,
    // How each node is made, and how many lives it had.
    factories: Vec<(NodeFactory, u32)>,
    channels: Vec<Channel>,
    // Latest first: the next fault stands last.
    faults: Vec<Fault>,
    scheduler: Scheduler,
    // In networks that do not fit into the nearest caches.
    lookahead: Option<Box<Lookahead>>,
    sink: S,
    wants_segments: bool,
    wants_packets: bool,
    // Packets themselves are looked at, or go through bytes.
    handles_packets: bool,
    busy_nodes: usize,
    settled_nodes: usize,
    wire: bool,
    events: u64,
    packet_hops: u64,
    outbox: Outbox,
}

impl<S: Sink> Network<S> {
    /// An empty network.
    pub fn new(sink: S) -> Self {
        Network {
            now: Instant::ZERO,
            nodes: Vec::new(),
            factories: Vec::new(),
            channels: Vec::new(),
            faults: Vec::new(),
            scheduler: Scheduler::default(),
            lookahead: None,
            wants_segments: sink.wants_segments(),
            wants_packets: sink.wants_packets(),
            handles_packets: sink.wants_segments() || sink.wants_packets(),
            sink,
            busy_nodes: 0,
            settled_nodes: 0,
            wire: false,
            events: 0,
            packet_hops: 0,
            outbox: Outbox::default(),
        }
    }

    /// Makes room for so many nodes and links.
    pub fn reserve(&mut self, nodes: usize, links: usize) {
        self.nodes.reserve_exact(nodes);
        self.factories.reserve_exact(nodes);
        self.channels.reserve_exact(2 * links);
    }

    /// Adds a node. Nodes are added in the sorted order of their names.
    pub fn add_node(&mut self, factory: NodeFactory) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        let node = factory(0);
        self.nodes.push(NodeSlot {
            only_forwards: node.only_forwards(),
            node,
            crashed: false,
            last_packet: 0,
            wake: Wake::default(),
            ports: Ports::default(),
            busy: false,
        });
        self.factories.push((factory, 1));
        id
    }

    /// Adds the two directions of a link, in the sorted order of links' names. The link takes the
    /// next port of each node.
    pub fn add_link(&mut self, a: NodeId, b: NodeId, forward: ChannelSetup, reverse: ChannelSetup) -> [ChannelId; 2] {
        let port_a = PortId(self.nodes[a.0 as usize].ports.len() as u32);
        let port_b = PortId(self.nodes[b.0 as usize].ports.len() as u32 + u32::from(a == b));
        let ids = [ChannelId(self.channels.len() as u32), ChannelId(self.channels.len() as u32 + 1)];
        let [to_a, to_b] = [a, b].map(|node| self.nodes[node.0 as usize].only_forwards);
        self.channels.push(Channel::new((b, port_b), to_b, forward));
        self.channels.push(Channel::new((a, port_a), to_a, reverse));
        self.nodes[a.0 as usize].ports.push(ids[0]);
        self.nodes[b.0 as usize].ports.push(ids[1]);
        ids
    }

    /// Sets the fault timeline; simultaneous faults keep this order.
    pub fn set_faults(&mut self, mut faults: Vec<Fault>) {
        faults.sort_by_key(|f| f.at);
        faults.reverse();
        self.faults = faults;
    }

    /// Sends every packet through encoding and decoding.
    pub fn set_wire(&mut self, wire: bool) {
        self.wire = wire;
        self.handles_packets = wire || self.wants_segments || self.wants_packets;
    }

    /// Starts every node, in order.
    pub fn start(&mut self) {
        self.lookahead = Lookahead::of(self.nodes.len());
        for index in 0..self.nodes.len() {
            self.node_starts(NodeId(index as u32));
        }
        self.scheduler.set_faults(self.faults.last().map(|f| f.at));
    }

    /// A packet that a node of another driver puts on its wire now; for live runs, whose clock this
    /// network follows.
    pub fn inject(&mut self, now: Instant, from: NodeId, port: PortId, packet: Packet) {
        self.now = self.now.max(now);
        self.pass_on(from, port, Box::new(packet));
    }

    /// When something happens next.
    pub fn next_event(&mut self) -> Option<Instant> {
        self.scheduler.peek(&mut self.nodes)
    }

    /// Handles the next event unless it is later than `until`. False: there was none.
    pub fn step(&mut self, until: Instant) -> bool {
        let Some((at, source)) = self.scheduler.pop(until, &mut self.nodes) else { return false };
        assert!(at >= self.now, "no event lies in the past (SYS-06)");
        self.now = at;
        self.events += 1;
        let heard = match source {
            Source::Faults => {
                self.next_fault();
                None
            }
            Source::Channel(id) => {
                if let Some(lookahead) = &self.lookahead {
                    lookahead.go_before(&self.channels, &self.scheduler);
                }
                self.channel_event(id)
            }
            Source::Node(id) => {
                self.node_wakes(id);
                if let Some(lookahead) = &mut self.lookahead
                    && let Some(next) = self.scheduler.next_wake(&mut self.nodes)
                {
                    lookahead.announce(next, &self.nodes, &self.channels);
                }
                Some(id)
            }
        };
        // In one place: the code is large.
        if let Some(node) = heard {
            self.send_all(node);
        }
        true
    }

    /// True while some node has work of its own.
    pub fn is_busy(&self) -> bool {
        self.busy_nodes > 0
    }
    /// True once every byte that an application wrote has been acknowledged, or its connection is
    /// over. Asked at each step after the work is done, it remembers how far it came.
    pub fn is_settled(&mut self) -> bool {
        while let Some(slot) = self.nodes.get(self.settled_nodes) {
            let open = slot.node.report().flows.iter().any(|f| {
                let s = &f.stats;
                s.closed.is_none() && s.bytes_acked < s.bytes_written
            });
            if open && !slot.crashed {
                return false;
            }
            self.settled_nodes += 1;
        }
        true
    }
    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }
    /// Lets the clock run on to `until` when nothing happens any more.
    pub fn idle_until(&mut self, until: Instant) {
        self.now = self.now.max(until);
    }
    /// Events handled so far.
    pub fn events(&self) -> u64 {
        self.events
    }
    /// Packets that crossed a link so far.
    pub fn packet_hops(&self) -> u64 {
        self.packet_hops
    }
    /// What each node says of itself, in order.
    pub fn node_reports(&self) -> Vec<(NodeReport, Status)> {
        self.nodes.iter().map(|s| (s.node.report(), s.node.status())).collect()
    }
    /// The same of nodes and of channels, in order, while the network is taken apart: what one leaves
    /// makes room for what the next one says. With them comes the sink.
    pub fn into_parts(
        self,
    ) -> (impl ExactSizeIterator<Item = (NodeReport, Status)>, impl ExactSizeIterator<Item = LinkReport>, S) {
        let nodes = self.nodes.into_iter().map(|s| (s.node.report(), s.node.status()));
        (nodes, self.channels.into_iter().map(|channel| channel.report()), self.sink)
    }
    /// The figures of each channel, in order.
    pub fn link_reports(&self) -> Vec<LinkReport> {
        self.channels.iter().map(Channel::report).collect()
    }

    /// Says which node heard of it, if it may have sent something.
    #[inline(always)]
    fn channel_event(&mut self, id: ChannelId) -> Option<NodeId> {
        let (now, place) = (self.now, self.channel_place(id));
        let (channel, sink) = (&mut self.channels[id.0 as usize], &mut self.sink);
        let arrival = channel.handle_event(now, &mut Watch { at: now, place, sink, outbox: &mut self.outbox });
        let (node, port) = channel.to();
        if let Some(next) = channel.next_event() {
            self.scheduler.start_channel(id, next);
        }
        self.packet_hops += u64::from(!matches!(arrival, Arrival::None));
        let Arrival::Packet(mut packet) = arrival else { return None };
        let slot = &mut self.nodes[node.0 as usize];
        if slot.forwards() && !self.handles_packets {
            if let Some(port) = slot.node.forward(port, &mut packet) {
                if let Some(lookahead) = &self.lookahead {
                    lookahead.follow(&self.channels[id.0 as usize], &self.nodes, &self.channels);
                }
                self.pass_on(node, port, packet);
                return None;
            }
        } else if slot.crashed {
            self.arrives_at_nobody(node, packet);
            return None;
        } else if self.handles_packets {
            self.show_arrival(node, &packet);
        }
        self.node_takes(node, Input::Packet { port, packet });
        Some(node)
    }

    #[cold]
    fn arrives_at_nobody(&mut self, node: NodeId, packet: Box<Packet>) {
        let (id, bytes, queue) = (packet.id, packet.wire_bytes(), Depth::default());
        let note = Note::PacketDropped { packet: id, bytes, cause: DropCause::NodeDown, queue };
        self.outbox.recycle(packet);
        self.record(Place(node.0), note);
    }

    #[cold]
    fn show_arrival(&mut self, node: NodeId, packet: &Packet) {
        if self.wants_segments {
            self.sink.arrived(self.now, Place(node.0), packet.id);
        }
        self.capture(node, Way::In, packet);
    }

    /// Apart from [`Network::node_takes`], of which only arrivals of packets have a copy of their own.
    #[inline(never)]
    fn node_wakes(&mut self, id: NodeId) {
        self.node_takes(id, Input::Wake);
    }

    #[cold]
    fn node_starts(&mut self, id: NodeId) {
        self.node_takes(id, Input::Start);
        self.send_all(id);
    }

    #[inline(always)]
    fn node_takes(&mut self, id: NodeId, input: Input) {
        let slot = &mut self.nodes[id.0 as usize];
        let mut here = Here { at: self.now, place: Place(id.0), sink: &mut self.sink };
        let notebook = if here.sink.wants_records() { Some(&mut here as &mut dyn Notebook) } else { None };
        let mut ctx = Ctx::new(self.now, id, &mut slot.last_packet, &mut self.outbox, notebook);
        let Wish { wake, busy } = slot.node.take(input, &mut ctx);
        if busy != slot.busy {
            slot.busy = busy;
            self.busy_nodes = if busy { self.busy_nodes + 1 } else { self.busy_nodes - 1 };
        }
        // A wake for the past is a wake for now.
        self.scheduler.set_node(&mut slot.wake, id, wake.map(|at| at.max(self.now)));
    }

    /// Puts what a node sent on its links.
    #[inline(always)]
    fn send_all(&mut self, node: NodeId) {
        while let Some((port, packet)) = self.outbox.pop() {
            self.pass_on(node, port, packet);
        }
    }

    /// Shows the header of what a host sends, if someone wants it; routers only pass on.
    fn show_segment(&mut self, node: NodeId, packet: &Packet) {
        if self.wants_segments
            && packet.id.origin == node
            && let Some(outline) = packet.outline()
        {
            self.sink.sent(self.now, Place(node.0), outline);
        }
    }

    /// Gives the bytes of a packet to who captures them.
    fn capture(&mut self, node: NodeId, way: Way, packet: &Packet) {
        if self.wants_packets {
            let mut bytes = Vec::with_capacity(packet.wire_bytes() as usize);
            packet.encode(&mut bytes);
            self.sink.captured(self.now, Place(node.0), way, packet.id, &bytes);
        }
    }

    #[inline(always)]
    fn pass_on(&mut self, from: NodeId, port: PortId, packet: Box<Packet>) {
        let Some(packet) = (if self.handles_packets { self.show_departure(from, port, packet) } else { Some(packet) })
        else {
            return;
        };
        let Some(id) = self.nodes[from.0 as usize].ports.get(port) else { return };
        let (now, place) = (self.now, self.channel_place(id));
        if let Some(lookahead) = &mut self.lookahead {
            lookahead.precede(&packet, &self.channels[id.0 as usize], &self.nodes, &self.channels);
        }
        let (channel, sink) = (&mut self.channels[id.0 as usize], &mut self.sink);
        match channel.send(now, packet, &mut Watch { at: now, place, sink, outbox: &mut self.outbox }) {
            News::None => {}
            News::First(at) => self.scheduler.start_channel(id, at),
            News::Other => self.scheduler.set_channel(id, channel.next_event()),
        }
    }

    /// Shows a packet to those who look at packets, and sends it through encoding and decoding if
    /// that is asked for: `None` if it does not survive them.
    #[cold]
    fn show_departure(&mut self, from: NodeId, port: PortId, packet: Box<Packet>) -> Option<Box<Packet>> {
        self.show_segment(from, &packet);
        let id = self.nodes[from.0 as usize].ports.get(port)?;
        self.capture(from, Way::Out, &packet);
        if !self.wire {
            return Some(packet);
        }
        let (name, bytes, place) = (packet.id, packet.wire_bytes(), self.channel_place(id));
        let decoded = through_bytes(packet);
        if decoded.is_none() {
            let (cause, queue) = (DropCause::Malformed, Depth::default());
            self.record(place, Note::PacketDropped { packet: name, bytes, cause, queue });
        }
        decoded
    }

    fn next_fault(&mut self) {
        let Some(Fault { what, ends, change, .. }) = self.faults.pop() else { return };
        self.scheduler.set_faults(self.faults.last().map(|f| f.at));
        let place = match &change {
            Change::Down(c, _)
            | Change::Rate(c, _)
            | Change::Delay(c, _)
            | Change::Loss(c, _)
            | Change::Queue(c, _) => self.channel_place(*c),
            Change::Crashed(n, _) => Place(n.0),
        };
        let now = self.now;
        self.record(place, Note::Fault { what, ends });
        let sink = &mut self.sink;
        let watch = &mut Watch { at: now, place, sink, outbox: &mut self.outbox };
        match change {
            Change::Down(id, down) => self.channels[id.0 as usize].set_down(now, down, watch),
            Change::Rate(id, rate) => self.channels[id.0 as usize].set_rate(now, rate, watch),
            Change::Delay(id, delay) => self.channels[id.0 as usize].set_delay(now, delay, watch),
            Change::Loss(id, loss) => self.channels[id.0 as usize].set_loss(loss),
            Change::Queue(id, queue) => self.channels[id.0 as usize].set_queue(now, queue, watch),
            Change::Crashed(id, crashed) => self.crash(id, crashed),
        }
        if let Some(id) = place.0.checked_sub(self.nodes.len() as u32).map(ChannelId) {
            self.scheduler.set_channel(id, self.channels[id.0 as usize].next_event());
        }
    }

    fn crash(&mut self, id: NodeId, crashed: bool) {
        let slot = &mut self.nodes[id.0 as usize];
        slot.crashed = crashed;
        if crashed {
            return self.scheduler.set_node(&mut slot.wake, id, None);
        }
        let (factory, lives) = &mut self.factories[id.0 as usize];
        slot.node = factory(*lives);
        *lives += 1;
        self.node_starts(id);
    }

    #[inline]
    fn channel_place(&self, id: ChannelId) -> Place {
        Place(self.nodes.len() as u32 + id.0)
    }

    fn record(&mut self, place: Place, note: Note) {
        self.sink.note(self.now, place, &note);
    }
}

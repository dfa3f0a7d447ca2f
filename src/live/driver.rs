//! The poll loop: waits for sockets and for the time that machines asked for, feeds hosts, and
//! carries out what they want.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::addresses::AddressMap;
use super::clock::Clock;
use super::error::LiveError;
use super::journal::{Entry, Journal};
use super::lag::Lag;
use super::lease::Leases;
use super::medium::{Departure, Medium};
use super::poller::{Key, Poller, Ready};
use super::signals::Signals;
use super::tcp::TcpSockets;
use super::udp::{ANY_LOCAL, Carries, Received, UdpSockets};
use super::xids::Xids;
use crate::base::calendar::Calendar;
use crate::base::ids::{NodeId, PacketId, PortId};
use crate::base::note::{Depth, DropCause, Note, Notebook, Place, Record, Sink};
use crate::base::report::{LinkReport, NodeReport};
use crate::base::sinks::Here;
use crate::base::time::{Duration, Instant};
use crate::node::host::Host;
use crate::node::node::{Ctx, Input, Node as _, Status};
use crate::node::outbox::Outbox;
use crate::proto::dhcp::{CLIENT_PORT, SERVER_PORT};
use crate::transport::kernel::{SocketMessage, SocketOp};
use crate::wire::packet::{Body, Hop, Packet};
use crate::wire::rudp::{RudpSegment, version_negotiation};
use crate::wire::udp::Datagram;

/// Datagrams taken from one socket before the others have their turn.
const TURN_DATAGRAMS: usize = 64;
/// How often a run that is watched looks at the windows of the system's TCP.
const SAMPLE_EVERY: Duration = Duration::from_millis(1);

/// A host that lives here.
pub struct LiveNode {
    /// Its rank in the scenario.
    pub id: NodeId,
    /// Its name.
    pub name: Arc<str>,
    /// The host, with the kernel's TCP.
    pub host: Host,
    /// The interface of this machine that it serves on, if one is named.
    pub interface: Option<String>,
}

pub(super) struct Slot {
    pub(super) node: LiveNode,
    last_packet: u32,
    busy: bool,
}

/// Hosts on real sockets.
pub struct Driver<'s> {
    clock: Clock,
    pub(super) poller: Poller,
    signals: Signals,
    pub(super) udp: UdpSockets,
    tcp: TcpSockets,
    pub(super) map: AddressMap,
    pub(super) xids: Xids,
    pub(super) medium: Box<dyn Medium + 's>,
    pub(super) slots: Vec<Slot>,
    // Which slot a node has, by rank.
    by_node: Vec<Option<usize>>,
    // When each slot wants to be woken.
    wakes: Calendar,
    pub(super) sink: Option<&'s mut dyn Sink>,
    journal: Option<Journal>,
    next_sample: Instant,
    lag: Lag,
    leases: Leases,
    pub(super) now: Instant,
    events: u64,
    outbox: Outbox,
    received: Vec<Received>,
    pub(super) departures: Vec<Departure>,
    pub(super) records: Vec<Record>,
}

impl<'s> Driver<'s> {
    /// A driver of these hosts, by this clock. Without a sink hosts note nothing.
    ///
    /// # Errors
    /// When the system has no room for a poller.
    pub fn new(
        clock: Clock,
        nodes: Vec<LiveNode>,
        map: AddressMap,
        medium: Box<dyn Medium + 's>,
        sink: Option<&'s mut dyn Sink>,
    ) -> Result<Self, LiveError> {
        let poller = Poller::new()?;
        let ranks = nodes.iter().map(|n| n.id.0 as usize + 1).max().unwrap_or(0);
        let mut by_node = vec![None; ranks];
        nodes.iter().enumerate().for_each(|(slot, n)| by_node[n.id.0 as usize] = Some(slot));
        let slot = |node| Slot { node, last_packet: 0, busy: false };
        Ok(Driver {
            clock,
            signals: Signals::new(&poller)?,
            poller,
            udp: UdpSockets::new(),
            tcp: TcpSockets::new(),
            map,
            xids: Xids::default(),
            medium,
            slots: nodes.into_iter().map(slot).collect(),
            by_node,
            wakes: Calendar::default(),
            sink,
            journal: None,
            next_sample: Instant::ZERO,
            lag: Lag::default(),
            leases: Leases::default(),
            now: Instant::ZERO,
            events: 0,
            outbox: Outbox::default(),
            received: Vec::new(),
            departures: Vec::new(),
            records: Vec::new(),
        })
    }

    /// Writes down every input from now on.
    pub fn record(&mut self, journal: Journal) {
        self.journal = Some(journal);
    }

    /// The clients whose leases are told, and perhaps put on their interfaces.
    pub fn leases(&mut self) -> &mut Leases {
        &mut self.leases
    }

    /// Looks at the windows of the system's TCP again and again from now on.
    pub fn sample_windows(&mut self) {
        self.tcp.set_sampling();
    }

    /// The journal, when the run is over.
    pub fn take_journal(&mut self) -> Option<Journal> {
        self.journal.take()
    }

    /// Starts every host and opens the sockets they ask for.
    ///
    /// # Errors
    /// When a service cannot be bound.
    pub fn start(&mut self) -> Result<(), LiveError> {
        for slot in 0..self.slots.len() {
            self.now = self.clock.now();
            self.host(slot, Entry::Start)?;
        }
        self.depart();
        Ok(())
    }

    /// Waits for the next thing and handles everything that is there, until `until` at the latest.
    ///
    /// # Errors
    /// When the system cannot wait, or a socket that a host needs later cannot be bound.
    pub fn step(&mut self, until: Instant) -> Result<(), LiveError> {
        let sample = Some(self.next_sample).filter(|_| self.tcp.wants_sample());
        let due = [self.wakes.peek().map(|w| w.0), self.medium.next_event(), sample, Some(until)];
        let due = due.into_iter().flatten().min().unwrap_or(until);
        let mut ready = Vec::new();
        self.poller.wait(Some(due.since(self.clock.now())), &mut ready)?;
        // What links have done by now comes before what hosts do now.
        self.now = self.clock.now();
        if let Some(due) = self.medium.next_event().filter(|due| *due <= self.now) {
            self.lag.add(due, self.now);
        }
        self.depart();
        for Ready { key, read, write } in ready {
            match key {
                Key::Signal => self.signals.read(),
                Key::Udp(place) => self.receive(place)?,
                Key::Listener(index) => self.tcp.accept(&self.poller, &self.map, index),
                Key::Tcp(place) => self.tcp.ready(&self.poller, place, read, write),
            }
            self.hear()?;
        }
        self.now = self.clock.now();
        if self.tcp.wants_sample() && self.next_sample <= self.now {
            self.next_sample = self.now + SAMPLE_EVERY;
            self.tcp.sample();
            self.hear()?;
        }
        while let Some((due, slot)) = self.wakes.peek().filter(|(due, _)| *due <= self.now) {
            self.lag.add(due, self.now);
            self.host(slot as usize, Entry::Wake)?;
            self.hear()?;
        }
        self.depart();
        Ok(())
    }

    /// True once somebody asked the run to end.
    pub fn interrupted(&self) -> bool {
        self.signals.end
    }
    /// True while some host has work of its own, or has bytes that are not acknowledged.
    pub fn is_busy(&self) -> bool {
        self.slots.iter().any(|s| s.busy)
    }
    /// True once every byte that an application wrote has been acknowledged, or its connection is
    /// over.
    pub fn is_settled(&self) -> bool {
        let open = |s: &crate::base::report::FlowStats| s.closed.is_none() && s.bytes_acked < s.bytes_written;
        !self.slots.iter().any(|slot| slot.node.host.report().flows.iter().any(|f| open(&f.stats)))
    }
    /// The time since the start.
    pub fn now(&self) -> Instant {
        self.now
    }
    /// Inputs handled so far.
    pub fn events(&self) -> u64 {
        self.events
    }
    /// How late wake-ups were.
    pub fn lag(&self) -> &Lag {
        &self.lag
    }
    /// Datagrams that the system had no room for.
    pub fn refused(&self) -> u64 {
        self.udp.refused
    }
    /// Datagrams larger than their way takes.
    pub fn too_large(&self) -> u64 {
        self.udp.too_large
    }
    /// What each host says of itself.
    pub fn node_reports(&self) -> Vec<(NodeId, NodeReport, Status)> {
        self.slots.iter().map(|s| (s.node.id, s.node.host.report(), s.node.host.status())).collect()
    }
    /// Figures of the links, and packets carried over them.
    pub fn link_reports(&self) -> (Vec<LinkReport>, u64) {
        self.medium.reports()
    }
    /// The places of the scenario's nodes.
    pub fn map(&self) -> &AddressMap {
        &self.map
    }

    /// Tells hosts what their connections say, until they say nothing.
    fn hear(&mut self) -> Result<(), LiveError> {
        while let Some((node, message)) = self.tcp.poll_message() {
            let Some(slot) = self.slot(node) else { continue };
            self.now = self.clock.now();
            self.host(slot, Entry::Socket(message))?;
        }
        Ok(())
    }

    fn receive(&mut self, place: u32) -> Result<(), LiveError> {
        let mut taken = 0;
        while taken < TURN_DATAGRAMS {
            let mut all = std::mem::take(&mut self.received);
            self.udp.receive(place, &mut all);
            let count = all.len();
            for received in all.drain(..) {
                let Some(slot) = self.slot(received.node) else { continue };
                self.now = self.clock.now();
                let Some(packet) = self.packet(slot, received) else { continue };
                self.host(slot, Entry::Packet(packet))?;
            }
            self.received = all;
            if count == 0 {
                break;
            }
            taken += count;
        }
        self.depart();
        Ok(())
    }

    /// What came, as the host sees it; `None` if it is no packet.
    fn packet(&mut self, slot: usize, received: Received) -> Option<Packet> {
        let Received { node, port, carries, from, data } = received;
        if carries == Carries::Rudp
            && let Some(answer) = version_negotiation(&data)
        {
            self.udp.send(node, port, from, |out| out.extend_from_slice(&answer));
        }
        let mut from = self.map.scenario(from);
        if port == SERVER_PORT && self.xids.remember(&data, from) {
            // A client that has no address yet sends from none.
            from = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, CLIENT_PORT);
        } else if port == CLIENT_PORT {
            from.set_port(SERVER_PORT);
        }
        let own = &mut self.slots[slot];
        own.last_packet += 1;
        let id = PacketId { origin: node, number: own.last_packet };
        let to = own.node.host.address().unwrap_or(Ipv4Addr::BROADCAST);
        let bytes = data.len() as u32;
        let body = match carries {
            Carries::Datagrams => Some(Body::Udp(Datagram { src_port: from.port(), dst_port: port, payload: data })),
            Carries::Rudp => RudpSegment::parse_shared(&data)
                .ok()
                .map(|s| Body::Rudp(RudpSegment { src_port: from.port(), dst_port: port, ..s })),
        };
        let Some(body) = body else {
            let (cause, queue) = (DropCause::Malformed, Depth::default());
            let note = Note::PacketDropped { packet: id, bytes, cause, queue };
            if let Some(sink) = &mut self.sink {
                sink.record(&Record { at: self.now, place: Place(node.0), note });
            }
            if let Some(journal) = &mut self.journal {
                journal.input(self.now, node, &Entry::Malformed { id, bytes });
            }
            return None;
        };
        let src = *from.ip();
        Some(Packet::new(id, src, to, Hop { from: src, to }, body))
    }

    pub(super) fn slot(&self, node: NodeId) -> Option<usize> {
        self.by_node.get(node.0 as usize).copied().flatten()
    }

    /// One call to a host, and everything that follows from it.
    fn host(&mut self, slot: usize, entry: Entry) -> Result<(), LiveError> {
        self.events += 1;
        if let Some(journal) = &mut self.journal {
            journal.input(self.now, self.slots[slot].node.id, &entry);
        }
        let own = &mut self.slots[slot];
        let id = own.node.id;
        let mut here = self.sink.as_deref_mut().map(|sink| Here { at: self.now, place: Place(id.0), sink });
        let notebook = here.as_mut().map(|here| here as &mut dyn Notebook);
        let mut ctx = Ctx::new(self.now, id, &mut own.last_packet, &mut self.outbox, notebook);
        let host = &mut own.node.host;
        match entry {
            Entry::Start => host.handle(Input::Start, &mut ctx),
            Entry::Wake => host.handle(Input::Wake, &mut ctx),
            Entry::Packet(packet) => host.handle(Input::Packet { port: PortId(0), packet: Box::new(packet) }, &mut ctx),
            Entry::Socket(message) => host.handle_socket(message, &mut ctx),
            Entry::Malformed { .. } => {}
        }
        own.busy = own.node.host.is_busy();
        let wake = own.node.host.next_wake();
        if self.wakes.get(slot as u32) != wake {
            self.wakes.set(slot as u32, wake);
        }
        self.leases.follow(id, self.slots[slot].node.host.addressing())?;
        while let Some(message) = self.slots[slot].node.host.poll_socket() {
            if let Some(journal) = &mut self.journal {
                journal.outputs().socket(id, &message);
            }
            self.socket(slot, message)?;
        }
        while let Some((port, packet)) = self.outbox.pop() {
            if let Some(journal) = &mut self.journal {
                journal.outputs().packet(id, port, &packet);
            }
            // A broadcast on a real interface is for whoever is there.
            if packet.dst.is_broadcast() && self.slots[slot].node.interface.is_some() {
                self.departures.push(Departure { at: None, packet: *packet });
            } else {
                self.medium.send(self.now, id, port, *packet);
            }
        }
        Ok(())
    }

    /// Carries out what a host asks of its sockets.
    fn socket(&mut self, slot: usize, message: SocketMessage) -> Result<(), LiveError> {
        let (id, port) = (self.slots[slot].node.id, message.local.port());
        match message.op {
            SocketOp::BindUdp => self.open(slot, port, Carries::Datagrams),
            SocketOp::BindRudp => self.open(slot, port, Carries::Rudp),
            SocketOp::UnbindUdp => {
                self.udp.close(&self.poller, id, port);
                Ok(())
            }
            SocketOp::Listen => {
                let node = &self.slots[slot].node;
                let Some(address) = node.host.address() else { return Ok(()) };
                let service = SocketAddrV4::new(address, port);
                let Some(at) = self.map.real(service) else { return Ok(()) };
                let failed = |error| LiveError::bind(&node.name, at, error);
                self.tcp.listen(&self.poller, id, service, at).map_err(failed)
            }
            _ => {
                self.tcp.handle(&self.poller, &mut self.map, id, message);
                Ok(())
            }
        }
    }

    /// Opens a host's UDP port. One that it sends from before it is served is opened then.
    fn open(&mut self, slot: usize, port: u16, carries: Carries) -> Result<(), LiveError> {
        let node = &self.slots[slot].node;
        if self.udp.has(node.id, port) {
            return Ok(());
        }
        let device = node.interface.as_deref();
        let at = match (node.host.address(), device) {
            (_, Some(_)) => SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port),
            (Some(address), None) => self.map.real(SocketAddrV4::new(address, port)).unwrap_or(ANY_LOCAL),
            (None, None) => ANY_LOCAL,
        };
        let opened = self.udp.open(&self.poller, (node.id, port), carries, at, device);
        match opened {
            Ok(_) => Ok(()),
            Err(error) => Err(LiveError::bind(&node.name, at, error)),
        }
    }

    /// How long until `until`, for callers that show progress.
    pub fn left(&self, until: Instant) -> Duration {
        until.since(self.now)
    }
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        self.udp.forget(&self.poller);
        self.tcp.forget(&self.poller);
        self.signals.forget(&self.poller);
    }
}

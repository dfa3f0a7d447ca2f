//! A host: one interface, UDP ports, one endpoint per transport, and the apps that use them.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;

use super::addressing::Addressing;
use super::app::{App, AppConn, ConnectRequest, HostEvent};
use super::node::{Ctx, Input, Node, Status};
use super::owners::Owners;
pub use super::setup::{HostSetup, Settings};
use crate::base::calendar::Calendar;
use crate::base::ids::{FlowId, PacketId, PortId, TransportKind};
use crate::base::note::{Depth, DropCause, FlowNote, Note};
use crate::base::report::NodeReport;
use crate::base::rng::Rng;
use crate::base::time::Instant;
use crate::transport::endpoint::{Endpoint, EndpointEvent};
use crate::transport::kernel::{KernelEndpoint, SocketMessage, SocketOp};
use crate::transport::rudp::RudpEndpoint;
use crate::transport::stream::{Stream, StreamEvent};
use crate::transport::tcp::TcpEndpoint;
use crate::wire::packet::{Body, DEFAULT_TTL, Hop, Packet};
use crate::wire::udp::Datagram;

/// A host has one interface.
const INTERFACE: PortId = PortId(0);
/// The lowest of the ports that are nobody's in particular (RFC 6335 section 6).
const FIRST_EPHEMERAL_PORT: u16 = 49152;

/// The node that runs apps.
pub struct Host {
    core: Core,
    apps: Vec<Box<dyn App>>,
    // What the apps said after their last event: when they want to be woken, and who is busy.
    wakes: Calendar,
    busy: Vec<bool>,
    busy_apps: usize,
}

/// All of a host but its apps, so that an app can be lent the rest.
struct Core {
    setup: HostSetup,
    addressing: Option<Addressing>,
    tcp: TcpEndpoint,
    rudp: RudpEndpoint,
    // In a live run TCP is the operating system's, and `tcp` stays empty.
    kernel: Option<Box<KernelEndpoint>>,
    rng: Rng,
    ports: BTreeMap<u16, usize>,
    listeners: BTreeMap<(TransportKind, u16), usize>,
    owners: Owners,
    connections_opened: u32,
    pending: VecDeque<(usize, HostEvent)>,
    apps: usize,
}

impl Host {
    /// A host with these apps; the first to bind a port owns it.
    pub fn new(setup: HostSetup, apps: Vec<Box<dyn App>>) -> Self {
        let stream = |what: &str| setup.seed.stream(&format!("node/{}/{what}/{}", setup.name, setup.lives));
        let core = Core {
            addressing: setup.addressing.clone(),
            tcp: TcpEndpoint::new(stream("tcp")),
            rudp: RudpEndpoint::new(stream("rudp")),
            kernel: None,
            rng: stream("ports"),
            ports: BTreeMap::new(),
            listeners: BTreeMap::new(),
            owners: Owners::default(),
            connections_opened: 0,
            pending: VecDeque::new(),
            apps: apps.len(),
            setup,
        };
        let busy = vec![false; apps.len()];
        let mut host = Host { core, apps, wakes: Calendar::default(), busy, busy_apps: 0 };
        (0..host.apps.len()).for_each(|app| host.remember(app));
        host
    }

    /// The same host with the operating system's TCP instead of its own. Its sockets are told by
    /// [`Host::handle_socket`] and asked for by [`Host::poll_socket`].
    pub fn with_kernel_tcp(mut self) -> Self {
        self.core.kernel = Some(Box::default());
        self
    }

    /// Its address, once it has one.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.core.addressing.as_ref().map(|a| a.address)
    }

    /// One of its sockets says something.
    pub fn handle_socket(&mut self, message: SocketMessage, ctx: &mut Ctx<'_>) {
        if let Some(kernel) = &mut self.core.kernel {
            kernel.handle(ctx.now(), message);
        }
        self.pump(None, ctx);
    }

    /// The next thing it asks of its sockets.
    pub fn poll_socket(&mut self) -> Option<SocketMessage> {
        self.core.kernel.as_mut()?.poll_message()
    }

    fn dispatch(&mut self, app: usize, event: HostEvent, ctx: &mut Ctx<'_>) {
        self.apps[app].on_event(event, &mut HostCtx { core: &mut self.core, ctx: ctx.reborrow(), app });
        self.remember(app);
    }

    /// An app's wake and status change only while it handles an event.
    fn remember(&mut self, app: usize) {
        let (wake, busy) = (self.apps[app].next_wake(), self.apps[app].status() == Status::Busy);
        if self.wakes.get(app as u32) != wake {
            self.wakes.set(app as u32, wake);
        }
        if self.busy[app] != busy {
            self.busy[app] = busy;
            self.busy_apps = if busy { self.busy_apps + 1 } else { self.busy_apps - 1 };
        }
    }

    /// Delivers every event, then sends every segment, until there is neither.
    fn pump(&mut self, cause: Option<PacketId>, ctx: &mut Ctx<'_>) {
        let mut quiet = false;
        loop {
            while let Some((app, event)) = self.core.next_event() {
                self.dispatch(app, event, ctx);
                quiet = false;
            }
            // All was sent, and nothing happened since.
            if quiet || !self.core.transmit(cause, ctx) {
                return;
            }
            quiet = true;
        }
    }

    fn handle_packet(&mut self, packet: &mut Packet, ctx: &mut Ctx<'_>) -> Result<(), DropCause> {
        let mine = self.core.addressing.as_ref().map(|a| a.address);
        // A switch may have flooded what is for somebody else.
        let for_me = packet.hop.to.is_broadcast() || mine.is_none_or(|mine| packet.hop.to == mine);
        if !for_me {
            return Ok(());
        }
        if !packet.dst.is_broadcast() && mine.is_some_and(|mine| packet.dst != mine) {
            return Err(DropCause::NotMine);
        }
        let (src, dst, now) = (packet.src, packet.dst, ctx.now());
        let wanted = match &mut packet.body {
            Body::Udp(datagram) => {
                let Some(&app) = self.core.ports.get(&datagram.dst_port) else { return Err(DropCause::NoListener) };
                let from = SocketAddrV4::new(src, datagram.src_port);
                let (port, data) = (datagram.dst_port, datagram.payload.clone());
                self.dispatch(app, HostEvent::Datagram { port, from, to: dst, data }, ctx);
                true
            }
            Body::Tcp(segment) => self.core.tcp.handle_segment(now, src, dst, std::mem::take(segment)),
            Body::Rudp(segment) => self.core.rudp.handle_segment(now, src, dst, std::mem::take(segment)),
        };
        if !wanted {
            ctx.note(Note::PacketDropped {
                packet: packet.id,
                bytes: 0,
                cause: DropCause::NoListener,
                queue: Depth::default(),
            });
        }
        Ok(())
    }

    fn wake(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.core.tcp.poll_timeout()) {
            self.core.tcp.handle_timeout(now);
        }
        if due(self.core.rudp.poll_timeout()) {
            self.core.rudp.handle_timeout(now);
        }
        if let Some(kernel) = self.core.kernel.as_mut().filter(|k| due(k.poll_timeout())) {
            kernel.handle_timeout(now);
        }
        if !due(self.wakes.peek().map(|(at, _)| at)) {
            return;
        }
        for app in 0..self.apps.len() {
            if due(self.wakes.get(app as u32)) {
                self.dispatch(app, HostEvent::Wake, ctx);
            }
        }
    }
}

impl Node for Host {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        let mut cause = None;
        match input {
            Input::Start => {
                self.core.tcp.set_noting(ctx.noting());
                self.core.rudp.set_noting(ctx.noting());
                if let Some(kernel) = &mut self.core.kernel {
                    kernel.set_noting(ctx.noting());
                }
                for app in 0..self.apps.len() {
                    self.dispatch(app, HostEvent::Start, ctx);
                }
                if self.core.addressing.is_some() {
                    self.core.tell_addressing();
                }
            }
            Input::Packet { mut packet, .. } => {
                cause = Some(packet.id);
                if let Err(cause) = self.handle_packet(&mut packet, ctx) {
                    let (bytes, queue) = (packet.wire_bytes(), Depth::default());
                    ctx.note(Note::PacketDropped { packet: packet.id, bytes, cause, queue });
                }
                ctx.recycle(packet);
            }
            Input::Wake => self.wake(ctx),
        }
        self.pump(cause, ctx);
    }

    fn next_wake(&self) -> Option<Instant> {
        let kernel = self.core.kernel.as_ref().and_then(|k| k.poll_timeout());
        let apps = self.wakes.peek().map(|(at, _)| at);
        [self.core.tcp.poll_timeout(), self.core.rudp.poll_timeout(), kernel, apps].into_iter().flatten().min()
    }

    fn is_busy(&self) -> bool {
        self.busy_apps > 0
    }

    fn status(&self) -> Status {
        let mut worst = Status::Done;
        for app in &self.apps {
            match app.status() {
                Status::Busy => return Status::Busy,
                Status::Failed(why) => worst = Status::Failed(why),
                Status::Done => {}
            }
        }
        worst
    }

    fn report(&self) -> NodeReport {
        let mut report = NodeReport::default();
        report.flows.extend(self.core.tcp.reports());
        report.flows.extend(self.core.rudp.reports());
        report.flows.extend(self.core.kernel.iter().flat_map(|k| k.reports()));
        report.flows.sort_by_key(|f| f.stats.opened.or(f.stats.established));
        self.apps.iter().for_each(|app| app.report(&mut report));
        report
    }
}

impl Core {
    fn endpoint_event(&mut self) -> Option<(TransportKind, EndpointEvent)> {
        let tcp = match &mut self.kernel {
            None => self.tcp.poll_event(),
            Some(kernel) => kernel.poll_event(),
        };
        let tcp = tcp.map(|e| (TransportKind::Tcp, e));
        tcp.or_else(|| self.rudp.poll_event().map(|e| (TransportKind::Rudp, e)))
    }

    fn next_event(&mut self) -> Option<(usize, HostEvent)> {
        if let Some(event) = self.pending.pop_front() {
            return Some(event);
        }
        while let Some((transport, event)) = self.endpoint_event() {
            match event {
                EndpointEvent::Accepted { conn: id, port, peer } => {
                    let conn = AppConn { transport, id };
                    let Some(&app) = self.listeners.get(&(transport, port)) else { continue };
                    self.owners.insert(conn, app);
                    return Some((app, HostEvent::Accepted { conn, port, peer }));
                }
                EndpointEvent::Stream(id, event) => {
                    let conn = AppConn { transport, id };
                    let Some(app) = self.owners.get(conn) else { continue };
                    if matches!(event, StreamEvent::Closed(_)) {
                        self.owners.remove(conn);
                    }
                    return Some((app, HostEvent::Stream { conn, event }));
                }
            }
        }
        None
    }

    fn tell_addressing(&mut self) {
        for app in 0..self.apps {
            self.pending.push_back((app, HostEvent::Addressed(self.addressing.clone())));
        }
    }

    /// Sends what the endpoints have; says whether there was any.
    fn transmit(&mut self, cause: Option<PacketId>, ctx: &mut Ctx<'_>) -> bool {
        let mut any = false;
        while let Some(out) = self.tcp.poll_transmit(ctx.now()) {
            any = true;
            self.send(out.src, out.dst, Body::Tcp(out.segment), None, ctx);
        }
        while let Some(out) = self.rudp.poll_transmit(ctx.now()) {
            any = true;
            self.send(out.src, out.dst, Body::Rudp(out.segment), None, ctx);
        }
        if let Some(kernel) = &mut self.kernel {
            kernel.flush(ctx.now());
        }
        while ctx.noting()
            && let Some((flow, note)) = self.next_note()
        {
            ctx.note(Note::Flow { flow, packet: cause, note });
        }
        any
    }

    /// Asks the operating system, if there is one.
    fn ask(&mut self, port: u16, op: SocketOp) {
        if let Some(kernel) = &mut self.kernel {
            kernel.request(port, op);
        }
    }

    fn next_note(&mut self) -> Option<(FlowId, FlowNote)> {
        let note = self.tcp.poll_note().or_else(|| self.rudp.poll_note());
        note.or_else(|| self.kernel.as_mut()?.poll_note())
    }

    fn send(&mut self, src: Ipv4Addr, dst: Ipv4Addr, body: Body, on_link: Option<Ipv4Addr>, ctx: &mut Ctx<'_>) {
        let from = self.addressing.as_ref().map_or(Ipv4Addr::UNSPECIFIED, |a| a.address);
        let routed = || match &self.addressing {
            Some(addressing) => addressing.next_hop(dst),
            None => dst.is_broadcast().then_some(dst),
        };
        // In the real world the system knows the way to strangers.
        let hop = on_link.or_else(routed).or(self.kernel.is_some().then_some(dst)).map(|to| Hop { from, to });
        let id = ctx.new_packet_id();
        let packet = Packet { id, src, dst, ttl: DEFAULT_TTL, hop: hop.unwrap_or(Hop { from, to: dst }), body };
        match hop {
            Some(_) => ctx.send(INTERFACE, packet),
            None => {
                let (bytes, queue) = (packet.wire_bytes(), Depth::default());
                ctx.note(Note::PacketDropped { packet: id, bytes, cause: DropCause::NoRoute, queue });
            }
        }
    }
}

/// What an app can do.
pub struct HostCtx<'a> {
    core: &'a mut Core,
    ctx: Ctx<'a>,
    app: usize,
}

impl HostCtx<'_> {
    /// The time, the same throughout one event.
    pub fn now(&self) -> Instant {
        self.ctx.now()
    }
    /// The host's name in the scenario.
    pub fn name(&self) -> &str {
        &self.core.setup.name
    }
    /// The host's addressing, once it has any.
    pub fn addressing(&self) -> Option<&Addressing> {
        self.core.addressing.as_ref()
    }
    /// Sets or clears the host's addressing and tells every app; for the DHCP client.
    pub fn set_addressing(&mut self, addressing: Option<Addressing>) {
        if self.core.addressing != addressing {
            self.core.addressing = addressing;
            self.core.tell_addressing();
        }
    }
    /// Receives datagrams for `port` from now on.
    pub fn bind(&mut self, port: u16) {
        self.core.ports.entry(port).or_insert(self.app);
        self.core.ask(port, SocketOp::BindUdp);
    }
    /// Stops receiving datagrams for `port`.
    pub fn unbind(&mut self, port: u16) {
        if self.core.ports.get(&port) == Some(&self.app) {
            self.core.ports.remove(&port);
            self.core.ask(port, SocketOp::UnbindUdp);
        }
    }
    /// Sends a datagram; to 255.255.255.255 it is broadcast on the link. Without an address of its
    /// own the host sends from 0.0.0.0.
    pub fn send_datagram(&mut self, from_port: u16, to: SocketAddrV4, data: Bytes) {
        self.datagram(from_port, to, data, None);
    }
    /// Like [`HostCtx::send_datagram`], but handed to the neighbour that has (or is about to get)
    /// `to`'s address, whatever the routing table says: how a DHCP server reaches a client that
    /// has no address yet.
    pub fn send_datagram_on_link(&mut self, from_port: u16, to: SocketAddrV4, data: Bytes) {
        self.datagram(from_port, to, data, Some(*to.ip()));
    }
    fn datagram(&mut self, src_port: u16, to: SocketAddrV4, payload: Bytes, on_link: Option<Ipv4Addr>) {
        let src = self.core.addressing.as_ref().map_or(Ipv4Addr::UNSPECIFIED, |a| a.address);
        let body = Body::Udp(Datagram { src_port, dst_port: to.port(), payload });
        self.core.send(src, *to.ip(), body, on_link, &mut self.ctx);
    }
    /// Accepts connections of this app's from now on, with the node's own settings.
    pub fn listen(&mut self, transport: TransportKind, port: u16) {
        self.listen_with(transport, port, 0);
    }
    /// Accepts connections with the settings of this number.
    pub fn listen_with(&mut self, transport: TransportKind, port: u16, settings: u32) {
        if *self.core.listeners.entry((transport, port)).or_insert(self.app) == self.app {
            let settings = &self.core.setup.settings[settings as usize];
            match transport {
                TransportKind::Tcp => self.core.tcp.listen(port, &settings.tcp),
                TransportKind::Rudp => self.core.rudp.listen(port, &settings.rudp),
            }
            let is_tcp = transport == TransportKind::Tcp;
            self.core.ask(port, if is_tcp { SocketOp::Listen } else { SocketOp::BindRudp });
        }
    }
    /// Opens a connection from an ephemeral port; `None` while the host has no address.
    pub fn connect(&mut self, request: ConnectRequest) -> Option<AppConn> {
        let ConnectRequest { transport, remote, name, settings } = request;
        let remote = self.core.setup.aliases.get(&remote).copied().unwrap_or(remote);
        let address = self.core.addressing.as_ref()?.address;
        let local = SocketAddrV4::new(address, self.ephemeral_port());
        self.core.connections_opened += 1;
        let name = name.unwrap_or_else(|| {
            let n = self.core.connections_opened;
            format!("{}->{}#{n}", self.name(), self.name_of(*remote.ip())).into()
        });
        let settings = &self.core.setup.settings[settings.unwrap_or(0) as usize];
        let now = self.ctx.now();
        let flow = FlowId::new(transport, local, remote);
        let id = match (transport, &mut self.core.kernel) {
            (TransportKind::Tcp, Some(kernel)) => kernel.connect(now, local, remote, name.clone()),
            (TransportKind::Tcp, None) => self.core.tcp.connect(now, local, remote, &settings.tcp, name.clone()),
            (TransportKind::Rudp, _) => self.core.rudp.connect(now, local, remote, &settings.rudp, name.clone()),
        };
        let note = FlowNote::Opened { name, transport, from: local, to: remote };
        self.ctx.note(Note::Flow { flow, packet: None, note });
        let conn = AppConn { transport, id };
        self.core.owners.insert(conn, self.app);
        Some(conn)
    }
    /// A connection's stream, until its `Closed` event was delivered.
    pub fn stream(&mut self, conn: AppConn) -> Option<&mut dyn Stream> {
        match (conn.transport, &mut self.core.kernel) {
            (TransportKind::Tcp, Some(kernel)) => kernel.stream(conn.id),
            (TransportKind::Tcp, None) => self.core.tcp.stream(conn.id),
            (TransportKind::Rudp, _) => self.core.rudp.stream(conn.id),
        }
    }
    /// An unused UDP port above 49151, at random (RFC 6056 section 3.3.1).
    pub fn ephemeral_port(&mut self) -> u16 {
        let count = u64::from(u16::MAX - FIRST_EPHEMERAL_PORT) + 1;
        loop {
            let port = FIRST_EPHEMERAL_PORT + self.core.rng.below(count) as u16;
            if !self.core.ports.contains_key(&port) {
                return port;
            }
        }
    }
    /// Whether notes are wanted.
    pub fn noting(&self) -> bool {
        self.ctx.noting()
    }
    /// Notes something at this host.
    pub fn note(&mut self, note: Note) {
        self.ctx.note(note);
    }
    /// What other hosts call the owner of `address`, for flows' names.
    pub fn name_of(&self, address: Ipv4Addr) -> String {
        self.core.setup.names.get(&address).map_or_else(|| address.to_string(), |name| name.to_string())
    }
}

//! What a host lets its apps do.

use super::addressing::Addressing;
use super::app::{AppConn, ConnectRequest};
use super::host_core::Core;
use super::node::Ctx;
use crate::base::ids::{FlowId, TransportKind};
use crate::base::note::Note;
use crate::base::time::Instant;
use crate::transport::endpoint::Endpoint;
use crate::transport::kernel::SocketOp;
use crate::transport::stream::Stream;
use crate::wire::packet::Body;
use crate::wire::udp::Datagram;
use bytes::Bytes;
use std::net::{Ipv4Addr, SocketAddrV4};

/// The lowest of the ports that are nobody's in particular (RFC 6335 section 6).
const FIRST_EPHEMERAL_PORT: u16 = 49152;

/// What an app can do.
pub struct HostCtx<'a> {
    pub(super) core: &'a mut Core,
    pub(super) ctx: Ctx<'a>,
    pub(super) app: usize,
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
        let mut packet = self.ctx.spare();
        packet.body = body;
        self.core.send(src, *to.ip(), packet, on_link, &mut self.ctx);
    }
    /// Accepts connections of this app's from now on, with the node's own settings.
    pub fn listen(&mut self, transport: TransportKind, port: u16) {
        self.listen_with(transport, port, 0);
    }
    /// Accepts connections with the settings of this number.
    pub fn listen_with(&mut self, transport: TransportKind, port: u16, settings: u32) {
        if *self.core.listeners.entry((transport, port)).or_insert(self.app) == self.app {
            let all = self.core.setup.settings.clone();
            let settings = &all[settings as usize];
            match transport {
                TransportKind::Tcp => self.core.tcp.listen(port, settings.tcp.clone()),
                TransportKind::Rudp => self.core.rudp().listen(port, settings.rudp.clone()),
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
        let all = self.core.setup.settings.clone();
        let settings = &all[settings.unwrap_or(0) as usize];
        let now = self.ctx.now();
        let flow = FlowId::new(transport, local, remote);
        let id = match (transport, &mut self.core.kernel) {
            (TransportKind::Tcp, Some(kernel)) => kernel.connect(now, local, remote, name.clone()),
            (TransportKind::Tcp, None) => self.core.tcp.connect(now, local, remote, settings.tcp.clone(), name.clone()),
            (TransportKind::Rudp, _) => {
                self.core.rudp().connect(now, local, remote, settings.rudp.clone(), name.clone())
            }
        };
        self.ctx.note(Note::Opened { flow, name, transport, from: local, to: remote });
        let conn = AppConn { transport, id };
        self.core.owners.insert(conn, self.app);
        Some(conn)
    }
    /// A connection's stream, until its `Closed` event was delivered.
    pub fn stream(&mut self, conn: AppConn) -> Option<&mut dyn Stream> {
        match (conn.transport, &mut self.core.kernel) {
            (TransportKind::Tcp, Some(kernel)) => kernel.stream(conn.id),
            (TransportKind::Tcp, None) => self.core.tcp.stream(conn.id),
            (TransportKind::Rudp, _) => self.core.rudp.as_mut()?.stream(conn.id),
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

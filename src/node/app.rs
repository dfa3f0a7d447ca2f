//! What runs on a host: datagrams and byte streams, never packets. An app cannot tell the
//! simulated world from the real one.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use bytes::Bytes;

use super::addressing::Addressing;
use super::host_ctx::HostCtx;
use super::node::{Status, Wish};
use crate::base::ids::TransportKind;
use crate::base::report::NodeReport;
use crate::base::time::Instant;
use crate::transport::endpoint::ConnId;
use crate::transport::stream::StreamEvent;

/// A program on a host.
pub trait App {
    /// One event. Everything the app does goes through `host`.
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>);
    /// When it wants [`HostEvent::Wake`]; changes only inside [`App::on_event`].
    fn next_wake(&self) -> Option<Instant>;
    /// Whether the run still waits for it. Servers are always done.
    fn status(&self) -> Status;
    /// Whether [`App::status`] is busy; asked after every event.
    fn is_busy(&self) -> bool {
        self.status() == Status::Busy
    }
    /// [`App::on_event`], and what the host asks after it.
    fn take(&mut self, event: HostEvent, host: &mut HostCtx<'_>) -> Wish {
        self.on_event(event, host);
        Wish { wake: self.next_wake(), busy: self.is_busy() }
    }
    /// Adds its fetches and leases; the host adds the flows itself.
    fn report(&self, _report: &mut NodeReport) {}
}

/// What an app can be told.
#[derive(Clone, Debug)]
pub enum HostEvent {
    /// The host came up. Its address may not be there yet.
    Start,
    /// The host's address and servers were set, changed or (None) lost.
    Addressed(Option<Addressing>),
    /// A datagram for one of this app's ports.
    Datagram {
        /// The port it came to.
        port: u16,
        /// Who sent it.
        from: SocketAddrV4,
        /// The address it was sent to: the host's own, or broadcast.
        to: Ipv4Addr,
        /// Contents.
        data: Bytes,
    },
    /// A listener of this app accepted a connection.
    Accepted {
        /// The connection.
        conn: AppConn,
        /// The listening port.
        port: u16,
        /// Who opened it.
        peer: SocketAddrV4,
    },
    /// Something happened on one of this app's connections.
    Stream {
        /// Which.
        conn: AppConn,
        /// What.
        event: StreamEvent,
    },
    /// The time of [`App::next_wake`] has come.
    Wake,
}

/// One of a host's connections, over either transport.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AppConn {
    /// Which transport.
    pub transport: TransportKind,
    /// Which connection of it.
    pub id: ConnId,
}

/// What an app wants from a new connection.
#[derive(Clone, Debug)]
pub struct ConnectRequest {
    /// Over which transport.
    pub transport: TransportKind,
    /// To where.
    pub remote: SocketAddrV4,
    /// How reports call the flow; `None`: `node->peer#n`.
    pub name: Option<Arc<str>>,
    /// Which of the host's connection settings to use: those of the node, or those that a
    /// `[[flow]]` brought along under this number.
    pub settings: Option<u32>,
}

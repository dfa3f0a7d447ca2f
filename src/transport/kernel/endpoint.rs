//! All of a host's connections that the operating system carries.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::message::{SocketMessage, SocketOp};
use super::stream::KernelStream;
use crate::base::ids::TransportKind;
use crate::base::note::{FlowNote, Noting};
use crate::base::report::FlowReport;
use crate::base::time::Instant;
use crate::transport::connection::Connection as _;
use crate::transport::endpoint::{ConnId, EndpointEvent};
use crate::transport::stream::{Stream, StreamEvent};
use crate::transport::table::Table;

const NOWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);

/// A host's side of its sockets: asks the operating system by messages, and is told by messages.
pub struct KernelEndpoint {
    table: Table<KernelStream>,
    demux: BTreeMap<(SocketAddrV4, SocketAddrV4), ConnId>,
    requests: VecDeque<SocketMessage>,
    noting: bool,
}

impl Default for KernelEndpoint {
    fn default() -> Self {
        KernelEndpoint {
            table: Table::new(TransportKind::Tcp),
            demux: BTreeMap::new(),
            requests: VecDeque::new(),
            noting: false,
        }
    }
}

impl KernelEndpoint {
    /// Whether connections opened from now on keep notes.
    pub fn set_noting(&mut self, noting: bool) {
        self.noting = noting;
    }

    /// Opens a connection.
    pub fn connect(&mut self, now: Instant, local: SocketAddrV4, remote: SocketAddrV4, name: Arc<str>) -> ConnId {
        let mut stream = KernelStream::connect(now);
        stream.set_noting(self.noting);
        let id = self.table.insert(stream, local, remote, Some(name));
        self.demux.insert((local, remote), id);
        id
    }

    /// Asks for something about one of the host's ports.
    pub fn request(&mut self, port: u16, op: SocketOp) {
        let local = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
        self.requests.push_back(SocketMessage { local, remote: NOWHERE, op });
    }

    /// The system says something about one of the sockets.
    pub fn handle(&mut self, now: Instant, message: SocketMessage) {
        let SocketMessage { local, remote, op } = message;
        let id = match self.demux.get(&(local, remote)) {
            Some(id) => *id,
            None if op == SocketOp::Open => {
                let mut stream = KernelStream::accepted(now);
                stream.set_noting(self.noting);
                let id = self.table.insert(stream, local, remote, None);
                self.demux.insert((local, remote), id);
                id
            }
            None => return,
        };
        if let Some(slot) = self.table.get_mut(id) {
            slot.connection.handle_segment(now, op);
        }
    }

    /// The time of [`KernelEndpoint::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.table.handle_timeout(now);
    }

    /// When a peer's patience ends.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.table.poll_timeout()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<EndpointEvent> {
        let event = self.table.poll_event()?;
        if let EndpointEvent::Stream(conn, StreamEvent::Connected) = event
            && let Some(slot) = self.table.get(conn).filter(|s| s.connection.is_passive())
        {
            return Some(EndpointEvent::Accepted { conn, port: slot.local.port(), peer: slot.remote });
        }
        Some(event)
    }

    /// Takes from the connections what they ask of the system, and their notes.
    #[inline(never)]
    pub fn flush(&mut self, now: Instant, mut noting: Option<Noting<'_>>) {
        let demux = &mut self.demux;
        let mut op = SocketOp::default();
        while let Some((local, remote)) =
            self.table.fill_segment(now, &mut op, noting.as_mut().map(Noting::reborrow), |id, slot| {
                if demux.get(&(slot.local, slot.remote)) == Some(&id) {
                    demux.remove(&(slot.local, slot.remote));
                }
            })
        {
            self.requests.push_back(SocketMessage { local, remote, op: std::mem::take(&mut op) });
        }
    }

    /// The next message to the system; [`KernelEndpoint::flush`] makes them.
    pub fn poll_message(&mut self) -> Option<SocketMessage> {
        self.requests.pop_front()
    }

    /// Takes out what connections noted that were not asked by somebody who is noting.
    pub fn take_notes(&mut self) -> Vec<FlowNote> {
        self.table.take_notes()
    }

    /// The stream of a connection, while there is one.
    pub fn stream(&mut self, conn: ConnId) -> Option<&mut dyn Stream> {
        self.table.stream(conn)
    }

    /// Figures of every connection there was, in order of opening.
    pub fn reports(&self) -> Vec<FlowReport> {
        self.table.reports()
    }
}

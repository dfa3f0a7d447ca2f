//! All TCP connections of one host.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::config::TcpConfig;
use super::connection::TcpConnection;
use super::iss::IssGenerator;
use crate::base::ids::{FlowId, TransportKind};
use crate::base::note::FlowNote;
use crate::base::report::FlowReport;
use crate::base::rng::Rng;
use crate::base::time::Instant;
use crate::transport::connection::Connection;
use crate::transport::endpoint::{ConnId, Endpoint, EndpointEvent, Outgoing};
use crate::transport::stream::{Stream, StreamEvent};
use crate::transport::table::Table;
use crate::wire::tcp::TcpSegment;

type Pair = (SocketAddrV4, SocketAddrV4);

/// TCP of one host.
pub struct TcpEndpoint {
    table: Table<TcpConnection>,
    demux: BTreeMap<Pair, ConnId>,
    // Segments come in runs of the same connection.
    last_hit: Option<(Pair, ConnId)>,
    listeners: BTreeMap<u16, TcpConfig>,
    resets: VecDeque<Outgoing<TcpSegment>>,
    iss: IssGenerator,
    noting: bool,
}

impl TcpEndpoint {
    /// No connections and no listeners; `rng` keys the initial sequence numbers.
    pub fn new(mut rng: Rng) -> Self {
        TcpEndpoint {
            table: Table::new(TransportKind::Tcp),
            demux: BTreeMap::new(),
            last_hit: None,
            listeners: BTreeMap::new(),
            resets: VecDeque::new(),
            iss: IssGenerator::new(&mut rng),
            noting: false,
        }
    }

    /// Whether connections opened from now on keep notes.
    pub fn set_noting(&mut self, noting: bool) {
        self.noting = noting;
    }

    /// The connection between these two ends.
    fn find(&mut self, pair: Pair) -> Option<ConnId> {
        if let Some((_, id)) = self.last_hit.filter(|(p, _)| *p == pair) {
            return Some(id);
        }
        let id = *self.demux.get(&pair)?;
        self.last_hit = Some((pair, id));
        Some(id)
    }

    fn insert(&mut self, mut c: TcpConnection, pair: Pair, name: Option<Arc<str>>) -> ConnId {
        c.set_noting(self.noting);
        let id = self.table.insert(c, pair.0, pair.1, name);
        self.demux.insert(pair, id);
        id
    }

    /// Answers a segment that belongs to no connection (RFC 9293 section 3.10.7.1).
    fn reset(&mut self, src: Ipv4Addr, dst: Ipv4Addr, s: &TcpSegment) {
        if s.flags.rst {
            return;
        }
        let mut rst = TcpSegment { src_port: s.dst_port, dst_port: s.src_port, ..Default::default() };
        rst.flags.rst = true;
        if s.flags.ack {
            rst.seq = s.ack;
        } else {
            rst.flags.ack = true;
            rst.ack = s.seq.wrapping_add(s.seq_len());
        }
        self.resets.push_back(Outgoing { src: dst, dst: src, segment: rst });
    }
}

impl Endpoint for TcpEndpoint {
    type Segment = TcpSegment;
    type Config = TcpConfig;

    fn connect(
        &mut self,
        now: Instant,
        local: SocketAddrV4,
        remote: SocketAddrV4,
        config: &TcpConfig,
        name: Arc<str>,
    ) -> ConnId {
        let (iss, offset) = (self.iss.iss(now, local, remote), self.iss.timestamp_offset(local, remote));
        let mut c = TcpConnection::open(config, now, (local.port(), remote.port()), iss, offset);
        if self.noting {
            c.set_noting(true);
            let note = FlowNote::Opened { name: name.clone(), transport: TransportKind::Tcp, from: local, to: remote };
            c.note(|| note);
        }
        self.insert(c, (local, remote), Some(name))
    }

    fn listen(&mut self, port: u16, config: &TcpConfig) {
        self.listeners.insert(port, config.clone());
    }

    fn handle_segment(&mut self, now: Instant, src: Ipv4Addr, dst: Ipv4Addr, segment: TcpSegment) -> bool {
        let pair = (SocketAddrV4::new(dst, segment.dst_port), SocketAddrV4::new(src, segment.src_port));
        if let Some(slot) = self.find(pair).and_then(|id| self.table.get_mut(id)) {
            slot.connection.handle_segment(now, segment);
            return true;
        }
        // Nobody is answered who could not have asked (RFC 9293 section 3.9.2.3).
        let odd = |a: Ipv4Addr| a.is_broadcast() || a.is_multicast() || a.is_unspecified();
        if odd(src) || odd(dst) {
            return false;
        }
        let Some(config) = self.listeners.get(&segment.dst_port) else {
            self.reset(src, dst, &segment);
            return false;
        };
        // LISTEN (RFC 9293 section 3.10.7.2): first RST, second ACK, third SYN.
        if segment.flags.ack {
            self.reset(src, dst, &segment);
        } else if segment.flags.syn && !segment.flags.rst {
            let (iss, offset) = (self.iss.iss(now, pair.0, pair.1), self.iss.timestamp_offset(pair.0, pair.1));
            let c = TcpConnection::accept(config, now, &segment, iss, offset);
            self.insert(c, pair, None);
        }
        true
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.table.handle_timeout(now);
    }

    fn poll_event(&mut self) -> Option<EndpointEvent> {
        let event = self.table.poll_event()?;
        if let EndpointEvent::Stream(conn, StreamEvent::Connected) = event
            && let Some(slot) = self.table.get(conn).filter(|s| s.connection.is_passive())
        {
            return Some(EndpointEvent::Accepted { conn, port: slot.local.port(), peer: slot.remote });
        }
        Some(event)
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Outgoing<TcpSegment>> {
        if let Some(reset) = self.resets.pop_front() {
            return Some(reset);
        }
        let (demux, last_hit) = (&mut self.demux, &mut self.last_hit);
        let (local, remote, segment) = self.table.poll_transmit(now, |_, slot| {
            demux.remove(&(slot.local, slot.remote));
            *last_hit = None;
        })?;
        Some(Outgoing { src: *local.ip(), dst: *remote.ip(), segment })
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.table.poll_timeout()
    }

    fn poll_note(&mut self) -> Option<(FlowId, FlowNote)> {
        self.table.poll_note()
    }

    fn stream(&mut self, conn: ConnId) -> Option<&mut dyn Stream> {
        self.table.stream(conn)
    }

    fn reports(&self) -> Vec<FlowReport> {
        self.table.reports()
    }
}

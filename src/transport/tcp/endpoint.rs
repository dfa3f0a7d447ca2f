//! All TCP connections of one host.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::config::TcpConfig;
use super::connection::TcpConnection;
use super::cookie::Cookies;
use super::iss::IssGenerator;
use super::listener::Listener;
use crate::base::ids::TransportKind;
use crate::base::note::{FlowNote, Noting};
use crate::base::rare_queue::RareQueue;
use crate::base::report::FlowReport;
use crate::base::rng::Rng;
use crate::base::time::Instant;
use crate::transport::endpoint::{ConnId, Endpoint, EndpointEvent, Outgoing};
use crate::transport::stream::{Stream, StreamEvent};
use crate::transport::table::Table;
use crate::wire::tcp::TcpSegment;

type Pair = (SocketAddrV4, SocketAddrV4);

/// TCP of one host. What every segment needs comes first.
#[repr(C)]
pub struct TcpEndpoint {
    /// Resets and SYN cookies: segments of no connection.
    pub(super) replies: RareQueue<Outgoing<TcpSegment>>,
    // Segments come in runs of the same connection.
    last_hit: Option<(Pair, ConnId)>,
    table: Table<TcpConnection>,
    demux: BTreeMap<Pair, ConnId>,
    pub(super) listeners: BTreeMap<u16, Listener>,
    pub(super) iss: IssGenerator,
    pub(super) cookies: Cookies,
    /// Whoever polls the events says by `taken` when a connection is accepted. Otherwise it is by
    /// hearing of it.
    pub(super) accepts_by_hand: bool,
    noting: bool,
}

impl TcpEndpoint {
    /// The part of an endpoint that every segment needs, the connection not counted.
    #[cfg(test)]
    pub const HOT_BYTES: usize = std::mem::offset_of!(Self, table) + Table::<TcpConnection>::HOT_BYTES;

    /// No connections and no listeners; `rng` keys the initial sequence numbers.
    pub fn new(mut rng: Rng) -> Self {
        TcpEndpoint {
            table: Table::new(TransportKind::Tcp),
            demux: BTreeMap::new(),
            last_hit: None,
            listeners: BTreeMap::new(),
            replies: RareQueue::default(),
            iss: IssGenerator::new(&mut rng),
            cookies: Cookies::new(&mut rng),
            accepts_by_hand: false,
            noting: false,
        }
    }

    /// Whether connections opened from now on keep notes.
    pub fn set_noting(&mut self, noting: bool) {
        self.noting = noting;
    }

    /// Asks the memory for what any next segment will touch of the first connection.
    pub fn prefetch_first(&self) {
        self.table.prefetch_first();
    }

    /// Asks for what the next segment will touch besides, as the connection sends or receives.
    pub fn prefetch_rest(&self) {
        self.table.prefetch_rest();
    }

    /// A connection, to look at.
    pub(super) fn connection(&self, id: ConnId) -> Option<&TcpConnection> {
        self.table.get(id).map(|slot| &slot.connection)
    }

    /// A connection, to work on.
    pub(super) fn connection_mut(&mut self, id: ConnId) -> Option<&mut TcpConnection> {
        self.table.get_mut(id).map(|slot| &mut slot.connection)
    }

    /// A segment that may open a connection, or be for none.
    #[inline(never)]
    fn take_other_segment(&mut self, now: Instant, pair: Pair, segment: &mut TcpSegment) -> bool {
        let known = self.find(pair);
        let after = known.and_then(|id| self.makes_way(id, segment));
        if known.filter(|_| after.is_none()).is_some_and(|id| self.table.take_segment(id, now, segment)) {
            return true;
        }
        // Nobody is answered who could not have asked (RFC 9293 section 3.9.2.3).
        let odd = |a: Ipv4Addr| a.is_broadcast() || a.is_multicast() || a.is_unspecified();
        let (dst, src) = (*pair.0.ip(), *pair.1.ip());
        if odd(src) || odd(dst) {
            return false;
        }
        if !self.listeners.contains_key(&segment.dst_port) {
            self.reset(src, dst, segment);
            return false;
        }
        self.on_listen(now, pair, segment, after);
        true
    }

    /// The connection between these two ends.
    pub(super) fn find(&mut self, pair: Pair) -> Option<ConnId> {
        if let Some((_, id)) = self.last_hit.filter(|(p, _)| *p == pair) {
            return Some(id);
        }
        let id = *self.demux.get(&pair)?;
        self.last_hit = Some((pair, id));
        Some(id)
    }

    pub(super) fn insert(&mut self, mut c: TcpConnection, pair: Pair, name: Option<Arc<str>>) -> ConnId {
        c.set_noting(self.noting);
        let id = self.table.insert(c, pair.0, pair.1, name);
        self.demux.insert(pair, id);
        self.last_hit = None;
        id
    }

    /// Answers a segment that belongs to no connection (RFC 9293 section 3.10.7.1).
    #[inline(never)]
    pub(super) fn reset(&mut self, src: Ipv4Addr, dst: Ipv4Addr, s: &TcpSegment) {
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
        self.replies.push_back(Outgoing { src: dst, dst: src, segment: rst });
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
        config: impl Into<Arc<TcpConfig>>,
        name: Arc<str>,
    ) -> ConnId {
        let (iss, offset) = (self.iss.iss(now, local, remote), self.iss.timestamp_offset(local, remote));
        let c = TcpConnection::open(config, now, (local.port(), remote.port()), iss, offset);
        self.insert(c, (local, remote), Some(name))
    }

    fn listen(&mut self, port: u16, config: impl Into<Arc<TcpConfig>>) {
        let config = config.into();
        match self.listeners.get_mut(&port) {
            Some(listener) => listener.config = config,
            None => drop(self.listeners.insert(port, Listener::new(config))),
        }
    }

    #[inline(always)]
    fn take_segment(&mut self, now: Instant, src: Ipv4Addr, dst: Ipv4Addr, segment: &mut TcpSegment) -> bool {
        let pair = (SocketAddrV4::new(dst, segment.dst_port), SocketAddrV4::new(src, segment.src_port));
        // Mostly it is for the same connection as the one before, and opens none.
        if let Some((_, id)) = self.last_hit.filter(|(last, _)| *last == pair)
            && !segment.flags.syn
            && self.table.take_segment(id, now, segment)
        {
            return true;
        }
        self.take_other_segment(now, pair, segment)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.table.handle_timeout(now);
    }

    fn poll_event(&mut self) -> Option<EndpointEvent> {
        while let Some(event) = self.table.poll_event() {
            let EndpointEvent::Stream(conn, what @ (StreamEvent::Connected | StreamEvent::Closed(_))) = event else {
                return Some(event);
            };
            match self.table.get(conn).filter(|s| s.connection.is_passive()) {
                Some(slot) if what == StreamEvent::Connected => {
                    let (port, peer) = (slot.local.port(), slot.remote);
                    if let Some(l) = self.listeners.get_mut(&port) {
                        l.half_open = l.half_open.saturating_sub(1);
                        l.waiting += u64::from(self.accepts_by_hand);
                    }
                    return Some(EndpointEvent::Accepted { conn, port, peer });
                }
                // It never was accepted, so nobody knows it.
                Some(slot) if !slot.connection.was_established() => {}
                _ => return Some(event),
            }
        }
        None
    }

    #[inline]
    fn has_events(&self) -> bool {
        self.table.has_events()
    }

    #[inline]
    fn has_work(&self) -> bool {
        self.table.has_work() || !self.replies.is_empty()
    }

    #[inline(always)]
    fn fill_segment(
        &mut self,
        now: Instant,
        segment: &mut TcpSegment,
        noting: Option<Noting<'_>>,
    ) -> Option<(Ipv4Addr, Ipv4Addr)> {
        if let Some(reply) = self.replies.pop_front() {
            *segment = reply.segment;
            return Some((reply.src, reply.dst));
        }
        let (demux, last_hit, listeners) = (&mut self.demux, &mut self.last_hit, &mut self.listeners);
        let (local, remote) = self.table.fill_segment(now, segment, noting, |id, slot| {
            let pair = (slot.local, slot.remote);
            // One that left TIME-WAIT for another has no place any more.
            if demux.get(&pair) == Some(&id) {
                demux.remove(&pair);
            }
            *last_hit = None;
            let half_open = slot.connection.is_passive() && !slot.connection.was_established();
            if let Some(l) = listeners.get_mut(&slot.local.port()).filter(|_| half_open) {
                l.half_open = l.half_open.saturating_sub(1);
            }
        })?;
        Some((*local.ip(), *remote.ip()))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.table.poll_timeout()
    }

    fn take_notes(&mut self) -> Vec<FlowNote> {
        self.table.take_notes()
    }

    fn stream(&mut self, conn: ConnId) -> Option<&mut dyn Stream> {
        self.table.stream(conn)
    }

    fn reports(&self) -> Vec<FlowReport> {
        self.table.reports()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Seed;
    use crate::base::time::Duration;
    use crate::wire::tcp::TcpFlags;
    use bytes::Bytes;

    fn endpoint(name: &str) -> TcpEndpoint {
        TcpEndpoint::new(Seed(1).stream(name))
    }

    #[test]
    fn a_listener_accepts_serves_and_forgets() {
        let (mut a, mut b) = (endpoint("a"), endpoint("b"));
        let (from, to) = ("10.0.0.1:50000".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let config = TcpConfig { time_wait: Duration::from_secs(1), ..TcpConfig::default() };
        b.listen(80, &config);
        let mut now = Instant::ZERO;
        let client = a.connect(now, from, to, &config, "a->b#1".into());
        let (mut accepted, mut got, mut closed) = (None, Vec::new(), 0);
        for _ in 0..200 {
            while let Some(event) = b.poll_event() {
                match event {
                    EndpointEvent::Accepted { conn, port, peer } => {
                        accepted = Some((port, peer));
                        b.stream(conn).unwrap().write(Bytes::from_static(b"hello"));
                        b.stream(conn).unwrap().finish();
                    }
                    EndpointEvent::Stream(_, StreamEvent::Closed(_)) => closed += 1,
                    _ => {}
                }
            }
            while let Some(event) = a.poll_event() {
                match event {
                    EndpointEvent::Stream(_, StreamEvent::Readable) => {
                        while let Some(data) = a.stream(client).unwrap().read() {
                            got.extend_from_slice(&data);
                        }
                    }
                    EndpointEvent::Stream(_, StreamEvent::Finished) => a.stream(client).unwrap().finish(),
                    EndpointEvent::Stream(_, StreamEvent::Closed(_)) => closed += 1,
                    _ => {}
                }
            }
            now += Duration::from_millis(10);
            while let Some(out) = a.poll_transmit(now) {
                assert!(b.handle_segment(now, out.src, out.dst, out.segment));
            }
            while let Some(out) = b.poll_transmit(now) {
                assert!(a.handle_segment(now, out.src, out.dst, out.segment));
            }
            a.handle_timeout(now);
            b.handle_timeout(now);
        }
        assert_eq!((accepted, got.as_slice(), closed), (Some((80, from)), &b"hello"[..], 2));
        assert!(a.table.is_empty() && b.table.is_empty() && a.demux.is_empty() && b.demux.is_empty());
        assert_eq!((a.poll_timeout(), a.reports().len()), (None, 1));
    }

    #[test]
    fn tcp_15_a_half_open_connection_dies_unheard() {
        let mut e = endpoint("e");
        e.listen(80, TcpConfig::default());
        let (src, dst) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let send = |e: &mut TcpEndpoint, seq, flags| {
            let s = TcpSegment { src_port: 9, dst_port: 80, seq, flags, ..Default::default() };
            e.handle_segment(Instant::ZERO, src, dst, s);
            let events = std::iter::from_fn(|| e.poll_event()).count();
            (events, std::iter::from_fn(|| e.poll_transmit(Instant::ZERO)).count())
        };
        assert_eq!(send(&mut e, 100, TcpFlags { syn: true, ..Default::default() }), (0, 1));
        assert_eq!(send(&mut e, 101, TcpFlags { rst: true, ..Default::default() }), (0, 0));
        assert!(e.table.is_empty() && e.demux.is_empty());
    }

    #[test]
    fn tcp_12_13_resets_for_strangers() {
        let mut e = endpoint("e");
        e.listen(80, TcpConfig::default());
        let (src, dst) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let mut answer = |dst_port, flags| {
            let s = TcpSegment { src_port: 9, dst_port, seq: 100, ack: 777, flags, ..Default::default() };
            e.handle_segment(Instant::ZERO, src, dst, s);
            e.poll_transmit(Instant::ZERO).map(|o| (o.segment.flags, o.segment.seq, o.segment.ack))
        };
        let none = TcpFlags::default();
        let rst = TcpFlags { rst: true, ..none };
        assert_eq!(answer(1, TcpFlags { syn: true, ..none }), Some((TcpFlags { ack: true, ..rst }, 0, 101)));
        assert_eq!(answer(1, TcpFlags { ack: true, ..none }), Some((rst, 777, 0)));
        assert_eq!(answer(1, rst), None);
        assert_eq!(answer(80, TcpFlags { ack: true, ..none }), Some((rst, 777, 0)));
        assert_eq!(answer(80, rst), None);
        assert_eq!(answer(80, none), None);
        let (flags, _, ack) = answer(80, TcpFlags { syn: true, ..none }).unwrap();
        assert_eq!((flags.syn, flags.ack, ack), (true, true, 101));
    }
}

//! All RUDP connections of one host: demultiplexing, the stateless handshake, stateless resets.

use std::collections::{BTreeMap, VecDeque};
use std::mem::offset_of;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU64;
use std::sync::Arc;

#[cfg(test)]
use super::close::State;
use super::close::error;
use super::config::{Mode, RudpConfig};
use super::connection::{Peer, RudpConnection};
use super::cookie::{Client, Keys, Offer};
use crate::base::ids::TransportKind;
use crate::base::note::{CloseReason, FlowNote, Noting};
use crate::base::prefetch::prefetch_first;
use crate::base::rare_queue::RareQueue;
use crate::base::report::FlowReport;
use crate::base::rng::Rng;
use crate::base::time::{Duration, Instant};
use crate::transport::endpoint::{ConnId, Endpoint, EndpointEvent, Outgoing};
use crate::transport::stream::Stream;
use crate::transport::table::Table;
use crate::wire::rudp::{RUDP_SYN_BYTES, RudpFlags, RudpOptions, RudpSegment};

/// How long a server CID is remembered, so that its cookie makes one connection only. One second
/// more than a cookie lives, as its age is counted in whole seconds.
const REMEMBER: Duration = Duration::from_secs(31);
/// Stateless answers in one second.
const RESETS_PER_SECOND: u32 = 100;

/// The RUDP of one host. What every packet needs comes first.
#[repr(C, align(64))]
pub struct RudpEndpoint {
    accepted: RareQueue<EndpointEvent>,
    replies: RareQueue<Outgoing<RudpSegment>>,
    /// Own ports of connections that are over.
    freed: RareQueue<u16>,
    // Packets come in runs of the same connection.
    last_hit: Option<(NonZeroU64, ConnId)>,
    table: Table<RudpConnection>,
    rng: Rng,
    keys: Keys,
    listeners: BTreeMap<u16, Arc<RudpConfig>>,
    by_cid: BTreeMap<u64, ConnId>,
    by_peer_cid: BTreeMap<u64, ConnId>,
    used: VecDeque<(Instant, u64)>,
    resets: (u64, u32),
    noting: bool,
}

impl RudpEndpoint {
    /// Where the first connection stands.
    pub(super) const MACHINE: usize = offset_of!(Self, table) + Table::<RudpConnection>::MACHINE;
    /// What most packets need, the first connection included.
    const HOT_BYTES: usize = Self::MACHINE + RudpConnection::HOT_BYTES;

    /// No connections. `rng` makes connection ids and keys.
    pub fn new(mut rng: Rng) -> Self {
        RudpEndpoint {
            keys: Keys::new(&mut rng),
            rng,
            table: Table::new(TransportKind::Rudp),
            listeners: BTreeMap::new(),
            by_cid: BTreeMap::new(),
            by_peer_cid: BTreeMap::new(),
            last_hit: None,
            used: VecDeque::new(),
            accepted: RareQueue::default(),
            replies: RareQueue::default(),
            freed: RareQueue::default(),
            resets: (0, 0),
            noting: false,
        }
    }

    /// Whether connections opened from now on push notes.
    pub fn set_noting(&mut self, on: bool) {
        self.noting = on;
    }

    /// Asks the memory for what the next packet will touch of it and of the first connection.
    pub fn prefetch(&self) {
        prefetch_first(self, Self::HOT_BYTES);
    }

    /// The state of a connection; closed once it is gone.
    #[cfg(test)]
    pub(super) fn state(&self, id: ConnId) -> State {
        self.table.get(id).map_or(State::Closed, |slot| slot.connection.state)
    }

    /// A port from which a connection was opened that is over now.
    pub fn poll_freed(&mut self) -> Option<u16> {
        self.freed.pop_front()
    }

    fn fresh_cid(&mut self) -> u64 {
        loop {
            let cid = self.rng.next_u64();
            if cid != 0 && !self.by_cid.contains_key(&cid) {
                return cid;
            }
        }
    }

    fn find(&mut self, cid: u64) -> Option<ConnId> {
        if let Some((hit, id)) = self.last_hit
            && hit.get() == cid
        {
            return Some(id);
        }
        let id = *self.by_cid.get(&cid)?;
        self.last_hit = NonZeroU64::new(cid).map(|cid| (cid, id));
        Some(id)
    }

    /// Answers a SYN without storing anything.
    #[inline(never)]
    fn answer_syn(&mut self, now: Instant, from: SocketAddrV4, to: SocketAddrV4, seg: &RudpSegment) -> bool {
        if seg.wire_bytes() < RUDP_SYN_BYTES {
            return false;
        }
        let Some(options) = seg.options.as_ref() else { return false };
        let (Some(cid), Some(max_payload), Some(mode)) = (options.source_cid, options.max_payload, options.mode) else {
            return false;
        };
        let Some(config) = self.listeners.get(&to.port()).cloned() else {
            self.refuse(to, from, cid, error::REFUSED);
            return true;
        };
        let Some(mode) = Mode::from_code(mode).map(Mode::code) else {
            self.refuse(to, from, cid, error::UNSUPPORTED_MODE);
            return true;
        };
        let server_cid = self.fresh_cid();
        let idle_timeout_s = options.idle_timeout_s.unwrap_or(u16::MAX);
        let offer = Offer { server_cid, max_payload, mode, idle_timeout_s };
        let client = Client { address: from, port: to.port(), cid };
        let cookie = self.keys.issue(now, &mut self.rng, &client, &offer);
        let answer = RudpOptions {
            source_cid: Some(server_cid),
            max_payload: Some(config.max_payload()),
            mode: Some(mode),
            cookie: Some(cookie),
            idle_timeout_s: Some(config.idle_seconds()),
            max_ack_delay_ms: Some(config.ack_delay_millis()),
            reset_token: Some(self.keys.token(server_cid)),
            ..RudpOptions::default()
        };
        let mut segment = RudpSegment {
            flags: RudpFlags { syn: true, ack: true, ..RudpFlags::default() },
            cid,
            window: config.receive_buffer.min(u64::from(u32::MAX)) as u32,
            options: Some(Box::new(answer)),
            ..RudpSegment::default()
        };
        segment.ranges.push((seg.pn, seg.pn));
        self.reply(to, from, segment);
        true
    }

    fn refuse(&mut self, from: SocketAddrV4, to: SocketAddrV4, cid: u64, error: u16) {
        let flags = RudpFlags { rst: true, ..RudpFlags::default() };
        self.reply(from, to, RudpSegment { flags, cid, error, ..RudpSegment::default() });
    }

    fn reply(&mut self, from: SocketAddrV4, to: SocketAddrV4, mut segment: RudpSegment) {
        (segment.src_port, segment.dst_port) = (from.port(), to.port());
        self.replies.push_back(Outgoing { src: *from.ip(), dst: *to.ip(), segment });
    }

    /// The third packet of the handshake: a connection, if its cookie verifies and was not used.
    #[inline(never)]
    fn accept(&mut self, now: Instant, from: SocketAddrV4, to: SocketAddrV4, seg: &RudpSegment) -> Option<ConnId> {
        let options = seg.options.as_ref()?;
        let (cookie, cid) = (options.cookie?, options.source_cid?);
        let config = self.listeners.get(&to.port())?.clone();
        let client = Client { address: from, port: to.port(), cid };
        let offer = self.keys.verify(now, &mut self.rng, &client, &cookie)?;
        while self.used.front().is_some_and(|&(until, _)| until < now) {
            self.used.pop_front();
        }
        if offer.server_cid != seg.cid || self.used.iter().any(|&(_, used)| used == seg.cid) {
            return None;
        }
        self.used.push_back((now + REMEMBER, seg.cid));
        let peer = Peer {
            cid,
            max_payload: offer.max_payload,
            mode: Mode::from_code(offer.mode)?,
            idle_timeout: Duration::from_secs(u64::from(offer.idle_timeout_s)),
            max_ack_delay: options
                .max_ack_delay_ms
                .map_or(config.max_ack_delay, |ms| Duration::from_millis(u64::from(ms))),
            reset_token: options.reset_token,
        };
        let mut connection = RudpConnection::accept(config, seg.cid, peer, self.keys.token(seg.cid), now);
        connection.set_noting(self.noting);
        let id = self.table.insert(connection, to, from, None);
        self.by_cid.insert(seg.cid, id);
        self.by_peer_cid.insert(cid, id);
        self.accepted.push_back(EndpointEvent::Accepted { conn: id, port: to.port(), peer: from });
        Some(id)
    }

    /// A RST under a connection id that is not ours may name the peer's: its state is gone.
    #[inline(never)]
    fn stateless_reset(&mut self, now: Instant, from: SocketAddrV4, seg: &RudpSegment) -> bool {
        let Some(token) = seg.options.as_ref().and_then(|o| o.reset_token) else { return false };
        let Some(&id) = self.by_peer_cid.get(&seg.cid) else { return false };
        let Some(slot) = self.table.get_mut(id) else { return false };
        if slot.remote != from || slot.connection.peer.reset_token != Some(token) {
            return false;
        }
        slot.connection.on_reset(now, CloseReason::Reset);
        true
    }

    /// Nobody has this connection id: say so, but never louder than the question.
    #[inline(never)]
    fn answer_stray(&mut self, now: Instant, from: SocketAddrV4, to: SocketAddrV4, seg: &RudpSegment) -> bool {
        let options = RudpOptions { reset_token: Some(self.keys.token(seg.cid)), ..RudpOptions::default() };
        let flags = RudpFlags { rst: true, ..RudpFlags::default() };
        let answer = RudpSegment { flags, cid: seg.cid, options: Some(Box::new(options)), ..RudpSegment::default() };
        let second = now.since(Instant::ZERO).as_secs();
        if self.resets.0 != second {
            self.resets = (second, 0);
        }
        if answer.wire_bytes() <= seg.wire_bytes() && self.resets.1 < RESETS_PER_SECOND {
            self.resets.1 += 1;
            self.reply(to, from, answer);
        }
        false
    }
}

impl Endpoint for RudpEndpoint {
    type Segment = RudpSegment;
    type Config = RudpConfig;

    fn connect(
        &mut self,
        now: Instant,
        local: SocketAddrV4,
        remote: SocketAddrV4,
        config: impl Into<Arc<RudpConfig>>,
        name: Arc<str>,
    ) -> ConnId {
        let cid = self.fresh_cid();
        let mut connection = RudpConnection::open(config, cid, self.keys.token(cid), now);
        connection.set_noting(self.noting);
        let id = self.table.insert(connection, local, remote, Some(name));
        self.by_cid.insert(cid, id);
        id
    }

    fn listen(&mut self, port: u16, config: impl Into<Arc<RudpConfig>>) {
        self.listeners.insert(port, config.into());
    }

    fn take_segment(&mut self, now: Instant, src: Ipv4Addr, dst: Ipv4Addr, seg: &mut RudpSegment) -> bool {
        let from = SocketAddrV4::new(src, seg.src_port);
        let to = SocketAddrV4::new(dst, seg.dst_port);
        if seg.flags.syn && !seg.flags.ack {
            return seg.cid == 0 && self.answer_syn(now, from, to, seg);
        }
        let id = match self.find(seg.cid) {
            Some(id) => id,
            None if seg.flags.rst => return self.stateless_reset(now, from, seg),
            None if seg.flags.syn => return false,
            None => match self.accept(now, from, to, seg) {
                Some(id) => id,
                None => return self.answer_stray(now, from, to, seg),
            },
        };
        // No migration in version 1: another address is not the peer.
        if self.table.get(id).is_none_or(|slot| slot.remote != from || slot.local != to) {
            return false;
        }
        let opening = seg.flags.syn;
        self.table.take_segment(id, now, seg);
        if let Some(slot) = self.table.get(id).filter(|_| opening) {
            self.by_peer_cid.insert(slot.connection.peer.cid, id);
        }
        true
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.table.handle_timeout(now);
    }

    fn poll_event(&mut self) -> Option<EndpointEvent> {
        self.accepted.pop_front().or_else(|| self.table.poll_event())
    }

    fn has_events(&self) -> bool {
        self.table.has_events() || !self.accepted.is_empty()
    }

    fn has_work(&self) -> bool {
        self.table.has_work() || !self.replies.is_empty()
    }

    fn fill_segment(
        &mut self,
        now: Instant,
        segment: &mut RudpSegment,
        noting: Option<Noting<'_>>,
    ) -> Option<(Ipv4Addr, Ipv4Addr)> {
        if let Some(reply) = self.replies.pop_front() {
            *segment = reply.segment;
            return Some((reply.src, reply.dst));
        }
        let (by_cid, by_peer_cid, last_hit) = (&mut self.by_cid, &mut self.by_peer_cid, &mut self.last_hit);
        let (listeners, freed) = (&self.listeners, &mut self.freed);
        let (local, remote) = self.table.fill_segment(now, segment, noting, |id, slot| {
            by_cid.remove(&slot.connection.local_cid);
            if by_peer_cid.get(&slot.connection.peer.cid) == Some(&id) {
                by_peer_cid.remove(&slot.connection.peer.cid);
            }
            *last_hit = None;
            if !listeners.contains_key(&slot.local.port()) {
                freed.push_back(slot.local.port());
            }
        })?;
        (segment.src_port, segment.dst_port) = (local.port(), remote.port());
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

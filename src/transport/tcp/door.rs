//! TCP by hand: encoded segments and the time go in, encoded segments come out. For those who put
//! our TCP on a wire of their own, or hold it against another with scripts. What the application
//! calls is in `door_calls`.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;

use super::config::TcpConfig;
use super::endpoint::TcpEndpoint;
use super::snapshot::TcpSnapshot;
use crate::base::note::CloseReason;
use crate::base::rng::Seed;
use crate::base::time::Instant;
use crate::transport::endpoint::{ConnId, Endpoint, EndpointEvent};
use crate::transport::stream::StreamEvent;
use crate::wire::tcp::{TcpParseError, TcpSegment};

/// Events kept for a caller who does not ask for them; the oldest go first.
const MOST_EVENTS: usize = 65_536;

/// What the door refuses.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DoorError {
    /// RFC 9293 section 3.10.1.
    #[error("there is a connection between {0} and {1} already")]
    Exists(SocketAddrV4, SocketAddrV4),
    /// RFC 9293 section 3.9.2.3, MUST-46.
    #[error("{0} is no address of one host")]
    Address(Ipv4Addr),
    /// A value that no scenario could have: the field and what it must be.
    #[error("{0} of TcpConfig must be {1}")]
    Config(&'static str, &'static str),
}

/// TCP of one host, driven by hand. The clock is whatever the caller says: any instants that do
/// not go backwards.
///
/// After every call, take segments with [`TcpDoor::segment_out`] until there are none: they are built
/// then, and timers set. (Of two segments that come in without that, the second meets a host that
/// has not answered the first: an ACK of a SYN that was never sent is reset.) Then wait for a segment
/// or for [`TcpDoor::next_timeout`].
///
/// | to do or to see | by |
/// |---|---|
/// | OPEN, passive and active; CLOSE of a listener | [`listen`](Self::listen) and [`accept`](Self::accept), [`connect`](Self::connect); [`unlisten`](Self::unlisten) |
/// | SEND, RECEIVE, looking at what can be received | [`write`](Self::write), [`read`](Self::read), [`peek`](Self::peek); [`writable`](Self::writable), [`readable`](Self::readable) |
/// | CLOSE of one direction, of both, ABORT | [`finish`](Self::finish), [`close`](Self::close), [`abort`](Self::abort) |
/// | segments, time, ICMP | [`segment_in`](Self::segment_in), [`segment_out`](Self::segment_out), [`next_timeout`](Self::next_timeout), [`handle_timeout`](Self::handle_timeout), [`unreachable`](Self::unreachable) |
/// | STATUS: state, windows, numbers, timers | [`snapshot`](Self::snapshot), [`find`](Self::find) for half-open ones |
/// | what happened, and how it ended | [`event`](Self::event), [`end`](Self::end), [`discarded`](Self::discarded) |
/// | initial numbers | [`with_iss`](Self::with_iss), [`set_iss`](Self::set_iss), [`with_timestamp_offset`](Self::with_timestamp_offset) |
/// | sizes, timers, options | [`TcpConfig`], for each listener and connection; [`reconfigure`](Self::reconfigure) later |
///
/// Some choices that RFC 9293 leaves open: data and FIN of a SYN are not taken (its sender repeats
/// them); a segment whose options cannot be read is dropped whole; [`TcpConfig::mss`] counts data without the
/// bytes of timestamps, so that the MSS option says 12 more when they are offered; a window opens
/// by [`TcpConfig::mss`] or half the buffer at least; the last segment of what was written has PSH; data and acknowledgments
/// never carry URG.
///
/// ```
/// use twinwire::base::{rng::Seed, time::{Duration, Instant}};
/// use twinwire::transport::tcp::{TcpConfig, TcpDoor};
///
/// let (local, remote) = ("10.0.0.1:5000".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
/// let config = TcpConfig { timestamps: false, window_scaling: false, sack: false, mss: 1460, ..Default::default() };
/// let mut client = TcpDoor::new(Seed(1)).with_iss(1000);
/// let mut server = TcpDoor::new(Seed(2)).with_iss(9000);
/// server.listen(80, &config).unwrap();
///
/// // SYN: ports 5000 and 80, SEQ 1000, data offset 6 words, window 65535, MSS option 1460.
/// let mut now = Instant::ZERO;
/// let c = client.connect(now, local, remote, &config).unwrap();
/// let (src, dst, syn) = client.segment_out(now).unwrap();
/// assert_eq!(syn[..16], [0x13, 0x88, 0, 80, 0, 0, 3, 0xe8, 0, 0, 0, 0, 0x60, 0b00_0010, 0xff, 0xff]);
/// assert_eq!(syn[18..], [0, 0, 2, 4, 5, 0xb4]);
/// assert_eq!((client.segment_out(now), client.snapshot(c).unwrap().state), (None, "SYN-SENT"));
/// assert_eq!(client.next_timeout(), Some(now + Duration::from_secs(1)));
///
/// // SYN, ACK: SEQ 9000, ACK 1001.
/// now += Duration::from_millis(10);
/// server.segment_in(now, src, dst, &syn).unwrap();
/// let (src, dst, syn_ack) = server.segment_out(now).unwrap();
/// assert_eq!(syn_ack[4..14], [0, 0, 0x23, 0x28, 0, 0, 3, 0xe9, 0x60, 0b01_0010]);
///
/// // The ACK carries what was written: SEQ 1001, ACK 9001, flags PSH and ACK.
/// now += Duration::from_millis(10);
/// client.segment_in(now, src, dst, &syn_ack).unwrap();
/// assert_eq!(client.write(c, b"hello".as_slice()), 5);
/// let (src, dst, data) = client.segment_out(now).unwrap();
/// assert_eq!(data[4..14], [0, 0, 3, 0xe9, 0, 0, 0x23, 0x29, 0x50, 0b01_1000]);
/// assert_eq!(&data[20..], b"hello");
/// let s = client.snapshot(c).unwrap();
/// assert_eq!((s.state, s.flight, s.srtt), ("ESTABLISHED", 5, Some(Duration::from_millis(20))));
///
/// server.segment_in(now, src, dst, &data).unwrap();
/// let (at_server, peer) = server.accept(80).unwrap();
/// assert_eq!(peer, local);
/// assert_eq!(server.read(at_server, 4096).unwrap(), "hello");
///
/// // The client closes: FIN, its ACK, the server's FIN, the last ACK.
/// client.close(c);
/// let carry = |from: &mut TcpDoor, to: &mut TcpDoor| {
///     while let Some((src, dst, bytes)) = from.segment_out(now) {
///         to.segment_in(now, src, dst, &bytes).unwrap();
///     }
/// };
/// let state = |door: &TcpDoor, conn| door.snapshot(conn).unwrap().state;
/// carry(&mut client, &mut server);
/// carry(&mut server, &mut client);
/// assert_eq!((state(&client, c), state(&server, at_server)), ("FIN-WAIT-2", "CLOSE-WAIT"));
/// assert_eq!(server.read(at_server, 4096).unwrap(), "");
/// server.close(at_server);
/// carry(&mut server, &mut client);
/// carry(&mut client, &mut server);
/// assert_eq!((state(&client, c), state(&server, at_server)), ("TIME-WAIT", "CLOSED"));
/// let end = client.next_timeout().unwrap();
/// client.handle_timeout(end);
/// assert_eq!((client.segment_out(end), state(&client, c)), (None, "CLOSED"));
/// ```
pub struct TcpDoor {
    pub(super) endpoint: TcpEndpoint,
    accepted: VecDeque<(u16, ConnId, SocketAddrV4)>,
    pub(super) ended: BTreeMap<ConnId, Ended>,
    pub(super) events: VecDeque<(ConnId, StreamEvent)>,
    pub(super) now: Instant,
    discarded: u64,
    // Something was done since there was last nothing to send.
    unsettled: bool,
}

/// What is left of a connection that is over.
pub(super) struct Ended {
    pub(super) reason: CloseReason,
    pub(super) unread: VecDeque<Bytes>,
    pub(super) finished: bool,
    pub(super) last: TcpSnapshot,
}

impl TcpDoor {
    /// No connections and no listeners; `seed` keys the initial sequence numbers (RFC 6528).
    pub fn new(seed: Seed) -> Self {
        let mut endpoint = TcpEndpoint::new(seed.stream("door"));
        endpoint.accepts_by_hand = true;
        TcpDoor {
            endpoint,
            accepted: VecDeque::new(),
            ended: BTreeMap::new(),
            events: VecDeque::new(),
            now: Instant::ZERO,
            discarded: 0,
            unsettled: false,
        }
    }

    /// Every connection begins with this sequence number.
    pub fn with_iss(mut self, iss: u32) -> Self {
        self.endpoint.iss.fixed_iss = Some(iss);
        self
    }

    /// Connections from now on begin with this sequence number; `None`: as RFC 6528 says.
    pub fn set_iss(&mut self, iss: Option<u32>) {
        self.endpoint.iss.fixed_iss = iss;
    }

    /// TSval is the clock in milliseconds plus this, on every connection.
    pub fn with_timestamp_offset(mut self, offset: u32) -> Self {
        self.endpoint.iss.fixed_timestamp_offset = Some(offset);
        self
    }

    /// Accepts connections to `port`, of whatever address segments are sent to.
    pub fn listen(&mut self, port: u16, config: &TcpConfig) -> Result<(), DoorError> {
        config.check().map_err(|(key, must)| DoorError::Config(key, must))?;
        self.endpoint.listen(port, config);
        Ok(())
    }

    /// Accepts no more connections to `port`: from now on SYNs are answered by resets. What was
    /// opened before stays.
    pub fn unlisten(&mut self, port: u16) {
        self.endpoint.listeners.remove(&port);
    }

    /// Opens a connection.
    pub fn connect(
        &mut self,
        now: Instant,
        local: SocketAddrV4,
        remote: SocketAddrV4,
        config: &TcpConfig,
    ) -> Result<ConnId, DoorError> {
        config.check().map_err(|(key, must)| DoorError::Config(key, must))?;
        let odd = |a: &Ipv4Addr| a.is_broadcast() || a.is_multicast() || a.is_unspecified();
        if let Some(ip) = [*local.ip(), *remote.ip()].into_iter().find(odd) {
            return Err(DoorError::Address(ip));
        }
        if self.endpoint.find((local, remote)).is_some() {
            return Err(DoorError::Exists(local, remote));
        }
        let conn = self.endpoint.connect(now, local, remote, config, "door".into());
        self.hear(now);
        Ok(conn)
    }

    /// The next connection to `port` whose handshake is complete, and who opened it.
    pub fn accept(&mut self, port: u16) -> Option<(ConnId, SocketAddrV4)> {
        let at = self.accepted.iter().position(|(p, ..)| *p == port)?;
        self.endpoint.taken(port);
        self.accepted.remove(at).map(|(_, conn, peer)| (conn, peer))
    }

    /// The connection between two ends, also while it is half-open.
    pub fn find(&mut self, local: SocketAddrV4, remote: SocketAddrV4) -> Option<ConnId> {
        self.endpoint.find((local, remote))
    }

    /// A segment arrived: the bytes behind the IPv4 header, and that header's addresses. Its
    /// checksum is verified; what cannot be read changes nothing. `Ok(false)`: nobody wanted it.
    pub fn segment_in(
        &mut self,
        now: Instant,
        src: Ipv4Addr,
        dst: Ipv4Addr,
        bytes: &[u8],
    ) -> Result<bool, TcpParseError> {
        let segment = TcpSegment::parse(src, dst, bytes).inspect_err(|_| self.discarded += 1)?;
        let wanted = self.endpoint.handle_segment(now, src, dst, segment);
        self.hear(now);
        Ok(wanted)
    }

    /// How many segments could not be read, for their checksum or their form.
    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    /// The next segment to send, with the addresses that its checksum covers.
    pub fn segment_out(&mut self, now: Instant) -> Option<(Ipv4Addr, Ipv4Addr, Vec<u8>)> {
        self.hear(now);
        let out = self.endpoint.poll_transmit(now);
        self.unsettled = out.is_some();
        let out = out?;
        let mut bytes = Vec::with_capacity(out.segment.wire_bytes() as usize);
        out.segment.encode(out.src, out.dst, &mut bytes);
        Some((out.src, out.dst, bytes))
    }

    /// When [`TcpDoor::handle_timeout`] is to be called. With segments still to be taken: at once.
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.unsettled { Some(self.now) } else { self.endpoint.poll_timeout() }
    }

    /// Runs every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        self.hear(now);
    }

    /// ICMP says that a segment from `local` to `remote` did not arrive. `hard` are protocol and
    /// port unreachable (RFC 9293 section 3.9.2.2); they end a connection that is opening.
    pub fn unreachable(&mut self, now: Instant, local: SocketAddrV4, remote: SocketAddrV4, hard: bool) {
        if let Some(conn) = self.endpoint.find((local, remote)) {
            self.on(conn, |c| c.handle_unreachable(now, hard));
        }
        self.hear(now);
    }

    /// Hears what the endpoint has to tell.
    pub(super) fn hear(&mut self, now: Instant) {
        (self.now, self.unsettled) = (now, true);
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                EndpointEvent::Accepted { conn, port, peer } => {
                    self.accepted.push_back((port, conn, peer));
                    self.tell(conn, StreamEvent::Connected);
                }
                EndpointEvent::Stream(conn, StreamEvent::Closed(reason)) => {
                    self.tell(conn, StreamEvent::Closed(reason));
                    let Some(c) = self.endpoint.connection_mut(conn) else { continue };
                    let (last, finished) = (TcpSnapshot::of(c), c.rcv.finished);
                    let unread = std::mem::take(&mut c.inbox);
                    c.rcv.inbox_bytes = 0;
                    self.ended.insert(conn, Ended { reason, unread, finished, last });
                }
                EndpointEvent::Stream(conn, event) => self.tell(conn, event),
            }
        }
    }
    fn tell(&mut self, conn: ConnId, event: StreamEvent) {
        if self.events.len() == MOST_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back((conn, event));
    }
}

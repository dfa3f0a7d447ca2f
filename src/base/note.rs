//! The closed vocabulary of what can be noted during a run. One note, one fact, with its cause.
//!
//! A note says its own fields once, in [`Note::visit`]; the JSON trace, the series and the digest
//! are all visitors, so they can never disagree. Units stand in the field names.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

pub use super::cause::{
    CloseReason, DropCause, HttpChange, LeaseChange, NameChange, Phase, SendCause, Timer, WindowCause,
};
use super::ids::{FlowId, PacketId, TransportKind};
use super::outline::Outline;
use super::time::{Duration, Instant};

/// Where something happened: an index into the run's table of places (nodes first, then the
/// directions of links, each sorted by name).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place(pub u32);

/// One note with its time and place.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// When.
    pub at: Instant,
    /// Where.
    pub place: Place,
    /// What, and why.
    pub note: Note,
}

/// What a node notes in during one call: when and where is known.
pub trait Notebook {
    /// One more note.
    fn note(&mut self, note: &Note);
    /// What a connection noted.
    fn flow_notes(&mut self, about: About, notes: &[FlowNote]);
}

/// What the notes of a connection are about.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Which connection.
    pub flow: FlowId,
    /// The packet that was being handled, if one was.
    pub packet: Option<PacketId>,
}

impl About {
    /// A note about it.
    #[inline]
    pub fn note(self, note: FlowNote) -> Note {
        Note::Flow { flow: self.flow, packet: self.packet, note }
    }
}

/// Where connections note while their host handles a packet.
pub struct Noting<'n> {
    /// The packet, if there is one.
    pub packet: Option<PacketId>,
    /// Where the host notes.
    pub notebook: &'n mut dyn Notebook,
}

impl Noting<'_> {
    /// The same, for a shorter time.
    pub fn reborrow(&mut self) -> Noting<'_> {
        Noting { packet: self.packet, notebook: &mut *self.notebook }
    }
    /// Takes what a connection noted.
    #[inline(never)]
    pub fn take(&mut self, flow: FlowId, notes: &mut Vec<FlowNote>) {
        self.notebook.flow_notes(About { flow, packet: self.packet }, notes);
        notes.clear();
    }
}

/// Which way a packet passes a node's interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// It reached the node.
    In,
    /// The node sent it.
    Out,
}

/// Takes notes as they are made, in the order in which they are made.
pub trait Sink {
    /// One more note, made then and there.
    fn note(&mut self, at: Instant, place: Place, note: &Note);
    /// What a connection noted at a host.
    #[inline]
    fn flow_notes(&mut self, at: Instant, place: Place, about: About, notes: &[FlowNote]) {
        for &note in notes {
            self.note(at, place, &about.note(note));
        }
    }
    /// One more note with its time and place.
    fn record(&mut self, record: &Record) {
        self.note(record.at, record.place, &record.note);
    }
    /// Whether it wants records at all: for who does not, none are made.
    #[inline]
    fn wants_records(&self) -> bool {
        true
    }
    /// Whether it wants [`Sink::sent`] and [`Sink::arrived`], asked once when a run begins: who
    /// does not, costs nothing.
    fn wants_segments(&self) -> bool {
        false
    }
    /// A host at `place` sent a segment with this header.
    fn sent(&mut self, _at: Instant, _place: Place, _segment: Outline) {}
    /// A packet reached the node at `place`.
    fn arrived(&mut self, _at: Instant, _place: Place, _packet: PacketId) {}
    /// Whether it wants [`Sink::captured`], asked once when a run begins.
    fn wants_packets(&self) -> bool {
        false
    }
    /// A packet left the node at `place` or reached it: an IPv4 packet with all its bytes.
    fn captured(&mut self, _at: Instant, _place: Place, _way: Way, _packet: PacketId, _bytes: &[u8]) {}
}

/// Watches nothing: a run in whose code no note is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Sink for Nobody {
    #[inline]
    fn note(&mut self, _at: Instant, _place: Place, _note: &Note) {}
    #[inline]
    fn wants_records(&self) -> bool {
        false
    }
}

/// What can be noted.
#[derive(Clone, PartialEq, Debug)]
pub enum Note {
    /// A link took a packet into its queue.
    PacketSent {
        /// Which.
        packet: PacketId,
        /// Its size on the link, IP header included.
        bytes: u32,
        /// The queue after it joined, the packet being transmitted left out.
        queue: Depth,
    },
    /// A link handed a packet to the node at its far end.
    PacketDelivered {
        /// Which.
        packet: PacketId,
        /// Its size on the link.
        bytes: u32,
        /// The queue behind it, at this moment.
        queue: Depth,
    },
    /// A link or node threw a packet away.
    PacketDropped {
        /// Which.
        packet: PacketId,
        /// Its size on the link.
        bytes: u32,
        /// Why.
        cause: DropCause,
        /// The queue at this moment.
        queue: Depth,
    },
    /// The initiating host opened a connection.
    Opened {
        /// Which.
        flow: FlowId,
        /// What reports call it: `phone->appstore#1`, or the name of a `[[flow]]`.
        name: Arc<str>,
        /// Which transport.
        transport: TransportKind,
        /// The initiator's end.
        from: SocketAddrV4,
        /// The responder's end.
        to: SocketAddrV4,
    },
    /// Something about one connection, noted by the host at one of its ends.
    Flow {
        /// Which connection.
        flow: FlowId,
        /// The packet that was being handled, if one was.
        packet: Option<PacketId>,
        /// What.
        note: FlowNote,
    },
    /// A DHCP client or server changed its mind about an address.
    Lease {
        /// The address in question.
        address: Ipv4Addr,
        /// The other party: the server at a client, 0.0.0.0 where unknown.
        server: Ipv4Addr,
        /// What happened.
        change: LeaseChange,
        /// Length of the lease, where one was granted.
        lease: Option<Duration>,
    },
    /// A DNS question was asked, answered or given up.
    Name {
        /// The name asked for.
        name: Arc<str>,
        /// What happened.
        change: NameChange,
        /// The answer, if it was an address.
        address: Option<Ipv4Addr>,
    },
    /// An HTTP request or response passed the host's application.
    Http {
        /// The URL or path.
        target: Arc<str>,
        /// What happened.
        change: HttpChange,
        /// Status code of a response; 0 for a request.
        status: u16,
        /// Body bytes of a response.
        bytes: u64,
    },
    /// The fault timeline changed this place.
    Fault {
        /// What was set, as written in the scenario: `down = true`.
        what: Arc<str>,
        /// True when the change ends and the former value returns.
        ends: bool,
    },
    /// Free words from a role, for what has no note of its own.
    Remark {
        /// The words.
        text: Arc<str>,
    },
}

/// How much waits in a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Depth {
    /// Packets waiting.
    pub packets: u32,
    /// Bytes waiting.
    pub bytes: u64,
}

/// What a connection notes about itself; it knows neither its own name nor packets' ids.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum FlowNote {
    /// The handshake is complete at this end.
    Established,
    /// A data segment left.
    SegmentSent {
        /// Stream offset of its first byte, from 0.
        offset: u64,
        /// Payload bytes.
        bytes: u32,
        /// Why it was sent.
        cause: SendCause,
    },
    /// In-order payload became available to the application.
    Delivered {
        /// How many more bytes.
        bytes: u64,
    },
    /// The congestion state changed, or an RTT sample moved the timer.
    Window(Window),
    /// A timer of the connection fired.
    Timeout {
        /// Which timer.
        timer: Timer,
        /// Doublings so far, this one included.
        backoff: u32,
    },
    /// The connection is over at this end.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// The congestion state after a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Why it changed.
    pub cause: WindowCause,
    /// Where the controller is.
    pub phase: Phase,
    /// Congestion window in bytes.
    pub cwnd_bytes: u64,
    /// Slow-start threshold in bytes; `None` while unlimited.
    pub ssthresh_bytes: Option<u64>,
    /// FlightSize (RFC 5681 section 2) in bytes.
    pub in_flight_bytes: u64,
    /// Smoothed round-trip time, once there is a sample.
    pub srtt: Option<Duration>,
    /// Retransmission timeout.
    pub rto: Duration,
}

/// Reads a note field by field, in a fixed order. Names carry units; a visitor may ignore them.
pub trait Visitor {
    /// Which kind of note: a small stable number and its word. Always first.
    fn kind(&mut self, number: u8, word: &'static str);
    /// A whole number.
    fn number(&mut self, name: &'static str, value: u64);
    /// A whole number that is never large.
    fn small(&mut self, name: &'static str, value: u32);
    /// A number that may be absent.
    fn optional(&mut self, name: &'static str, value: Option<u64>);
    /// A word of a closed vocabulary: its rank and its spelling.
    fn word(&mut self, name: &'static str, rank: u8, word: &'static str);
    /// Text.
    fn text(&mut self, name: &'static str, value: &str);
    /// An IPv4 address.
    fn address(&mut self, name: &'static str, value: Ipv4Addr);
    /// A packet.
    fn packet(&mut self, name: &'static str, value: PacketId);
    /// A packet that may be absent: then nothing is said of it.
    fn cause(&mut self, name: &'static str, value: Option<PacketId>);
    /// A flow.
    fn flow(&mut self, name: &'static str, value: FlowId);
}

impl Note {
    /// Shows every field to `v`. This order is the canonical encoding: appending is allowed,
    /// reordering changes every recorded digest.
    #[inline(always)]
    pub fn visit(&self, v: &mut impl Visitor) {
        match self {
            Note::PacketSent { packet, bytes, queue } => {
                v.kind(1, "packet-sent");
                v.packet("packet", *packet);
                v.small("bytes", *bytes);
                queue.visit(v);
            }
            Note::PacketDelivered { packet, bytes, queue } => {
                v.kind(2, "packet-delivered");
                v.packet("packet", *packet);
                v.small("bytes", *bytes);
                queue.visit(v);
            }
            Note::PacketDropped { packet, bytes, cause, queue } => {
                v.kind(3, "packet-dropped");
                v.packet("packet", *packet);
                v.small("bytes", *bytes);
                v.word("cause", *cause as u8, cause.word());
                queue.visit(v);
            }
            Note::Opened { flow, name, transport, from, to } => {
                v.kind(10, "flow-opened");
                v.flow("flow", *flow);
                v.cause("packet", None);
                v.text("name", name);
                v.word("transport", *transport as u8, transport.name());
                v.address("from", *from.ip());
                v.small("from_port", u32::from(from.port()));
                v.address("to", *to.ip());
                v.small("to_port", u32::from(to.port()));
            }
            Note::Flow { flow, packet, note } => note.visit(v, |v| {
                v.flow("flow", *flow);
                v.cause("packet", *packet);
            }),
            Note::Lease { address, server, change, lease } => {
                v.kind(20, "lease");
                v.word("change", *change as u8, change.word());
                v.address("address", *address);
                v.address("server", *server);
                v.optional("lease_ns", lease.map(Duration::as_nanos));
            }
            Note::Name { name, change, address } => {
                v.kind(21, "name");
                v.word("change", *change as u8, change.word());
                v.text("name", name);
                v.optional("has_address", address.map(|_| 1));
                v.address("address", address.unwrap_or(Ipv4Addr::UNSPECIFIED));
            }
            Note::Http { target, change, status, bytes } => {
                v.kind(22, "http");
                v.word("change", *change as u8, change.word());
                v.text("target", target);
                v.small("status", u32::from(*status));
                v.number("bytes", *bytes);
            }
            Note::Fault { what, ends } => {
                v.kind(23, "fault");
                v.text("set", what);
                v.small("ends", u32::from(*ends));
            }
            Note::Remark { text } => {
                v.kind(24, "remark");
                v.text("text", text);
            }
        }
    }
}

impl Depth {
    #[inline(always)]
    fn visit(self, v: &mut impl Visitor) {
        v.small("queue_packets", self.packets);
        v.number("queue_bytes", self.bytes);
    }
}

impl FlowNote {
    /// Shows every field to `v`; after the kind, `about` shows it the flow, and the packet that was
    /// being handled.
    #[inline(always)]
    pub fn visit<V: Visitor>(&self, v: &mut V, about: impl Fn(&mut V)) {
        let begin = |number, word, v: &mut V| {
            v.kind(number, word);
            about(v);
        };
        match self {
            FlowNote::Established => begin(11, "established", v),
            FlowNote::SegmentSent { offset, bytes, cause } => {
                begin(12, "segment-sent", v);
                v.number("offset", *offset);
                v.small("bytes", *bytes);
                v.word("cause", *cause as u8, cause.word());
            }
            FlowNote::Delivered { bytes } => {
                begin(13, "delivered", v);
                v.number("bytes", *bytes);
            }
            FlowNote::Window(w) => {
                begin(14, "window", v);
                v.word("cause", w.cause as u8, w.cause.word());
                v.word("phase", w.phase as u8, w.phase.word());
                v.number("cwnd_bytes", w.cwnd_bytes);
                v.optional("ssthresh_bytes", w.ssthresh_bytes);
                v.number("in_flight_bytes", w.in_flight_bytes);
                v.optional("srtt_ns", w.srtt.map(Duration::as_nanos));
                v.number("rto_ns", w.rto.as_nanos());
            }
            FlowNote::Timeout { timer, backoff } => {
                begin(15, "timeout", v);
                v.word("timer", *timer as u8, timer.word());
                v.small("backoff", *backoff);
            }
            FlowNote::Closed { reason } => {
                begin(16, "closed", v);
                v.word("reason", *reason as u8, reason.word());
            }
        }
    }
}

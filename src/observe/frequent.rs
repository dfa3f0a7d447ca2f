//! The lines of `events.jsonl` of which there are most: a packet comes to a link or leaves it, a flow sends,
//! delivers, changes its window. They are written piece by piece, their fields known by heart, and
//! are the same to the byte as what [`super::trace::LineWriter`] makes of the note.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::base::ids::{FlowId, PacketId};
use crate::base::note::{About, Depth, FlowNote, Note, Phase, Place, SendCause, Window, WindowCause};
use crate::base::time::{Duration, Instant};

use super::ascii::{LONGEST_NAME, Names, ROOM, Row, Stamp};
use super::files::Lines;
use super::places::Places;
use super::trace::escaped;

/// A packet comes to a link or leaves it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Sent,
    Delivered,
}

/// What is noted of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    pub(super) packet: PacketId,
    pub(super) bytes: u32,
    pub(super) queue: Depth,
}

/// Writes those lines, if names are short enough.
pub(super) struct Frequent {
    stamp: Stamp,
    /// Each place's name.
    places: Names,
    /// Each node's name and `#`.
    origins: Names,
    /// Whether rows have room for all of these.
    short: bool,
    /// The newest of each kind, and room to write one.
    tails: Vec<Tail>,
    room: Box<[u8; ROOM]>,
    flows: Flows,
    words: Words,
}

/// The names of flows.
#[derive(Default)]
struct Flows {
    ranks: IndexMap<FlowId, usize, FxBuildHasher>,
    names: Names,
    /// At each place, the flow it last spoke of: mostly it has but one.
    recent: Vec<Option<(FlowId, u32)>>,
}

impl Flows {
    /// The rank of a flow's name, if it has one that a row has room for.
    #[inline(always)]
    fn rank(&mut self, place: Place, flow: FlowId) -> Option<usize> {
        match self.recent.get(place.0 as usize) {
            Some(Some((recent, rank))) if *recent == flow => Some(*rank as usize),
            _ => self.look_up(place, flow),
        }
    }

    #[inline(never)]
    fn look_up(&mut self, place: Place, flow: FlowId) -> Option<usize> {
        let rank = *self.ranks.get(&flow)?;
        if let Some(recent) = self.recent.get_mut(place.0 as usize) {
            *recent = Some((flow, rank as u32));
        }
        Some(rank)
    }
}

/// Words of closed vocabularies, by their ranks.
struct Words {
    sends: Names,
    windows: Names,
    phases: Names,
}

impl Words {
    fn new() -> Self {
        let names = |words: &mut dyn Iterator<Item = &'static str>| {
            let mut names = Names::default();
            words.for_each(|word| {
                names.push(word.as_bytes());
            });
            names
        };
        Words {
            sends: names(&mut SendCause::ALL.iter().map(|word| word.word())),
            windows: names(&mut WindowCause::ALL.iter().map(|word| word.word())),
            phases: names(&mut Phase::ALL.iter().map(|word| word.word())),
        }
    }
}

impl Frequent {
    pub(super) fn new(places: &Places) -> Self {
        let (mut names, mut origins) = (Names::default(), Names::default());
        for (rank, name) in places.names.iter().enumerate() {
            names.push(escaped(name).as_bytes());
            if rank < places.nodes as usize {
                origins.push(format!("{}#", escaped(name)).as_bytes());
            }
        }
        let mut room = Box::new([0; ROOM]);
        let tails = (0..TAILS).map(|_| Tail::new(0, Depth::default(), &mut room)).collect();
        let (stamp, words) = (Stamp::default(), Words::new());
        let flows = Flows { recent: vec![None; places.nodes as usize], ..Flows::default() };
        let short = names.are_short() && origins.are_short();
        Frequent { stamp, places: names, origins, short, tails, room, flows, words }
    }

    /// The time of the newest record as text.
    #[inline(always)]
    pub(super) const fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Takes note of another line.
    pub(super) fn learn(&mut self, at: Instant, note: &Note) {
        self.stamp.set(at);
        if let Note::Opened { flow, name, .. } = note {
            let name = escaped(name);
            self.flows.recent.iter_mut().for_each(|recent| *recent = recent.filter(|(known, _)| known != flow));
            if name.len() <= LONGEST_NAME {
                let rank = self.flows.names.push(name.as_bytes());
                self.flows.ranks.insert(*flow, rank);
            } else {
                self.flows.ranks.swap_remove(flow);
            }
        }
    }

    /// Writes the line of a passage. False: names are too long.
    #[inline(always)]
    pub(super) fn passage(&mut self, out: &mut Lines, at: Instant, place: Place, kind: Kind, passage: Passage) -> bool {
        if !self.short {
            return false;
        }
        self.stamp.set(at);
        let mut row = out.row();
        row.begin(&self.stamp);
        row.name(&self.places, place.0 as usize);
        match kind {
            Kind::Sent => row.text(b"\",\"what\":\"packet-sent\",\"packet\":\""),
            Kind::Delivered => row.text(b"\",\"what\":\"packet-delivered\",\"packet\":\""),
        }
        let Passage { packet, bytes, queue } = passage;
        row.name(&self.origins, packet.origin.0 as usize);
        row.number(u64::from(packet.number));
        let slot = (queue.packets as usize * 2 + usize::from(bytes >= 100)) % TAILS;
        if let Some(tail) = self.tails.get_mut(slot) {
            if tail.bytes != bytes || tail.queue != queue {
                *tail = Tail::new(bytes, queue, &mut self.room);
            }
            match tail.text.first_chunk::<SHORT_TAIL>() {
                Some(short) if tail.length <= SHORT_TAIL => row.block(short, tail.length),
                _ => row.block(&tail.text, tail.length),
            }
        }
        let length = row.length();
        out.end(length);
        true
    }

    /// Writes the line of a note of a connection. False: it is none of the frequent ones, or names
    /// are too long.
    #[inline]
    pub(super) fn flow(&mut self, out: &mut Lines, at: Instant, place: Place, about: About, note: &FlowNote) -> bool {
        if !matches!(note, FlowNote::SegmentSent { .. } | FlowNote::Delivered { .. } | FlowNote::Window(_)) {
            return false;
        }
        let Some(rank) = self.flows.rank(place, about.flow).filter(|_| self.short) else { return false };
        self.stamp.set(at);
        let mut row = out.row();
        row.begin(&self.stamp);
        row.name(&self.places, place.0 as usize);
        match note {
            FlowNote::SegmentSent { .. } => row.text(b"\",\"what\":\"segment-sent\",\"flow\":\""),
            FlowNote::Delivered { .. } => row.text(b"\",\"what\":\"delivered\",\"flow\":\""),
            _ => row.text(b"\",\"what\":\"window\",\"flow\":\""),
        }
        row.name(&self.flows.names, rank);
        if let Some(packet) = about.packet {
            row.text(b"\",\"packet\":\"");
            row.name(&self.origins, packet.origin.0 as usize);
            row.number(u64::from(packet.number));
        }
        match note {
            FlowNote::SegmentSent { offset, bytes, cause } => {
                row.text(b"\",\"offset\":");
                row.number(*offset);
                row.text(b",\"bytes\":");
                row.number(u64::from(*bytes));
                row.text(b",\"cause\":\"");
                row.name(&self.words.sends, *cause as usize);
                row.text(b"\"}\n");
            }
            FlowNote::Delivered { bytes } => {
                row.text(b"\",\"bytes\":");
                row.number(*bytes);
                row.text(b"}\n");
            }
            FlowNote::Window(window) => self.words.window(&mut row, window),
            _ => {}
        }
        let length = row.length();
        out.end(length);
        true
    }
}

impl Words {
    #[inline(always)]
    fn window(&self, row: &mut Row<'_>, w: &Window) {
        row.text(b"\",\"cause\":\"");
        row.name(&self.windows, w.cause as usize);
        row.text(b"\",\"phase\":\"");
        row.name(&self.phases, w.phase as usize);
        row.text(b"\",\"cwnd_bytes\":");
        row.number(w.cwnd_bytes);
        row.text(b",\"ssthresh_bytes\":");
        optional(row, w.ssthresh_bytes);
        row.text(b",\"in_flight_bytes\":");
        row.number(w.in_flight_bytes);
        row.text(b",\"srtt_ns\":");
        optional(row, w.srtt.map(Duration::as_nanos));
        row.text(b",\"rto_ns\":");
        row.number(w.rto.as_nanos());
        row.text(b"}\n");
    }
}

#[inline(always)]
fn optional(row: &mut Row<'_>, value: Option<u64>) {
    match value {
        Some(value) => row.number(value),
        None => row.text(b"null"),
    }
}

/// What the line of a passage ends with. Few sizes of packets and lengths of queues come again and
/// again.
struct Tail {
    bytes: u32,
    queue: Depth,
    text: [u8; TAIL],
    length: usize,
}

/// So many are kept: for each length of a queue, that of a large packet and that of a small one.
const TAILS: usize = 256;
/// The longest has 85 bytes.
const TAIL: usize = 96;
/// Most have fewer than this.
const SHORT_TAIL: usize = 64;

impl Tail {
    #[inline(never)]
    fn new(bytes: u32, queue: Depth, room: &mut [u8; ROOM]) -> Self {
        let mut row = Row::new(room);
        row.text(b"\",\"bytes\":");
        row.number(u64::from(bytes));
        row.text(b",\"queue_packets\":");
        row.number(u64::from(queue.packets));
        row.text(b",\"queue_bytes\":");
        row.number(queue.bytes);
        row.text(b"}\n");
        let length = row.length();
        let mut tail = Tail { bytes, queue, text: [0; TAIL], length };
        tail.text.copy_from_slice(&room[..TAIL]);
        tail
    }
}

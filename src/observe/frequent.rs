//! The lines of `events.jsonl` of which there are most: a packet comes to a link, leaves it or is dropped, a flow
//! sends, delivers, changes its window. They are written piece by piece, their fields known by heart, and
//! are the same to the byte as what [`super::trace::LineWriter`] makes of the note.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::base::ids::{FlowId, PacketId};
use crate::base::note::{About, Depth, DropCause, FlowNote, Note, Phase, Place, SendCause, Window, WindowCause};
use crate::base::time::{Duration, Instant};

use super::ascii::{Names, Row, Stamp};
use super::files::Lines;
use super::places::Places;
use super::tails::{Tail, Tails};
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
    /// Of each place, what stands between the time and the kind: `,"place":"phone","what":"`.
    places: Names<64>,
    /// Each node's name and `#`.
    origins: Names,
    /// Whether rows have room for all of these.
    short: bool,
    tails: Tails,
    flows: Flows,
    words: Words,
}

/// The names of flows.
#[derive(Default)]
struct Flows {
    ranks: IndexMap<FlowId, usize, FxBuildHasher>,
    /// Each name twice: before a packet, `bulk","packet":"`, and alone, `bulk`.
    names: Names<48>,
    /// At each place, the flow it last spoke of: mostly it has but one.
    recent: Vec<Option<(FlowId, u32)>>,
}

impl Flows {
    /// The rank of the first of a flow's names, if it has some that a row has room for.
    #[inline(always)]
    fn rank(&mut self, place: Place, flow: FlowId) -> Option<usize> {
        match self.recent.get(place.0 as usize) {
            Some(Some((recent, rank))) if *recent == flow => Some(*rank as usize),
            _ => self.look_up(place, flow),
        }
    }

    /// Learns what a flow is called.
    fn learn(&mut self, flow: FlowId, name: &str) {
        // It may have had another name.
        if self.ranks.swap_remove(&flow).is_some() {
            self.recent.fill(None);
        }
        let name = escaped(name);
        let before_packet = format!("{name}\",\"packet\":\"");
        if before_packet.len() <= Names::<48>::LONGEST {
            let rank = self.names.push(before_packet.as_bytes());
            self.names.push(name.as_bytes());
            self.ranks.insert(flow, rank);
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

/// Words of closed vocabularies by their ranks, with what stands around them.
struct Words {
    drops: Names<48>,
    sends: Names<48>,
    windows: Names<48>,
    phases: Names<48>,
}

impl Words {
    fn new() -> Self {
        let [drops, sends, windows, phases] = std::array::from_fn(|_| Names::default());
        let mut words = Words { drops, sends, windows, phases };
        for cause in DropCause::ALL {
            words.drops.push(format!(",\"cause\":\"{}\",\"queue_packets\":", cause.word()).as_bytes());
        }
        for cause in SendCause::ALL {
            words.sends.push(format!(",\"cause\":\"{}\"}}\n", cause.word()).as_bytes());
        }
        for cause in WindowCause::ALL {
            words.windows.push(format!("\",\"cause\":\"{}\",\"phase\":\"", cause.word()).as_bytes());
        }
        for phase in Phase::ALL {
            words.phases.push(format!("{}\",\"cwnd_bytes\":", phase.word()).as_bytes());
        }
        words
    }
}

impl Frequent {
    pub(super) fn new(places: &Places) -> Self {
        let before_kind = |name: &str| format!(",\"place\":\"{name}\",\"what\":\"");
        let (mut names, mut origins) = (Names::new(before_kind("?").as_bytes()), Names::default());
        for (rank, name) in places.names.iter().map(|name| escaped(name)).enumerate() {
            names.push(before_kind(&name).as_bytes());
            if rank < places.nodes as usize {
                origins.push(format!("{name}#").as_bytes());
            }
        }
        let short = names.are_short() && origins.are_short();
        let flows = Flows { recent: vec![None; places.nodes as usize], ..Flows::default() };
        let (stamp, tails, words) = (Stamp::default(), Tails::default(), Words::new());
        Frequent { stamp, places: names, origins, short, tails, flows, words }
    }

    /// The time of the newest record as text.
    #[inline(always)]
    pub(super) const fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The same, and what a packet and a queue look like.
    #[inline(always)]
    pub(super) fn texts(&mut self, bytes: u32, queue: Depth) -> (&Stamp, &Tail) {
        (&self.stamp, self.tails.of(bytes, queue))
    }

    /// Takes note of another line.
    pub(super) fn learn(&mut self, at: Instant, note: &Note) {
        self.stamp.set(at);
        if let Note::Opened { flow, name, .. } = note {
            self.flows.learn(*flow, name);
        }
    }

    /// Writes the line of a passage. False: names are too long.
    #[inline(always)]
    pub(super) fn passage(&mut self, out: &mut Lines, at: Instant, place: Place, kind: Kind, passage: Passage) -> bool {
        let Some(mut row) = self.begin(out, at, place) else { return false };
        match kind {
            Kind::Sent => row.text(b"packet-sent\",\"packet\":\""),
            Kind::Delivered => row.text(b"packet-delivered\",\"packet\":\""),
        }
        let Passage { packet, bytes, queue } = passage;
        self.packet(&mut row, packet);
        self.tails.of(bytes, queue).end_line(&mut row);
        let length = row.length();
        out.end(length);
        true
    }

    /// Writes the line of a packet that is dropped. False: names are too long.
    pub(super) fn drop(
        &mut self,
        out: &mut Lines,
        at: Instant,
        place: Place,
        passage: Passage,
        cause: DropCause,
    ) -> bool {
        let Some(mut row) = self.begin(out, at, place) else { return false };
        row.text(b"packet-dropped\",\"packet\":\"");
        let Passage { packet, bytes, queue } = passage;
        self.packet(&mut row, packet);
        row.text(b"\",\"bytes\":");
        row.number(u64::from(bytes));
        row.name(&self.words.drops, cause as usize);
        row.number(u64::from(queue.packets));
        row.text(b",\"queue_bytes\":");
        row.number(queue.bytes);
        row.text(b"}\n");
        let length = row.length();
        out.end(length);
        true
    }

    /// Writes the line of a note of a connection. False: it is none of the frequent ones, or names
    /// are too long.
    #[inline(always)]
    pub(super) fn flow(&mut self, out: &mut Lines, at: Instant, place: Place, about: About, note: &FlowNote) -> bool {
        let length = match note {
            FlowNote::SegmentSent { offset, bytes, cause } => {
                let Some(mut row) = self.begin_flow(out, at, place, about, b"segment-sent\",\"flow\":\"") else {
                    return false;
                };
                row.text(b"\",\"offset\":");
                row.number(*offset);
                row.text(b",\"bytes\":");
                row.number(u64::from(*bytes));
                row.name(&self.words.sends, *cause as usize);
                row.length()
            }
            FlowNote::Delivered { bytes } => {
                let Some(mut row) = self.begin_flow(out, at, place, about, b"delivered\",\"flow\":\"") else {
                    return false;
                };
                row.text(b"\",\"bytes\":");
                row.number(*bytes);
                row.text(b"}\n");
                row.length()
            }
            FlowNote::Window(window) => {
                let Some(mut row) = self.begin_flow(out, at, place, about, b"window\",\"flow\":\"") else {
                    return false;
                };
                self.words.window(&mut row, window);
                row.length()
            }
            _ => return false,
        };
        out.end(length);
        true
    }

    /// What a line begins with, up to its kind; `None` if names are too long.
    #[inline(always)]
    fn begin<'o>(&mut self, out: &'o mut Lines, at: Instant, place: Place) -> Option<Row<'o>> {
        if !self.short {
            return None;
        }
        self.stamp.set(at);
        let mut row = out.row();
        row.begin(&self.stamp);
        row.name(&self.places, place.0 as usize);
        Some(row)
    }

    /// What the line of a connection's note begins with, up to the flow, or up to the packet that was
    /// being handled, if one was.
    #[inline(always)]
    fn begin_flow<'o, const N: usize>(
        &mut self,
        out: &'o mut Lines,
        at: Instant,
        place: Place,
        about: About,
        kind: &[u8; N],
    ) -> Option<Row<'o>> {
        let rank = self.flows.rank(place, about.flow)?;
        let mut row = self.begin(out, at, place)?;
        row.text(kind);
        match about.packet {
            Some(packet) => {
                row.name(&self.flows.names, rank);
                self.packet(&mut row, packet);
            }
            None => row.name(&self.flows.names, rank + 1),
        }
        Some(row)
    }

    #[inline(always)]
    fn packet(&self, row: &mut Row<'_>, packet: PacketId) {
        row.name(&self.origins, packet.origin.0 as usize);
        row.number(u64::from(packet.number));
    }
}

impl Words {
    #[inline(always)]
    fn window(&self, row: &mut Row<'_>, w: &Window) {
        row.name(&self.windows, w.cause as usize);
        row.name(&self.phases, w.phase as usize);
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

//! `events.jsonl`: one record a line, every field of its note by name.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::base::ids::{FlowId, PacketId};
use crate::base::note::{Depth, Note, Place, Record, Sink, Visitor};
use crate::base::time::Instant;

use super::ascii::{Fixed, NUMBER, Names, Pen, Stamp};
use super::files::Lines;
use super::places::Places;

/// Writes each record as a line of JSON.
pub struct Trace {
    lines: LineWriter,
    out: Lines,
}

impl Trace {
    /// A trace that goes to `out`, in large pieces.
    pub fn new(places: &Places, out: Box<dyn Write>) -> Self {
        Trace { lines: LineWriter::new(places), out: Lines::new(out) }
    }

    /// Flushes, and says whether everything could be written.
    pub fn finish(self) -> io::Result<()> {
        self.out.finish()
    }
}

impl Trace {
    /// The time of the newest record as text.
    #[inline]
    pub(super) fn stamp(&self) -> &Stamp {
        &self.lines.stamp
    }
}

impl Sink for Trace {
    #[inline(always)]
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        let room = self.lines.prepare(note);
        let mut pen = self.lines.write(self.out.pen(room), at, place, note);
        pen.byte(b'\n');
        let left = pen.left();
        self.out.end(left);
    }
}

/// Turns records into JSON objects. It must see every record, or it does not learn flows' names.
pub struct LineWriter {
    /// Each place's name.
    places: Names,
    /// Each node's name and `#`.
    origins: Names,
    flows: Flows,
    stamp: Stamp,
    /// The newest of each kind.
    tails: Vec<Tail>,
    room: usize,
}

/// The names of flows as they stand in JSON strings.
#[derive(Default)]
struct Flows {
    ranks: IndexMap<FlowId, usize, FxBuildHasher>,
    names: Names,
    /// The flow of the last record: mostly also of the next.
    last: Option<(FlowId, usize)>,
}

/// Room for everything in a line but names and texts.
const ROOM: usize = 768;
/// A byte of a text takes at most so many in a JSON string.
const ESCAPED: usize = 6;

impl LineWriter {
    /// For a run with these places.
    pub fn new(places: &Places) -> Self {
        let (mut names, mut origins) = (Names::default(), Names::default());
        for (rank, name) in places.names.iter().enumerate() {
            let mut escaped = Vec::new();
            escape(name, |bytes| escaped.extend_from_slice(bytes));
            names.push(&escaped);
            if rank < places.nodes as usize {
                origins.push(&[&escaped[..], b"#"].concat());
            }
        }
        let tails = (0..TAILS).map(|_| Tail::new(0, Depth::default()));
        let mut writer = LineWriter {
            places: names,
            origins,
            flows: Flows::default(),
            stamp: Stamp::default(),
            tails: tails.collect(),
            room: 0,
        };
        writer.measure();
        writer
    }

    fn measure(&mut self) {
        self.room = ROOM + self.places.room() + self.origins.room() + self.flows.names.room();
    }

    /// Learns the flow's name if `note` gives one.
    #[inline]
    pub fn learn(&mut self, note: &Note) {
        if let Note::Opened { flow, name, .. } = note {
            let mut escaped = Vec::new();
            escape(name, |bytes| escaped.extend_from_slice(bytes));
            escaped.push(b'"');
            self.flows.ranks.insert(*flow, self.flows.names.push(&escaped));
            self.flows.last = None;
            self.measure();
        }
    }

    /// Appends the JSON object for `record`, without a newline.
    pub fn append(&mut self, line: &mut Vec<u8>, record: &Record) {
        let (start, room) = (line.len(), self.prepare(&record.note));
        line.resize(start + room, 0);
        let left = self.write(Pen::new(&mut line[start..]), record.at, record.place, &record.note).left();
        line.truncate(start + room - left);
    }

    /// Learns, and says how much room the line needs.
    #[inline]
    fn prepare(&mut self, note: &Note) -> usize {
        let text = match note {
            Note::Opened { name, .. } => {
                self.learn(note);
                name
            }
            Note::Name { name: text, .. }
            | Note::Http { target: text, .. }
            | Note::Fault { what: text, .. }
            | Note::Remark { text } => text,
            _ => return self.room,
        };
        self.room + ESCAPED * text.len()
    }

    #[inline(always)]
    fn write<'b>(&mut self, mut pen: Pen<'b>, at: Instant, place: Place, note: &Note) -> Pen<'b> {
        self.stamp.set(at);
        pen.begin(&self.stamp);
        pen.name(&self.places, place.0 as usize);
        match note {
            Note::PacketSent { packet, bytes, queue } => self.passage(pen, &SENT, *packet, *bytes, *queue),
            Note::PacketDelivered { packet, bytes, queue } => self.passage(pen, &DELIVERED, *packet, *bytes, *queue),
            note => self.any(pen, note),
        }
    }

    /// A packet comes to a link or leaves it: four of five records, whose fields are here known by heart.
    #[inline(always)]
    fn passage<'b>(&mut self, mut pen: Pen<'b>, what: &Fixed, packet: PacketId, bytes: u32, queue: Depth) -> Pen<'b> {
        pen.fixed(what);
        pen.name(&self.origins, packet.origin.0 as usize);
        pen.number(u64::from(packet.number));
        let slot = (queue.packets as usize * 2 + usize::from(bytes >= 100)) % TAILS;
        let Some(tail) = self.tails.get_mut(slot) else { return pen };
        if tail.bytes != bytes || tail.queue != queue {
            *tail = Tail::new(bytes, queue);
        }
        pen.block(&tail.text, tail.length);
        pen
    }

    /// Any note, its fields as it tells them itself.
    #[inline(never)]
    fn any<'b>(&mut self, mut pen: Pen<'b>, note: &Note) -> Pen<'b> {
        pen.text(b"\",\"what\":\"");
        let mut fields = Fields { pen, origins: &self.origins, flows: &mut self.flows, has_address: true };
        note.visit(&mut fields);
        let mut pen = fields.pen;
        pen.byte(b'}');
        pen
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
/// The longest has 83 bytes.
const TAIL: usize = 96;

impl Tail {
    #[inline(never)]
    fn new(bytes: u32, queue: Depth) -> Self {
        let mut text = [0; TAIL + NUMBER];
        let mut pen = Pen::new(&mut text);
        pen.text(b"\",\"bytes\":");
        pen.number(u64::from(bytes));
        pen.text(b",\"queue_packets\":");
        pen.number(u64::from(queue.packets));
        pen.text(b",\"queue_bytes\":");
        pen.number(queue.bytes);
        pen.byte(b'}');
        let length = TAIL + NUMBER - pen.left();
        let mut tail = Tail { bytes, queue, text: [0; TAIL], length };
        tail.text.copy_from_slice(&text[..TAIL]);
        tail
    }
}

static SENT: Fixed = Fixed::new("\",\"what\":\"packet-sent\",\"packet\":\"");
static DELIVERED: Fixed = Fixed::new("\",\"what\":\"packet-delivered\",\"packet\":\"");

impl Flows {
    #[inline]
    fn rank(&mut self, flow: FlowId) -> Option<usize> {
        match self.last {
            Some((last, rank)) if last == flow => Some(rank),
            _ => {
                let rank = *self.ranks.get(&flow)?;
                self.last = Some((flow, rank));
                Some(rank)
            }
        }
    }
}

/// Hands over text, piece by piece, as it stands in a JSON string.
fn escape(text: &str, mut take: impl FnMut(&[u8])) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => take(&[b'\\', byte]),
            control if control < b' ' => take(format!("\\u{control:04x}").as_bytes()),
            byte => take(&[byte]),
        }
    }
}

/// Writes `,"name":value` for each field. Everything is inlined into one match on the note, where
/// the names are known.
struct Fields<'a, 'b> {
    pen: Pen<'b>,
    origins: &'a Names,
    flows: &'a mut Flows,
    /// False after a note has said that the address it is about to show means nothing.
    has_address: bool,
}

impl Fields<'_, '_> {
    /// A value that needs no escaping.
    #[inline(always)]
    fn quoted(&mut self, value: &[u8]) {
        self.pen.byte(b'"');
        self.pen.text(value);
        self.pen.byte(b'"');
    }
}

impl Visitor for Fields<'_, '_> {
    #[inline(always)]
    fn kind(&mut self, _: u8, word: &'static str) {
        self.pen.text(word.as_bytes());
        self.pen.byte(b'"');
    }
    #[inline(always)]
    fn number(&mut self, name: &'static str, value: u64) {
        self.pen.member(name);
        self.pen.number(value);
    }
    #[inline(always)]
    fn small(&mut self, name: &'static str, value: u32) {
        self.number(name, u64::from(value));
    }
    #[inline(always)]
    fn optional(&mut self, name: &'static str, value: Option<u64>) {
        match value {
            _ if name == "has_address" => self.has_address = value.is_some(),
            Some(value) => self.number(name, value),
            None => {
                self.pen.member(name);
                self.pen.text(b"null");
            }
        }
    }
    #[inline(always)]
    fn word(&mut self, name: &'static str, _: u8, word: &'static str) {
        self.pen.member(name);
        self.quoted(word.as_bytes());
    }
    #[inline(always)]
    fn text(&mut self, name: &'static str, value: &str) {
        self.pen.member(name);
        self.pen.byte(b'"');
        escape(value, |bytes| self.pen.text(bytes));
        self.pen.byte(b'"');
    }
    #[inline(always)]
    fn address(&mut self, name: &'static str, value: Ipv4Addr) {
        self.pen.member(name);
        match self.has_address {
            true => self.quoted(value.to_string().as_bytes()),
            false => self.pen.text(b"null"),
        }
    }
    #[inline(always)]
    fn packet(&mut self, name: &'static str, value: PacketId) {
        self.pen.member(name);
        self.pen.byte(b'"');
        self.pen.name(self.origins, value.origin.0 as usize);
        self.pen.number(u64::from(value.number));
        self.pen.byte(b'"');
    }
    #[inline(always)]
    fn cause(&mut self, name: &'static str, value: Option<PacketId>) {
        if let Some(packet) = value {
            self.packet(name, packet);
        }
    }
    #[inline(always)]
    fn flow(&mut self, name: &'static str, value: FlowId) {
        self.pen.member(name);
        match self.flows.rank(value) {
            Some(rank) => {
                self.pen.byte(b'"');
                self.pen.name(&self.flows.names, rank);
            }
            None => self.quoted(format!("{:016x}", value.0).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::NodeId;
    use crate::base::note::{DropCause, NameChange};

    fn line(note: Note) -> String {
        let places = Places { names: vec!["phone".into(), "phone--lan/forward".into()], nodes: 1 };
        let mut out = Vec::new();
        let record = Record { at: Instant::from_nanos(50_300_000), place: Place(1), note };
        LineWriter::new(&places).append(&mut out, &record);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_drop_names_place_packet_and_cause() {
        let packet = PacketId { origin: NodeId(0), number: 17 };
        let queue = Depth { packets: 100, bytes: 150_000 };
        assert_eq!(
            line(Note::PacketDropped { packet, bytes: 1500, cause: DropCause::QueueFull, queue }),
            r#"{"time_s":0.0503,"place":"phone--lan/forward","what":"packet-dropped","packet":"phone#17","bytes":1500,"cause":"queue-full","queue_packets":100,"queue_bytes":150000}"#
        );
    }

    #[test]
    fn a_passage_is_written_as_the_note_tells_it() {
        let places = Places { names: vec!["phone".into(), "phone--lan/forward".into()], nodes: 1 };
        let mut lines = LineWriter::new(&places);
        for (i, big) in [0, 9, 10, 999, 1_000, 54_321, 999_999, 1_000_000, u32::MAX].into_iter().enumerate() {
            let packet = PacketId { origin: NodeId(i as u32 % 3), number: big };
            let queue = Depth { packets: big / 7, bytes: u64::from(big) << (i * 4) };
            let sent = Note::PacketSent { packet, bytes: big, queue };
            for note in [sent, Note::PacketDelivered { packet, bytes: big, queue }] {
                let record = Record { at: Instant::from_nanos(50_300_000), place: Place(i as u32 % 3), note };
                let (mut quick, mut told) = (Vec::new(), vec![0; 4096]);
                lines.append(&mut quick, &record);
                let left = lines.any(Pen::new(&mut told), &record.note).left();
                told.truncate(4096 - left);
                let place = places.name(record.place);
                let told = format!("{{\"time_s\":0.0503,\"place\":\"{place}{}", String::from_utf8(told).unwrap());
                assert_eq!(String::from_utf8(quick).unwrap(), told);
            }
        }
    }

    #[test]
    fn every_line_is_json_whatever_the_text() {
        let text = line(Note::Remark { text: "a \"quote\", a \\ and a\nline".into() });
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["text"], "a \"quote\", a \\ and a\nline");
        let text = line(Note::Name { name: "x.example".into(), change: NameChange::NotFound, address: None });
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(value["address"].is_null());
    }
}

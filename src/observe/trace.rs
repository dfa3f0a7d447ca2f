//! `events.jsonl`: one record a line, every field of its note by name.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::base::ids::{FlowId, PacketId};
use crate::base::note::{About, Depth, FlowNote, Note, Place, Record, Sink, Visitor};
use crate::base::time::Instant;

use super::ascii::Stamp;
use super::files::Lines;
use super::frequent::{Frequent, Kind, Passage};
use super::places::Places;
use super::tails::Tail;

/// Writes each record as a line of JSON.
pub struct Trace {
    frequent: Frequent,
    any: LineWriter,
    line: Vec<u8>,
    out: Lines,
}

impl Trace {
    /// A trace that goes to `out`, in large pieces.
    pub fn new(places: &Places, out: Box<dyn Write>) -> Self {
        let (frequent, any) = (Frequent::new(places), LineWriter::new(places));
        Trace { frequent, any, line: Vec::new(), out: Lines::new(out) }
    }

    /// Flushes, and says whether everything could be written.
    pub fn finish(self) -> io::Result<()> {
        self.out.finish()
    }

    /// The time of the newest record as text.
    #[inline(always)]
    pub(super) fn stamp(&self) -> &Stamp {
        self.frequent.stamp()
    }

    /// The same, and what a packet and a queue look like.
    #[inline(always)]
    pub(super) fn texts(&mut self, bytes: u32, queue: Depth) -> (&Stamp, &Tail) {
        self.frequent.texts(bytes, queue)
    }

    /// A packet came to a link or left it.
    #[inline(always)]
    pub(super) fn passage(&mut self, at: Instant, place: Place, kind: Kind, passage: Passage) {
        if !self.frequent.passage(&mut self.out, at, place, kind, passage) {
            self.any_passage(at, place, kind, passage);
        }
    }

    /// The same if names are long.
    #[cold]
    #[inline(never)]
    fn any_passage(&mut self, at: Instant, place: Place, kind: Kind, passage: Passage) {
        let Passage { packet, bytes, queue } = passage;
        let note = match kind {
            Kind::Sent => Note::PacketSent { packet, bytes, queue },
            Kind::Delivered => Note::PacketDelivered { packet, bytes, queue },
        };
        self.other(at, place, &note);
    }

    /// A connection noted something while its host handled `packet`.
    #[inline(always)]
    pub(super) fn flow(&mut self, at: Instant, place: Place, about: About, note: &FlowNote) {
        if !self.frequent.flow(&mut self.out, at, place, about, note) {
            self.other(at, place, &about.note(*note));
        }
    }

    #[inline(never)]
    fn other(&mut self, at: Instant, place: Place, note: &Note) {
        self.frequent.learn(at, note);
        self.any.learn(note);
        self.line.clear();
        self.any.append_parts(&mut self.line, at, place, note);
        self.line.push(b'\n');
        self.out.text(&self.line);
    }
}

impl Sink for Trace {
    #[inline(always)]
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        match *note {
            Note::PacketSent { packet, bytes, queue } => {
                self.passage(at, place, Kind::Sent, Passage { packet, bytes, queue });
            }
            Note::PacketDelivered { packet, bytes, queue } => {
                self.passage(at, place, Kind::Delivered, Passage { packet, bytes, queue });
            }
            Note::PacketDropped { packet, bytes, cause, queue } => {
                if !self.frequent.drop(&mut self.out, at, place, Passage { packet, bytes, queue }, cause) {
                    self.other(at, place, note);
                }
            }
            Note::Flow { flow, packet, note } => self.flow(at, place, About { flow, packet }, &note),
            _ => self.other(at, place, note),
        }
    }
}

/// Turns records into JSON objects. It must learn of every note, or it does not know flows' names.
pub struct LineWriter {
    places: Vec<String>,
    nodes: usize,
    flows: IndexMap<FlowId, Vec<u8>, FxBuildHasher>,
}

impl LineWriter {
    /// For a run with these places.
    pub fn new(places: &Places) -> Self {
        let names = places.names.iter().map(|name| escaped(name));
        LineWriter { places: names.collect(), nodes: places.nodes as usize, flows: IndexMap::default() }
    }

    /// Learns the flow's name if `note` gives one.
    #[inline]
    pub fn learn(&mut self, note: &Note) {
        if let Note::Opened { flow, name, .. } = note {
            self.flows.insert(*flow, escaped(name).into_bytes());
        }
    }

    /// Appends the JSON object for `record`, without a newline.
    pub fn append(&mut self, line: &mut Vec<u8>, record: &Record) {
        self.learn(&record.note);
        self.append_parts(line, record.at, record.place, &record.note);
    }

    fn append_parts(&self, line: &mut Vec<u8>, at: Instant, place: Place, note: &Note) {
        let place = self.places.get(place.0 as usize).map_or("?", String::as_str);
        line.extend_from_slice(format!("{{\"time_s\":{at},\"place\":\"{place}\",\"what\":\"").as_bytes());
        note.visit(&mut Fields { line, writer: self, has_address: true });
        line.push(b'}');
    }
}

/// Text as it stands in a JSON string.
pub(super) fn escaped(text: &str) -> String {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", control as u32)),
            char => out.push(char),
        }
    }
    out
}

/// Writes `,"name":value` for each field.
struct Fields<'a> {
    line: &'a mut Vec<u8>,
    writer: &'a LineWriter,
    /// False after a note has said that the address it is about to show means nothing.
    has_address: bool,
}

impl Fields<'_> {
    /// `,"name":value`
    fn member(&mut self, name: &'static str, value: &[u8]) {
        for piece in [b",\"", name.as_bytes(), b"\":", value] {
            self.line.extend_from_slice(piece);
        }
    }
    /// A value that needs no escaping.
    fn quoted(&mut self, name: &'static str, value: &[u8]) {
        self.member(name, &[b"\"", value, b"\""].concat());
    }
}

impl Visitor for Fields<'_> {
    fn kind(&mut self, _: u8, word: &'static str) {
        self.line.extend_from_slice(word.as_bytes());
        self.line.push(b'"');
    }
    fn number(&mut self, name: &'static str, value: u64) {
        self.member(name, value.to_string().as_bytes());
    }
    fn small(&mut self, name: &'static str, value: u32) {
        self.number(name, u64::from(value));
    }
    fn optional(&mut self, name: &'static str, value: Option<u64>) {
        match value {
            _ if name == "has_address" => self.has_address = value.is_some(),
            Some(value) => self.number(name, value),
            None => self.member(name, b"null"),
        }
    }
    fn word(&mut self, name: &'static str, _: u8, word: &'static str) {
        self.quoted(name, word.as_bytes());
    }
    fn text(&mut self, name: &'static str, value: &str) {
        self.quoted(name, escaped(value).as_bytes());
    }
    fn address(&mut self, name: &'static str, value: Ipv4Addr) {
        match self.has_address {
            true => self.quoted(name, value.to_string().as_bytes()),
            false => self.member(name, b"null"),
        }
    }
    fn packet(&mut self, name: &'static str, value: PacketId) {
        let nodes = &self.writer.places[..self.writer.nodes];
        let id = match nodes.get(value.origin.0 as usize) {
            Some(origin) => format!("{origin}#{}", value.number),
            None => format!("?{}", value.number),
        };
        self.quoted(name, id.as_bytes());
    }
    fn cause(&mut self, name: &'static str, value: Option<PacketId>) {
        if let Some(packet) = value {
            self.packet(name, packet);
        }
    }
    fn flow(&mut self, name: &'static str, value: FlowId) {
        match self.writer.flows.get(&value) {
            Some(known) => self.quoted(name, known),
            None => self.quoted(name, format!("{:016x}", value.0).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::observe::test_file::TestFile;

    use super::*;
    use crate::base::ids::{NodeId, TransportKind};
    use crate::base::note::{DropCause, NameChange, Phase, SendCause, Window, WindowCause};
    use crate::base::time::Duration;
    use crate::observe::ascii::LONGEST;

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

    /// Notes of the frequent kinds with numbers of every length, and others between them.
    fn all_kinds(big: u64) -> Vec<Note> {
        let small = big as u32;
        let packet = PacketId { origin: NodeId(small % 3), number: small };
        let queue = Depth { packets: small / 7, bytes: big };
        let (from, to) = ("10.0.0.1:49152".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let window = |ssthresh_bytes: Option<u64>, cause: usize| Window {
            cause: WindowCause::ALL[cause % WindowCause::ALL.len()],
            phase: Phase::ALL[cause % Phase::ALL.len()],
            cwnd_bytes: big,
            ssthresh_bytes,
            in_flight_bytes: big / 3,
            srtt: ssthresh_bytes.map(Duration::from_nanos),
            rto: Duration::from_nanos(big),
        };
        let flow = |packet, note| Note::Flow { flow: FlowId(big), packet, note };
        let cause = SendCause::ALL[small as usize % SendCause::ALL.len()];
        let drop = DropCause::ALL[small as usize % DropCause::ALL.len()];
        vec![
            flow(None, FlowNote::Delivered { bytes: 1 }),
            Note::Opened { flow: FlowId(big), name: "a \"b\"".into(), transport: TransportKind::Tcp, from, to },
            Note::PacketSent { packet, bytes: small, queue },
            Note::PacketDelivered { packet, bytes: small, queue },
            Note::PacketDropped { packet, bytes: small, cause: drop, queue },
            flow(Some(packet), FlowNote::SegmentSent { offset: big, bytes: small, cause }),
            flow(Some(packet), FlowNote::Delivered { bytes: big }),
            flow(None, FlowNote::Established),
            flow(None, FlowNote::Window(window(None, small as usize))),
            flow(Some(packet), FlowNote::Window(window(Some(big), small as usize + 1))),
        ]
    }

    #[test]
    fn frequent_lines_are_what_the_notes_tell() {
        for longest in [1, 31, 32, 33, 54, 64, 65, 2_000] {
            let names = ["phone".to_owned(), "x".repeat(longest), "\"lan\"/forward".into()];
            let places = Places { names: names.to_vec(), nodes: 2 };
            let file = TestFile::default();
            let (mut trace, mut lines) = (Trace::new(&places, Box::new(file.clone())), LineWriter::new(&places));
            let mut told = Vec::new();
            let numbers = [0, 9, 10, 999, 1_000, 54_321, 999_999, 1_000_000, 999_999_999, 1_000_000_000, u64::MAX - 1];
            for (i, number) in numbers.into_iter().enumerate() {
                for note in all_kinds(number) {
                    let at = Instant::from_nanos(number.wrapping_mul(7));
                    let record = Record { at, place: Place(i as u32 % 4), note };
                    trace.record(&record);
                    lines.append(&mut told, &record);
                    told.push(b'\n');
                }
            }
            trace.finish().unwrap();
            let (written, told) = (String::from_utf8(file.0.take()).unwrap(), String::from_utf8(told).unwrap());
            for (written, told) in written.lines().zip(told.lines()) {
                assert_eq!(written, told);
                let _: serde_json::Value = serde_json::from_str(told).unwrap();
            }
            assert_eq!(written, told);
        }
    }

    #[test]
    fn every_note_fits_into_a_row() {
        // Words of closed vocabularies are names, too.
        let words = SendCause::ALL.iter().map(|c| c.word());
        let words = words.chain(WindowCause::ALL.iter().map(|c| c.word())).chain(Phase::ALL.iter().map(|p| p.word()));
        let longest = words.map(str::len).max().unwrap();
        assert!(longest <= 32, "{longest}");
        let places = Places { names: vec!["x".repeat(63)], nodes: 1 };
        let mut lines = LineWriter::new(&places);
        for note in all_kinds(u64::MAX) {
            let mut line = Vec::new();
            lines.append(&mut line, &Record { at: Instant::MAX, place: Place(0), note });
            // With the name of a flow that is as long as names can be.
            assert!(line.len() + 64 + 1 < LONGEST, "{}", line.len());
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

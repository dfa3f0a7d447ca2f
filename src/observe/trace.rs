//! `events.jsonl`: one record a line, every field of its note by name.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::base::ids::{FlowId, PacketId};
use crate::base::note::{FlowNote, Note, Place, Record, Sink, Visitor};

use super::ascii::{Stamp, number};
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

impl Sink for Trace {
    fn record(&mut self, record: &Record) {
        self.lines.append(&mut self.out.text, record);
        self.out.text.push(b'\n');
        self.out.spill();
    }
}

/// Turns records into JSON objects. It must see every record, or it does not learn flows' names.
pub struct LineWriter {
    names: EscapedNames,
    flows: EscapedFlows,
    stamp: Stamp,
}

/// The names of flows as they stand in JSON strings.
type EscapedFlows = IndexMap<FlowId, Vec<u8>, FxBuildHasher>;

impl LineWriter {
    /// For a run with these places.
    pub fn new(places: &Places) -> Self {
        LineWriter { names: EscapedNames::new(places), flows: EscapedFlows::default(), stamp: Stamp::default() }
    }

    /// Learns the flow's name if `record` gives one.
    #[inline]
    pub fn learn(&mut self, record: &Record) {
        if let Note::Flow { flow, note: FlowNote::Opened { name, .. }, .. } = &record.note {
            let mut escaped = Vec::new();
            escape(&mut escaped, name);
            self.flows.insert(*flow, escaped);
        }
    }

    /// Appends the JSON object for `record`, without a newline.
    pub fn append(&mut self, line: &mut Vec<u8>, record: &Record) {
        self.learn(record);
        line.extend_from_slice(b"{\"time_s\":");
        self.stamp.append(line, record.at);
        let mut fields = Fields { line, names: &self.names, flows: &self.flows, has_address: true };
        fields.name("place");
        fields.quoted(self.names.get(record.place.0));
        record.note.visit(&mut fields);
        line.push(b'}');
    }
}

/// The names of places as they stand in JSON strings, escaped once. In one piece, because ten
/// thousand names apart from each other would each be a walk through memory.
struct EscapedNames {
    text: Vec<u8>,
    ends: Vec<u32>,
}

impl EscapedNames {
    fn new(places: &Places) -> Self {
        let mut names = EscapedNames { text: Vec::new(), ends: vec![0] };
        for place in 0..places.names.len() {
            escape(&mut names.text, places.name(Place(place as u32)));
            names.ends.push(names.text.len() as u32);
        }
        names
    }

    #[inline]
    fn get(&self, place: u32) -> &[u8] {
        match self.ends.get(place as usize..place as usize + 2) {
            Some(&[start, end]) => &self.text[start as usize..end as usize],
            _ => b"?",
        }
    }
}

/// Appends text as it stands in a JSON string.
fn escape(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            control if control < b' ' => out.extend(format!("\\u{control:04x}").bytes()),
            byte => out.push(byte),
        }
    }
}

/// Appends `,"name":value` for each field.
struct Fields<'a> {
    line: &'a mut Vec<u8>,
    names: &'a EscapedNames,
    flows: &'a EscapedFlows,
    /// False after a note has said that the address it is about to show means nothing.
    has_address: bool,
}

impl Fields<'_> {
    #[inline]
    fn name(&mut self, name: &'static str) {
        self.line.extend_from_slice(b",\"");
        self.line.extend_from_slice(name.as_bytes());
        self.line.extend_from_slice(b"\":");
    }

    /// A value that needs no escaping.
    #[inline]
    fn quoted(&mut self, value: &[u8]) {
        self.line.push(b'"');
        self.line.extend_from_slice(value);
        self.line.push(b'"');
    }
}

impl Visitor for Fields<'_> {
    #[inline]
    fn kind(&mut self, _: u8, word: &'static str) {
        self.name("what");
        self.quoted(word.as_bytes());
    }
    #[inline]
    fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        number(self.line, value);
    }
    #[inline]
    fn optional(&mut self, name: &'static str, value: Option<u64>) {
        match value {
            _ if name == "has_address" => self.has_address = value.is_some(),
            Some(value) => self.number(name, value),
            None => {
                self.name(name);
                self.line.extend_from_slice(b"null");
            }
        }
    }
    #[inline]
    fn word(&mut self, name: &'static str, _: u8, word: &'static str) {
        self.name(name);
        self.quoted(word.as_bytes());
    }
    fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        self.line.push(b'"');
        escape(self.line, value);
        self.line.push(b'"');
    }
    fn address(&mut self, name: &'static str, value: Ipv4Addr) {
        self.name(name);
        match self.has_address {
            true => self.quoted(value.to_string().as_bytes()),
            false => self.line.extend_from_slice(b"null"),
        }
    }
    #[inline]
    fn packet(&mut self, name: &'static str, value: PacketId) {
        self.name(name);
        self.line.push(b'"');
        self.line.extend_from_slice(self.names.get(value.origin.0));
        self.line.push(b'#');
        number(self.line, u64::from(value.number));
        self.line.push(b'"');
    }
    #[inline]
    fn flow(&mut self, name: &'static str, value: FlowId) {
        self.name(name);
        match self.flows.get(&value) {
            Some(known) => self.quoted(known),
            None => self.quoted(format!("{:016x}", value.0).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::NodeId;
    use crate::base::note::{Depth, DropCause, NameChange, Note};
    use crate::base::time::Instant;

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
    fn every_line_is_json_whatever_the_text() {
        let text = line(Note::Remark { text: "a \"quote\", a \\ and a\nline".into() });
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["text"], "a \"quote\", a \\ and a\nline");
        let text = line(Note::Name { name: "x.example".into(), change: NameChange::NotFound, address: None });
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(value["address"].is_null());
    }
}

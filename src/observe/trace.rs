//! `events.jsonl`: one record a line, every field of its note by name.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::base::ids::{FlowId, PacketId};
use crate::base::note::{FlowNote, Note, Record, Sink, Visitor};

use super::places::Places;

/// What connections are called, learnt from the notes of those who opened them.
#[derive(Clone, Debug, Default)]
pub struct FlowNames(BTreeMap<FlowId, Arc<str>>);

impl FlowNames {
    /// Remembers the name if `note` gives one.
    pub fn learn(&mut self, note: &Note) {
        if let Note::Flow { flow, note: FlowNote::Opened { name, .. }, .. } = note {
            self.0.insert(*flow, name.clone());
        }
    }

    /// The name of `flow`, or its number in hexadecimal digits.
    pub fn get(&self, flow: FlowId) -> Arc<str> {
        self.0.get(&flow).cloned().unwrap_or_else(|| format!("{:016x}", flow.0).into())
    }
}

/// Writes each record as a line of JSON. The first failure to write is kept for the end.
pub struct Trace {
    places: Places,
    flows: FlowNames,
    line: String,
    out: Box<dyn Write>,
    result: io::Result<()>,
}

impl Trace {
    /// A trace that goes to `out`, which should be buffered.
    pub fn new(places: &Places, out: Box<dyn Write>) -> Self {
        Trace { places: places.clone(), flows: FlowNames::default(), line: String::new(), out, result: Ok(()) }
    }

    /// Flushes, and says whether everything could be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.result?;
        self.out.flush()
    }
}

impl Sink for Trace {
    fn record(&mut self, record: &Record) {
        if self.result.is_err() {
            return;
        }
        self.flows.learn(&record.note);
        self.line.clear();
        write_line(&mut self.line, record, &self.places, &self.flows);
        self.line.push('\n');
        self.result = self.out.write_all(self.line.as_bytes());
    }
}

/// Appends the JSON object for `record` to `line`, without a newline.
pub fn write_line(line: &mut String, record: &Record, places: &Places, flows: &FlowNames) {
    line.push_str("{\"time_s\":");
    line.push_str(&record.at.to_string());
    let mut fields = Fields { line, places, flows, has_address: true };
    fields.string("place", places.name(record.place));
    record.note.visit(&mut fields);
    line.push('}');
}

/// Appends `,"name":value` for each field.
struct Fields<'a> {
    line: &'a mut String,
    places: &'a Places,
    flows: &'a FlowNames,
    /// False after a note has said that the address it is about to show means nothing.
    has_address: bool,
}

impl Fields<'_> {
    fn raw(&mut self, name: &str, value: &str) {
        self.line.push_str(",\"");
        self.line.push_str(name);
        self.line.push_str("\":");
        self.line.push_str(value);
    }

    fn string(&mut self, name: &str, value: &str) {
        self.raw(name, "\"");
        for c in value.chars() {
            match c {
                '"' => self.line.push_str("\\\""),
                '\\' => self.line.push_str("\\\\"),
                c if c < ' ' => self.line.push_str(&format!("\\u{:04x}", c as u32)),
                c => self.line.push(c),
            }
        }
        self.line.push('"');
    }
}

impl Visitor for Fields<'_> {
    fn kind(&mut self, _: u8, word: &'static str) {
        self.string("what", word);
    }
    fn number(&mut self, name: &'static str, value: u64) {
        self.raw(name, &value.to_string());
    }
    fn optional(&mut self, name: &'static str, value: Option<u64>) {
        match value {
            _ if name == "has_address" => self.has_address = value.is_some(),
            Some(value) => self.number(name, value),
            None => self.raw(name, "null"),
        }
    }
    fn word(&mut self, name: &'static str, _: u8, word: &'static str) {
        self.string(name, word);
    }
    fn text(&mut self, name: &'static str, value: &str) {
        self.string(name, value);
    }
    fn address(&mut self, name: &'static str, value: Ipv4Addr) {
        match self.has_address {
            true => self.string(name, &value.to_string()),
            false => self.raw(name, "null"),
        }
    }
    fn packet(&mut self, name: &'static str, value: PacketId) {
        let text = format!("{}#{}", self.places.node(value.origin), value.number);
        self.string(name, &text);
    }
    fn flow(&mut self, name: &'static str, value: FlowId) {
        let text = self.flows.get(value);
        self.string(name, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::NodeId;
    use crate::base::note::{Depth, DropCause, NameChange, Place};
    use crate::base::time::Instant;

    fn line(note: Note) -> String {
        let places = Places { names: vec!["phone".into(), "phone--lan/forward".into()], nodes: 1 };
        let mut out = String::new();
        let record = Record { at: Instant::from_nanos(50_300_000), place: Place(1), note };
        write_line(&mut out, &record, &places, &FlowNames::default());
        out
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

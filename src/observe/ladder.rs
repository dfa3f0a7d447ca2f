//! A ladder: the exchange of one flow as text, one line a segment, in the order of sending.
//!
//! The left column is the initiator's time, the right one the responder's; an arrow that breaks
//! off is a segment that never arrived. TCP's numbers count from the SYN of their sender.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddrV4;
use std::sync::Arc;

use super::places::Places;
use crate::base::ids::{FlowId, PacketId, TransportKind};
use crate::base::note::{FlowNote, Note, Place, Sink};
use crate::base::outline::Outline;
use crate::base::time::Instant;

/// Watches one flow.
#[derive(Debug)]
pub struct Ladder {
    places: Places,
    wanted: String,
    /// Every flow that was opened, for those who asked for one that was not.
    names: Vec<Arc<str>>,
    flow: Option<Opened>,
    rungs: Vec<Rung>,
    by_packet: BTreeMap<PacketId, usize>,
}

#[derive(Debug)]
struct Opened {
    id: FlowId,
    transport: TransportKind,
    from: SocketAddrV4,
    to: SocketAddrV4,
    initiator: Place,
    responder: Option<Place>,
}

#[derive(Debug)]
enum Rung {
    Segment(Segment),
    Timer { at: Instant, left: bool, text: String },
}

#[derive(Debug)]
struct Segment {
    at: Instant,
    to_right: bool,
    outline: Outline,
    arrivals: Vec<(Instant, Place)>,
    dropped: Option<(Instant, Place, &'static str)>,
}

impl Ladder {
    /// For the flow of this name.
    pub fn new(places: &Places, flow: &str) -> Self {
        Ladder {
            places: places.clone(),
            wanted: flow.to_owned(),
            names: Vec::new(),
            flow: None,
            rungs: Vec::new(),
            by_packet: BTreeMap::new(),
        }
    }

    /// Whether the flow was ever opened.
    pub fn found(&self) -> bool {
        self.flow.is_some()
    }

    /// The names of all flows that were opened.
    pub fn flows(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// The diagram; empty if there was no such flow.
    pub fn render(&self) -> String {
        let Some(flow) = &self.flow else { return String::new() };
        let responder = flow.responder.map_or("?", |place| self.places.name(place));
        let initiator = self.places.name(flow.initiator);
        let mut text = format!("{} ({}) {} -> {}\n", self.wanted, flow.transport, flow.from, flow.to);
        let _ = writeln!(text, "{initiator:>12}              {responder:<12}");
        let mut numbers = Numbers::default();
        for rung in &self.rungs {
            let line = match rung {
                Rung::Segment(s) => self.segment(flow, s, &mut numbers),
                Rung::Timer { at, left: true, text } => format!("{}  *{:24}{text}", time(*at), ""),
                Rung::Timer { at, left: false, text } => format!("{:23}*  {} {text}", "", time(*at)),
            };
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn segment(&self, flow: &Opened, s: &Segment, numbers: &mut Numbers) -> String {
        let peer = if s.to_right { flow.responder } else { Some(flow.initiator) };
        let there = s.arrivals.iter().find(|(_, place)| peer.is_none_or(|peer| peer == *place)).map(|(at, _)| *at);
        let words = numbers.tell(flow.transport, s);
        let blank = " ".repeat(12);
        let (left, arrow, right) = match (s.to_right, there) {
            (true, Some(at)) => (time(s.at), "--------->", time(at)),
            (false, Some(at)) => (time(at), "<---------", time(s.at)),
            (true, None) if s.dropped.is_none() => (time(s.at), "------ - -", blank),
            (false, None) if s.dropped.is_none() => (blank, "- - ------", time(s.at)),
            (true, None) => (time(s.at), "-----X    ", blank),
            (false, None) => (blank, "    X-----", time(s.at)),
        };
        let fate = match (&s.dropped, there) {
            (_, Some(_)) => String::new(),
            (Some((at, place, cause)), None) => format!("  LOST: {cause}, {} at {at} s", self.places.name(*place)),
            (None, None) => "  on its way at the end".to_owned(),
        };
        format!("{left} {arrow} {right}  {words}{fate}")
    }
}

fn time(at: Instant) -> String {
    format!("{:>12.6}", at.as_secs_f64())
}

/// What makes numbers relative: each side's first one, its window scale, how far it has sent.
#[derive(Default)]
struct Numbers {
    sides: [Side; 2],
}

#[derive(Default, Clone, Copy)]
struct Side {
    first: Option<u64>,
    scale: Option<u8>,
    sent: u64,
}

impl Numbers {
    /// A segment in words.
    fn tell(&mut self, transport: TransportKind, s: &Segment) -> String {
        let o = &s.outline;
        let (me, peer) = if s.to_right { (0, 1) } else { (1, 0) };
        let syn = o.flags.starts_with("SYN");
        if syn {
            self.sides[me].scale = o.scale;
        }
        let tcp = transport == TransportKind::Tcp;
        if tcp && (syn || self.sides[me].first.is_none()) {
            self.sides[me].first = Some(o.seq);
        }
        // Modulo 2^32 from the peer's or the own first number.
        let relative = |number: u64, side: Side| match side.first {
            Some(first) if tcp => u64::from((number as u32).wrapping_sub(first as u32)),
            _ => number,
        };
        let seq = relative(o.seq, self.sides[me]);
        let end = seq + u64::from(o.bytes);
        let mut words = format!("{:12}", o.flags);
        if let Some(number) = o.number {
            let _ = write!(words, " #{number:<5}");
        }
        let name = if tcp { "seq" } else { "offset" };
        let range = if o.bytes > 0 { format!("{seq}..{end} ({})", o.bytes) } else { seq.to_string() };
        let _ = write!(words, " {name} {range:22}");
        if let Some(ack) = o.ack {
            let _ = write!(words, " ack {:<9}", relative(ack, self.sides[peer]));
        }
        // RFC 7323 section 2.2: only if both offered it, and never in a SYN.
        let scaled = !syn && self.sides.iter().all(|side| side.scale.is_some());
        let shift = if scaled { self.sides[me].scale.unwrap_or(0) } else { 0 };
        let _ = write!(words, " win {}", o.window << shift);
        for (i, &(a, b)) in o.blocks.iter().enumerate() {
            let lead = match (i, tcp) {
                (0, true) => "  sack",
                (0, false) => "  got",
                _ => "",
            };
            let _ = match tcp {
                true => write!(words, "{lead} {}..{}", relative(a, self.sides[peer]), relative(b, self.sides[peer])),
                false if a == b => write!(words, "{lead} #{a}"),
                false => write!(words, "{lead} #{a}-#{b}"),
            };
        }
        if !o.options.is_empty() {
            let _ = write!(words, "  [{}]", o.options);
        }
        if o.bytes > 0 {
            if seq < self.sides[me].sent {
                words.push_str("  again");
            }
            self.sides[me].sent = self.sides[me].sent.max(end);
        }
        words
    }
}

impl Sink for Ladder {
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        match note {
            Note::Opened { flow, name, transport, from, to } => {
                if !self.names.contains(name) {
                    self.names.push(name.clone());
                }
                if self.flow.is_none() && **name == *self.wanted {
                    let (from, to, transport) = (*from, *to, *transport);
                    self.flow = Some(Opened { id: *flow, transport, from, to, initiator: place, responder: None });
                }
            }
            Note::Flow { flow, note: FlowNote::Timeout { timer, backoff }, .. } => {
                if let Some(mine) = self.flow.as_ref().filter(|mine| mine.id == *flow) {
                    let left = place == mine.initiator;
                    let text = format!("{} timer fires, backoff {backoff}", timer.word());
                    self.rungs.push(Rung::Timer { at, left, text });
                }
            }
            Note::PacketDropped { packet, cause, .. } => {
                if let Some(&i) = self.by_packet.get(packet)
                    && let Some(Rung::Segment(s)) = self.rungs.get_mut(i)
                {
                    s.dropped = Some((at, place, cause.word()));
                }
            }
            _ => {}
        }
    }

    fn wants_segments(&self) -> bool {
        true
    }

    fn sent(&mut self, at: Instant, place: Place, outline: Outline) {
        let Some(flow) = &mut self.flow else { return };
        let to_right = (outline.from, outline.to) == (flow.from, flow.to);
        let to_left = (outline.from, outline.to) == (flow.to, flow.from);
        if outline.transport != flow.transport || !(to_right || to_left) {
            return;
        }
        if to_left {
            flow.responder.get_or_insert(place);
        }
        self.by_packet.insert(outline.packet, self.rungs.len());
        self.rungs.push(Rung::Segment(Segment { at, to_right, outline, arrivals: Vec::new(), dropped: None }));
    }

    fn arrived(&mut self, at: Instant, place: Place, packet: PacketId) {
        if let Some(&i) = self.by_packet.get(&packet)
            && let Some(Rung::Segment(s)) = self.rungs.get_mut(i)
        {
            s.arrivals.push((at, place));
        }
    }
}

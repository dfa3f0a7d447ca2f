//! The series behind the plots of flows: congestion state and goodput over time.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::ascii::{Names, csv_field};
use super::bins::{Bins, bin_width};
use super::files::Spool;
use super::flows::FlowNames;
use super::goodput::Goodput;
use super::queues::Depths;
use super::windows::{WindowRow, Windows};
use crate::base::ids::FlowId;
use crate::base::note::{FlowNote, Note, Place, Sink};
use crate::base::time::Instant;

/// Collects the series of a run. What is long goes to files on the way; what stays in memory grows
/// with the flows, not with the length of the run.
pub struct Series {
    flows: FlowNames,
    /// Each end of each flow, by the flow's number.
    ends: IndexMap<(u32, Place), End, FxBuildHasher>,
    /// At each place, the flow it last spoke of, and the end's rank: mostly it has but one.
    recent: Vec<Option<(FlowId, u32)>>,
    windows: RefCell<Windows>,
    depths: Option<RefCell<Depths>>,
    last: Instant,
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Series of {} ends of flows", self.ends.len())
    }
}

#[derive(Default)]
struct End {
    /// The end of its stream, as far as it was ever sent; nothing before the first segment.
    sent: Option<u64>,
    /// The bytes delivered to it.
    delivered: Bins,
    /// When its window changed for the last time.
    changed: Option<Instant>,
}

impl Series {
    /// An empty collection.
    pub fn new(windows: Box<dyn Spool>) -> Self {
        Series {
            flows: FlowNames::default(),
            ends: IndexMap::default(),
            recent: Vec::new(),
            windows: RefCell::new(Windows::new(windows)),
            depths: None,
            last: Instant::ZERO,
        }
    }

    /// Adds what was seen of the queues.
    pub(super) fn set_depths(&mut self, depths: Depths) {
        self.depths = Some(RefCell::new(depths));
    }

    /// What was seen of the queues, if they were watched.
    pub fn depths(&self) -> Option<RefMut<'_, Depths>> {
        self.depths.as_ref().map(RefCell::borrow_mut)
    }

    /// The flows that `cwnd.csv` shows: the rank of each one's main sender, its name, and when its
    /// window changed for the last time.
    pub fn shown(&self) -> Vec<(u32, Arc<str>, Instant)> {
        let senders = (0..).zip(self.main_senders());
        let shown = senders.filter_map(|(flow, rank)| {
            let (_, end) = self.ends.get_index(rank? as usize)?;
            Some((rank?, self.flows.name(flow), end.changed?))
        });
        shown.collect()
    }

    /// Writes `cwnd.csv`: a row at every change at each flow's main sender. Shows each row and the
    /// sender's rank.
    ///
    /// # Errors
    /// When the scratch file or `out` fails.
    pub fn write_cwnd(&self, out: impl Write, show: impl FnMut(u32, WindowRow)) -> io::Result<()> {
        let mut names = Names::default();
        let mut ranks: Vec<Option<usize>> = vec![None; self.ends.len()];
        let mut field = Vec::new();
        for (end, name, _) in self.shown() {
            field.clear();
            field.push(b',');
            csv_field(&mut field, &name);
            ranks[end as usize] = Some(names.push(&field));
        }
        self.windows.borrow_mut().write_csv(out, &names, |end| *ranks.get(end as usize)?, show)
    }

    /// What was delivered to each flow's receiver, the main sender's peer.
    pub fn goodput(&self) -> Goodput {
        let width = bin_width(self.last.since(Instant::ZERO));
        let senders = self.main_senders();
        let mut flows: BTreeMap<Arc<str>, Vec<(u64, u64)>> = BTreeMap::new();
        for (rank, ((flow, _), end)) in self.ends.iter().enumerate() {
            if senders[*flow as usize] != Some(rank as u32) {
                let mut bins = end.delivered.of_width(width).peekable();
                if bins.peek().is_some() {
                    flows.entry(self.flows.name(*flow)).or_default().extend(bins);
                }
            }
        }
        // Of two flows of one name.
        flows.values_mut().for_each(|bins| bins.sort());
        Goodput { width, flows }
    }

    /// The rank of an end, which is new or not.
    #[inline(never)]
    fn look_up(&mut self, flow: FlowId, place: Place) -> u32 {
        let entry = self.ends.entry((self.flows.number(flow), place));
        let rank = entry.index() as u32;
        entry.or_default();
        let index = place.0 as usize;
        self.recent.resize(self.recent.len().max(index + 1), None);
        self.recent[index] = Some((flow, rank));
        rank
    }

    /// Of each flow's ends, the one that sent more payload; of equal ones, the first by name.
    fn main_senders(&self) -> Vec<Option<u32>> {
        let mut best: Vec<Option<(u64, Place, u32)>> = Vec::new();
        for (rank, ((flow, place), end)) in self.ends.iter().enumerate() {
            let flow = *flow as usize;
            best.resize(best.len().max(flow + 1), None);
            let Some(sent) = end.sent else { continue };
            if best[flow].is_none_or(|(most, at, _)| sent > most || (sent == most && *place < at)) {
                best[flow] = Some((sent, *place, rank as u32));
            }
        }
        best.into_iter().map(|b| b.map(|(_, _, rank)| rank)).collect()
    }
}

impl Series {
    /// Something happened now.
    #[inline(always)]
    pub(super) fn hear_of(&mut self, at: Instant) {
        self.last = self.last.max(at);
    }

    /// A connection noted something.
    #[inline(always)]
    pub(super) fn flow(&mut self, at: Instant, place: Place, flow: FlowId, note: &FlowNote) {
        if !matches!(note, FlowNote::Window(_) | FlowNote::SegmentSent { .. } | FlowNote::Delivered { .. }) {
            return;
        }
        let rank = match self.recent.get(place.0 as usize) {
            Some(Some((known, rank))) if *known == flow => *rank,
            _ => self.look_up(flow, place),
        };
        let Some((_, end)) = self.ends.get_index_mut(rank as usize) else { return };
        match note {
            FlowNote::Window(window) => {
                end.changed = Some(at);
                self.windows.get_mut().push(at, rank, window);
            }
            FlowNote::SegmentSent { offset, bytes, .. } => {
                end.sent = end.sent.max(Some(offset.saturating_add(u64::from(*bytes))));
            }
            FlowNote::Delivered { bytes } => end.delivered.add(at, *bytes),
            _ => {}
        }
    }
}

impl Sink for Series {
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        self.hear_of(at);
        match note {
            Note::Flow { flow, note, .. } => self.flow(at, place, *flow, note),
            _ => self.flows.learn(note),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::base::ids::TransportKind;
    use crate::base::note::{Phase, SendCause, Window, WindowCause};
    use crate::base::time::Duration;

    fn series() -> Series {
        let mut series = Series::new(Box::new(Cursor::new(Vec::new())));
        let (from, to) = ("10.0.0.1:49152".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let flow = FlowId::new(TransportKind::Tcp, from, to);
        series.note(
            Instant::ZERO,
            Place(0),
            &Note::Opened { flow, name: "phone->store#1".into(), transport: TransportKind::Tcp, from, to },
        );
        let mut note = |ms: u64, place: u32, note: FlowNote| {
            let at = Instant::ZERO + Duration::from_millis(ms);
            series.note(at, Place(place), &Note::Flow { flow, packet: None, note });
        };
        let window = |cwnd_bytes| Window {
            cause: WindowCause::Ack,
            phase: Phase::SlowStart,
            cwnd_bytes,
            ssthresh_bytes: None,
            in_flight_bytes: 0,
            srtt: Some(Duration::from_micros(50_300)),
            rto: Duration::from_secs(1),
        };
        note(1, 0, FlowNote::SegmentSent { offset: 0, bytes: 100, cause: SendCause::New });
        note(1, 0, FlowNote::Window(window(14_480)));
        note(2, 1, FlowNote::Delivered { bytes: 100 });
        note(3, 1, FlowNote::SegmentSent { offset: 0, bytes: 1448, cause: SendCause::New });
        note(3, 1, FlowNote::Window(window(15_928)));
        note(4, 0, FlowNote::Delivered { bytes: 1448 });
        note(6, 0, FlowNote::Delivered { bytes: 1448 });
        series
    }

    fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_the_main_sender_is_shown() {
        let s = series();
        assert_eq!(
            text(|out| s.write_cwnd(out, |_, _| {})),
            "time_s,flow,cause,cwnd_bytes,ssthresh_bytes,in_flight_bytes,srtt_s,rto_s\n\
             0.003,phone->store#1,ack,15928,,0,0.0503,1\n"
        );
        assert_eq!(
            text(|out| s.goodput().write_csv(out)),
            "time_s,flow,goodput_bps\n\
             0.004,phone->store#1,11584000\n0.005,phone->store#1,0\n0.006,phone->store#1,11584000\n"
        );
    }
}

//! The series behind the plots: congestion state, goodput and queue depth over time.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use crate::base::ids::FlowId;
use crate::base::note::{Depth, FlowNote, Note, Place, Record, Sink, Window};
use crate::base::time::{Duration, Instant};

use super::places::Places;
use super::trace::FlowNames;

/// Deliveries are summed in bins of this width, and these in wider ones at the end.
const FINE_BIN: Duration = Duration::from_millis(1);
/// The goodput of a run has at most this many bins.
const MAX_BINS: u64 = 200;

/// Collects the series of a run.
#[derive(Clone, Debug)]
pub struct Series {
    places: Places,
    flows: FlowNames,
    windows: Vec<(Instant, FlowId, Place, Window)>,
    /// For each end of each flow, the end of the stream as far as it was ever sent.
    sent: BTreeMap<(FlowId, Place), u64>,
    /// For each end of each flow, the bytes delivered there in each fine bin.
    delivered: BTreeMap<(FlowId, Place), BTreeMap<u64, u64>>,
    queues: Vec<(Instant, Place, Depth)>,
    depths: BTreeMap<Place, Depth>,
    last: Instant,
}

impl Series {
    /// An empty collection.
    pub fn new(places: &Places) -> Self {
        Series {
            places: places.clone(),
            flows: FlowNames::default(),
            windows: Vec::new(),
            sent: BTreeMap::new(),
            delivered: BTreeMap::new(),
            queues: Vec::new(),
            depths: BTreeMap::new(),
            last: Instant::ZERO,
        }
    }

    /// Writes `cwnd.csv`: a row at every change at each flow's main sender.
    pub fn write_cwnd(&self, out: impl Write) -> csv::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record([
            "time_s",
            "flow",
            "cause",
            "cwnd_bytes",
            "ssthresh_bytes",
            "in_flight_bytes",
            "srtt_s",
            "rto_s",
        ])?;
        let senders = self.main_senders();
        for (at, flow, place, w) in &self.windows {
            if senders.get(flow) != Some(place) {
                continue;
            }
            csv.write_record([
                at.to_string().as_str(),
                &self.flows.get(*flow),
                w.cause.word(),
                &w.cwnd_bytes.to_string(),
                &w.ssthresh_bytes.map_or(String::new(), |b| b.to_string()),
                &w.in_flight_bytes.to_string(),
                &w.srtt.map_or(String::new(), |d| d.to_string()),
                &w.rto.to_string(),
            ])?;
        }
        Ok(csv.flush()?)
    }

    /// Writes `throughput.csv`: payload delivered to the main sender's peer, in bins of one width
    /// for the whole run; `time_s` is where a bin begins. A flow's rows go from its first byte to
    /// its last.
    pub fn write_throughput(&self, out: impl Write) -> csv::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(["time_s", "flow", "goodput_bps"])?;
        let width = bin_width(self.last.since(Instant::ZERO));
        let fine_per_bin = width.as_nanos() / FINE_BIN.as_nanos();
        let senders = self.main_senders();
        let mut rows: Vec<(u64, Arc<str>, u64)> = Vec::new();
        for ((flow, place), fine) in &self.delivered {
            if senders.get(flow) == Some(place) {
                continue;
            }
            let mut bins: BTreeMap<u64, u64> = BTreeMap::new();
            for (fine_bin, bytes) in fine {
                *bins.entry(fine_bin / fine_per_bin).or_default() += bytes;
            }
            let (Some(first), Some(last)) = (bins.keys().next().copied(), bins.keys().last().copied()) else {
                continue;
            };
            for bin in first..=last {
                rows.push((bin, self.flows.get(*flow), bins.get(&bin).copied().unwrap_or(0)));
            }
        }
        rows.sort();
        for (bin, flow, bytes) in rows {
            let bps = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(width.as_nanos());
            csv.write_record([(width * bin).to_string().as_str(), &flow, &bps.to_string()])?;
        }
        Ok(csv.flush()?)
    }

    /// Writes `queue.csv`: a row whenever a queue is seen longer or shorter than before.
    pub fn write_queue(&self, out: impl Write) -> csv::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(["time_s", "link", "direction", "packets", "bytes"])?;
        for (at, place, depth) in &self.queues {
            let Some((link, direction)) = self.places.link(*place) else { continue };
            csv.write_record([
                at.to_string().as_str(),
                link,
                direction.name(),
                &depth.packets.to_string(),
                &depth.bytes.to_string(),
            ])?;
        }
        Ok(csv.flush()?)
    }

    /// Of each flow's ends, the one that sent more payload; of equal ones, the first by name.
    fn main_senders(&self) -> BTreeMap<FlowId, Place> {
        let mut best: BTreeMap<FlowId, (u64, Place)> = BTreeMap::new();
        for (&(flow, place), &bytes) in &self.sent {
            let entry = best.entry(flow).or_insert((bytes, place));
            if bytes > entry.0 {
                *entry = (bytes, place);
            }
        }
        best.into_iter().map(|(flow, (_, place))| (flow, place)).collect()
    }
}

impl Sink for Series {
    fn record(&mut self, record: &Record) {
        let (at, place) = (record.at, record.place);
        self.last = self.last.max(at);
        self.flows.learn(&record.note);
        match &record.note {
            Note::PacketSent { queue, .. }
            | Note::PacketDelivered { queue, .. }
            | Note::PacketDropped { queue, .. }
                if place.0 >= self.places.nodes && self.depths.insert(place, *queue) != Some(*queue) =>
            {
                self.queues.push((at, place, *queue));
            }
            Note::Flow { flow, note, .. } => match note {
                FlowNote::Window(window) => self.windows.push((at, *flow, place, *window)),
                FlowNote::SegmentSent { offset, bytes, .. } => {
                    let end = self.sent.entry((*flow, place)).or_default();
                    *end = (*end).max(offset.saturating_add(u64::from(*bytes)));
                }
                FlowNote::Delivered { bytes } => {
                    let bins = self.delivered.entry((*flow, place)).or_default();
                    *bins.entry(at.as_nanos() / FINE_BIN.as_nanos()).or_default() += bytes;
                }
                _ => {}
            },
            _ => {}
        }
    }
}

/// The narrowest of 1, 2, 5, 10, 20, 50, ... ms with which `length` has at most [`MAX_BINS`] bins.
fn bin_width(length: Duration) -> Duration {
    let mut decade = FINE_BIN;
    loop {
        for step in [1, 2, 5] {
            let width = decade * step;
            if length.as_nanos() / width.as_nanos() < MAX_BINS {
                return width;
            }
        }
        decade = decade * 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{NodeId, PacketId, TransportKind};
    use crate::base::note::{Phase, SendCause, WindowCause};

    #[test]
    fn bins_follow_the_length_of_the_run() {
        assert_eq!(bin_width(Duration::ZERO), Duration::from_millis(1));
        assert_eq!(bin_width(Duration::from_millis(199)), Duration::from_millis(1));
        assert_eq!(bin_width(Duration::from_millis(200)), Duration::from_millis(2));
        assert_eq!(bin_width(Duration::from_millis(4_710)), Duration::from_millis(50));
        assert_eq!(bin_width(Duration::from_secs(60)), Duration::from_millis(500));
    }

    fn series() -> Series {
        let names = ["phone", "store", "phone--store/forward", "phone--store/reverse"].map(String::from).to_vec();
        let mut series = Series::new(&Places { names, nodes: 2 });
        let (from, to) = ("10.0.0.1:49152".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let flow = FlowId::new(TransportKind::Tcp, from, to);
        let mut note = |ms: u64, place: u32, note: FlowNote| {
            let at = Instant::ZERO + Duration::from_millis(ms);
            series.record(&Record { at, place: Place(place), note: Note::Flow { flow, packet: None, note } });
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
        note(0, 0, FlowNote::Opened { name: "phone->store#1".into(), transport: TransportKind::Tcp, from, to });
        note(1, 0, FlowNote::SegmentSent { offset: 0, bytes: 100, cause: SendCause::New });
        note(1, 0, FlowNote::Window(window(14_480)));
        note(2, 1, FlowNote::Delivered { bytes: 100 });
        note(3, 1, FlowNote::SegmentSent { offset: 0, bytes: 1448, cause: SendCause::New });
        note(3, 1, FlowNote::Window(window(15_928)));
        note(4, 0, FlowNote::Delivered { bytes: 1448 });
        note(6, 0, FlowNote::Delivered { bytes: 1448 });
        series
    }

    fn text(write: impl FnOnce(&mut Vec<u8>) -> csv::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_the_main_sender_is_shown() {
        let s = series();
        assert_eq!(
            text(|out| s.write_cwnd(out)),
            "time_s,flow,cause,cwnd_bytes,ssthresh_bytes,in_flight_bytes,srtt_s,rto_s\n\
             0.003,phone->store#1,ack,15928,,0,0.0503,1\n"
        );
        assert_eq!(
            text(|out| s.write_throughput(out)),
            "time_s,flow,goodput_bps\n\
             0.004,phone->store#1,11584000\n0.005,phone->store#1,0\n0.006,phone->store#1,11584000\n"
        );
    }

    #[test]
    fn a_queue_has_a_row_for_each_change() {
        let mut s = series();
        for (ms, packets) in [(1, 1), (2, 1), (3, 0)] {
            let queue = Depth { packets, bytes: u64::from(packets) * 1500 };
            let packet = PacketId { origin: NodeId(0), number: 1 };
            let at = Instant::ZERO + Duration::from_millis(ms);
            s.record(&Record { at, place: Place(2), note: Note::PacketSent { packet, bytes: 1500, queue } });
        }
        assert_eq!(
            text(|out| s.write_queue(out)),
            "time_s,link,direction,packets,bytes\n\
             0.001,phone--store,forward,1,1500\n0.003,phone--store,forward,0,0\n"
        );
    }
}

//! Goes through the long series of one run without keeping them: only what a picture of this one
//! run can show stays, so that memory does not grow with the length of the run. The picture is the
//! same to the byte as one made from the files.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::read::CwndPoint;
use crate::base::note::WindowCause;
use crate::base::time::{Instant, NANOS_PER_SEC};
use crate::observe::goodput::Goodput;
use crate::observe::queues::QueueSeen;
use crate::observe::series::Series;
use crate::observe::windows::WindowRow;

/// A picture shows so many columns; in each of them the first, the lowest, the highest and the last.
pub(super) const COLUMNS: f64 = 1600.0;

/// A line's rows on their way through.
struct Thinner<T> {
    /// A column's width in seconds.
    width: f64,
    kept: Vec<T>,
    rows: u64,
    column: Option<Column<T>>,
}

struct Column<T> {
    key: f64,
    /// What is earlier is certainly in this column.
    sure_until: Instant,
    first: (u64, T),
    lowest: (f64, u64, T),
    highest: (f64, u64, T),
    /// Stairs hold a value until here.
    after_highest: Option<(u64, T)>,
    last: (u64, T),
    /// What must stay wherever it is.
    marked: Vec<(u64, T)>,
}

impl<T: Copy> Thinner<T> {
    fn new(width: f64) -> Self {
        Thinner { width, kept: Vec::new(), rows: 0, column: None }
    }

    /// The next row: its time, its value, and whether it and the one before it must stay.
    fn push(&mut self, at: Instant, value: f64, marked: bool, row: T) {
        let rank = self.rows;
        self.rows += 1;
        if self.column.as_ref().is_none_or(|column| column.sure_until <= at) {
            let key = (seconds(at) / self.width).floor();
            if self.column.as_ref().is_none_or(|column| column.key != key) {
                self.end_column();
                return self.begin_column(key, rank, value, row);
            }
        }
        let Some(column) = &mut self.column else { return };
        if marked {
            column.marked.extend([column.last, (rank, row)]);
        }
        if value < column.lowest.0 {
            column.lowest = (value, rank, row);
        }
        if value >= column.highest.0 {
            column.highest = (value, rank, row);
            column.after_highest = None;
        } else if column.after_highest.is_none() {
            column.after_highest = Some((rank, row));
        }
        column.last = (rank, row);
    }

    fn begin_column(&mut self, key: f64, rank: u64, value: f64, row: T) {
        // Far enough from the edge that no rounding matters.
        let sure = (key + 0.999) * self.width * NANOS_PER_SEC as f64;
        self.column = Some(Column {
            key,
            sure_until: Instant::from_nanos(sure as u64),
            first: (rank, row),
            lowest: (value, rank, row),
            highest: (value, rank, row),
            after_highest: None,
            last: (rank, row),
            marked: Vec::new(),
        });
    }

    fn end_column(&mut self) {
        let Some(c) = self.column.take() else { return };
        let mut rows = c.marked;
        rows.extend([c.first, (c.lowest.1, c.lowest.2), (c.highest.1, c.highest.2), c.last]);
        rows.extend(c.after_highest);
        rows.sort_by_key(|(rank, _)| *rank);
        rows.dedup_by_key(|(rank, _)| *rank);
        self.kept.extend(rows.into_iter().map(|(_, row)| row));
    }

    fn finish(mut self) -> Vec<T> {
        self.end_column();
        self.kept
    }
}

/// Writes `cwnd.csv`; of its rows, by flow, those that a picture can show.
pub(super) fn cwnd(series: &Series, csv: impl Write) -> io::Result<BTreeMap<String, Vec<CwndPoint>>> {
    let shown = series.shown();
    let width = seconds(shown.iter().map(|(_, _, last)| *last).max().unwrap_or(Instant::ZERO)) / COLUMNS;
    let names: BTreeSet<&str> = shown.iter().map(|(_, name, _)| &**name).collect();
    let mut lines: Vec<(Thinner<WindowRow>, Option<u64>)> = names.iter().map(|_| (Thinner::new(width), None)).collect();
    // By the rank of the sender: which line.
    let mut line_of = vec![usize::MAX; shown.iter().map(|(rank, ..)| *rank as usize + 1).max().unwrap_or(0)];
    for (rank, name, _) in &shown {
        line_of[*rank as usize] = names.range(..&**name).count();
    }
    series.write_cwnd(csv, |rank, row| {
        let Some((line, ssthresh)) = lines.get_mut(line_of[rank as usize]) else { return };
        let cut = matches!(row.cause, WindowCause::Loss | WindowCause::Timeout);
        let marked = cut || *ssthresh != row.ssthresh_bytes;
        *ssthresh = row.ssthresh_bytes;
        line.push(row.at, row.cwnd_bytes as f64, marked, row);
    })?;
    let point = |row: WindowRow| CwndPoint {
        time_s: seconds(row.at),
        cause: Cow::Borrowed(row.cause.word()),
        cwnd_bytes: row.cwnd_bytes as f64,
        ssthresh_bytes: row.ssthresh_bytes.map(|bytes| bytes as f64),
    };
    let points = |line: Thinner<WindowRow>| line.finish().into_iter().map(point).collect();
    Ok(names.into_iter().zip(lines).map(|(name, (line, _))| (name.to_owned(), points(line))).collect())
}

/// The lengths of queues, by link and direction. Of those that the picture does not show, only the
/// greatest length; `shown` says of greatest lengths how many it shows.
pub(super) fn queue(series: &Series, shown: fn(&[f64]) -> usize) -> io::Result<BTreeMap<String, Vec<(f64, f64)>>> {
    let Some(mut depths) = series.depths() else { return Ok(BTreeMap::new()) };
    let mut order: Vec<QueueSeen> = depths.queues().to_vec();
    let longest = |queue: &QueueSeen| (queue.name.clone(), vec![(0.0, f64::from(queue.longest))]);
    let mut queues: BTreeMap<String, Vec<(f64, f64)>> = order.iter().map(longest).collect();
    order.retain(|queue| queue.longest > 0);
    order.sort_by(|a, b| b.longest.cmp(&a.longest).then_with(|| a.name.cmp(&b.name)));
    order.truncate(shown(&order.iter().map(|queue| f64::from(queue.longest)).collect::<Vec<_>>()));
    let width = seconds(order.iter().map(|queue| queue.last).max().unwrap_or(Instant::ZERO)) / COLUMNS;
    let mut lines: Vec<Option<Thinner<(Instant, u32)>>> = Vec::new();
    lines.resize_with(order.iter().map(|queue| queue.rank as usize + 1).max().unwrap_or(0), || None);
    for queue in &order {
        lines[queue.rank as usize] = Some(Thinner::new(width));
    }
    depths.each(|at, rank, packets| {
        if let Some(Some(line)) = lines.get_mut(rank as usize) {
            line.push(at, f64::from(packets), false, (at, packets));
        }
    })?;
    for queue in order {
        let line = lines[queue.rank as usize].take().map(Thinner::finish).unwrap_or_default();
        let points = line.into_iter().map(|(at, packets)| (seconds(at), f64::from(packets)));
        queues.insert(queue.name, points.collect());
    }
    Ok(queues)
}

/// The goodput of each flow; of bins there are few.
pub(super) fn goodput(goodput: &Goodput) -> BTreeMap<String, Vec<(f64, f64)>> {
    let flows = goodput.by_flow();
    flows.map(|(name, bins)| (name.to_owned(), bins.map(|(at, bps)| (seconds(at), bps as f64)).collect())).collect()
}

/// As the files have it.
fn seconds(at: Instant) -> f64 {
    at.as_nanos() as f64 / NANOS_PER_SEC as f64
}

/// The spelling of a cause, without a copy of it if it is one of ours.
pub(super) fn cause(word: &str) -> Cow<'static, str> {
    let known = WindowCause::ALL.iter().find(|cause| cause.word() == word);
    known.map_or_else(|| Cow::Owned(word.to_owned()), |cause| Cow::Borrowed(cause.word()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{NodeId, PacketId};
    use crate::base::note::{Depth, FlowNote, Note, Phase, Place, Record, SendCause, Sink, Window};
    use crate::base::rng::Seed;
    use crate::base::time::{Duration, Instant};
    use crate::observe::places::Places;
    use crate::observe::recorder::Recorder;
    use crate::observe::summary::{RunOutcome, Summary};
    use crate::report::folder::RunFolder;
    use crate::report::plots::PLOTS;
    use crate::report::plots::output::svg;
    use crate::report::plots::queue::shown;
    use crate::report::read::RunData;

    /// Some thousand changes of twelve queues and some windows, with cuts and thresholds.
    fn wander(recorder: &mut Recorder, windows: u64) {
        let mut rng = Seed(1).stream("thin");
        let flow = |i: u64| crate::base::ids::FlowId(i);
        let (mut at, mut cwnd) = (Instant::ZERO, vec![14_480_u64; windows as usize]);
        let mut ssthresh = vec![None; windows as usize];
        for step in 0..30_000_u64 {
            at += Duration::from_nanos(rng.below(400_000));
            let queue = Depth { packets: rng.below(step / 1000 + 2) as u32, bytes: 0 };
            let packet = PacketId { origin: NodeId(0), number: 1 };
            let place = Place(2 + rng.below(12) as u32);
            recorder.record(&Record { at, place, note: Note::PacketSent { packet, bytes: 1, queue } });
            let i = rng.below(windows) as usize;
            let (cause, next) = match rng.below(200) {
                0 => (WindowCause::Timeout, 1448),
                1..4 => (WindowCause::Loss, cwnd[i] / 2),
                4..20 => (WindowCause::DuplicateAck, cwnd[i]),
                _ => (WindowCause::Ack, cwnd[i] + 1448),
            };
            if next < cwnd[i] {
                // Some are so high that no picture shows them.
                ssthresh[i] = [Some(cwnd[i] / 2), Some(1 << 40), None][rng.below(3) as usize];
            }
            cwnd[i] = next;
            let window = Window {
                cause,
                phase: Phase::SlowStart,
                cwnd_bytes: next,
                ssthresh_bytes: ssthresh[i],
                in_flight_bytes: 0,
                srtt: None,
                rto: Duration::from_secs(1),
            };
            for note in
                [FlowNote::SegmentSent { offset: step, bytes: 1, cause: SendCause::New }, FlowNote::Window(window)]
            {
                let note = Note::Flow { flow: flow(i as u64), packet: None, note };
                recorder.record(&Record { at, place: Place(0), note });
            }
            let delivered = FlowNote::Delivered { bytes: rng.below(3_000) };
            let note = Note::Flow { flow: flow(i as u64), packet: None, note: delivered };
            recorder.record(&Record { at, place: Place(1), note });
        }
    }

    #[test]
    fn a_thinned_run_looks_like_the_whole_one_to_the_byte() {
        looks_like_the_whole_one(3);
    }

    #[test]
    fn so_does_one_of_a_crowd() {
        looks_like_the_whole_one(60);
    }

    fn looks_like_the_whole_one(windows: u64) {
        let dir = std::env::temp_dir().join(format!("twinwire-thin-{windows}-{}", std::process::id()));
        let mut names = vec!["a".to_owned(), "b".to_owned()];
        // A name that must be quoted, too.
        names.extend((0..12).map(|i| format!("a--b,{i}/forward")));
        let folder = RunFolder::begin(&dir, true).unwrap();
        let mut recorder = Recorder::full(Places { names, nodes: 2 }, folder.files().unwrap());
        wander(&mut recorder, windows);
        let (_, series) = recorder.finish().unwrap();
        let (series, summary) = (series.unwrap(), Summary::new(&RunOutcome::default()));
        folder.fill("schema = 1\n", &summary, &series).unwrap();
        folder.commit().unwrap();
        let thinned = RunData {
            cwnd: cwnd(&series, io::sink()).unwrap(),
            queue: queue(&series, shown).unwrap(),
            ..RunData::of("", &summary, &series).unwrap()
        };
        let whole = RunData::read(&dir).unwrap();
        let rows = |run: &RunData| run.cwnd.values().map(Vec::len).sum::<usize>();
        // Of many windows each has few changes in a column.
        assert!(windows > 3 || rows(&thinned) < rows(&whole) * 3 / 4, "{} of {}", rows(&thinned), rows(&whole));
        let (whole, mut thinned) = ([whole], [thinned]);
        thinned[0].label = whole[0].label.clone();
        for plot in PLOTS.entries {
            let [a, b] = [&whole, &thinned].map(|runs| (plot.build)(runs).map(|figure| svg(&figure).unwrap()));
            assert!(a.is_some() && a == b, "{}", plot.name);
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

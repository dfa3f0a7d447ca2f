//! Reads the long files of one run folder without keeping them: only what a picture of this one
//! run can show stays, so that memory does not grow with the length of the run. The picture is the
//! same to the byte.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::read::{CwndPoint, ReadError};
use crate::base::note::WindowCause;

/// A picture shows so many columns; in each of them the first, the lowest, the highest and the last.
pub(super) const COLUMNS: f64 = 1600.0;

/// A line's rows on their way through.
struct Thinner<T> {
    kept: Vec<T>,
    rows: u64,
    column: Option<Column<T>>,
}

struct Column<T> {
    key: f64,
    first: (u64, T),
    lowest: (f64, u64, T),
    highest: (f64, u64, T),
    /// Stairs hold a value until here.
    after_highest: Option<(u64, T)>,
    last: (u64, T),
    /// What must stay wherever it is.
    marked: Vec<(u64, T)>,
}

impl<T> Default for Thinner<T> {
    fn default() -> Self {
        Thinner { kept: Vec::new(), rows: 0, column: None }
    }
}

impl<T: Clone> Thinner<T> {
    /// The next row: its column, its value, and whether it and the one before it must stay.
    fn push(&mut self, key: f64, value: f64, marked: bool, row: T) {
        let rank = self.rows;
        self.rows += 1;
        if self.column.as_ref().is_some_and(|column| column.key != key) {
            self.end_column();
        }
        let Some(column) = &mut self.column else {
            let at = || (value, rank, row.clone());
            self.column = Some(Column {
                key,
                first: (rank, row.clone()),
                lowest: at(),
                highest: at(),
                after_highest: None,
                last: (rank, row.clone()),
                marked: Vec::new(),
            });
            return;
        };
        if marked {
            column.marked.extend([column.last.clone(), (rank, row.clone())]);
        }
        if value < column.lowest.0 {
            column.lowest = (value, rank, row.clone());
        }
        if value >= column.highest.0 {
            column.highest = (value, rank, row.clone());
            column.after_highest = None;
        } else if column.after_highest.is_none() {
            column.after_highest = Some((rank, row.clone()));
        }
        column.last = (rank, row);
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

/// `cwnd.csv`, by flow.
pub(super) fn cwnd(path: &Path) -> Result<BTreeMap<String, Vec<CwndPoint>>, ReadError> {
    let mut end = 0.0;
    each_row(path, |row| {
        end = row.number(0)?;
        Ok(())
    })?;
    let mut flows: BTreeMap<String, (Thinner<CwndPoint>, Option<f64>)> = BTreeMap::new();
    each_row(path, |row| {
        let point = CwndPoint {
            time_s: row.number(0)?,
            cause: cause(row.text(2)?),
            cwnd_bytes: row.number(3)?,
            ssthresh_bytes: if row.text(4)?.is_empty() { None } else { Some(row.number(4)?) },
        };
        let (line, ssthresh) = entry(&mut flows, row.text(1)?);
        let cut = [WindowCause::Loss, WindowCause::Timeout].iter().any(|cause| point.cause == cause.word());
        let marked = cut || *ssthresh != point.ssthresh_bytes;
        *ssthresh = point.ssthresh_bytes;
        line.push((point.time_s / (end / COLUMNS)).floor(), point.cwnd_bytes, marked, point);
        Ok(())
    })?;
    Ok(flows.into_iter().map(|(flow, (line, _))| (flow, line.finish())).collect())
}

/// `queue.csv`, by link and direction. Of the queues that are not among the `shown` longest, only the
/// greatest length.
pub(super) fn queue(path: &Path, shown: usize) -> Result<BTreeMap<String, Vec<(f64, f64)>>, ReadError> {
    // The longest, and when the last row was.
    let mut seen: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    each_row(path, |row| {
        let queue = entry(&mut seen, &row.queue_name()?);
        *queue = (queue.0.max(row.number(3)?), row.number(0)?);
        Ok(())
    })?;
    let mut order: Vec<(&String, &(f64, f64))> = seen.iter().filter(|(_, (longest, _))| *longest > 0.0).collect();
    order.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
    order.truncate(shown);
    let end = order.iter().map(|(_, (_, last))| *last).fold(0.0, f64::max);
    let mut lines: BTreeMap<String, Thinner<(f64, f64)>> =
        order.iter().map(|(name, _)| ((*name).clone(), Thinner::default())).collect();
    each_row(path, |row| {
        if let Some(line) = lines.get_mut(&*row.queue_name()?) {
            let point = (row.number(0)?, row.number(3)?);
            line.push((point.0 / (end / COLUMNS)).floor(), point.1, false, point);
        }
        Ok(())
    })?;
    let mut queues: BTreeMap<String, Vec<(f64, f64)>> =
        seen.iter().map(|(name, (longest, _))| (name.clone(), vec![(0.0, *longest)])).collect();
    queues.extend(lines.into_iter().map(|(name, line)| (name, line.finish())));
    Ok(queues)
}

/// The spelling of a cause, without a copy of it if it is one of ours.
pub(super) fn cause(word: &str) -> Cow<'static, str> {
    let known = WindowCause::ALL.iter().find(|cause| cause.word() == word);
    known.map_or_else(|| Cow::Owned(word.to_owned()), |cause| Cow::Borrowed(cause.word()))
}

fn entry<'m, V: Default>(map: &'m mut BTreeMap<String, V>, name: &str) -> &'m mut V {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), V::default());
    }
    map.get_mut(name).expect("it was just inserted")
}

/// One row of a CSV file.
struct Row<'l> {
    fields: Vec<Cow<'l, str>>,
}

impl Row<'_> {
    fn text(&self, column: usize) -> Result<&str, String> {
        self.fields.get(column).map(|field| &**field).ok_or_else(|| format!("a row without column {column}"))
    }
    fn number(&self, column: usize) -> Result<f64, String> {
        let text = self.text(column)?;
        text.parse().map_err(|_| format!("{text:?} is not a number"))
    }
    fn queue_name(&self) -> Result<String, String> {
        Ok(format!("{} {}", self.text(1)?, self.text(2)?))
    }
}

/// Hands every row but the first to `take`.
fn each_row(path: &Path, mut take: impl FnMut(&Row<'_>) -> Result<(), String>) -> Result<(), ReadError> {
    let failed = |source: io::Error| ReadError::Io { path: path.to_owned(), source };
    let bad = |why: String| ReadError::Format { path: path.to_owned(), why };
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
    let mut line = String::new();
    file.read_line(&mut line).map_err(failed)?;
    loop {
        line.clear();
        if file.read_line(&mut line).map_err(failed)? == 0 {
            return Ok(());
        }
        // A quoted field may go on over several lines.
        while line.matches('"').count() % 2 == 1 && file.read_line(&mut line).map_err(failed)? > 0 {}
        let fields = if line.contains('"') { quoted(&line).map_err(bad)? } else { plain(&line) };
        take(&Row { fields }).map_err(bad)?;
    }
}

fn plain(line: &str) -> Vec<Cow<'_, str>> {
    line.trim_end_matches(['\r', '\n']).split(',').map(Cow::Borrowed).collect()
}

fn quoted(line: &str) -> Result<Vec<Cow<'_, str>>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    let row = reader.records().next().ok_or("an empty row")?.map_err(|e| e.to_string())?;
    Ok(row.iter().map(|field| Cow::Owned(field.to_owned())).collect())
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
    use crate::report::plots::figure::MAX_NAMED;
    use crate::report::plots::output::svg;
    use crate::report::read::RunData;

    /// Some thousand changes of twelve queues and three windows, with cuts and thresholds.
    fn wander(recorder: &mut Recorder) {
        let mut rng = Seed(1).stream("thin");
        let flow = |i: u64| crate::base::ids::FlowId(i);
        let (mut at, mut cwnd) = (Instant::ZERO, [14_480_u64; 3]);
        let mut ssthresh = [None; 3];
        for step in 0..30_000_u64 {
            at += Duration::from_nanos(rng.below(400_000));
            let queue = Depth { packets: rng.below(step / 1000 + 2) as u32, bytes: 0 };
            let packet = PacketId { origin: NodeId(0), number: 1 };
            let place = Place(1 + rng.below(12) as u32);
            recorder.record(&Record { at, place, note: Note::PacketSent { packet, bytes: 1, queue } });
            let i = rng.below(3) as usize;
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
        }
    }

    #[test]
    fn a_thinned_run_looks_like_the_whole_one_to_the_byte() {
        let dir = std::env::temp_dir().join(format!("twinwire-thin-{}", std::process::id()));
        let mut names = vec!["a".to_owned()];
        // A name that must be quoted, too.
        names.extend((0..12).map(|i| format!("a--b,{i}/forward")));
        let folder = RunFolder::begin(&dir, true).unwrap();
        let mut recorder = Recorder::full(&Places { names, nodes: 1 }, folder.files().unwrap());
        wander(&mut recorder);
        let (_, series) = recorder.finish().unwrap();
        folder.fill("schema = 1\n", &Summary::new(&RunOutcome::default()), &series.unwrap()).unwrap();
        folder.commit().unwrap();
        let (whole, thinned) = (RunData::read(&dir).unwrap(), RunData::read_thinned(&dir, MAX_NAMED).unwrap());
        let rows = |run: &RunData| run.cwnd.values().map(Vec::len).sum::<usize>();
        assert!(rows(&thinned) < rows(&whole) * 3 / 4, "{} of {}", rows(&thinned), rows(&whole));
        let (whole, mut thinned) = ([whole], [thinned]);
        thinned[0].label = whole[0].label.clone();
        for plot in PLOTS.entries {
            let [a, b] = [&whole, &thinned].map(|runs| (plot.build)(runs).map(|figure| svg(&figure).unwrap()));
            assert!(a == b && (a.is_some() || plot.name == "throughput"), "{}", plot.name);
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

//! Where a run parts from a recorded one. The lock holds six bits of the chain after every few
//! records; a second run of what differs is held against them as it goes, and the events around
//! the first print that is not the recorded one are kept.

use std::collections::VecDeque;
use std::fmt;

use crate::base::note::{Note, Place, Record, Sink};
use crate::base::time::Instant;

use super::digest::Digest;
use super::lock::Lock;
use super::places::Places;
use super::trace::LineWriter;

/// Records shown before and after those among which the first different one is.
const NEIGHBOURS: usize = 3;

/// More candidates than these are counted, not shown.
const MAX_SHOWN: usize = 8;

/// A sink that looks for the first record that differs from a recorded run.
pub struct PartingSearch<'l> {
    lock: &'l Lock,
    lines: LineWriter,
    digest: Digest,
    /// Records up to here are alike.
    alike: u64,
    /// The newest of those, and all after them until enough are kept.
    kept: VecDeque<(u64, Record)>,
    /// How many records there were when the difference showed.
    shown_at: Option<u64>,
}

/// Where two runs part. Records are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// The first record that may differ, and the last: the same in all but long runs.
    pub among: (u64, u64),
    /// The last records that are alike.
    pub before: Vec<String>,
    /// What this run has in the place of those that may differ; empty if it has ended.
    pub here: Vec<String>,
    /// What comes after them.
    pub after: Vec<String>,
    /// How many records the recorded run has, and this one.
    pub records: (u64, u64),
}

impl<'l> PartingSearch<'l> {
    /// A search against `lock`.
    pub fn new(places: &Places, lock: &'l Lock) -> Self {
        PartingSearch {
            lock,
            lines: LineWriter::new(places),
            digest: Digest::new(places.clone()),
            alike: 0,
            kept: VecDeque::new(),
            shown_at: None,
        }
    }

    /// What was found. `None`: every print is equal, and so is the number of records.
    pub fn finish(mut self) -> Option<Parting> {
        let records = (self.lock.records, self.digest.records());
        let end = match self.shown_at {
            Some(end) => end,
            None if self.alike == records.0 && records.0 == records.1 => return None,
            // The end came between two prints, or too early.
            None if records.1 < records.0 => self.alike + self.lock.every,
            None => records.1,
        };
        let mut lines = |from: u64, to: u64| {
            let inside = self.kept.iter().filter(|(rank, _)| (from..to).contains(rank));
            inside.map(|(_, record)| line(&mut self.lines, record)).collect()
        };
        Some(Parting {
            among: (self.alike, end - 1),
            before: lines(0, self.alike),
            here: lines(self.alike, end),
            after: lines(end, end + NEIGHBOURS as u64),
            records,
        })
    }
}

fn line(lines: &mut LineWriter, record: &Record) -> String {
    let mut line = Vec::new();
    lines.append(&mut line, record);
    String::from_utf8_lossy(&line).into_owned()
}

impl Sink for PartingSearch<'_> {
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        let rank = self.digest.records();
        self.digest.note(at, place, note);
        if self.shown_at.is_some_and(|end| rank >= end + NEIGHBOURS as u64) {
            return;
        }
        self.lines.learn(note);
        self.kept.push_back((rank, Record { at, place, note: note.clone() }));
        if self.shown_at.is_some() {
            return;
        }
        let now = rank + 1;
        match self.lock.print_after(now) {
            Some(print) if print == self.digest.print() => {
                self.alike = now;
                while self.kept.len() > NEIGHBOURS {
                    self.kept.pop_front();
                }
            }
            Some(_) => self.shown_at = Some(now),
            None if now > self.lock.records => self.shown_at = Some(now),
            None => {}
        }
    }
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.among;
        if self.here.is_empty() {
            write!(f, "the run ends after record {}, where the recorded one goes on", self.records.1)?;
        } else if first == last {
            write!(f, "the first event that differs is record {first}:")?;
        } else {
            write!(f, "the first event that differs is one of the records {first} to {last}:")?;
        }
        for line in &self.before {
            write!(f, "\n    {line}")?;
        }
        for line in self.here.iter().take(MAX_SHOWN) {
            write!(f, "\n  > {line}")?;
        }
        if self.here.len() > MAX_SHOWN {
            return write!(f, "\n    ... and {} more", self.here.len() - MAX_SHOWN);
        }
        self.after.iter().try_for_each(|line| write!(f, "\n    {line}"))?;
        if self.records.0 != self.records.1 {
            write!(f, "\n{} records when it was recorded, {} now", self.records.0, self.records.1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{NodeId, PacketId};
    use crate::base::note::Depth;

    /// A run of packets at these times.
    fn watch(times: &[u64], sink: &mut dyn Sink) {
        for at in times {
            let packet = PacketId { origin: NodeId(0), number: 1 };
            let note = Note::PacketSent { packet, bytes: 1500, queue: Depth::default() };
            sink.record(&Record { at: Instant::from_nanos(*at), place: Place(0), note });
        }
    }

    fn parting(recorded: &[u64], now: &[u64], every: u64) -> Option<Parting> {
        let places = Places { names: vec!["a".to_owned()], nodes: 1 };
        let mut digest = Digest::new(places.clone());
        watch(recorded, &mut digest);
        let mut result = digest.finish();
        result.prints = result.prints.chunks_exact(every as usize).map(|c| c[c.len() - 1]).collect();
        result.every = every;
        let lock = Lock::new(1, &result);
        let mut search = PartingSearch::new(&places, &lock);
        watch(now, &mut search);
        search.finish()
    }

    #[test]
    fn the_first_event_that_differs_is_named_with_its_neighbours() {
        let recorded: Vec<u64> = (0..100).collect();
        let mut now = recorded.clone();
        now[40] = 1_000;
        assert_eq!(parting(&recorded, &recorded, 1), None);
        let found = parting(&recorded, &now, 1).unwrap();
        assert_eq!((found.among, found.before.len(), found.here.len(), found.after.len()), ((40, 40), 3, 1, 3));
        assert!(found.here[0].starts_with("{\"time_s\":0.000001,\"place\":\"a\""), "{}", found.here[0]);
        // With a print every 8 records only: one of 40 to 47.
        let among = parting(&recorded, &now, 8).unwrap();
        assert_eq!((among.among, among.here.len()), ((40, 47), 8));
    }

    #[test]
    fn a_run_that_is_longer_or_shorter_parts_at_its_end() {
        let run: Vec<u64> = (0..100).collect();
        let longer = parting(&run[..60], &run, 1).unwrap();
        assert_eq!((longer.among, longer.here.len(), longer.records), ((60, 60), 1, (60, 100)));
        let shorter = parting(&run, &run[..60], 1).unwrap();
        assert_eq!((shorter.among, shorter.here.len()), ((60, 60), 0));
        assert!(shorter.to_string().starts_with("the run ends after record 60, where the recorded one goes on"));
        // Between two prints nothing is known.
        assert_eq!(parting(&run[..60], &run, 8).unwrap().among, (56, 60));
        assert_eq!(parting(&run, &run[..60], 8).unwrap().among, (56, 63));
    }
}

//! Everything that watches one run, behind one sink. The digest always; the trace and the series
//! only when a run folder is wanted.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::base::ids::PacketId;
use crate::base::note::{Place, Record, Sink, Way};
use crate::base::outline::Outline;
use crate::base::time::Instant;

use super::capture::{Capture, Point};
use super::digest::{Digest, DigestResult};
use super::ladder::Ladder;
use super::places::Places;
use super::series::Series;
use super::trace::Trace;

/// The sink of a run.
pub struct Recorder {
    digest: Digest,
    full: Option<(Trace, Series)>,
    ladder: Option<Ladder>,
    capture: Option<Capture>,
    /// The places whose records are in the digest; `None`: all.
    digested: Option<BTreeSet<Place>>,
}

impl Recorder {
    /// Keeps only the digest.
    pub fn digest_only(places: &Places) -> Self {
        Recorder { digest: Digest::new(places), full: None, ladder: None, capture: None, digested: None }
    }

    /// Writes `events.jsonl` to `events` (best buffered) and keeps the series too.
    pub fn full(places: &Places, events: Box<dyn Write>) -> Self {
        Recorder {
            digest: Digest::new(places),
            full: Some((Trace::new(places, events), Series::new(places))),
            ladder: None,
            capture: None,
            digested: None,
        }
    }

    /// Takes only the records of these places into the digest.
    pub fn digesting(self, places: BTreeSet<Place>) -> Self {
        Recorder { digested: Some(places), ..self }
    }

    /// Draws the ladder of a flow too. The digest does not know of it.
    pub fn with_ladder(self, places: &Places, flow: &str) -> Self {
        Recorder { ladder: Some(Ladder::new(places, flow)), ..self }
    }

    /// Writes the packets that pass `point` to `packets` too (best buffered). The digest does not
    /// know of it.
    pub fn with_capture(self, places: &Places, point: Point, packets: Box<dyn Write>) -> Self {
        Recorder { capture: Some(Capture::new(places, point, packets)), ..self }
    }

    /// The ladder, if one is drawn.
    pub fn take_ladder(&mut self) -> Option<Ladder> {
        self.ladder.take()
    }

    /// The digest, and the series if they were kept. Fails if the trace or the
    /// capture could not be written.
    pub fn finish(self) -> io::Result<(DigestResult, Option<Series>)> {
        if let Some(capture) = self.capture {
            capture.finish()?;
        }
        let series = match self.full {
            Some((trace, series)) => {
                trace.finish()?;
                Some(series)
            }
            None => None,
        };
        Ok((self.digest.finish(), series))
    }
}

impl Sink for Recorder {
    fn record(&mut self, record: &Record) {
        if self.digested.as_ref().is_none_or(|places| places.contains(&record.place)) {
            self.digest.record(record);
        }
        if let Some((trace, series)) = &mut self.full {
            trace.record(record);
            series.record(record);
        }
        if let Some(ladder) = &mut self.ladder {
            ladder.record(record);
        }
    }

    fn wants_segments(&self) -> bool {
        self.ladder.is_some()
    }

    fn sent(&mut self, at: Instant, place: Place, segment: Outline) {
        if let Some(ladder) = &mut self.ladder {
            ladder.sent(at, place, segment);
        }
    }

    fn arrived(&mut self, at: Instant, place: Place, packet: PacketId) {
        if let Some(ladder) = &mut self.ladder {
            ladder.arrived(at, place, packet);
        }
    }

    fn wants_packets(&self) -> bool {
        self.capture.is_some()
    }

    fn captured(&mut self, at: Instant, place: Place, way: Way, packet: PacketId, bytes: &[u8]) {
        if let Some(capture) = &mut self.capture {
            capture.captured(at, place, way, packet, bytes);
        }
    }
}

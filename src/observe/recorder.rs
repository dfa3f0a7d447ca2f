//! Everything that watches one run, behind one sink. The digest always; the trace and the series
//! only when a run folder is wanted.

use std::io::{self, Write};

use crate::base::note::{Record, Sink};

use super::digest::{Digest, DigestResult};
use super::places::Places;
use super::series::Series;
use super::trace::Trace;

/// The sink of a run.
pub struct Recorder {
    digest: Digest,
    full: Option<(Trace, Series)>,
}

impl Recorder {
    /// Keeps only the digest.
    pub fn digest_only(places: &Places) -> Self {
        Recorder { digest: Digest::new(places), full: None }
    }

    /// Writes `events.jsonl` to `events` (best buffered) and keeps the series too.
    pub fn full(places: &Places, events: Box<dyn Write>) -> Self {
        Recorder { digest: Digest::new(places), full: Some((Trace::new(places, events), Series::new(places))) }
    }

    /// The digest, and the series if they were kept. Fails if the trace could not be written.
    pub fn finish(self) -> io::Result<(DigestResult, Option<Series>)> {
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
        self.digest.record(record);
        if let Some((trace, series)) = &mut self.full {
            trace.record(record);
            series.record(record);
        }
    }
}

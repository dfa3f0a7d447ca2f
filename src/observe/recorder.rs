//! Everything that watches one run, behind one sink. The digest always; the trace, the queues and
//! the series only when a run folder is wanted.

use std::io;

use crate::base::ids::PacketId;
use crate::base::note::{Place, Record, Sink};
use crate::base::outline::Outline;
use crate::base::time::Instant;

use super::digest::{Digest, DigestResult};
use super::files::Files;
use super::ladder::Ladder;
use super::places::Places;
use super::queues::Queues;
use super::series::Series;
use super::trace::Trace;

/// The sink of a run.
pub struct Recorder {
    digest: Digest,
    /// What most runs do without stands behind one pointer: a record then costs one branch more.
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    full: Option<Full>,
    ladder: Option<Ladder>,
}

struct Full {
    trace: Trace,
    queues: Queues,
    series: Series,
}

impl Recorder {
    /// Keeps only the digest.
    pub fn digest_only(places: &Places) -> Self {
        Recorder { digest: Digest::new(places), more: None }
    }

    /// Writes every record, and keeps the series too.
    pub fn full(places: &Places, files: Files) -> Self {
        let full = Full {
            trace: Trace::new(places, files.events),
            queues: Queues::new(places, files.queue),
            series: Series::new(files.windows),
        };
        let more = More { full: Some(full), ladder: None };
        Recorder { digest: Digest::new(places), more: Some(Box::new(more)) }
    }

    /// Draws the ladder of a flow too. The digest does not know of it.
    pub fn with_ladder(mut self, places: &Places, flow: &str) -> Self {
        self.more.get_or_insert_default().ladder = Some(Ladder::new(places, flow));
        self
    }

    /// The ladder, if one is drawn.
    pub fn take_ladder(&mut self) -> Option<Ladder> {
        self.more.as_mut()?.ladder.take()
    }

    /// The digest, and the series if they were kept. Fails if a file could not be written.
    pub fn finish(self) -> io::Result<(DigestResult, Option<Series>)> {
        let series = match self.more.and_then(|more| more.full) {
            Some(Full { trace, queues, series }) => {
                trace.finish()?;
                queues.finish()?;
                Some(series)
            }
            None => None,
        };
        Ok((self.digest.finish(), series))
    }

    fn ladder(&mut self) -> Option<&mut Ladder> {
        self.more.as_mut()?.ladder.as_mut()
    }
}

impl Sink for Recorder {
    fn record(&mut self, record: &Record) {
        self.digest.record(record);
        if let Some(more) = &mut self.more {
            more.record(record);
        }
    }

    fn wants_segments(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.ladder.is_some())
    }

    fn sent(&mut self, at: Instant, place: Place, segment: Outline) {
        if let Some(ladder) = self.ladder() {
            ladder.sent(at, place, segment);
        }
    }

    fn arrived(&mut self, at: Instant, place: Place, packet: PacketId) {
        if let Some(ladder) = self.ladder() {
            ladder.arrived(at, place, packet);
        }
    }
}

impl More {
    #[inline(never)]
    fn record(&mut self, record: &Record) {
        if let Some(full) = &mut self.full {
            full.trace.record(record);
            full.queues.record(record);
            full.series.record(record);
        }
        if let Some(ladder) = &mut self.ladder {
            ladder.record(record);
        }
    }
}

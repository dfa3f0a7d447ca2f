//! Everything that watches one run, behind one sink. The digest always; the trace, the queues and
//! the series only when a run folder is wanted.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::base::ids::PacketId;
use crate::base::note::{Note, Place, Sink, Way};
use crate::base::outline::Outline;
use crate::base::time::Instant;

use super::capture::{Capture, Point};
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
    capture: Option<Capture>,
    /// The places whose records are in the digest; `None`: all.
    digested: Option<BTreeSet<Place>>,
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
            queues: Queues::new(places, files.queue, files.depths),
            series: Series::new(files.windows),
        };
        Self::digest_only(places).with(|more| more.full = Some(full))
    }

    /// Takes only the records of these places into the digest.
    pub fn digesting(self, places: BTreeSet<Place>) -> Self {
        self.with(|more| more.digested = Some(places))
    }

    /// Draws the ladder of a flow too. The digest does not know of it.
    pub fn with_ladder(self, places: &Places, flow: &str) -> Self {
        self.with(|more| more.ladder = Some(Ladder::new(places, flow)))
    }

    /// Writes the packets that pass `point` to `packets` too (best buffered). The digest does not
    /// know of it.
    pub fn with_capture(self, places: &Places, point: Point, packets: Box<dyn Write>) -> Self {
        self.with(|more| more.capture = Some(Capture::new(places, point, packets)))
    }

    /// The digest, if that is all that is kept: a run does best to tell it alone.
    pub fn digest_alone(&mut self) -> Option<&mut Digest> {
        match self.more {
            None => Some(&mut self.digest),
            Some(_) => None,
        }
    }

    /// The ladder, if one is drawn.
    pub fn take_ladder(&mut self) -> Option<Ladder> {
        self.more.as_mut()?.ladder.take()
    }

    /// The digest, and the series if they were kept. Fails if a file could not be written.
    pub fn finish(self) -> io::Result<(DigestResult, Option<Series>)> {
        let More { full, capture, .. } = self.more.map(|more| *more).unwrap_or_default();
        capture.map_or(Ok(()), Capture::finish)?;
        let series = match full {
            Some(Full { trace, queues, mut series }) => {
                trace.finish()?;
                series.set_depths(queues.finish(self.digest.places())?);
                Some(series)
            }
            None => None,
        };
        Ok((self.digest.finish(), series))
    }

    fn with(mut self, set: impl FnOnce(&mut More)) -> Self {
        set(self.more.get_or_insert_default());
        self
    }

    fn ladder(&mut self) -> Option<&mut Ladder> {
        self.more.as_mut()?.ladder.as_mut()
    }
}

impl More {
    #[inline(never)]
    fn note(&mut self, at: Instant, place: Place, note: &Note, digest: &mut Digest) {
        if self.digested.as_ref().is_none_or(|places| places.contains(&place)) {
            digest.note(at, place, note);
        }
        if let Some(full) = &mut self.full {
            full.trace.note(at, place, note);
            full.queues.note(at, place, note, full.trace.stamp());
            full.series.note(at, place, note);
        }
        if let Some(ladder) = &mut self.ladder {
            ladder.note(at, place, note);
        }
    }
}

impl Sink for Recorder {
    #[inline(never)]
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        match &mut self.more {
            None => self.digest.note(at, place, note),
            Some(more) => more.note(at, place, note, &mut self.digest),
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

    fn wants_packets(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.capture.is_some())
    }

    fn captured(&mut self, at: Instant, place: Place, way: Way, packet: PacketId, bytes: &[u8]) {
        if let Some(capture) = self.more.as_mut().and_then(|more| more.capture.as_mut()) {
            capture.captured(at, place, way, packet, bytes);
        }
    }
}

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
use super::whole::{Full, Whole};

/// The sink of a run.
pub struct Recorder {
    digest: Digest,
    full: Option<Box<Full>>,
    /// What most runs do without.
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    ladder: Option<Ladder>,
    capture: Option<Capture>,
    /// The places whose records are in the digest; `None`: all.
    digested: Option<BTreeSet<Place>>,
}

impl Recorder {
    /// Keeps only the digest.
    pub fn digest_only(places: Places) -> Self {
        Recorder { digest: Digest::new(places), full: None, more: None }
    }

    /// Writes every record, and keeps the series too.
    pub fn full(places: Places, files: Files) -> Self {
        let full = Full {
            trace: Trace::new(&places, files.events),
            queues: Queues::new(&places, files.queue, files.depths),
            series: Series::new(files.windows),
        };
        Recorder { full: Some(Box::new(full)), ..Self::digest_only(places) }
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
        (self.full.is_none() && self.more.is_none()).then_some(&mut self.digest)
    }

    /// The digest and the full recording, if they are all that is kept.
    pub(super) fn whole_alone(&mut self) -> Option<Whole<'_>> {
        match (&mut self.full, &self.more) {
            (Some(full), None) => Some(Whole { digest: &mut self.digest, full }),
            _ => None,
        }
    }

    /// The ladder, if one is drawn.
    pub fn take_ladder(&mut self) -> Option<Ladder> {
        self.more.as_mut()?.ladder.take()
    }

    /// The digest, and the series if they were kept. Fails if a file could not be written.
    pub fn finish(self) -> io::Result<(DigestResult, Option<Series>)> {
        let More { capture, .. } = self.more.map(|more| *more).unwrap_or_default();
        capture.map_or(Ok(()), Capture::finish)?;
        let series = match self.full.map(|full| *full) {
            Some(Full { trace, queues, mut series }) => {
                series.hear_of(trace.stamp().at());
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

impl Sink for Recorder {
    #[inline(never)]
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        let digested = self.more.as_ref().and_then(|more| more.digested.as_ref());
        if digested.is_none_or(|places| places.contains(&place)) {
            self.digest.note(at, place, note);
        }
        if let Some(full) = &mut self.full {
            full.note(at, place, note);
        }
        if let Some(ladder) = self.ladder() {
            ladder.note(at, place, note);
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

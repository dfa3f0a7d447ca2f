//! A full recording and nothing beside it: a sink of its own, so that the compiler sees which notes come
//! from where.

use crate::base::note::{About, FlowNote, Note, Place, Sink};
use crate::base::time::Instant;

use super::digest::Digest;
use super::frequent::{Kind, Passage};
use super::queues::Queues;
use super::series::Series;
use super::trace::Trace;

/// What a full recording keeps beside the digest.
pub(super) struct Full {
    pub(super) trace: Trace,
    pub(super) queues: Queues,
    pub(super) series: Series,
}

impl Full {
    /// Anything that may be noted.
    pub(super) fn note(&mut self, at: Instant, place: Place, note: &Note) {
        self.trace.note(at, place, note);
        self.queues.note(at, place, note, self.trace.stamp());
        self.series.note(at, place, note);
    }

    #[inline(always)]
    fn passage(&mut self, at: Instant, place: Place, kind: Kind, passage: Passage) {
        self.trace.passage(at, place, kind, passage);
        self.queues.see(at, place, self.trace.stamp(), passage.queue);
    }

    #[inline(never)]
    fn sent(&mut self, at: Instant, place: Place, passage: Passage) {
        self.passage(at, place, Kind::Sent, passage);
    }

    #[inline(never)]
    fn delivered(&mut self, at: Instant, place: Place, passage: Passage) {
        self.passage(at, place, Kind::Delivered, passage);
    }

    #[inline(never)]
    fn flow_notes(&mut self, at: Instant, place: Place, about: About, notes: &[FlowNote]) {
        for note in notes {
            self.trace.flow(at, place, about, note);
            self.series.flow(at, place, about.flow, note);
        }
    }
}

/// The digest and the full recording of a run.
pub(super) struct Whole<'r> {
    pub(super) digest: &'r mut Digest,
    pub(super) full: &'r mut Full,
}

impl Sink for Whole<'_> {
    #[inline(always)]
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        self.digest.note(at, place, note);
        match *note {
            Note::PacketSent { packet, bytes, queue } => self.full.sent(at, place, Passage { packet, bytes, queue }),
            Note::PacketDelivered { packet, bytes, queue } => {
                self.full.delivered(at, place, Passage { packet, bytes, queue });
            }
            _ => self.full.note(at, place, note),
        }
    }

    fn flow_notes(&mut self, at: Instant, place: Place, about: About, notes: &[FlowNote]) {
        self.digest.flow_notes(at, place, about, notes);
        self.full.flow_notes(at, place, about, notes);
    }
}

//! A full recording and nothing beside it: a sink of its own, so that the compiler sees which notes come
//! from where.

use crate::base::note::{About, Depth, FlowNote, Note, Place, Sink};
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
        if let Note::PacketSent { bytes, queue, .. }
        | Note::PacketDelivered { bytes, queue, .. }
        | Note::PacketDropped { bytes, queue, .. } = note
        {
            self.see(at, place, *bytes, *queue);
        }
        self.series.note(at, place, note);
    }

    /// A packet of this size found the queue of a link so.
    #[inline(always)]
    fn see(&mut self, at: Instant, place: Place, bytes: u32, queue: Depth) {
        if let Some(rank) = self.queues.see(at, place, queue) {
            let (stamp, depth) = self.trace.texts(bytes, queue);
            self.queues.row(rank, stamp, depth);
        }
    }

    #[inline(always)]
    fn passage(&mut self, at: Instant, place: Place, kind: Kind, passage: Passage) {
        self.trace.passage(at, place, kind, passage);
        self.see(at, place, passage.bytes, passage.queue);
    }

    #[inline(never)]
    fn sent(&mut self, at: Instant, place: Place, passage: Passage) {
        self.passage(at, place, Kind::Sent, passage);
    }

    #[inline(never)]
    fn delivered(&mut self, at: Instant, place: Place, passage: Passage) {
        self.passage(at, place, Kind::Delivered, passage);
    }

    #[inline(always)]
    fn flow(&mut self, at: Instant, place: Place, about: About, note: &FlowNote) {
        self.trace.flow(at, place, about, note);
        self.series.flow(at, place, about.flow, note);
    }

    #[inline(never)]
    fn flow_notes(&mut self, at: Instant, place: Place, about: About, notes: &[FlowNote]) {
        for note in notes {
            // So that nobody asks again which kind it is.
            match note {
                FlowNote::SegmentSent { .. } => self.flow(at, place, about, note),
                FlowNote::Delivered { .. } => self.flow(at, place, about, note),
                FlowNote::Window(_) => self.flow(at, place, about, note),
                _ => self.flow(at, place, about, note),
            }
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

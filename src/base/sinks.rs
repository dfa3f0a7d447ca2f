//! Sinks that stand for others, and notebooks whose notes go to a sink.

use super::ids::PacketId;
use super::note::{About, FlowNote, Note, Notebook, Place, Sink, Way};
use super::outline::Outline;
use super::time::Instant;

/// A sink, for what is noted at one place in one call.
pub struct Here<'s, S: ?Sized> {
    /// Now.
    pub at: Instant,
    /// Which place.
    pub place: Place,
    /// Takes the notes.
    pub sink: &'s mut S,
}

impl<S: Sink + ?Sized> Notebook for Here<'_, S> {
    fn note(&mut self, note: &Note) {
        self.sink.note(self.at, self.place, note);
    }
    fn flow_notes(&mut self, about: About, notes: &[FlowNote]) {
        self.sink.flow_notes(self.at, self.place, about, notes);
    }
}

impl<S: Sink> Sink for Option<S> {
    #[inline]
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        if let Some(sink) = self {
            sink.note(at, place, note);
        }
    }
    #[inline]
    fn wants_records(&self) -> bool {
        self.as_ref().is_some_and(Sink::wants_records)
    }
    fn wants_segments(&self) -> bool {
        self.as_ref().is_some_and(Sink::wants_segments)
    }
    fn sent(&mut self, at: Instant, place: Place, segment: Outline) {
        if let Some(sink) = self {
            sink.sent(at, place, segment);
        }
    }
    fn arrived(&mut self, at: Instant, place: Place, packet: PacketId) {
        if let Some(sink) = self {
            sink.arrived(at, place, packet);
        }
    }
    fn wants_packets(&self) -> bool {
        self.as_ref().is_some_and(Sink::wants_packets)
    }
    fn captured(&mut self, at: Instant, place: Place, way: Way, packet: PacketId, bytes: &[u8]) {
        if let Some(sink) = self {
            sink.captured(at, place, way, packet, bytes);
        }
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    #[inline(always)]
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        (**self).note(at, place, note);
    }
    #[inline]
    fn flow_notes(&mut self, at: Instant, place: Place, about: About, notes: &[FlowNote]) {
        (**self).flow_notes(at, place, about, notes);
    }
    #[inline]
    fn wants_records(&self) -> bool {
        (**self).wants_records()
    }
    fn wants_segments(&self) -> bool {
        (**self).wants_segments()
    }
    fn sent(&mut self, at: Instant, place: Place, segment: Outline) {
        (**self).sent(at, place, segment);
    }
    fn arrived(&mut self, at: Instant, place: Place, packet: PacketId) {
        (**self).arrived(at, place, packet);
    }
    fn wants_packets(&self) -> bool {
        (**self).wants_packets()
    }
    fn captured(&mut self, at: Instant, place: Place, way: Way, packet: PacketId, bytes: &[u8]) {
        (**self).captured(at, place, way, packet, bytes);
    }
}

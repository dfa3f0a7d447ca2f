//! The half of a connection that a host drives.

use super::stream::Stream;
use crate::base::note::FlowNote;
use crate::base::report::FlowStats;
use crate::base::time::Instant;

/// What has become of a place for a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filled {
    /// There is nothing to send, and what stands in the place means nothing.
    Nothing,
    /// A segment stands in it.
    Segment,
    /// A segment stands in it, and nobody needs to ask for another.
    Last,
}

impl Filled {
    /// A segment, or none.
    pub fn if_so(made: bool) -> Filled {
        if made { Filled::Segment } else { Filled::Nothing }
    }
}

/// What of a connection a segment touches, in bytes from its start. It is fetched ahead.
pub struct Hot {
    /// So many first ones, of any connection.
    pub any: usize,
    /// From one to the other besides, of a connection that sends.
    pub sender: (usize, usize),
    /// The same of one that only receives.
    pub receiver: (usize, usize),
}

/// A connection is pulled: a segment built at the last moment carries the newest acknowledgment
/// and window.
pub trait Connection: Stream {
    /// What it exchanges with its peer.
    type Segment: Default;
    /// What of it a segment touches.
    const HOT: Hot = Hot { any: 0, sender: (0, 0), receiver: (0, 0) };

    /// A segment from the peer arrived. What it carries is taken out of it, if somebody wants it.
    fn take_segment(&mut self, now: Instant, segment: &mut Self::Segment);
    /// The same for a segment that has no other place.
    fn handle_segment(&mut self, now: Instant, mut segment: Self::Segment) {
        self.take_segment(now, &mut segment);
    }
    /// Whether [`Stream::poll_event`] may have something to say.
    fn has_events(&self) -> bool;
    /// The time of [`Connection::poll_timeout`] has come. Calling it early does nothing.
    fn handle_timeout(&mut self, now: Instant);
    /// Makes the next segment to send in the place of `segment`, whatever that was before; until
    /// there is none.
    fn fill_segment(&mut self, now: Instant, segment: &mut Self::Segment) -> Filled;
    /// The next segment to send, for one that has no place yet.
    fn poll_transmit(&mut self, now: Instant) -> Option<Self::Segment> {
        let mut segment = Self::Segment::default();
        (self.fill_segment(now, &mut segment) != Filled::Nothing).then_some(segment)
    }
    /// Whether it surely has nothing to send, and notes nothing.
    fn is_silent(&self) -> bool {
        false
    }
    /// When [`Connection::handle_timeout`] wants to be called next: one instant, however many
    /// timers run.
    fn poll_timeout(&self) -> Option<Instant>;
    /// What it noted, oldest first, to be taken out; `None` unless noting was asked for.
    fn notes(&mut self) -> Option<&mut Vec<FlowNote>>;
    /// Whether it is one that sends, for [`Connection::HOT`].
    fn sends(&self) -> bool {
        false
    }
    /// Its figures.
    fn stats(&self) -> FlowStats;
    /// True when nothing is left to do, TIME-WAIT included: it may be forgotten.
    fn is_closed(&self) -> bool;
}

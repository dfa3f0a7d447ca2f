//! The timers of a connection: a handful of instants, of which the host sees the earliest.

use crate::base::time::Instant;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timers {
    pub(super) retransmission: Option<Instant>,
    pub(super) persist: Option<Instant>,
    pub(super) delayed_ack: Option<Instant>,
    pub(super) time_wait: Option<Instant>,
    /// RACK: when the next segment is late enough to be lost.
    pub(super) reordering: Option<Instant>,
    /// Tail loss probe.
    pub(super) probe: Option<Instant>,
    pub(super) keep_alive: Option<Instant>,
    pub(super) user: Option<Instant>,
}

impl Timers {
    pub(super) fn earliest(&self) -> Option<Instant> {
        Instant::earliest([
            self.retransmission,
            self.persist,
            self.delayed_ack,
            self.time_wait,
            self.reordering,
            self.probe,
            self.keep_alive,
            self.user,
        ])
    }
}

/// Stops a timer that is due and says so.
pub(super) fn take_due(timer: &mut Option<Instant>, now: Instant) -> bool {
    timer.take_if(|at| *at <= now).is_some()
}

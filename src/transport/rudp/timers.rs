//! The timers of a connection.

use crate::base::time::Instant;

/// Which timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum T {
    /// SYN and retransmission timeout.
    Rto,
    /// Time threshold of loss detection.
    Reorder,
    DelayedAck,
    Persist,
    KeepAlive,
    Idle,
    User,
    TimeWait,
}

const COUNT: usize = 8;

/// When each of them fires.
#[derive(Debug, Default)]
pub(super) struct Timers([Option<Instant>; COUNT]);

impl Timers {
    pub(super) fn set(&mut self, t: T, at: Instant) {
        self.0[t as usize] = Some(at);
    }

    pub(super) fn stop(&mut self, t: T) {
        self.0[t as usize] = None;
    }

    pub(super) fn is_set(&self, t: T) -> bool {
        self.0[t as usize].is_some()
    }

    pub(super) fn stop_all(&mut self) {
        self.0 = [None; COUNT];
    }

    /// True, once, if `t` is due; it is stopped then.
    pub(super) fn take_due(&mut self, t: T, now: Instant) -> bool {
        let due = self.0[t as usize].is_some_and(|at| at <= now);
        if due {
            self.stop(t);
        }
        due
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        Instant::earliest(self.0)
    }
}

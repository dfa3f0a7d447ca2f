//! The timers of a connection: a handful of instants, of which the host sees the earliest.

use crate::base::time::Instant;

/// Two run for nearly every segment and stand here; of the others most connections never start one.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Timers {
    pub(super) retransmission: Option<Instant>,
    pub(super) delayed_ack: Option<Instant>,
    // The earliest of the others, and all of these, once there was one.
    next_rare: Option<Instant>,
    rare: Option<Box<[Option<Instant>; Rare::COUNT]>>,
}

/// The timers that few connections need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rare {
    Persist,
    TimeWait,
    /// RACK: when the next segment is late enough to be lost.
    Reordering,
    /// Tail loss probe.
    Probe,
    KeepAlive,
    User,
}

impl Rare {
    const COUNT: usize = 6;
}

impl Timers {
    #[inline]
    pub(super) fn earliest(&self) -> Option<Instant> {
        Instant::earliest([self.retransmission, self.delayed_ack, self.next_rare])
    }

    /// When a rare timer fires.
    pub(super) fn get(&self, timer: Rare) -> Option<Instant> {
        self.rare.as_deref().and_then(|all| all[timer as usize])
    }

    /// Starts a rare timer, or stops it.
    #[inline]
    pub(super) fn set(&mut self, timer: Rare, at: Option<Instant>) {
        if at.is_some() || self.next_rare.is_some() {
            self.change(timer, at);
        }
    }

    #[inline(never)]
    fn change(&mut self, timer: Rare, at: Option<Instant>) {
        let all = self.rare.get_or_insert_default();
        all[timer as usize] = at;
        self.next_rare = Instant::earliest(**all);
    }

    /// True if a rare timer runs, or ever ran.
    #[inline]
    pub(super) fn any_rare(&self) -> bool {
        self.rare.is_some()
    }

    /// Stops a rare timer that is due and says so.
    pub(super) fn take_due(&mut self, timer: Rare, now: Instant) -> bool {
        self.next_rare.is_some_and(|at| at <= now) && self.take_if_due(timer, now)
    }

    #[inline(never)]
    fn take_if_due(&mut self, timer: Rare, now: Instant) -> bool {
        let due = self.get(timer).is_some_and(|at| at <= now);
        if due {
            self.set(timer, None);
        }
        due
    }
}

/// Stops a timer that is due and says so.
pub(super) fn take_due(timer: &mut Option<Instant>, now: Instant) -> bool {
    timer.take_if(|at| *at <= now).is_some()
}

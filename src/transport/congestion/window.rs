//! Slow start, Reno's congestion avoidance and the reductions of RFC 5681: the arithmetic that
//! Reno and NewReno share.

use std::num::NonZeroU64;

use super::controller::{Acked, Lost, Setup};
use crate::base::note::Phase;
use crate::base::schema::{Key, Kind, Need};

/// The keys of Reno and NewReno.
pub(super) const KEYS: &[Key] = &[Key {
    name: "abc_limit",
    kind: Kind::Integer(1, 8),
    need: Need::Default("1"),
    about: "segments that one ACK may add in slow start, except after a timeout (L of RFC 3465); 1 is RFC 5681",
}];

/// A window that obeys RFC 5681. It is kept small: it stands in its connection. What every ACK asks for
/// comes first.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct RenoWindow {
    cwnd: u64,
    ssthresh: Option<NonZeroU64>,
    // Bytes acknowledged towards the next full segment of growth (RFC 3465 section 2.1).
    counted: u64,
    smss: u32,
    abc_limit: u8,
    byte_counting: bool,
    uncapped: bool,
    restart_window: u64,
    // cwnd and ssthresh before the last reduction.
    before: Option<(NonZeroU64, Option<NonZeroU64>)>,
}

impl RenoWindow {
    pub(super) fn new(setup: &Setup) -> Self {
        RenoWindow {
            cwnd: setup.initial_window,
            ssthresh: None,
            counted: 0,
            smss: setup.smss.min(u64::from(u32::MAX)) as u32,
            abc_limit: setup.params.integer("abc_limit").map_or(1, |limit| limit.min(8) as u8),
            byte_counting: setup.byte_counting,
            uncapped: setup.uncapped_growth,
            restart_window: setup.initial_window,
            before: None,
        }
    }

    pub(super) fn cwnd(&self) -> u64 {
        self.cwnd
    }
    pub(super) fn smss(&self) -> u64 {
        u64::from(self.smss)
    }
    pub(super) fn ssthresh(&self) -> Option<u64> {
        self.ssthresh.map(NonZeroU64::get)
    }

    pub(super) fn phase(&self) -> Phase {
        if self.ssthresh().is_none_or(|limit| self.cwnd < limit) {
            Phase::SlowStart
        } else {
            Phase::CongestionAvoidance
        }
    }

    /// Growth on an ACK of new data (RFC 5681 equations 2 and 3; RFC 7661 section 4).
    pub(super) fn grow(&mut self, ack: &Acked) {
        if !ack.cwnd_limited {
            return;
        }
        let smss = self.smss();
        if self.phase() == Phase::SlowStart {
            // RFC 3465 section 2.3: after a timeout L is 1.
            let l = if ack.after_timeout { 1 } else { u64::from(self.abc_limit) };
            self.cwnd += if self.uncapped { ack.bytes } else { ack.bytes.min(l * smss) };
            // The ACK that crosses ssthresh does not overshoot it.
            if let Some(limit) = self.ssthresh().filter(|&limit| self.cwnd > limit) {
                self.counted += if self.uncapped { self.cwnd - limit } else { 0 };
                self.cwnd = limit;
            }
        } else if self.byte_counting {
            self.counted += ack.bytes;
            if self.counted >= self.cwnd {
                self.counted -= self.cwnd;
                self.cwnd += smss;
            }
        } else {
            self.cwnd += (smss * smss / self.cwnd).max(1);
        }
    }

    /// RFC 5681 section 3.1: "no more than the value given in equation (4)". Whole segments, as the kernel and
    /// the textbook count: half of 109 is 54.
    pub(super) fn reduce(&mut self, lost: &Lost) {
        if !lost.repeated {
            self.before = NonZeroU64::new(self.cwnd).map(|cwnd| (cwnd, self.ssthresh));
            let smss = self.smss();
            self.ssthresh = NonZeroU64::new((lost.in_flight_bytes / 2 / smss * smss).max(2 * smss));
        }
        self.counted = 0;
    }

    /// Fast retransmit: the window falls to ssthresh; inflation is the transport's affair.
    pub(super) fn on_loss(&mut self, lost: &Lost) {
        self.reduce(lost);
        self.cwnd = self.ssthresh().unwrap_or(self.cwnd);
    }

    /// Retransmission timeout: the loss window is one segment (RFC 5681 section 3.1).
    pub(super) fn on_timeout(&mut self, lost: &Lost) {
        self.reduce(lost);
        self.cwnd = self.smss();
    }

    pub(super) fn set_cwnd(&mut self, bytes: u64) {
        self.cwnd = bytes;
        self.counted = 0;
    }

    /// The last reduction was needless.
    pub(super) fn on_spurious(&mut self) {
        if let Some((cwnd, ssthresh)) = self.before.take() {
            self.set_cwnd(cwnd.get().max(self.cwnd));
            self.ssthresh = ssthresh;
        }
    }

    /// RFC 5681 section 4.1; ssthresh is kept.
    pub(super) fn on_idle(&mut self) {
        self.set_cwnd(self.cwnd.min(self.restart_window));
    }
}

//! How a connection ends, and the timers that end it.

use super::connection::RudpConnection;
use super::timers::T;
use crate::base::note::{CloseReason, FlowNote, Timer};
use crate::base::time::{Duration, Instant};
use crate::transport::stream::StreamEvent;

/// Error codes of a RST (`docs/rudp.md`).
pub(super) mod error {
    pub(in super::super) const REFUSED: u16 = 2;
    pub(in super::super) const FLOW_CONTROL: u16 = 3;
    pub(in super::super) const FINAL_SIZE: u16 = 4;
    pub(in super::super) const ACK_OF_UNSENT: u16 = 5;
    pub(in super::super) const PROTOCOL: u16 = 6;
    pub(in super::super) const UNSUPPORTED_MODE: u16 = 7;
    pub(in super::super) const TIMEOUT: u16 = 8;
    pub(in super::super) const NUMBERS_EXHAUSTED: u16 = 9;
    /// The first of the application's own: it gave the connection up.
    pub(in super::super) const ABORTED: u16 = 256;
}

/// As RFC 9293 section 3.3.2, but for the stateless server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    SynSent,
    Established,
    FinWait1,
    FinWait2,
    Closing,
    TimeWait,
    CloseWait,
    LastAck,
    Closed,
}

impl State {
    /// The application may write.
    pub(super) fn may_send(self) -> bool {
        matches!(self, State::SynSent | State::Established | State::CloseWait)
    }

    /// The peer may still send data.
    pub(super) fn may_receive(self) -> bool {
        matches!(self, State::Established | State::FinWait1 | State::FinWait2)
    }
}

impl RudpConnection {
    /// Our FIN left for the first time.
    #[inline(never)]
    pub(super) fn on_fin_sent(&mut self) {
        self.fin_sent = true;
        self.state = match self.state {
            State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            other => other,
        };
    }

    /// Our FIN was acknowledged.
    #[inline(never)]
    pub(super) fn on_fin_acked(&mut self, now: Instant) {
        self.fin_acked = true;
        self.fin_due = false;
        match self.state {
            State::FinWait1 => self.state = State::FinWait2,
            State::Closing => self.enter_time_wait(now),
            State::LastAck => self.close(now, CloseReason::Finished),
            _ => {}
        }
    }

    /// The peer's FIN came, and everything before it.
    #[inline(never)]
    pub(super) fn on_fin_received(&mut self, now: Instant) {
        self.fin_received = true;
        self.events.push(StreamEvent::Finished);
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.enter_time_wait(now),
            _ => {}
        }
    }

    /// Both directions are done; only a repeated FIN may still want an answer.
    #[inline(never)]
    pub(super) fn enter_time_wait(&mut self, now: Instant) {
        if self.state != State::TimeWait {
            self.state = State::TimeWait;
            self.over(now, CloseReason::Finished);
            self.timers.stop_all();
        }
        let wait = (self.rtt.rto() * 3).max(Duration::from_secs(1));
        self.timers.set(T::TimeWait, now + wait);
    }

    fn over(&mut self, now: Instant, reason: CloseReason) {
        if self.stats.closed.is_none() {
            self.stats.closed = Some((now, reason));
            self.events.push(StreamEvent::Closed(reason));
            self.note(|| FlowNote::Closed { reason });
        }
    }

    /// Nothing is left to do, but for a RST that may be due.
    #[inline(never)]
    pub(super) fn close(&mut self, now: Instant, reason: CloseReason) {
        self.state = State::Closed;
        self.timers.stop_all();
        self.ack_now = false;
        self.over(now, reason);
    }

    /// The peer broke the protocol, or time is up: tell it, and close.
    #[inline(never)]
    pub(super) fn reset(&mut self, now: Instant, code: u16, reason: CloseReason) {
        self.rst_due = Some(code);
        self.close(now, reason);
    }

    /// A valid RST came. With both FINs exchanged it is no error: the peer left TIME-WAIT before
    /// it could repeat its last acknowledgment (RFC 9293 section 3.10.7.4).
    #[inline(never)]
    pub(super) fn on_reset(&mut self, now: Instant, reason: CloseReason) {
        let done = matches!(self.state, State::Closing | State::LastAck | State::TimeWait);
        self.close(now, if done { CloseReason::Finished } else { reason });
    }

    /// A valid packet came: idle and keep-alive start again.
    pub(super) fn heard(&mut self, now: Instant) {
        if self.state == State::TimeWait || self.state == State::Closed {
            return;
        }
        self.timers.set(T::Idle, now + self.peer.idle_timeout);
        if self.config.keep_alive {
            self.timers.set(T::KeepAlive, now + self.peer.idle_timeout / 3);
        }
    }

    pub(super) fn run_timers(&mut self, now: Instant) {
        if self.timers.take_due(T::TimeWait, now) {
            self.close(now, CloseReason::Finished);
        }
        if self.timers.take_due(T::Idle, now) {
            self.note(|| FlowNote::Timeout { timer: Timer::Idle, backoff: 0 });
            self.close(now, CloseReason::TimedOut);
        }
        if self.timers.take_due(T::User, now) {
            self.note(|| FlowNote::Timeout { timer: Timer::User, backoff: 0 });
            self.reset(now, error::TIMEOUT, CloseReason::TimedOut);
        }
        if self.timers.take_due(T::Rto, now) {
            self.on_rto(now);
        }
        if self.timers.take_due(T::Reorder, now) {
            self.note(|| FlowNote::Timeout { timer: Timer::Reordering, backoff: 0 });
            self.detect_losses(now);
        }
        if self.timers.take_due(T::DelayedAck, now) {
            self.ack_now = true;
        }
        if self.timers.take_due(T::Persist, now) {
            self.probe_due = true;
            self.probes_unanswered += 1;
            let backoff = self.probes_unanswered;
            self.note(|| FlowNote::Timeout { timer: Timer::Persist, backoff });
            self.arm_persist(now);
        }
        if self.timers.take_due(T::KeepAlive, now) {
            self.probe_due = true;
            self.note(|| FlowNote::Timeout { timer: Timer::KeepAlive, backoff: 0 });
            self.timers.set(T::KeepAlive, now + self.peer.idle_timeout / 3);
        }
    }

    /// Zero-window probes: after one RTO, doubling, but often enough that answers keep the
    /// connection from falling idle.
    #[inline(never)]
    pub(super) fn arm_persist(&mut self, now: Instant) {
        let wait = self.rtt.rto() * (1u64 << self.probes_unanswered.min(20));
        let most = Duration::from_secs(60).min(self.peer.idle_timeout / 3);
        self.timers.set(T::Persist, now + wait.min(most));
    }
}

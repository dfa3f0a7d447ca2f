//! What happens when a timer fires.

use super::connection::TcpConnection;
use super::state::State;
use super::timers::{Rare, take_due};
use crate::base::note::{CloseReason, FlowNote, Timer, WindowCause};

impl TcpConnection {
    pub(super) fn run_timers(&mut self) {
        if take_due(&mut self.timers.delayed_ack, self.now) {
            self.rcv.ack_now = true;
        }
        if self.timers.take_due(Rare::Reordering, self.now) {
            self.on_reordering_timeout();
        }
        if self.timers.take_due(Rare::Probe, self.now) {
            self.on_probe_timeout();
        }
        if self.timers.take_due(Rare::Persist, self.now) {
            self.on_persist();
        }
        if take_due(&mut self.timers.retransmission, self.now) {
            self.on_retransmission_timeout();
        }
        if self.timers.take_due(Rare::KeepAlive, self.now) {
            self.on_keep_alive();
        }
        if self.timers.take_due(Rare::User, self.now) {
            self.note(|| FlowNote::Timeout { timer: Timer::User, backoff: 0 });
            self.reset(CloseReason::TimedOut);
        }
        if self.timers.take_due(Rare::TimeWait, self.now) {
            self.note(|| FlowNote::Timeout { timer: Timer::TimeWait, backoff: 0 });
            self.end(CloseReason::Finished);
        }
    }

    /// RFC 9293 section 3.8.6.1. A peer that answers is asked for ever; one that is gone, R2 times.
    fn on_persist(&mut self) {
        if u64::from(self.rcv.unheard_probes) > self.config.retries {
            return self.end(CloseReason::TimedOut);
        }
        self.rcv.unheard_probes += 1;
        self.seldom.probes += 1;
        self.snd.probe_pending = true;
        let backoff = self.seldom.probes;
        self.note(|| FlowNote::Timeout { timer: Timer::Persist, backoff });
        let wait = self.rtt.rto() * (1 << backoff.min(16));
        self.timers.set(Rare::Persist, Some(self.now + wait.min(self.config.rto.max)));
    }

    /// RFC 6298 section 5.4 to 5.6.
    fn on_retransmission_timeout(&mut self) {
        let opening = matches!(self.state, State::SynSent | State::SynReceived);
        self.seldom.stats.timeouts += 1;
        self.recovery.timeouts += 1;
        // RFC 9293 section 3.8.3: R2.
        let most = if opening { self.config.syn_retries } else { self.config.retries };
        let shut_window = !opening && self.snd.wnd() == 0 && self.now.since(self.rcv.heard) <= self.config.rto.max * 2;
        if u64::from(self.recovery.timeouts) > most && !shut_window {
            return self.end(CloseReason::TimedOut);
        }
        self.rtt.back_off();
        let backoff = self.rtt.backoff();
        self.note(|| FlowNote::Timeout { timer: Timer::Retransmission, backoff });
        if opening {
            self.snd.syn_pending = true;
        } else {
            self.on_loss_timeout();
            self.note_window(WindowCause::Timeout);
        }
        self.timers.retransmission = Some(self.now + self.rtt.rto());
    }

    /// RFC 9293 section 3.8.4. The timer is not moved by every segment that arrives: it looks, when
    /// it fires, how long the silence has been.
    fn on_keep_alive(&mut self) {
        let quiet = self.now.since(self.rcv.heard);
        let idle = self.config.keepalive_idle;
        if quiet < idle || self.snd.max > self.snd.una {
            self.seldom.keep_alives = 0;
            let from = if quiet < idle { self.rcv.heard } else { self.now };
            self.timers.set(Rare::KeepAlive, Some(from + idle));
            return;
        }
        if self.seldom.keep_alives >= self.config.keepalive_probes {
            return self.reset(CloseReason::TimedOut);
        }
        self.seldom.keep_alives += 1;
        self.snd.keep_alive_pending = true;
        let backoff = self.seldom.keep_alives as u32;
        self.note(|| FlowNote::Timeout { timer: Timer::KeepAlive, backoff });
        self.timers.set(Rare::KeepAlive, Some(self.now + self.config.keepalive_interval));
    }

    pub(super) fn start_keep_alive(&mut self) {
        self.timers.set(Rare::KeepAlive, self.config.keepalive.then(|| self.now + self.config.keepalive_idle));
    }

    /// Data is out from now on, or something of it was acknowledged (RFC 5482).
    pub(super) fn start_user_timer(&mut self) {
        self.timers.set(Rare::User, self.config.user_timeout.map(|wait| self.now + wait));
    }
}

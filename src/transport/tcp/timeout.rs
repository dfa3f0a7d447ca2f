//! What happens when a timer fires.

use super::connection::TcpConnection;
use super::state::State;
use super::timers::take_due;
use crate::base::note::{CloseReason, FlowNote, Timer, WindowCause};

impl TcpConnection {
    pub(super) fn run_timers(&mut self) {
        if take_due(&mut self.timers.delayed_ack, self.now) {
            self.rcv.ack_now = true;
        }
        if take_due(&mut self.timers.persist, self.now) {
            self.snd.probes += 1;
            self.snd.probe_pending = true;
            let backoff = self.snd.probes;
            self.note(|| FlowNote::Timeout { timer: Timer::Persist, backoff });
            let wait = self.rtt.rto() * (1 << backoff.min(16));
            self.timers.persist = Some(self.now + wait.min(self.config.rto.max));
        }
        if take_due(&mut self.timers.retransmission, self.now) {
            self.on_retransmission_timeout();
        }
        if take_due(&mut self.timers.time_wait, self.now) {
            self.note(|| FlowNote::Timeout { timer: Timer::TimeWait, backoff: 0 });
            self.close(CloseReason::Finished);
        }
    }

    /// RFC 6298 section 5.4 to 5.6.
    fn on_retransmission_timeout(&mut self) {
        let opening = matches!(self.state, State::SynSent | State::SynReceived);
        self.stats.timeouts += 1;
        self.recovery.timeouts += 1;
        // RFC 9293 section 3.8.3: R2.
        let most = if opening { self.config.syn_retries } else { self.config.retries };
        if u64::from(self.recovery.timeouts) > most {
            return self.close(CloseReason::TimedOut);
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
}

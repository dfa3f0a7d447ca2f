//! What a packet from the peer does.

use super::close::{State, error};
use super::config::Mode;
use super::connection::RudpConnection;
use super::timers::T;
use crate::base::note::{CloseReason, FlowNote};
use crate::base::time::{Duration, Instant};
use crate::transport::stream::StreamEvent;
use crate::wire::rudp::RudpSegment;

impl RudpConnection {
    pub(super) fn receive(&mut self, now: Instant, seg: &mut RudpSegment) {
        match self.state {
            State::Closed => {}
            State::SynSent => self.receive_in_syn_sent(now, seg),
            _ if seg.flags.syn => {}
            _ => self.receive_synchronised(now, seg),
        }
    }

    fn receive_in_syn_sent(&mut self, now: Instant, seg: &RudpSegment) {
        if seg.flags.rst {
            self.close(now, if seg.error == error::REFUSED { CloseReason::Refused } else { CloseReason::Reset });
            return;
        }
        let Some(options) = seg.options.as_ref().filter(|_| seg.flags.syn && seg.flags.ack) else { return };
        let (Some(cid), Some(max_payload), Some(mode), Some(cookie)) =
            (options.source_cid, options.max_payload, options.mode.and_then(Mode::from_code), options.cookie)
        else {
            return;
        };
        self.received.insert(seg.pn);
        self.largest_arrived = now;
        self.peer.cid = cid;
        self.peer.mode = mode;
        self.peer.reset_token = options.reset_token;
        if let Some(s) = options.idle_timeout_s {
            self.peer.idle_timeout = self.peer.idle_timeout.min(Duration::from_secs(u64::from(s)));
        }
        if let Some(ms) = options.max_ack_delay_ms {
            self.peer.max_ack_delay = Duration::from_millis(u64::from(ms));
        }
        self.adopt_payload(max_payload);
        self.cookie = Some(Box::new(cookie));
        self.hello_due = true;
        self.timers.stop(T::Rto);
        if self.handle_ack(now, seg) {
            self.established(now);
        }
    }

    /// The peer takes smaller payloads than we hoped: windows are counted in those.
    fn adopt_payload(&mut self, theirs: u16) {
        if theirs < self.peer.max_payload {
            self.peer.max_payload = theirs.max(1);
            let entry = self.config.controller();
            self.controller = (entry.build)(&self.config.setup(self.payload())).into();
        }
    }

    fn receive_synchronised(&mut self, now: Instant, seg: &mut RudpSegment) {
        if seg.flags.rst {
            // A RST counts only under a number that was not seen before.
            if !self.received.seen(seg.pn) {
                self.on_reset(now, CloseReason::Reset);
            }
            return;
        }
        if !seg.flags.ack {
            self.reset(now, error::PROTOCOL, CloseReason::ProtocolError);
            return;
        }
        self.cookie = None;
        self.hello_due = false;
        self.heard(now);
        let eliciting = seg.flags.data || seg.flags.fin || seg.flags.probe;
        let expected = self.received.largest().map_or(0, |l| l.saturating_add(1));
        let gap = seg.pn > expected && self.received.largest().is_some();
        let duplicate = !self.received.insert(seg.pn);
        if self.received.largest() == Some(seg.pn) && !duplicate {
            self.largest_arrived = now;
        }
        if !self.handle_ack(now, seg) {
            return;
        }
        if self.state == State::Closed {
            return;
        }
        let had_gap = self.inbox.has_gap();
        if !self.take_payload(now, seg) {
            return;
        }
        if eliciting {
            let at_once = gap
                || duplicate
                || had_gap
                || self.inbox.has_gap()
                || seg.flags.fin
                || seg.flags.probe
                || self.peer.mode == Mode::StopAndWait
                // Dropped out of order, or known already: the sender must hear where we stand.
                || (seg.flags.data && self.peer.mode == Mode::GoBackN && seg.offset > self.inbox.next());
            self.unacked_arrivals += 1;
            if at_once || self.unacked_arrivals >= 2 {
                self.ack_now = true;
            } else if !self.timers.is_set(T::DelayedAck) {
                self.timers.set(T::DelayedAck, now + self.config.max_ack_delay);
            }
        }
        if self.state == State::TimeWait && seg.flags.fin {
            self.enter_time_wait(now);
        }
    }

    /// Data and FIN. False: the connection was reset.
    fn take_payload(&mut self, now: Instant, seg: &mut RudpSegment) -> bool {
        if !seg.flags.data && !seg.flags.fin {
            return true;
        }
        let Some(end) = seg.offset.checked_add(seg.payload.len() as u64) else {
            self.reset(now, error::FLOW_CONTROL, CloseReason::ProtocolError);
            return false;
        };
        if end > self.inbox.edge() {
            self.reset(now, error::FLOW_CONTROL, CloseReason::ProtocolError);
            return false;
        }
        let beyond = self.final_size.is_some_and(|size| end > size || seg.flags.fin && end != size);
        if beyond || seg.flags.fin && end < self.inbox.highest() {
            self.reset(now, error::FINAL_SIZE, CloseReason::ProtocolError);
            return false;
        }
        if !seg.payload.is_empty() {
            let keep_early = self.peer.mode == Mode::SelectiveRepeat;
            let bytes = self.inbox.insert(seg.offset, std::mem::take(&mut seg.payload), keep_early);
            if bytes > 0 {
                self.note(|| FlowNote::Delivered { bytes });
                if self.inbox.is_discarding() {
                    self.read_found_nothing = true;
                    self.consider_window_update();
                } else if self.read_found_nothing {
                    self.read_found_nothing = false;
                    self.events.push(StreamEvent::Readable);
                }
            }
        }
        // Without selective repeat an early FIN is dropped like early data.
        if seg.flags.fin && (self.peer.mode == Mode::SelectiveRepeat || end == self.inbox.next()) {
            self.final_size = Some(end);
        }
        if !self.fin_received && self.final_size == Some(self.inbox.next()) {
            self.on_fin_received(now);
        }
        true
    }
}

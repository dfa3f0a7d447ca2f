//! Acknowledgments, loss detection, and what congestion control hears of them.

use super::close::State;
use super::close::error;
use super::config::Mode;
use super::connection::RudpConnection;
use super::sent::{Fate, Sent};
use super::timers::T;
use crate::base::note::{CloseReason, FlowNote, SendCause, Timer, WindowCause};
use crate::base::time::{Duration, Instant};
use crate::transport::congestion::controller::{Acked, Controller, Lost};
use crate::transport::stream::StreamEvent;
use crate::wire::rudp::RudpSegment;

/// How many times a SYN is sent: at 0, 1, 3, 7, 15 and 31 s, and given up at 63 s.
const SYN_TRIES: u32 = 6;
/// Duplicate acknowledgments that make go-back-N start again.
const DUPLICATE_THRESHOLD: u32 = 3;

/// The recovery episode: one reduction for all losses of packets sent before it began.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    pub(super) active: bool,
    /// First packet number sent after it began.
    pub(super) since_pn: u32,
    /// Offset that ends it in go-back-N.
    pub(super) until: u64,
    pub(super) after_timeout: bool,
    /// Why lost bytes are being sent again.
    pub(super) cause: Option<SendCause>,
    /// One retransmission may leave at once, whatever the window says.
    pub(super) rescue: bool,
    pub(super) duplicates: u32,
    /// What duplicate acknowledgments add to the window (go-back-N).
    pub(super) inflation: u64,
    /// True if cwnd held the sender back when it last stopped sending.
    pub(super) cwnd_limited: bool,
}

impl RudpConnection {
    pub(super) fn cwnd(&self) -> u64 {
        self.controller.window() + self.recovery.inflation
    }

    /// The acknowledgment part of a packet. False: it acknowledged what was never sent.
    #[inline]
    pub(super) fn handle_ack(&mut self, now: Instant, seg: &RudpSegment) -> bool {
        if self.says_nothing_new(seg) {
            self.open_edge(seg.ack + u64::from(seg.window));
            self.timers.stop(T::Reorder);
            self.timers.stop(T::Rto);
            return true;
        }
        self.handle_news(now, seg)
    }

    /// Whether it acknowledges nothing new, and nothing waits for an acknowledgment: so it is at an end that only
    /// receives.
    #[inline]
    fn says_nothing_new(&self, seg: &RudpSegment) -> bool {
        seg.ack == self.snd_una
            && seg.ranges.is_empty()
            && self.sent.is_empty()
            && self.peer.mode == Mode::SelectiveRepeat
            && !self.fin_sent
    }

    #[inline(never)]
    fn handle_news(&mut self, now: Instant, seg: &RudpSegment) -> bool {
        let never_sent = |&(first, last): &(u32, u32)| {
            last >= self.next_pn || self.skipped.iter().flatten().any(|pn| first <= pn.get() && pn.get() <= last)
        };
        if seg.ack > self.snd_max + u64::from(self.fin_sent) || seg.ranges.iter().any(never_sent) {
            self.reset(now, error::ACK_OF_UNSENT, CloseReason::ProtocolError);
            return false;
        }
        let flight = self.sent.in_flight_bytes();
        let advanced = seg.ack > self.snd_una;
        let selective = self.peer.mode == Mode::SelectiveRepeat;
        let mut newly = false;
        let mut rtt = None;
        if let ([(first, last)], true) = (seg.ranges.as_slice(), selective) {
            // Mostly it names what was sent first, and nothing else.
            while let Some(p) = self.sent.pop_named(*first, *last, seg.ack) {
                if p.pn == *last {
                    rtt = self.sample_rtt(now, &p, seg.ack_delay_us);
                }
                newly = true;
                self.on_packet_acked(now, p, seg.ack, flight, rtt);
            }
        }
        if let Some(&(_, largest)) = seg.ranges.first() {
            if self.sent.reaches_down_to(largest) {
                newly |= self.handle_ranges(now, seg, flight, &mut rtt);
            }
            self.sent.saw_acked(largest);
        }
        while let Some(p) = self.sent.pop_covered(seg.ack) {
            if p.fate == Fate::Out {
                newly = true;
                self.on_packet_acked(now, p, seg.ack, flight, rtt);
            }
        }
        if advanced {
            self.on_advance(now, seg.ack);
        } else if !selective && self.is_duplicate(seg) {
            self.on_duplicate(now);
        }
        self.open_edge(seg.ack + u64::from(seg.window));
        if newly || advanced {
            self.rtt.reset_backoff();
            self.arm_rto(now);
            self.note_window(WindowCause::Ack);
        }
        if selective {
            self.detect_losses(now);
        }
        if self.fin_sent && !self.fin_acked && seg.ack > self.outbox.end() {
            self.on_fin_acked(now);
        }
        true
    }

    /// Settles the packets that it names; says whether there were any.
    #[inline(never)]
    fn handle_ranges(&mut self, now: Instant, seg: &RudpSegment, flight: u64, rtt: &mut Option<Duration>) -> bool {
        let selective = self.peer.mode == Mode::SelectiveRepeat;
        let mut newly = false;
        let largest = seg.ranges.first().map(|r| r.1);
        for &(first, last) in &seg.ranges {
            let mut span = self.sent.span(first, last);
            while let Some(i) = self.sent.next_unacked(&mut span) {
                let p = self.sent.get(i);
                if Some(p.pn) == largest {
                    *rtt = self.sample_rtt(now, &p, seg.ack_delay_us);
                }
                // Without selective repeat the receiver may have dropped what it names.
                if !selective && p.len > 0 {
                    continue;
                }
                if let Some(p) = self.sent.acknowledge(i) {
                    newly = true;
                    self.on_packet_acked(now, p, seg.ack, flight, *rtt);
                }
            }
        }
        newly
    }

    fn sample_rtt(&mut self, now: Instant, p: &Sent, ack_delay_us: u32) -> Option<Duration> {
        let raw = now.since(p.at);
        let delay = Duration::from_micros(u64::from(ack_delay_us)).min(self.peer.max_ack_delay);
        let less = raw.saturating_sub(delay);
        let rtt = if self.rtt.min_rtt().is_some_and(|min| less >= min) { less } else { raw };
        self.rtt.sample(rtt);
        self.latest_rtt = rtt;
        Some(rtt)
    }

    fn on_packet_acked(&mut self, now: Instant, p: Sent, ack: u64, flight: u64, rtt: Option<Duration>) {
        if p.pn >= self.recovery.since_pn {
            self.recovery.after_timeout = false;
            if self.recovery.active && self.peer.mode == Mode::SelectiveRepeat {
                self.end_recovery();
            }
        }
        if p.len == 0 {
            return;
        }
        // What lies below the cumulative acknowledgment is about to be forgotten.
        if p.end() > ack {
            self.delivered.insert(p.offset.max(self.snd_una), p.end());
            self.lost.remove(p.offset, p.end());
        }
        if p.fate == Fate::Out && !self.recovery.active {
            self.controller.on_ack(&Acked {
                now,
                bytes: u64::from(p.len),
                in_flight_bytes: flight,
                cwnd_limited: self.recovery.cwnd_limited,
                rtt,
                srtt: self.rtt.srtt(),
                after_timeout: self.recovery.after_timeout,
            });
        }
    }

    #[inline(never)]
    fn end_recovery(&mut self) {
        self.recovery.active = false;
        self.recovery.inflation = 0;
        self.controller.on_recovered(self.sent.in_flight_bytes());
        self.note_window(WindowCause::Recovered);
    }

    fn on_advance(&mut self, now: Instant, ack: u64) {
        let before = self.snd_una;
        self.snd_una = ack.min(self.outbox.end());
        self.snd_nxt = self.snd_nxt.max(self.snd_una);
        self.outbox.release(self.snd_una);
        self.lost.remove_below(self.snd_una);
        self.delivered.remove_below(self.snd_una);
        self.recovery.duplicates = 0;
        if self.recovery.active && self.peer.mode != Mode::SelectiveRepeat {
            self.end_recovery();
        }
        if self.snd_una > before {
            if self.snd_una == self.snd_max {
                self.departed.last_acked = Some(now);
            }
            if self.snd_una == self.outbox.end() {
                self.events.push(StreamEvent::Acknowledged);
            }
            if self.write_was_cut && self.outbox.invites_writing() {
                self.write_was_cut = false;
                self.events.push(StreamEvent::Writable);
            }
        }
        // The user timeout watches over the oldest unacknowledged byte.
        if self.snd_una < self.snd_max {
            self.timers.set(T::User, now + self.config.user_timeout);
        } else {
            self.timers.stop(T::User);
        }
    }

    fn open_edge(&mut self, edge: u64) {
        if edge > self.snd_edge {
            self.snd_edge = edge;
            self.probes_unanswered = 0;
            self.timers.stop(T::Persist);
        }
    }

    /// A duplicate acknowledgment as RFC 5681 section 2 defines it: an ACK and nothing else, which
    /// moves neither `ack` nor the window's edge.
    fn is_duplicate(&self, seg: &RudpSegment) -> bool {
        let bare = seg.payload.is_empty() && !seg.flags.fin && !seg.flags.probe;
        bare && seg.ack == self.snd_una && seg.ack + u64::from(seg.window) == self.snd_edge
    }

    /// Go-back-N: the third duplicate starts again from the hole, as in RFC 5681 section 3.2.
    #[inline(never)]
    fn on_duplicate(&mut self, now: Instant) {
        if self.peer.mode != Mode::GoBackN || self.snd_una == self.snd_max {
            return;
        }
        self.recovery.duplicates += 1;
        if self.recovery.active {
            self.recovery.inflation += self.payload();
            self.note_window(WindowCause::DuplicateAck);
        } else if self.recovery.duplicates == DUPLICATE_THRESHOLD && self.snd_una >= self.recovery.until {
            self.enter_recovery(now, self.sent.in_flight_bytes());
            self.recovery.inflation = 3 * self.payload();
            self.go_back();
        }
    }

    #[inline(never)]
    fn enter_recovery(&mut self, now: Instant, flight: u64) {
        self.controller.on_loss(&Lost { now, in_flight_bytes: flight, repeated: false });
        self.recovery.active = true;
        self.recovery.since_pn = self.next_pn;
        self.recovery.until = self.snd_max;
        self.recovery.rescue = true;
        self.recovery.cause = Some(SendCause::FastRetransmit);
        self.note_first_loss();
        self.note_window(WindowCause::Loss);
    }

    fn note_first_loss(&mut self) {
        if self.stats.ssthresh_after_first_loss_bytes.is_none() {
            self.stats.ssthresh_after_first_loss_bytes = self.controller.ssthresh();
        }
    }

    /// Everything from the acknowledgment on is sent again.
    #[inline(never)]
    fn go_back(&mut self) {
        self.sent.clear();
        self.lost.clear();
        self.snd_nxt = self.snd_una;
        self.fin_due = self.finishing && !self.fin_acked;
    }

    /// Packets that later ones overtook by three numbers or 9/8 of a round trip are lost.
    pub(super) fn detect_losses(&mut self, now: Instant) {
        self.timers.stop(T::Reorder);
        if self.peer.mode != Mode::SelectiveRepeat {
            return;
        }
        if self.sent.is_overtaken() {
            self.lose_overtaken(now);
        }
        if self.sent.guarded_out() == 0 {
            self.timers.stop(T::Rto);
        }
    }

    #[inline(never)]
    fn lose_overtaken(&mut self, now: Instant) {
        let rtt = self.rtt.srtt().map_or(self.rtt.rto(), |srtt| srtt.max(self.latest_rtt));
        let patience = (rtt * 9 / 8).max(Duration::from_millis(1));
        let flight = self.sent.in_flight_bytes();
        loop {
            match self.sent.next_lost(now, patience) {
                Ok(p) => {
                    self.requeue(p);
                    if p.len > 0 && (p.pn >= self.recovery.since_pn) {
                        self.enter_recovery(now, flight);
                    }
                }
                Err(next) => {
                    if let Some(at) = next {
                        self.timers.set(T::Reorder, at);
                    }
                    break;
                }
            }
        }
    }

    #[inline(never)]
    fn requeue(&mut self, p: Sent) {
        let start = p.offset.max(self.snd_una);
        self.lost.insert(start, p.end());
        self.lost.remove_all(&self.delivered, start, p.end());
        self.fin_due |= p.fin && !self.fin_acked;
        self.hello_due |= p.guarded && p.len == 0 && !p.fin && self.cookie.is_some();
    }

    /// The timer runs while something it watches over is out (RFC 6298 sections 5.1 to 5.3).
    pub(super) fn arm_rto(&mut self, now: Instant) {
        if self.state == State::Closed || self.state == State::TimeWait {
            return;
        }
        if self.sent.guarded_out() > 0 {
            self.timers.set(T::Rto, now + self.rtt.rto());
        } else {
            self.timers.stop(T::Rto);
        }
    }

    pub(super) fn on_rto(&mut self, now: Instant) {
        self.stats.timeouts += 1;
        if self.state == State::SynSent {
            let backoff = self.syns_sent;
            self.note(|| FlowNote::Timeout { timer: Timer::Retransmission, backoff });
            if self.syns_sent >= SYN_TRIES {
                self.close(now, CloseReason::TimedOut);
            } else {
                self.syn_due = true;
            }
            return;
        }
        let flight = self.sent.in_flight_bytes();
        let repeated = self.rtt.backoff() > 0;
        self.rtt.back_off();
        let backoff = self.rtt.backoff();
        self.note(|| FlowNote::Timeout { timer: Timer::Retransmission, backoff });
        if self.peer.mode == Mode::SelectiveRepeat {
            let mut lost = std::mem::take(&mut self.sent);
            lost.lose_all(|p| self.requeue(p));
            self.sent = lost;
        } else {
            self.hello_due |= self.cookie.is_some() && flight == 0 && !self.fin_sent;
            self.go_back();
        }
        if flight > 0 {
            self.controller.on_timeout(&Lost { now, in_flight_bytes: flight, repeated });
            self.recovery.active = false;
            self.recovery.inflation = 0;
            self.recovery.duplicates = 0;
            self.recovery.after_timeout = true;
            self.recovery.since_pn = self.next_pn;
            self.recovery.until = self.snd_max;
            self.recovery.cause = Some(SendCause::Timeout);
            self.note_first_loss();
            self.note_window(WindowCause::Timeout);
        }
    }
}

//! What to send next.

use std::num::NonZeroU32;

use bytes::Bytes;

use super::close::{State, error};
use super::config::Mode;
use super::connection::RudpConnection;
use super::sent::{Fate, Sent};
use super::timers::T;
use crate::base::note::{CloseReason, FlowNote, SendCause, WindowCause};
use crate::base::time::{Duration, Instant};
use crate::transport::congestion::controller::Controller;
use crate::transport::connection::Filled;
use crate::wire::rudp::{RudpFlags, RudpOptions, RudpSegment};

impl RudpConnection {
    /// Makes the next packet in the place of `segment`.
    pub(super) fn next_segment(&mut self, now: Instant, segment: &mut RudpSegment) -> Filled {
        if self.rst_due.is_some() {
            return Filled::if_so(self.rst(segment));
        }
        match self.state {
            State::Closed => return Filled::Nothing,
            State::SynSent => return Filled::if_so(self.syn(now, segment)),
            _ => {}
        }
        if self.next_pn == u32::MAX {
            self.reset(now, error::NUMBERS_EXHAUSTED, CloseReason::ProtocolError);
            return Filled::if_so(self.rst(segment));
        }
        if self.data(now, segment) {
            return Filled::Segment;
        }
        if self.probe_due || self.hello_due {
            let guarded = self.hello_due;
            (self.probe_due, self.hello_due) = (false, false);
            self.packet(now, Bytes::new(), segment);
            segment.flags.probe = true;
            self.log(now, segment, guarded);
            return Filled::Segment;
        }
        if !self.ack_now {
            return Filled::Nothing;
        }
        self.packet(now, Bytes::new(), segment);
        Filled::Last
    }

    fn next_pn(&mut self) -> u32 {
        // One number in about 500 is never sent, to expose acknowledgments of what did not arrive.
        if self.next_pn >= self.skip_at {
            self.skip_pn();
        }
        let pn = self.next_pn;
        self.next_pn += 1;
        pn
    }

    #[inline(never)]
    fn skip_pn(&mut self) {
        self.skipped.rotate_right(1);
        self.skipped[0] = NonZeroU32::new(self.next_pn);
        self.next_pn += 1;
        self.skip_at = self.next_pn.saturating_add(250 + self.skip_rng.below(501) as u32);
    }

    #[inline(never)]
    fn syn(&mut self, now: Instant, segment: &mut RudpSegment) -> bool {
        if !std::mem::take(&mut self.syn_due) {
            return false;
        }
        let wait = Duration::from_secs(1) * (1u64 << self.syns_sent.min(20));
        self.syns_sent += 1;
        self.timers.set(T::Rto, now + wait);
        let options = RudpOptions {
            source_cid: Some(self.local_cid),
            max_payload: Some(self.config.max_payload()),
            mode: Some(self.config.mode.code()),
            idle_timeout_s: Some(self.config.idle_seconds()),
            max_ack_delay_ms: Some(self.config.ack_delay_millis()),
            ..RudpOptions::default()
        };
        *segment = RudpSegment {
            flags: RudpFlags { syn: true, ..RudpFlags::default() },
            pn: self.next_pn(),
            window: self.inbox.announce(self.payload()),
            options: Some(Box::new(options)),
            ..RudpSegment::default()
        };
        self.log(now, segment, false);
        true
    }

    #[inline(never)]
    fn rst(&mut self, segment: &mut RudpSegment) -> bool {
        let Some(error) = self.rst_due.take() else { return false };
        let pn = self.next_pn();
        let flags = RudpFlags { rst: true, ..RudpFlags::default() };
        *segment = RudpSegment { flags, cid: self.peer.cid, pn, error, ..RudpSegment::default() };
        true
    }

    /// A packet at SND.NXT with the newest acknowledgment and window.
    fn packet(&mut self, now: Instant, payload: Bytes, segment: &mut RudpSegment) {
        let options = if self.cookie.is_some() { self.with_cookie() } else { None };
        segment.flags = RudpFlags { ack: true, ..RudpFlags::default() };
        segment.error = 0;
        segment.pn = self.next_pn();
        segment.window = self.inbox.announce(self.payload());
        segment.ack_delay_us = 0;
        segment.cid = self.peer.cid;
        segment.offset = self.snd_nxt;
        segment.ack = self.inbox.next() + u64::from(self.fin_received);
        segment.payload = payload;
        segment.options = options;
        segment.ranges.clear();
        // Ranges only when there is something to acknowledge.
        if self.ack_now || self.unacked_arrivals > 0 || self.cookie.is_some() {
            segment.ranges.extend_from_slice(self.received.to_send());
            segment.ack_delay_us = now.since(self.largest_arrived).as_micros().min(u64::from(u32::MAX)) as u32;
            self.ack_now = false;
            self.unacked_arrivals = 0;
            self.timers.stop(T::DelayedAck);
            // Without a gap in the stream `ack` says everything that older ranges would.
            if !self.inbox.has_gap() {
                self.received.forget(1);
            }
        }
    }

    #[inline(never)]
    fn with_cookie(&self) -> Option<Box<RudpOptions>> {
        Some(Box::new(RudpOptions {
            source_cid: Some(self.local_cid),
            cookie: Some(**self.cookie.as_ref()?),
            max_ack_delay_ms: Some(self.config.ack_delay_millis()),
            reset_token: Some(self.own_token),
            ..RudpOptions::default()
        }))
    }

    fn log(&mut self, now: Instant, segment: &RudpSegment, guarded: bool) {
        self.sent.push(Sent {
            pn: segment.pn,
            at: now,
            offset: segment.offset,
            len: segment.payload.len() as u32,
            fin: segment.flags.fin,
            guarded,
            fate: Fate::Out,
            acked_run: 0,
        });
        if guarded && !self.timers.is_set(T::Rto) {
            self.arm_rto(now);
        }
    }

    /// The next packet with data or a FIN: lost bytes first, lowest offset first, then new ones.
    fn data(&mut self, now: Instant, segment: &mut RudpSegment) -> bool {
        if self.snd_una == self.outbox.end() && !self.fin_due {
            // There is nothing to send, and no acknowledgment to come that would ask what held it back.
            return false;
        }
        let limit = self.payload();
        let flight = self.sent.in_flight_bytes();
        if self.peer.mode == Mode::StopAndWait && self.sent.guarded_out() > 0 {
            self.recovery.cwnd_limited = false;
            return false;
        }
        let lost = self.lost.first();
        let (offset, len) = match lost {
            Some((start, end)) => (start, (end - start).min(limit)),
            None => (self.snd_nxt, self.sendable(now, limit, flight)),
        };
        let fin = self.fin_due && self.finishing && offset + len == self.outbox.end();
        if len == 0 && !fin {
            self.recovery.cwnd_limited = flight + limit > self.cwnd();
            return false;
        }
        if len > 0 {
            if lost.is_none() && flight == 0 && self.departed.last.is_some_and(|at| now.since(at) > self.rtt.rto()) {
                self.restart_after_idle();
            }
            let rescue = std::mem::take(&mut self.recovery.rescue) && lost.is_some();
            if flight > 0 && flight + len > self.cwnd() && !rescue {
                self.recovery.cwnd_limited = true;
                return false;
            }
        }
        let again = offset < self.snd_max;
        let payload = self.outbox.slice(offset, len);
        self.packet(now, payload, segment);
        segment.offset = offset;
        segment.flags.data = len > 0;
        segment.flags.fin = fin;
        (self.hello_due, self.probe_due) = (false, false);
        self.log(now, segment, true);
        if lost.is_some() {
            self.lost.remove(offset, offset + len);
        }
        self.snd_nxt = self.snd_nxt.max(offset + len);
        if self.snd_max <= self.snd_una && !self.timers.is_set(T::User) {
            self.timers.set(T::User, now + self.config.user_timeout);
        }
        self.snd_max = self.snd_max.max(offset + len);
        if fin {
            self.fin_due = false;
            if !self.fin_sent {
                self.on_fin_sent();
            }
        }
        if len > 0 {
            self.count(now, offset, len as u32, again);
        }
        true
    }

    fn count(&mut self, now: Instant, offset: u64, bytes: u32, again: bool) {
        let mut cause = SendCause::New;
        if again {
            cause = self.recovery.cause.unwrap_or(SendCause::Timeout);
            self.stats.retransmits += 1;
            if cause != SendCause::Timeout {
                self.stats.fast_retransmits += 1;
                self.recovery.cause = Some(SendCause::Recovery);
            }
        }
        self.departed.segments += 1;
        self.departed.last = Some(now);
        self.note(|| FlowNote::SegmentSent { offset, bytes, cause });
    }

    /// How many bytes at `snd_nxt` may go as far as the peer's window is concerned.
    fn sendable(&mut self, now: Instant, limit: u64, flight: u64) -> u64 {
        let waiting = self.outbox.end() - self.snd_nxt;
        let want = waiting.min(limit);
        let room = self.snd_edge.saturating_sub(self.snd_nxt);
        if want <= room {
            return want;
        }
        // No silly windows: a short packet only when nothing is out that could open a longer one.
        if flight > 0 {
            return 0;
        }
        if room == 0 && !self.timers.is_set(T::Persist) {
            self.arm_persist(now);
        }
        room
    }

    /// RFC 5681 section 4.1.
    #[inline(never)]
    fn restart_after_idle(&mut self) {
        let before = self.controller.window();
        self.controller.on_idle();
        if self.controller.window() != before {
            self.note_window(WindowCause::Idle);
        }
    }
}

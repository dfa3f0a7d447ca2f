//! Arriving segments: RFC 9293 section 3.10.7.4 with the checks of RFC 5961 and RFC 7323.

use bytes::{Buf, Bytes};

use super::connection::TcpConnection;
use super::parts::NO_FIN;
use super::seq;
use super::state::State;
use super::timers::Rare;
use crate::base::note::{CloseReason, FlowNote};
use crate::base::time::{Duration, Instant};
use crate::transport::stream::StreamEvent;
use crate::wire::tcp::TcpSegment;

/// A timestamp older than this says nothing any more (RFC 7323 section 5.5).
const TIMESTAMP_LIFETIME: Duration = Duration::from_secs(24 * 86_400);
/// At most this many challenge ACKs in that time (RFC 5961 section 7).
const CHALLENGES: (u32, Duration) = (10, Duration::from_secs(5));
/// Between two answers to segments outside the window: two confused stacks must not storm.
const OUT_OF_WINDOW_PAUSE: Duration = Duration::from_millis(500);

/// How a segment lies to the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    Inside,
    /// Data for a window that is closed: the rest of the segment counts.
    Unwanted,
    Outside,
}

impl TcpConnection {
    /// A segment for any state but CLOSED and SYN-SENT.
    #[inline(never)]
    pub(super) fn on_segment(&mut self, s: &mut TcpSegment) {
        let mut start = seq::expand(self.rcv.irs, self.rcv.nxt, s.seq);
        if s.flags.syn && !s.flags.rst {
            match self.state {
                // Simultaneous open: the peer's SYN again, now with an ACK (section 3.5).
                State::SynReceived if s.flags.ack && start == 0 => {
                    s.flags.syn = false;
                    start = 1;
                }
                State::SynReceived => return self.on_syn_in_syn_received(start, s),
                State::TimeWait => return self.answer_out_of_window(s),
                _ => return self.challenge(), // RFC 5961 section 4.2: wherever it lies
            }
        }
        if !self.timestamp_acceptable(s) {
            return;
        }
        match self.fit(start, s) {
            Fit::Inside => {}
            Fit::Unwanted => {
                s.payload = Bytes::new();
                s.flags.fin = false;
                self.rcv.ack_now = true;
            }
            Fit::Outside => return self.on_unacceptable(start, s),
        }
        if s.flags.rst {
            return self.on_reset(start);
        }
        if !s.flags.ack {
            return;
        }
        self.rcv.heard = self.now;
        self.remember_timestamp(start, s);
        if self.state == State::SynReceived {
            let acked = seq::expand(self.snd.iss, self.snd.nxt, s.ack);
            if acked <= 0 || acked > self.snd.max as i64 {
                let mut rst = self.blank(0);
                rst.seq = s.ack;
                rst.flags.rst = true;
                self.rst_pending = Some(Box::new(rst));
                return;
            }
            self.establish(acked as u64);
        }
        if !self.on_ack(start, s) || self.state == State::Closed {
            return;
        }
        let fin = s.flags.fin;
        if self.state.receives() && (fin || !s.payload.is_empty()) {
            self.on_data(start, std::mem::take(&mut s.payload), fin);
        }
    }

    /// Section 3.10.7.4, fourth, for SYN-RECEIVED: the SYN again wants its answer again; another
    /// one sends a passive connection back to LISTEN.
    fn on_syn_in_syn_received(&mut self, start: i64, s: &TcpSegment) {
        match self.fit(start, s) {
            Fit::Outside if start == 0 => self.snd.syn_pending = true,
            Fit::Outside => self.answer_out_of_window(s),
            _ if self.passive => self.end(CloseReason::Reset),
            _ => self.challenge(),
        }
    }

    fn on_unacceptable(&mut self, start: i64, s: &TcpSegment) {
        let (len, nxt) = (s.payload.len() as i64, self.rcv.nxt as i64);
        if self.config.dsack && len > 0 && start > 0 && start + len <= nxt {
            self.reassembly.twice = Some((start as u64, (start + len) as u64)); // RFC 2883 section 4
            self.rcv.ahead = true;
        }
        // A FIN again: our last ACK was lost (section 3.10.7.4).
        if self.state == State::TimeWait && s.flags.fin {
            self.timers.set(Rare::TimeWait, Some(self.time_wait_end()));
            self.rcv.ack_now = true;
        } else if !s.flags.rst {
            // An answer to a keep-alive or a window probe may come from below the window.
            if s.flags.ack && start <= nxt {
                self.rcv.heard = self.now;
            }
            self.answer_out_of_window(s);
        }
    }

    /// RFC 7323 section 5.3: PAWS.
    fn timestamp_acceptable(&mut self, s: &TcpSegment) -> bool {
        if !self.timestamps.on || s.flags.rst {
            return true;
        }
        let Some((value, _)) = s.options.timestamps else { return false };
        let fresh = self.now.since(self.timestamps.recent_at) < TIMESTAMP_LIFETIME;
        if fresh && seq::before(value, self.timestamps.recent) {
            self.answer_out_of_window(s);
            return false;
        }
        true
    }

    /// RFC 7323 section 4.3.
    fn remember_timestamp(&mut self, start: i64, s: &TcpSegment) {
        if let Some((value, _)) = s.options.timestamps
            && self.timestamps.on
            && start <= self.timestamps.last_ack_sent as i64
        {
            (self.timestamps.recent, self.timestamps.recent_at) = (value, self.now);
        }
    }

    /// The four cases of section 3.10.7.4. A closed window takes no data, but the rest of the
    /// segment counts (MUST-66).
    pub(super) fn fit(&self, start: i64, s: &TcpSegment) -> Fit {
        let (nxt, edge) = (self.rcv.nxt as i64, self.rcv.edge.max(self.rcv.nxt) as i64);
        let len = i64::from(s.seq_len());
        let inside = |n: i64| nxt <= n && n < edge;
        let fits = match (len, edge - nxt) {
            (0, 0) => start == nxt,
            (0, _) => inside(start),
            (_, 0) if start == nxt && s.flags.ack => return Fit::Unwanted,
            (_, 0) => false,
            _ => inside(start) || inside(start + len - 1),
        };
        if fits { Fit::Inside } else { Fit::Outside }
    }

    /// RFC 5961 section 3.2.
    fn on_reset(&mut self, start: i64) {
        if self.state == State::TimeWait {
            return; // RFC 1337
        }
        if start != self.rcv.nxt as i64 {
            return self.challenge();
        }
        let refused = self.state == State::SynReceived && !self.passive;
        self.end(if refused { CloseReason::Refused } else { CloseReason::Reset });
    }

    /// A challenge ACK (RFC 5961), unless there were too many.
    pub(super) fn challenge(&mut self) {
        let (since, count) = self.seldom.challenges;
        if self.now.since(since) >= CHALLENGES.1 {
            self.seldom.challenges = (self.now, 0);
        } else if count >= CHALLENGES.0 {
            return;
        }
        self.seldom.challenges.1 += 1;
        self.rcv.ack_now = true;
    }

    /// Answers a segment out of the window, or with an impossible ACK.
    pub(super) fn answer_out_of_window(&mut self, s: &TcpSegment) {
        // The same again, or what the peer says next: it may be our answer's answer.
        let known = |&(at, seq, ack, len): &(Instant, u32, u32, u32)| {
            s.ack == ack && s.seq.wrapping_sub(seq) <= len.max(1) && self.now.since(at) < OUT_OF_WINDOW_PAUSE
        };
        // Repeated data means that the peer misses our ACK: that one is never held back.
        if s.payload.is_empty() && self.seldom.last_out_of_window.as_ref().is_some_and(known) {
            return;
        }
        self.seldom.last_out_of_window = Some((self.now, s.seq, s.ack, s.seq_len()));
        if s.payload.is_empty() {
            self.challenge();
        } else {
            self.rcv.ack_now = true;
        }
    }

    /// Trims the data to the window and puts it where it belongs (section 3.10.7.4, seventh).
    pub(super) fn on_data(&mut self, start: i64, mut data: Bytes, mut fin: bool) {
        let edge = self.rcv.edge;
        let at = start.max(self.rcv.nxt as i64) as u64;
        let end = start + data.len() as i64;
        data.advance(((at as i64 - start) as usize).min(data.len()));
        let room = edge.saturating_sub(at);
        if data.len() as u64 > room {
            data.truncate(room as usize);
            fin = false;
        }
        if self.rcv.shut && end > self.rcv.nxt as i64 {
            return self.reset(CloseReason::Aborted); // section 3.6.1: this data is lost
        }
        let twice = start >= 1 && (start as u64) < at && self.rcv.sack && self.config.dsack;
        if twice && !data.is_empty() {
            self.reassembly.twice = Some((start as u64, at));
            self.rcv.ahead = true;
        }
        if fin && end >= self.rcv.nxt as i64 && self.rcv.fin_at == NO_FIN {
            self.rcv.fin_at = end as u64;
        }
        // Nothing lies behind a FIN.
        let before_fin = self.rcv.fin_at.saturating_sub(at);
        if data.len() as u64 > before_fin {
            data.truncate(before_fin as usize);
        }
        if data.is_empty() && self.rcv.fin_at != self.rcv.nxt {
            self.rcv.ack_now = true;
            return;
        }
        self.place(at, data);
        if self.rcv.fin_at == self.rcv.nxt && !self.rcv.finished {
            self.on_fin_received();
        }
    }

    /// Puts data of the window where it belongs.
    #[inline(never)]
    pub(super) fn place(&mut self, at: u64, data: Bytes) {
        let (before, gap) = (self.rcv.nxt, self.rcv.ahead && !self.reassembly.is_empty());
        if at > before || gap {
            self.keep(at, data);
            self.rcv.ack_now |= at > before; // RFC 5681 section 4.2
        } else if !data.is_empty() {
            self.deliver(data);
        }
        let bytes = self.rcv.nxt - before;
        if bytes > 0 {
            self.note(|| FlowNote::Delivered { bytes });
            self.schedule_ack(gap);
        }
    }

    /// Takes data that lies beyond a gap, or fills one. What fills it goes through the reassembly, too, so that
    /// of what was there already the first copy stays.
    fn keep(&mut self, at: u64, data: Bytes) {
        let twice = match self.rcv.discarding {
            true => self.reassembly.mark(at, at + data.len() as u64),
            false => self.reassembly.insert(at, data),
        };
        if self.config.dsack && twice.is_some() {
            self.reassembly.twice = twice;
        }
        if at == self.rcv.nxt {
            self.deliver_kept();
        }
        self.rcv.ahead = self.reassembly.has_news();
    }

    /// Delivers what lies at RCV.NXT now.
    fn deliver_kept(&mut self) {
        let end = self.rcv.fin_at;
        while let Some(mut data) = self.reassembly.pop(self.rcv.nxt) {
            data.truncate(data.len().min((end - self.rcv.nxt) as usize));
            if !data.is_empty() {
                self.deliver(data);
            }
        }
        let reached = self.reassembly.reached(self.rcv.nxt).min(end);
        if self.rcv.discarding && reached > self.rcv.nxt {
            self.discard(reached - self.rcv.nxt);
        }
        // Nothing lies behind a FIN.
        self.reassembly.advance(if self.rcv.nxt == end { u64::MAX } else { self.rcv.nxt });
    }

    /// Data in order that nobody reads.
    #[inline]
    pub(super) fn discard(&mut self, bytes: u64) {
        self.rcv.nxt += bytes;
        self.consider_window_update();
    }

    pub(super) fn deliver(&mut self, data: Bytes) {
        if self.rcv.discarding {
            return self.discard(data.len() as u64);
        }
        self.rcv.nxt += data.len() as u64;
        self.rcv.inbox_bytes += data.len() as u64;
        self.inbox.push_back(data);
        if !self.rcv.readable_told {
            self.rcv.readable_told = true;
            self.events.push(StreamEvent::Readable);
        }
    }

    /// Every second segment, after a gap at once, or soon (RFC 5681 section 4.2).
    pub(super) fn schedule_ack(&mut self, at_once: bool) {
        self.rcv.unacked_segments = self.rcv.unacked_segments.saturating_add(1);
        let quick = self.rcv.quick_acks > 0;
        self.rcv.quick_acks = self.rcv.quick_acks.saturating_sub(1);
        if at_once || quick || !self.config.delayed_ack || self.rcv.unacked_segments >= 2 {
            self.rcv.ack_now = true;
        } else if self.timers.delayed_ack.is_none() {
            self.timers.delayed_ack = Some(self.now + self.config.ack_delay);
        }
    }

    /// The window to advertise: it never shrinks, and opens by worthwhile steps only
    /// (RFC 9293 section 3.8.6.2.2).
    pub(super) fn advertise(&mut self) -> u64 {
        let (free, step) = (self.free_space(), self.window_step());
        let promised = self.rcv.edge.saturating_sub(self.rcv.nxt);
        let window = if free >= promised + step { free } else { promised };
        let (unit, most) = (1 << self.rcv.scale, 65_535 << self.rcv.scale);
        if window == promised && (1..=most).contains(&promised) && promised.is_multiple_of(unit) {
            return promised; // as it was
        }
        let down = window.min(most) / unit * unit;
        // A promise is rounded up, so that the right edge stays (RFC 7323 section 2.4), but never
        // beyond the buffer.
        let up = down + unit;
        let window = if down < promised && up <= most.min(free) { up } else { down };
        self.rcv.edge = self.rcv.edge.max(self.rcv.nxt + window);
        window
    }

    fn free_space(&self) -> u64 {
        self.config.receive_buffer.saturating_sub(self.rcv.inbox_bytes)
    }

    fn window_step(&self) -> u64 {
        self.config.mss.min(self.config.receive_buffer / 2).max(1)
    }

    /// After a read: tell a peer that may be waiting for room.
    pub(super) fn consider_window_update(&mut self) {
        if !self.state.receives() {
            return;
        }
        let promised = self.rcv.edge.saturating_sub(self.rcv.nxt);
        let low = (self.config.receive_buffer / 4).max(2 * self.config.mss);
        if promised < low && self.free_space() >= promised + self.window_step() {
            self.rcv.ack_now = true;
        }
    }
}

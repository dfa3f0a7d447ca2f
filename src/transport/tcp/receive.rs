//! Arriving segments: RFC 9293 section 3.10.7.4 with the checks of RFC 5961 and RFC 7323.

use bytes::{Buf, Bytes};

use super::connection::TcpConnection;
use super::seq;
use super::state::State;
use crate::base::note::{CloseReason, FlowNote};
use crate::base::time::Duration;
use crate::transport::stream::StreamEvent;
use crate::wire::tcp::TcpSegment;

/// A timestamp older than this says nothing any more (RFC 7323 section 5.5).
const TIMESTAMP_LIFETIME: Duration = Duration::from_secs(24 * 86_400);
/// At most this many challenge ACKs in that time (RFC 5961 section 7).
const CHALLENGES: (u32, Duration) = (10, Duration::from_secs(5));
/// Between two answers to segments outside the window: two confused stacks must not storm.
const OUT_OF_WINDOW_PAUSE: Duration = Duration::from_millis(500);

impl TcpConnection {
    /// A segment for any state but CLOSED and SYN-SENT.
    pub(super) fn on_segment(&mut self, mut s: TcpSegment) {
        let mut start = seq::expand(self.rcv.irs, self.rcv.nxt, s.seq);
        // Simultaneous open: the peer's SYN again, now with an ACK (section 3.5).
        if self.state == State::SynReceived && s.flags.syn && s.flags.ack && start == 0 {
            s.flags.syn = false;
            start = 1;
        }
        if !self.timestamp_acceptable(&s) {
            return;
        }
        if !self.acceptable(start, &mut s) {
            // A FIN again: our last ACK was lost (section 3.10.7.4).
            if self.state == State::TimeWait && s.flags.fin {
                self.timers.time_wait = Some(self.time_wait_end());
                self.rcv.ack_now = true;
            } else if self.state == State::SynReceived && s.flags.syn {
                self.snd.syn_pending = true;
            } else if !s.flags.rst {
                self.answer_out_of_window(&s);
            }
            return;
        }
        if s.flags.rst {
            return self.on_reset(start);
        }
        if s.flags.syn {
            return self.challenge(); // RFC 5961 section 4.2
        }
        if !s.flags.ack {
            return;
        }
        self.remember_timestamp(start, &s);
        if self.state == State::SynReceived {
            let acked = seq::expand(self.snd.iss, self.snd.nxt, s.ack);
            if acked <= 0 || acked > self.snd.max as i64 {
                let mut rst = self.blank(0);
                rst.seq = s.ack;
                rst.flags.rst = true;
                self.snd.rst_pending = Some(rst);
                return;
            }
            self.establish(acked as u64);
        }
        if !self.on_ack(start, &s) || self.state == State::Closed {
            return;
        }
        let fin = s.flags.fin;
        if self.state.receives() && (fin || !s.payload.is_empty()) {
            self.on_data(start, std::mem::take(&mut s.payload), fin);
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
    fn acceptable(&self, start: i64, s: &mut TcpSegment) -> bool {
        let (nxt, edge) = (self.rcv.nxt as i64, self.rcv.edge.max(self.rcv.nxt) as i64);
        let len = i64::from(s.seq_len());
        let inside = |n: i64| nxt <= n && n < edge;
        match (len, edge - nxt) {
            (0, 0) => start == nxt,
            (0, _) => inside(start),
            (_, 0) if start == nxt && s.flags.ack => {
                s.payload = Bytes::new();
                s.flags.fin = false;
                true
            }
            (_, 0) => false,
            _ => inside(start) || inside(start + len - 1),
        }
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
        self.close(if refused { CloseReason::Refused } else { CloseReason::Reset });
    }

    /// A challenge ACK (RFC 5961), unless there were too many.
    pub(super) fn challenge(&mut self) {
        let (since, count) = self.rcv.challenges;
        if self.now.since(since) >= CHALLENGES.1 {
            self.rcv.challenges = (self.now, 0);
        } else if count >= CHALLENGES.0 {
            return;
        }
        self.rcv.challenges.1 += 1;
        self.rcv.ack_now = true;
    }

    fn answer_out_of_window(&mut self, s: &TcpSegment) {
        // Repeated data means that the peer misses our ACK: that one is never held back.
        if s.payload.is_empty() {
            if self.rcv.last_out_of_window_ack.is_some_and(|at| self.now.since(at) < OUT_OF_WINDOW_PAUSE) {
                return;
            }
            self.rcv.last_out_of_window_ack = Some(self.now);
        }
        self.rcv.ack_now = true;
    }

    /// Trims the data to the window and puts it where it belongs (section 3.10.7.4, seventh).
    fn on_data(&mut self, start: i64, mut data: Bytes, mut fin: bool) {
        let edge = self.rcv.edge;
        let mut at = start.max(self.rcv.nxt as i64) as u64;
        let end = start + data.len() as i64;
        data.advance(((at as i64 - start) as usize).min(data.len()));
        let room = edge.saturating_sub(at);
        if data.len() as u64 > room {
            data.truncate(room as usize);
            fin = false;
        }
        if fin && end >= self.rcv.nxt as i64 {
            self.rcv.fin_at = Some(end as u64);
        }
        if data.is_empty() && self.rcv.fin_at != Some(self.rcv.nxt) {
            self.rcv.ack_now = true;
            return;
        }
        if at == self.rcv.nxt {
            let filled_gap = !self.rcv.reassembly.is_empty();
            let before = self.rcv.nxt;
            if !data.is_empty() {
                self.deliver(data);
            }
            if filled_gap {
                while let Some(data) = self.rcv.reassembly.pop(self.rcv.nxt) {
                    self.deliver(data);
                }
                self.rcv.reassembly.advance(self.rcv.nxt);
            }
            at = self.rcv.nxt;
            let bytes = at - before;
            if bytes > 0 {
                self.note(|| FlowNote::Delivered { bytes });
                self.schedule_ack(filled_gap);
            }
        } else {
            self.rcv.reassembly.insert(at, data);
            self.rcv.ack_now = true; // RFC 5681 section 4.2
        }
        if self.rcv.fin_at == Some(self.rcv.nxt) && !self.rcv.finished {
            self.on_fin_received();
        }
    }

    fn deliver(&mut self, data: Bytes) {
        self.rcv.nxt += data.len() as u64;
        self.rcv.inbox_bytes += data.len() as u64;
        self.stats.bytes_delivered += data.len() as u64;
        self.rcv.inbox.push_back(data);
        if !self.rcv.readable_told {
            self.rcv.readable_told = true;
            self.events.push_back(StreamEvent::Readable);
        }
    }

    /// Every second segment, after a gap at once, or soon (RFC 5681 section 4.2).
    fn schedule_ack(&mut self, at_once: bool) {
        self.rcv.unacked_segments += 1;
        if at_once || !self.config.delayed_ack || self.rcv.unacked_segments >= 2 {
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
        let window = window.min(65_535 << self.rcv.scale) >> self.rcv.scale << self.rcv.scale;
        self.rcv.edge = self.rcv.edge.max(self.rcv.nxt + window);
        window
    }

    fn free_space(&self) -> u64 {
        self.config.receive_buffer.saturating_sub(self.rcv.inbox_bytes)
    }

    fn window_step(&self) -> u64 {
        self.rcv.mss.min(self.config.receive_buffer / 2).max(1)
    }

    /// After a read: tell a peer that may be waiting for room.
    pub(super) fn consider_window_update(&mut self) {
        if !self.state.receives() {
            return;
        }
        let promised = self.rcv.edge.saturating_sub(self.rcv.nxt);
        let low = (self.config.receive_buffer / 4).max(2 * self.rcv.mss);
        if promised < low && self.free_space() >= promised + self.window_step() {
            self.rcv.ack_now = true;
        }
    }
}

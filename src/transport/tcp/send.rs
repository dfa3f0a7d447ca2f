//! Departing segments (RFC 9293 section 3.8). One call, one segment, built at the last moment.

use std::num::NonZeroU64;

use bytes::Bytes;

use super::connection::TcpConnection;
use super::rack::Rack;
use super::recovery::Episode;
use super::seq;
use super::state::State;
use super::timers::Rare;
use crate::base::note::{FlowNote, SendCause, WindowCause};
use crate::transport::congestion::controller::Controller;
use crate::transport::connection::Filled;
use crate::wire::tcp::TcpSegment;

impl TcpConnection {
    /// Makes the next segment in the place of `s`.
    #[inline(never)]
    pub(super) fn next_segment(&mut self, s: &mut TcpSegment) -> Filled {
        if let Some(rst) = self.rst_pending.take() {
            *s = *rst;
            return Filled::Segment;
        }
        match self.state {
            State::Closed => return Filled::Nothing,
            State::SynSent | State::SynReceived => return Filled::if_so(self.next_syn(s)),
            State::TimeWait | State::FinWait2 => {}
            _ => match self.next_data(s) {
                Filled::Nothing => {}
                made => return made,
            },
        }
        if std::mem::take(&mut self.snd.probe_pending) {
            self.window_probe(s);
            return Filled::Segment;
        }
        if std::mem::take(&mut self.snd.keep_alive_pending) {
            // A number that the peer has already (section 3.8.4).
            self.make_segment(s, self.snd.max - 1, Bytes::new());
            return Filled::Segment;
        }
        if !self.rcv.ack_now {
            return Filled::Nothing;
        }
        self.make_segment(s, self.snd.nxt.max(self.snd.max), Bytes::new());
        Filled::Last
    }

    /// Asks a closed window with one byte of new data (section 3.8.6.1). It does not count as sent
    /// until the peer says that it took it.
    #[inline(never)]
    fn window_probe(&mut self, s: &mut TcpSegment) {
        let mut payload = Bytes::new();
        if self.snd.una == self.snd.max && self.snd.una < self.buffer.end() {
            payload = self.buffer.slice(self.snd.una, 1);
            self.snd.probe_byte = true;
            let offset = self.snd.una - 1;
            self.note(|| FlowNote::SegmentSent { offset, bytes: 1, cause: SendCause::WindowProbe });
        }
        self.make_segment(s, self.snd.una, payload);
    }

    #[inline(never)]
    fn next_syn(&mut self, s: &mut TcpSegment) -> bool {
        if !std::mem::take(&mut self.snd.syn_pending) {
            // Only an ACK that answers nonsense.
            let owed = self.rcv.ack_now && self.state == State::SynReceived;
            if owed {
                self.make_segment(s, self.snd.max, Bytes::new());
            }
            return owed;
        }
        *s = self.blank(0);
        s.flags.syn = true;
        s.options.mss = Some(self.config.mss_option());
        let answers = self.state == State::SynReceived;
        // An answer offers only what was offered (RFC 7323 section 2.2, RFC 2018 section 2).
        s.options.window_scale = self.rcv.scaling.then_some(self.rcv.scale);
        s.options.sack_permitted = self.rcv.sack;
        s.window = self.config.receive_buffer.min(65_535) as u16;
        s.flags.ack = answers;
        if answers {
            s.ack = seq::wire(self.rcv.irs, self.rcv.nxt);
            self.rcv.ack_now = false;
        }
        if self.timestamps.on {
            s.options.timestamps = Some((self.timestamp_now(), self.timestamps.recent));
        }
        // Karn's rule: an answer to a repeated SYN times nothing.
        self.departed.timed = (self.snd.max == 0).then_some((1, self.now));
        (self.snd.nxt, self.snd.max) = (1, 1);
        self.seldom.stats.opened.get_or_insert(self.now);
        self.departed.last_sent = self.now;
        self.timers.retransmission = Some(self.now + self.rtt.rto());
        true
    }

    /// One past the last number that may ever be sent: the FIN takes one.
    fn stream_end(&self) -> u64 {
        self.buffer.end() + u64::from(self.snd.fin_queued)
    }

    /// Data bytes that fit a segment: SACK blocks take their part (RFC 6691).
    fn payload_room(&self) -> u64 {
        debug_assert_eq!(self.rcv.ahead, self.reassembly.has_news());
        let blocks = if self.rcv.sack && self.rcv.ahead { self.count_sack_blocks() } else { 0 };
        self.snd.mss() - if blocks > 0 { 4 + 8 * blocks } else { 0 }
    }

    /// As many as have room beside the other options.
    fn most_sack_blocks(&self) -> usize {
        if self.timestamps.on { 3 } else { 4 }
    }

    #[inline(never)]
    fn count_sack_blocks(&self) -> u64 {
        let most = self.most_sack_blocks();
        let twice = usize::from(self.reassembly.twice.is_some());
        most.min(self.reassembly.blocks(most).count() + twice) as u64
    }

    /// Where the segment that begins at `start` ends, not beyond `limit`. A FIN joins the last data.
    pub(super) fn segment_end(&self, start: u64, limit: u64) -> u64 {
        self.end_within(start, limit, self.payload_room())
    }

    /// The same when it is known how much room there is.
    fn end_within(&self, start: u64, limit: u64, room: u64) -> u64 {
        let end = limit.min(start + room);
        if end == self.buffer.end() { limit.min(end + 1) } else { end }
    }

    fn next_data(&mut self, s: &mut TcpSegment) -> Filled {
        if self.snd.una == self.stream_end() {
            return Filled::Nothing;
        }
        if let Some(cause) = self.recovery.resend.take()
            && self.resend_first(s, cause)
        {
            return Filled::Segment;
        }
        if std::mem::take(&mut self.recovery.tlp.pending) && self.next_tail_probe(s) {
            return Filled::Segment;
        }
        // With RACK a timeout, too, leaves a list of what is lost (RFC 8985 section 6.3).
        let listed = self.recovery.rack.as_deref().is_some_and(|rack| rack.first_lost().is_some());
        let repairs = match self.recovery.episode {
            Episode::Sack => true,
            Episode::Loss => listed && self.snd.nxt == self.snd.max,
            Episode::None | Episode::Classic => false,
        };
        if repairs { self.next_in_sack_recovery(s) } else { Filled::if_so(self.next_in_order(s)) }
    }

    /// SND.UNA once more.
    #[inline(never)]
    fn resend_first(&mut self, s: &mut TcpSegment, cause: SendCause) -> bool {
        let start = self.snd.una;
        let out = start < self.snd.max;
        if out {
            let (_, held) = self.recovery.scoreboard.unsacked_from(start);
            let end = self.segment_end(start, held.unwrap_or(self.snd.max));
            self.recovery.scoreboard.retransmitted(end);
            self.build(s, start, end, cause);
        }
        out
    }

    /// RFC 6675 section 5, step C.
    #[inline(never)]
    fn next_in_sack_recovery(&mut self, s: &mut TcpSegment) -> Filled {
        let (pipe, smss, cwnd) = (self.pipe(), self.snd.mss(), self.cwnd());
        if pipe + smss > cwnd {
            return Filled::Nothing;
        }
        let new_until = self.window_end();
        let Some((start, end, again)) = self.next_seg(new_until) else { return Filled::Nothing };
        let cause = match self.recovery.episode {
            _ if !again => SendCause::New,
            Episode::Loss => SendCause::Timeout,
            _ => SendCause::Recovery,
        };
        self.build(s, start, end, cause);
        // All but the rescue of rule 4 are in the pipe now.
        let counted = !again || end <= self.recovery.scoreboard.highest();
        let full = counted && pipe + (end - start) + smss > cwnd;
        if full && !self.snd.keep_alive_pending { Filled::Last } else { Filled::Segment }
    }

    /// One past the last number that the peer's window lets go; the FIN needs no room in it.
    fn window_end(&self) -> u64 {
        let edge = self.snd.una + self.snd.wnd();
        if edge >= self.buffer.end() { self.stream_end() } else { edge }
    }

    /// RFC 8985 section 7.3: new data if the peer has room, whatever cwnd says, or else the last
    /// segment once more.
    #[inline(never)]
    fn next_tail_probe(&mut self, s: &mut TcpSegment) -> bool {
        let limit = self.window_end();
        let again = limit <= self.snd.nxt;
        let last = self.recovery.rack.as_deref().and_then(Rack::last_start);
        let (start, end) = match last.filter(|_| again) {
            Some(last) => (last, self.snd.max),
            None if again => return false,
            None => (self.snd.nxt, self.segment_end(self.snd.nxt, limit)),
        };
        self.build(s, start, end, SendCause::TailLossProbe);
        (self.recovery.tlp.end, self.recovery.tlp.again) = (NonZeroU64::new(self.snd.max), again);
        self.timers.set(Rare::Probe, None);
        true
    }

    fn next_in_order(&mut self, s: &mut TcpSegment) -> bool {
        let (smss, all) = (self.snd.mss(), self.stream_end());
        self.skip_what_the_peer_holds();
        let start = self.snd.nxt;
        if start >= all {
            return false;
        }
        self.restart_after_idle();
        let mut limit = all.min(self.window_end().max(start));
        if start < self.snd.max {
            // After a timeout: what was out, again, no further than the next SACKed byte.
            limit = limit.min(self.snd.max);
            if let (_, Some(held)) = self.recovery.scoreboard.unsacked_from(start) {
                limit = limit.min(held);
            }
        }
        let room = self.payload_room();
        let end = self.end_within(start, limit, room);
        let len = end - start;
        if !self.worth_sending(len, len >= room, end == all) {
            self.arm_persist();
            return false;
        }
        let classic_prr = self.recovery.episode == Episode::Classic && self.recovery.prr.is_some();
        let out = if classic_prr { self.pipe() } else { self.out_in_order() };
        let limited = if self.recovery.episode == Episode::None { u64::from(self.recovery.dup_acks.min(2)) } else { 0 };
        // With SACK the pipe itself shrinks; limited transmit needs no allowance (RFC 6675).
        let allowance = if self.rcv.sack { 0 } else { limited * smss };
        let payload = len.min(self.buffer.end().saturating_sub(start));
        let cwnd = self.cwnd();
        if out + payload > cwnd + allowance && payload > 0 {
            self.departed.cwnd_limited_until = self.snd.max.max(start);
            return false;
        }
        if start < self.snd.max {
            self.recovery.scoreboard.retransmitted(end);
        }
        let cause = match self.recovery.episode {
            _ if start < self.snd.max => SendCause::Timeout,
            // RFC 3042; with SACK it is the pipe that lets it go. FlightSize is to leave it out (RFC 5681 section 3.2).
            Episode::None if self.flight() + payload > cwnd => {
                self.recovery.limited_bytes += payload as u32;
                SendCause::LimitedTransmit
            }
            _ => SendCause::New,
        };
        self.build(s, start, end, cause);
        true
    }

    /// What is out while nothing but the order of sending counts: after a timeout, only what was
    /// sent since.
    fn out_in_order(&self) -> u64 {
        let board = &self.recovery.scoreboard;
        match self.snd.nxt < self.snd.max && !board.is_empty() {
            true => board.resent(),
            false if self.recovery.rack.is_some() => self.pipe(),
            false => self.flight() - board.sacked(),
        }
    }

    /// After a timeout the sender goes over the old ground; SACKed parts are left out.
    fn skip_what_the_peer_holds(&mut self) {
        if self.snd.nxt < self.snd.max {
            let (at, _) = self.recovery.scoreboard.unsacked_from(self.snd.nxt);
            self.snd.nxt = at;
        }
    }

    /// RFC 5681 section 4.1.
    fn restart_after_idle(&mut self) {
        if self.snd.una == self.snd.max && self.now.since(self.departed.last_sent) > self.rtt.rto() {
            self.departed.last_sent = self.now;
            self.controller.on_idle();
            self.note_window(WindowCause::Idle);
        }
    }

    /// Silly window avoidance and Nagle (RFC 9293 sections 3.8.6.2.1 and 3.7.4).
    fn worth_sending(&self, len: u64, full: bool, all: bool) -> bool {
        let full = full || self.snd.nxt < self.snd.max;
        let idle = self.snd.una == self.snd.max;
        let free = idle || !self.config.nagle;
        let all = all && (free || self.snd.fin_queued);
        // The persist timer overrides: what fits goes instead of a probe.
        len > 0 && (full || all || (free && len >= self.snd.max_wnd() / 2) || (idle && self.snd.probe_pending))
    }

    /// Nothing is out and the window is too small: ask for it (section 3.8.6.1).
    fn arm_persist(&mut self) {
        if self.snd.una == self.snd.max && self.timers.get(Rare::Persist).is_none() {
            let wait = self.rtt.rto() * (1 << self.seldom.probes.min(16));
            self.timers.set(Rare::Persist, Some(self.now + wait.min(self.config.rto.max)));
        }
    }

    /// The segment from `start` to `end`, which may include the FIN.
    fn build(&mut self, s: &mut TcpSegment, start: u64, end: u64, cause: SendCause) {
        let data_end = end.min(self.buffer.end());
        let bytes = data_end.saturating_sub(start);
        let payload = self.buffer.slice(start, bytes);
        self.make_segment(s, start, payload);
        s.flags.fin = end > self.buffer.end();
        s.flags.psh = bytes > 0 && data_end == self.buffer.end();
        let again = start < self.snd.max;
        if again {
            self.departed.timed = None; // Karn's rule (RFC 6298 section 3)
            self.undo_counts_repeat(start);
        } else if self.departed.timed.is_none() {
            self.departed.timed = Some((end, self.now));
        }
        if bytes > 0 {
            self.departed.segments_sent += 1;
            if again {
                self.seldom.stats.retransmits += 1;
                let fast = matches!(cause, SendCause::FastRetransmit | SendCause::Recovery);
                self.seldom.stats.fast_retransmits += u64::from(fast);
            }
            self.note(|| FlowNote::SegmentSent { offset: start - 1, bytes: bytes as u32, cause });
        }
        if let Some(prr) = &mut self.recovery.prr {
            prr.on_sent(end - start);
        }
        self.snd.nxt = self.snd.nxt.max(end);
        self.snd.max = self.snd.max.max(end);
        self.measure_flight();
        self.departed.last_sent = self.now;
        // RFC 6298 section 5.1.
        let idle = self.timers.retransmission.is_none();
        if idle {
            self.start_user_timer();
        }
        // Never less than an RTO after the last time this segment left (section 5): SACK keeps a
        // recovery going for longer than that (RFC 6675 section 6).
        if idle || (again && start == self.snd.una && self.recovery.episode == Episode::Sack) {
            self.timers.retransmission = Some(self.now + self.rtt.rto());
        }
        self.timers.set(Rare::Persist, None);
        self.snd.probe_pending = false;
        self.rack_sends(start, end, again);
    }

    /// Something left: is more out than ever in this round trip? Only who lets cwnd grow by that wants to know.
    #[inline]
    pub(super) fn measure_flight(&mut self) {
        if self.config.uncapped_growth
            && (self.snd.una >= self.recovery.most_out.1 || self.flight() > self.recovery.most_out.0)
        {
            self.recovery.most_out = (self.flight(), self.snd.max);
        }
    }

    /// A segment that begins at `offset`. Acknowledgment, window and options are the newest.
    pub(super) fn make_segment(&mut self, s: &mut TcpSegment, offset: u64, payload: Bytes) {
        s.begin(self.ports, seq::wire(self.snd.iss, offset), payload);
        s.flags.ack = true;
        s.ack = seq::wire(self.rcv.irs, self.rcv.nxt);
        s.window = (self.advertise() >> self.rcv.scale) as u16;
        if self.timestamps.on {
            s.options.timestamps = Some((self.timestamp_now(), self.timestamps.recent));
        }
        if self.rcv.sack && self.rcv.ahead {
            self.add_sack_blocks(s);
        }
        self.timestamps.last_ack_sent = self.rcv.nxt;
        self.rcv.ack_now = false;
        self.rcv.unacked_segments = 0;
        self.timers.delayed_ack = None;
    }

    /// What arrived twice comes first (RFC 2883 section 4), then the newest island (RFC 2018).
    #[inline(never)]
    fn add_sack_blocks(&mut self, s: &mut TcpSegment) {
        let wire = |(left, right)| (seq::wire(self.rcv.irs, left), seq::wire(self.rcv.irs, right));
        let twice = self.reassembly.twice.take();
        self.rcv.ahead = self.reassembly.has_news();
        s.options.sack.extend(twice.map(wire));
        // A FIN that came with the last data has a number, too (RFC 9293 section 3.4).
        let fin = |end| end + u64::from(self.rcv.fin_at == end);
        let islands = self.reassembly.blocks(self.most_sack_blocks() - s.options.sack.len());
        s.options.sack.extend(islands.map(|(left, right)| wire((left, fin(right)))));
    }
}

//! The states of RFC 9293 section 3.3.2: opening and closing.

use std::sync::Arc;

use super::connection::TcpConnection;
use super::seq;
use super::timers::Rare;
use crate::base::note::{CloseReason, FlowNote, WindowCause};
use crate::base::time::Instant;
use crate::transport::stream::StreamEvent;
use crate::transport::tcp::config::{TIMESTAMP_BYTES, TcpConfig};
use crate::wire::tcp::TcpSegment;

/// Where a connection is. LISTEN is the endpoint's affair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
    Closed,
}

impl State {
    /// The peer is to hear of an abort: it may have something to lose (section 3.10.5).
    pub(super) fn may_reset(self) -> bool {
        use State::*;
        matches!(self, SynReceived | Established | FinWait1 | FinWait2 | CloseWait)
    }
    /// The peer may still send data.
    pub(super) fn receives(self) -> bool {
        matches!(self, State::Established | State::FinWait1 | State::FinWait2)
    }
}

/// Least segment size believed of a peer, so that a tiny MSS option makes no storm.
const MIN_MSS: u64 = 64;
/// What a peer without an MSS option takes (RFC 9293 section 3.7.1).
const DEFAULT_MSS: u64 = 536;

impl TcpConnection {
    /// A connection in SYN-RECEIVED that answers `syn` (section 3.10.7.2).
    pub(super) fn accept(
        config: impl Into<Arc<TcpConfig>>,
        now: Instant,
        syn: &TcpSegment,
        iss: u32,
        timestamp_offset: u32,
    ) -> TcpConnection {
        let mut c = TcpConnection::open(config, now, (syn.dst_port, syn.src_port), iss, timestamp_offset);
        c.passive = true;
        c.state = State::SynReceived;
        c.take_syn(syn);
        c
    }

    /// The SYN was answered by a cookie, and its answer acknowledged.
    pub(super) fn answered_by_cookie(&mut self) {
        self.snd.syn_pending = false;
        (self.snd.nxt, self.snd.max) = (1, 1);
        self.seldom.stats.opened.get_or_insert(self.now);
    }

    /// Learns what the peer's SYN says.
    fn take_syn(&mut self, syn: &TcpSegment) {
        let o = &syn.options;
        (self.rcv.irs, self.rcv.nxt) = (syn.seq, 1);
        self.rcv.edge = 1 + self.config.receive_buffer.min(65_535);
        self.rcv.sack &= o.sack_permitted;
        // Both sides or none (RFC 7323 sections 2.2 and 3.2).
        self.rcv.scaling &= o.window_scale.is_some();
        match o.window_scale.filter(|_| self.rcv.scaling) {
            Some(shift) => self.snd.scale = shift.min(14),
            None => self.rcv.scale = 0,
        }
        self.timestamps.on &= o.timestamps.is_some();
        if let Some((value, _)) = o.timestamps {
            (self.timestamps.recent, self.timestamps.recent_at) = (value, self.now);
        }
        self.timestamps.last_ack_sent = 1;
        // The option counts the bytes of other options, SMSS does not (RFC 6691).
        let peer = o.mss.map_or(DEFAULT_MSS, u64::from).max(MIN_MSS);
        let overhead = if self.timestamps.on { TIMESTAMP_BYTES } else { 0 };
        let own = u64::from(self.config.mss_option());
        self.snd.set_mss((peer.min(own) - overhead).min(self.config.mss));
        self.take_syn_window(syn);
    }

    /// The window of a SYN is never scaled (RFC 7323 section 2.2).
    fn take_syn_window(&mut self, syn: &TcpSegment) {
        self.snd.set_window(syn.window, 0);
        (self.snd.wl1, self.snd.wl2) = (0, self.snd.una);
    }

    /// Section 3.10.7.3.
    pub(super) fn on_syn_sent(&mut self, s: &mut TcpSegment) {
        let acked = seq::expand(self.snd.iss, self.snd.nxt, s.ack);
        if s.flags.ack && (acked <= 0 || acked > self.snd.max as i64) {
            if !s.flags.rst {
                let mut rst = self.blank(0);
                rst.seq = s.ack;
                rst.flags.rst = true;
                self.rst_pending = Some(Box::new(rst));
            }
            return;
        }
        if s.flags.rst {
            if s.flags.ack {
                self.end(CloseReason::Refused);
            }
            return;
        }
        if !s.flags.syn {
            return;
        }
        self.take_syn(s);
        if s.flags.ack {
            self.rcv.ack_now = true;
            self.establish(acked as u64);
            // Text and FIN of the SYN-ACK itself.
            if s.flags.fin || !s.payload.is_empty() {
                self.on_data(1, std::mem::take(&mut s.payload), s.flags.fin);
            }
        } else {
            // Simultaneous open: the SYN goes out once more, now with an ACK (section 3.5).
            self.state = State::SynReceived;
            self.snd.syn_pending = true;
        }
    }

    /// Our SYN is acknowledged.
    pub(super) fn establish(&mut self, acked: u64) {
        self.snd.una = acked.max(1);
        self.snd.nxt = self.snd.nxt.max(1);
        self.snd.wl2 = self.snd.una;
        self.recovery.advance(self.snd.una);
        self.state = if self.snd.fin_queued { State::FinWait1 } else { State::Established };
        self.snd.syn_pending = false;
        self.timers.retransmission = None;
        if self.recovery.timeouts == 0 {
            if let Some((_, at)) = self.departed.timed.take() {
                self.take_rtt_sample(self.now.since(at), 1);
            }
        } else {
            // RFC 6298 section 5.7.
            self.rtt.handshake_was_repeated();
        }
        self.departed.timed = None;
        // One lost SYN leaves the initial window alone, two do not (RFC 6928 section 2).
        let smss = self.snd.mss();
        let window = if self.recovery.timeouts > 1 { smss } else { self.config.initial_window_bytes(smss) };
        self.controller = self.config.controller(smss, window);
        self.recovery.timeouts = 0;
        self.start_rack();
        self.seldom.stats.established = Some(self.now);
        self.events.push(StreamEvent::Connected);
        self.note(|| FlowNote::Established);
        self.timers.set(Rare::User, None);
        self.start_keep_alive();
        self.note_window(WindowCause::Start);
    }

    /// Our FIN is acknowledged (section 3.10.7.4, fifth).
    pub(super) fn on_fin_acked(&mut self) {
        match self.state {
            State::FinWait1 => self.state = State::FinWait2,
            State::Closing => self.enter_time_wait(),
            State::LastAck => self.end(CloseReason::Finished),
            _ => {}
        }
    }

    /// The peer's FIN came in order (section 3.10.7.4, eighth).
    pub(super) fn on_fin_received(&mut self) {
        self.rcv.finished = true;
        self.rcv.nxt += 1;
        self.rcv.edge = self.rcv.edge.max(self.rcv.nxt);
        self.rcv.ack_now = true;
        self.events.push(StreamEvent::Finished);
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.enter_time_wait(),
            _ => {}
        }
    }

    fn enter_time_wait(&mut self) {
        self.state = State::TimeWait;
        self.timers.retransmission = None;
        for timer in [Rare::Persist, Rare::KeepAlive, Rare::User] {
            self.timers.set(timer, None);
        }
        self.timers.set(Rare::TimeWait, Some(self.time_wait_end()));
        self.told_closed(CloseReason::Finished);
    }

    /// In TIME-WAIT, a SYN that no old segment can be (RFC 6191 section 2).
    pub(super) fn makes_way_for(&self, syn: &TcpSegment) -> bool {
        if self.state != State::TimeWait || !syn.flags.syn || syn.flags.ack || syn.flags.rst {
            return false;
        }
        let beyond = seq::expand(self.rcv.irs, self.rcv.nxt, syn.seq) > self.rcv.nxt as i64;
        match syn.options.timestamps.filter(|_| self.config.timestamps) {
            Some(_) if !self.timestamps.on => true,
            Some((value, _)) if value != self.timestamps.recent => seq::before(self.timestamps.recent, value),
            _ => beyond,
        }
    }

    /// A new connection takes the place.
    pub(super) fn leave_time_wait(&mut self) {
        self.end(CloseReason::Finished);
    }

    pub(super) fn time_wait_end(&self) -> Instant {
        self.now + self.config.time_wait
    }
}

//! One TCP connection: its parts, and the two faces that the application and the host see.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::config::TcpConfig;
use super::reassembly::Reassembly;
use super::recovery::Recovery;
use super::seq;
use super::state::State;
use super::timers::Timers;
use crate::base::note::{CloseReason, FlowNote, Window, WindowCause};
use crate::base::report::FlowStats;
use crate::base::time::Instant;
use crate::transport::congestion::CONTROLLERS;
use crate::transport::congestion::controller::Controller;
use crate::transport::congestion::governor::Governor;
use crate::transport::connection::{Connection, Filled};
use crate::transport::rtt::RttEstimator;
use crate::transport::send_buffer::SendBuffer;
use crate::transport::stream::{Stream, StreamEvent};
use crate::wire::tcp::TcpSegment;

/// One end of one TCP connection. Sequence numbers are offsets from the SYN (`seq.rs`).
///
/// The order of the fields is that of their use: what a segment of a stream under way touches lies
/// together, because with thousands of connections every line of memory has to be fetched.
#[derive(Debug)]
#[repr(C)]
pub struct TcpConnection {
    pub(super) now: Instant,
    pub(super) config: Arc<TcpConfig>,
    pub(super) ports: (u16, u16),
    pub(super) state: State,
    pub(super) passive: bool,
    pub(super) noting: bool,
    pub(super) events: VecDeque<StreamEvent>,
    pub(super) timers: Timers,
    pub(super) timestamps: Timestamps,
    pub(super) snd: SendState,
    pub(super) recovery: Recovery,
    pub(super) controller: Governor,
    pub(super) rtt: RttEstimator,
    pub(super) rcv: ReceiveState,
    pub(super) stats: FlowStats,
    pub(super) notes: Vec<FlowNote>,
}

/// The send sequence space (RFC 9293 section 3.3.1).
#[derive(Debug)]
#[repr(C)]
pub(super) struct SendState {
    pub(super) una: u64,
    /// Next to send; behind `max` after a timeout.
    pub(super) nxt: u64,
    /// One past the highest number ever sent.
    pub(super) max: u64,
    pub(super) wnd: u64,
    pub(super) max_wnd: u64,
    pub(super) wl1: u64,
    pub(super) wl2: u64,
    pub(super) mss: u64,
    pub(super) iss: u32,
    pub(super) last_window_field: u16,
    pub(super) scale: u8,
    pub(super) fin_queued: bool,
    pub(super) syn_pending: bool,
    pub(super) probe_pending: bool,
    /// One byte beyond `max` went as a window probe; the peer may have taken it.
    pub(super) probe_byte: bool,
    pub(super) keep_alive_pending: bool,
    pub(super) want_write: bool,
    pub(super) tell_acknowledged: bool,
    pub(super) rst_pending: Option<Box<TcpSegment>>,
    pub(super) buffer: SendBuffer,
    /// End and departure of the one segment whose round trip is being timed.
    pub(super) timed: Option<(u64, Instant)>,
    pub(super) last_sent: Instant,
    /// Acknowledgments of data before this offset answer a flight that filled cwnd.
    pub(super) cwnd_limited_until: u64,
    /// The most that was out in the newest round trip, and where that ends.
    pub(super) most_out: (u64, u64),
    pub(super) probes: u32,
    /// Window probes since the peer was last heard.
    pub(super) unheard_probes: u32,
    /// Keep-alives without an answer.
    pub(super) keep_alives: u64,
}

/// The receive sequence space.
#[derive(Debug)]
#[repr(C)]
pub(super) struct ReceiveState {
    pub(super) nxt: u64,
    /// Right edge of the window as last advertised.
    pub(super) edge: u64,
    pub(super) mss: u64,
    pub(super) irs: u32,
    pub(super) unacked_segments: u32,
    /// When the peer was last heard.
    pub(super) heard: Instant,
    pub(super) scale: u8,
    /// Both sides scale their windows.
    pub(super) scaling: bool,
    pub(super) sack: bool,
    pub(super) finished: bool,
    pub(super) ack_now: bool,
    pub(super) readable_told: bool,
    /// The application reads no more.
    pub(super) shut: bool,
    /// The application throws away what it reads.
    pub(super) discarding: bool,
    pub(super) inbox_bytes: u64,
    /// Segments still to be acknowledged at once, whatever the delay.
    pub(super) quick_acks: u64,
    /// What arrived twice, to be told with the next segment (RFC 2883).
    pub(super) duplicate: Option<(u64, u64)>,
    pub(super) reassembly: Reassembly,
    pub(super) inbox: VecDeque<Bytes>,
    pub(super) fin_at: Option<u64>,
    /// When a segment out of the window was last answered: its SEQ, its ACK, its length.
    pub(super) last_out_of_window: Option<(Instant, u32, u32, u32)>,
    pub(super) challenges: (Instant, u32),
}

/// RFC 7323 sections 3 to 5.
#[derive(Debug)]
pub(super) struct Timestamps {
    pub(super) on: bool,
    pub(super) offset: u32,
    pub(super) recent: u32,
    pub(super) recent_at: Instant,
    pub(super) last_ack_sent: u64,
}

impl TcpConnection {
    /// A connection in SYN-SENT, whose SYN is to be polled.
    pub(super) fn open(
        config: impl Into<Arc<TcpConfig>>,
        now: Instant,
        ports: (u16, u16),
        iss: u32,
        timestamp_offset: u32,
    ) -> TcpConnection {
        let config = config.into();
        let mut rcv_scale = 0;
        while config.window_scaling && config.receive_buffer >> rcv_scale > 65_535 && rcv_scale < 14 {
            rcv_scale += 1; // RFC 7323 section 2.3
        }
        let controller = config.controller(config.mss, config.initial_window_bytes(config.mss));
        let mut c = TcpConnection {
            state: State::SynSent,
            passive: false,
            ports,
            now,
            snd: SendState {
                iss,
                una: 0,
                nxt: 0,
                max: 0,
                wnd: 0,
                max_wnd: 0,
                wl1: 0,
                wl2: 0,
                last_window_field: 0,
                scale: 0,
                mss: config.mss,
                buffer: SendBuffer::new(config.send_buffer, 1),
                fin_queued: false,
                syn_pending: true,
                rst_pending: None,
                probe_pending: false,
                probes: 0,
                unheard_probes: 0,
                probe_byte: false,
                keep_alive_pending: false,
                keep_alives: 0,
                timed: None,
                last_sent: now,
                cwnd_limited_until: 0,
                most_out: (0, 0),
                want_write: false,
                tell_acknowledged: false,
            },
            rcv: ReceiveState {
                irs: 0,
                nxt: 0,
                edge: 0,
                scale: rcv_scale,
                scaling: config.window_scaling,
                sack: config.sack,
                mss: config.mss,
                reassembly: Reassembly::default(),
                inbox: VecDeque::new(),
                inbox_bytes: 0,
                fin_at: None,
                finished: false,
                ack_now: false,
                unacked_segments: 0,
                quick_acks: config.quick_acks,
                readable_told: false,
                duplicate: None,
                shut: false,
                discarding: false,
                heard: now,
                last_out_of_window: None,
                challenges: (now, 0),
            },
            timestamps: Timestamps {
                on: config.timestamps,
                offset: timestamp_offset,
                recent: 0,
                recent_at: now,
                last_ack_sent: 0,
            },
            recovery: Recovery::default(),
            controller,
            rtt: RttEstimator::new(config.rto),
            timers: Timers::default(),
            events: VecDeque::new(),
            notes: Vec::new(),
            noting: false,
            stats: FlowStats::default(),
            config,
        };
        c.stats.congestion = CONTROLLERS.find(&c.config.congestion).map_or("newreno", |e| e.name);
        c
    }

    /// True if a listener made it.
    pub fn is_passive(&self) -> bool {
        self.passive
    }

    /// The application is done with both directions (RFC 9293 section 3.6.1). If it leaves data
    /// unread, or more arrives, the peer is told by a reset that data was lost; once both sides have
    /// finished, it is only dropped (section 3.10.4).
    pub fn close(&mut self) {
        if self.rcv.inbox_bytes > 0 {
            if self.state.may_reset() {
                return self.reset(CloseReason::Aborted);
            }
            self.rcv.inbox.clear();
            self.rcv.inbox_bytes = 0;
        }
        self.rcv.shut = true;
        match self.state {
            State::SynSent => self.end(CloseReason::Aborted),
            _ => self.finish(),
        }
    }

    /// An ICMP error about a segment of this connection arrived. Only a hard one, and only while
    /// opening, ends it (RFC 9293 section 3.9.2.2, RFC 5461).
    pub fn handle_unreachable(&mut self, now: Instant, hard: bool) {
        self.now = now;
        if hard && matches!(self.state, State::SynSent | State::SynReceived) {
            self.end(CloseReason::Refused);
        }
    }

    /// Whether notes are kept for [`Connection::notes`].
    pub fn set_noting(&mut self, noting: bool) {
        self.noting = noting;
    }

    /// FlightSize (RFC 5681 section 2).
    pub(super) fn flight(&self) -> u64 {
        self.snd.nxt - self.snd.una
    }

    /// A segment with the fields that every segment of this connection has.
    pub(super) fn blank(&self, offset: u64) -> TcpSegment {
        TcpSegment {
            src_port: self.ports.0,
            dst_port: self.ports.1,
            seq: seq::wire(self.snd.iss, offset),
            ..Default::default()
        }
    }

    pub(super) fn note(&mut self, note: impl FnOnce() -> FlowNote) {
        if self.noting {
            self.notes.push(note());
        }
    }

    /// Notes the congestion state; call after the change.
    #[inline]
    pub(super) fn note_window(&mut self, cause: WindowCause) {
        if self.noting {
            let window = self.window_state(cause);
            self.notes.push(FlowNote::Window(window));
        }
    }

    #[inline(never)]
    pub(super) fn window_state(&self, cause: WindowCause) -> Window {
        Window {
            cause,
            phase: self.recovery.phase().unwrap_or_else(|| self.controller.phase()),
            cwnd_bytes: self.cwnd(),
            ssthresh_bytes: self.controller.ssthresh(),
            in_flight_bytes: self.flight(),
            srtt: self.rtt.srtt(),
            rto: self.rtt.rto(),
        }
    }

    /// The congestion window with the inflation of classic recovery, or as PRR has it.
    pub(super) fn cwnd(&self) -> u64 {
        match &self.recovery.prr {
            Some(prr) => prr.cwnd(),
            None => self.controller.window().saturating_add_signed(self.recovery.inflation),
        }
    }

    /// Ends the connection and says why. Nothing is sent any more but a reset that is pending.
    pub(super) fn end(&mut self, reason: CloseReason) {
        if self.state != State::Closed {
            self.told_closed(reason);
            self.state = State::Closed;
            self.timers = Timers::default();
            self.rcv.ack_now = false;
        }
    }

    /// Ends the connection and tells the peer so (RFC 9293 section 3.10.5).
    pub(super) fn reset(&mut self, reason: CloseReason) {
        if self.state.may_reset() {
            let mut rst = self.blank(self.snd.max);
            rst.flags.rst = true;
            rst.flags.ack = true;
            rst.ack = seq::wire(self.rcv.irs, self.rcv.nxt);
            self.snd.rst_pending = Some(Box::new(rst));
        }
        self.end(reason);
    }

    /// The application's part is over; TIME-WAIT may follow.
    pub(super) fn told_closed(&mut self, reason: CloseReason) {
        if self.stats.closed.is_none() {
            self.stats.closed = Some((self.now, reason));
            self.events.push_back(StreamEvent::Closed(reason));
            self.note(|| FlowNote::Closed { reason });
        }
    }
}

impl Stream for TcpConnection {
    fn write(&mut self, data: Bytes) -> usize {
        if self.snd.fin_queued || self.state == State::Closed {
            return 0;
        }
        let asked = data.len();
        let taken = self.snd.buffer.write(data);
        self.stats.bytes_written += taken as u64;
        self.snd.want_write |= taken < asked;
        self.snd.tell_acknowledged |= taken > 0;
        taken
    }

    fn writable(&self) -> usize {
        if self.snd.fin_queued || self.state == State::Closed { 0 } else { self.snd.buffer.room() as usize }
    }

    fn read(&mut self) -> Option<Bytes> {
        let data = self.rcv.inbox.pop_front();
        match &data {
            Some(data) => {
                self.rcv.inbox_bytes -= data.len() as u64;
                self.consider_window_update();
            }
            None => self.rcv.readable_told = false,
        }
        data
    }

    fn discard_input(&mut self) {
        self.rcv.discarding = true;
    }

    fn finish_here(&mut self) {
        self.stats.bytes_written -= self.snd.buffer.truncate(self.snd.max);
        self.finish();
    }

    fn finish(&mut self) {
        if !self.snd.fin_queued && self.state != State::Closed {
            self.snd.fin_queued = true;
            self.state = match self.state {
                State::Established => State::FinWait1,
                State::CloseWait => State::LastAck,
                other => other, // the FIN waits for the handshake
            };
        }
    }

    fn abort(&mut self) {
        self.reset(CloseReason::Aborted);
    }

    fn poll_event(&mut self) -> Option<StreamEvent> {
        self.events.pop_front()
    }
}

impl Connection for TcpConnection {
    type Segment = TcpSegment;

    fn take_segment(&mut self, now: Instant, segment: &mut TcpSegment) {
        self.now = now;
        match self.state {
            State::Closed => {}
            State::SynSent => self.on_syn_sent(segment),
            _ => self.on_segment(segment),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.run_timers();
    }

    fn fill_segment(&mut self, now: Instant, segment: &mut TcpSegment) -> Filled {
        self.now = now;
        self.next_segment(segment)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.earliest()
    }

    fn notes(&mut self) -> Option<&mut Vec<FlowNote>> {
        self.noting.then_some(&mut self.notes)
    }

    fn stats(&self) -> &FlowStats {
        &self.stats
    }

    fn is_closed(&self) -> bool {
        self.state == State::Closed && self.snd.rst_pending.is_none()
    }
}

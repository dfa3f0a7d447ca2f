//! One TCP connection: its parts, and the two faces that the application and the host see.

use std::collections::VecDeque;
use std::mem::offset_of;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::config::TcpConfig;
use super::parts::{Departed, ReceiveState, Seldom, SendState, Timestamps};
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
use crate::transport::connection::{Connection, Filled, Hot};
use crate::transport::rtt::RttEstimator;
use crate::transport::send_buffer::SendBuffer;
use crate::transport::stream::{Stream, StreamEvent};
use crate::wire::tcp::TcpSegment;

/// One end of one TCP connection. Sequence numbers are offsets from the SYN (`seq.rs`).
///
/// With thousands of connections every visit has to fetch its lines of memory anew, so the fields
/// stand in the order of their use: `now` to `timers` is what all segments touch, what follows up to
/// `recovery` a sender's, `reassembly` a receiver's with losses, and the rest is for endings and other rare
/// occasions.
#[derive(Debug)]
#[repr(C)]
pub struct TcpConnection {
    pub(super) now: Instant,
    pub(super) config: Arc<TcpConfig>,
    pub(super) ports: (u16, u16),
    pub(super) state: State,
    pub(super) passive: bool,
    pub(super) noting: bool,
    pub(super) rcv: ReceiveState,
    pub(super) timestamps: Timestamps,
    /// Rarely more than one: a ring would take more room.
    pub(super) events: SmallVec<[StreamEvent; 8]>,
    pub(super) rst_pending: Option<Box<TcpSegment>>,
    pub(super) snd: SendState,
    pub(super) timers: Timers,
    pub(super) buffer: SendBuffer,
    pub(super) departed: Departed,
    pub(super) rtt: RttEstimator,
    pub(super) controller: Governor,
    pub(super) recovery: Recovery,
    pub(super) inbox: VecDeque<Bytes>,
    pub(super) reassembly: Reassembly,
    pub(super) seldom: Seldom,
    pub(super) notes: Vec<FlowNote>,
    /// To see that header prediction changes nothing.
    #[cfg(test)]
    pub(super) never_predicts: bool,
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
            now,
            ports,
            state: State::SynSent,
            passive: false,
            snd: SendState::new(iss),
            buffer: SendBuffer::new(config.send_buffer, 1),
            departed: Departed::new(now),
            rcv: ReceiveState::new(&config, now, rcv_scale),
            timestamps: Timestamps::new(config.timestamps, now, timestamp_offset),
            reassembly: Reassembly::default(),
            inbox: VecDeque::new(),
            rst_pending: None,
            recovery: Recovery::default(),
            controller,
            rtt: RttEstimator::new(config.rto),
            timers: Timers::default(),
            events: SmallVec::new(),
            notes: Vec::new(),
            noting: false,
            seldom: Seldom::new(now),
            #[cfg(test)]
            never_predicts: false,
            config,
        };
        c.snd.set_mss(c.config.mss);
        c.seldom.stats.congestion = CONTROLLERS.find(&c.config.congestion).map_or("newreno", |e| e.name);
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
            self.inbox.clear();
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

    /// True once the handshake was complete.
    pub(super) fn was_established(&self) -> bool {
        self.seldom.stats.established.is_some()
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
            self.rst_pending = Some(Box::new(rst));
        }
        self.end(reason);
    }

    /// The application's part is over; TIME-WAIT may follow.
    pub(super) fn told_closed(&mut self, reason: CloseReason) {
        if self.seldom.stats.closed.is_none() {
            self.seldom.stats.closed = Some((self.now, reason));
            self.events.push(StreamEvent::Closed(reason));
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
        let taken = self.buffer.write(data);
        self.snd.want_write |= taken < asked;
        self.snd.tell_acknowledged |= taken > 0;
        taken
    }

    fn writable(&self) -> usize {
        if self.snd.fin_queued || self.state == State::Closed { 0 } else { self.buffer.room() as usize }
    }

    fn read(&mut self) -> Option<Bytes> {
        let data = self.inbox.pop_front();
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
        self.buffer.truncate(self.snd.max);
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
        (!self.events.is_empty()).then(|| self.events.remove(0))
    }
}

impl Connection for TcpConnection {
    type Segment = TcpSegment;
    // Where it pays to look ahead, there are so many flows that losses are the rule.
    const HOT: Hot = {
        let (sender, receiver) = (offset_of!(TcpConnection, buffer), offset_of!(TcpConnection, reassembly));
        let repairs = offset_of!(TcpConnection, recovery) + Recovery::HOT_BYTES;
        Hot { any: sender, sender: (sender, repairs), receiver: (receiver, receiver + Reassembly::HOT_BYTES) }
    };

    fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    fn take_segment(&mut self, now: Instant, segment: &mut TcpSegment) {
        self.now = now;
        if self.take_predicted(segment) {
            return;
        }
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
        self.fill_predicted(segment).unwrap_or_else(|| self.next_segment(segment))
    }

    /// All is acknowledged, and nothing to be: so it is between two segments of a peer that only sends.
    fn is_silent(&self) -> bool {
        self.state == State::Established
            && !(self.rcv.ack_now | self.snd.probe_pending | self.snd.keep_alive_pending | self.noting)
            && self.snd.una == self.buffer.end()
            && self.rst_pending.is_none()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.earliest()
    }

    fn sends(&self) -> bool {
        self.snd.una < self.buffer.end()
    }

    fn notes(&mut self) -> Option<&mut Vec<FlowNote>> {
        self.noting.then_some(&mut self.notes)
    }

    fn stats(&self) -> FlowStats {
        // The first byte of data has the number 1, and a FIN has one of its own.
        let (written, read) = (self.buffer.end(), self.rcv.nxt - u64::from(self.rcv.finished));
        FlowStats {
            bytes_written: written - 1,
            bytes_acked: self.snd.una.min(written).saturating_sub(1),
            bytes_delivered: read.saturating_sub(1),
            segments_sent: self.departed.segments_sent,
            last_acked: self.departed.last_acked,
            min_rtt: self.rtt.min_rtt(),
            srtt: self.rtt.srtt(),
            ..self.seldom.stats.clone()
        }
    }

    fn is_closed(&self) -> bool {
        self.state == State::Closed && self.rst_pending.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::super::scoreboard::Scoreboard;
    use super::*;
    use crate::base::ids::TransportKind;
    use crate::transport::table::Table;

    /// In the place of a table: what the endpoint needs of it stands in the first line, too.
    #[test]
    fn a_receiver_touches_five_cache_lines_and_a_sender_nine() {
        let c = TcpConnection::open(TcpConfig::default(), Instant::ZERO, (1, 2), 3, 4);
        let mut table = Table::new(TransportKind::Tcp);
        let ends = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
        let id = table.insert(c, ends.0, ends.1, None);
        let machine = Table::<TcpConnection>::MACHINE;
        let connection = std::ptr::from_ref(&table.get(id).unwrap().connection).addr();
        assert_eq!(std::ptr::from_ref(&table).addr() + machine, connection);
        let start = machine - Table::<TcpConnection>::HOT_BYTES;
        let (rcv, snd) = (start + offset_of!(TcpConnection, rcv), start + offset_of!(TcpConnection, snd));
        assert_eq!((rcv, size_of::<ReceiveState>(), snd, size_of::<SendState>()), (64, 64, 192, 64));
        assert_eq!(start + offset_of!(TcpConnection, timers), 256);
        let (buffer, departed) = (offset_of!(TcpConnection, buffer), offset_of!(TcpConnection, departed));
        assert_eq!((start + buffer, start + departed), (288, 360));
        // Of the estimator and the window the first 40 bytes, in a line each; of the rest what says that nothing is
        // being repaired.
        let (rtt, controller) = (offset_of!(TcpConnection, rtt), offset_of!(TcpConnection, controller));
        assert_eq!((start + rtt, start + controller), (408, 472));
        assert_eq!((size_of::<RttEstimator>(), size_of::<Governor>()), (64, 64));
        let recovery = start + offset_of!(TcpConnection, recovery);
        assert!(recovery + offset_of!(Recovery, scoreboard) + Scoreboard::HOT_BYTES <= 9 * 64);
        // With losses, too.
        let lines = |(from, to): (usize, usize)| (start + to).div_ceil(64) - (start + from) / 64;
        let Hot { any, sender, receiver } = TcpConnection::HOT;
        assert_eq!([(0, any), sender, receiver].map(lines), [5, 7, 3]);
    }
}

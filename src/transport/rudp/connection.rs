//! One connection: its state, and the traits through which host and application use it.

use std::mem::offset_of;
use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::ack_ranges::AckRanges;
use super::close::{State, error};
use super::config::{Mode, RudpConfig};
use super::inbox::Inbox;
use super::recovery::Recovery;
use super::sent::SentLog;
use super::timers::{T, Timers};
use crate::base::note::{CloseReason, FlowNote, Phase, Window, WindowCause};
use crate::base::report::FlowStats;
use crate::base::rng::{Rng, Seed};
use crate::base::time::{Duration, Instant};
use crate::transport::congestion::controller::Controller;
use crate::transport::congestion::governor::Governor;
use crate::transport::connection::{Connection, Filled};
use crate::transport::ranges::RangeSet;
use crate::transport::rtt::{RtoLimits, RttEstimator};
use crate::transport::send_buffer::SendBuffer;
use crate::transport::stream::{Stream, StreamEvent};
use crate::wire::rudp::RudpSegment;

/// What the handshake settled about the peer.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Peer {
    pub(super) cid: u64,
    pub(super) idle_timeout: Duration,
    pub(super) max_payload: u16,
    pub(super) mode: Mode,
    pub(super) max_ack_delay: Duration,
    pub(super) reset_token: Option<[u8; 16]>,
}

/// What became of the data that left.
#[derive(Debug, Default)]
pub(super) struct Departed {
    /// Data segments, repeats included.
    pub(super) segments: u64,
    /// When the newest of them left.
    pub(super) last: Option<Instant>,
    /// When the newest byte of all was acknowledged.
    pub(super) last_acked: Option<Instant>,
}

/// One end of an RUDP connection.
///
/// With thousands of connections every visit has to fetch its lines of memory anew, so the fields
/// stand in the order of their use: up to `outbox` what all packets touch, what follows up to `delivered` a
/// sender's, and the rest is for handshakes, endings and other rare occasions.
#[derive(Debug)]
#[repr(C)]
pub struct RudpConnection {
    pub(super) now: Instant,
    pub(super) config: Arc<RudpConfig>,
    pub(super) state: State,
    pub(super) noting: bool,
    pub(super) ack_now: bool,
    pub(super) probe_due: bool,
    /// The third packet of the handshake must be ack-eliciting.
    pub(super) hello_due: bool,
    pub(super) syn_due: bool,
    pub(super) finishing: bool,
    pub(super) fin_due: bool,
    pub(super) fin_sent: bool,
    pub(super) fin_acked: bool,
    pub(super) fin_received: bool,
    pub(super) read_found_nothing: bool,
    pub(super) write_was_cut: bool,
    pub(super) next_pn: u32,
    pub(super) skip_at: u32,
    pub(super) rst_due: Option<u16>,
    pub(super) unacked_arrivals: u32,
    pub(super) largest_arrived: Instant,
    pub(super) snd_una: u64,
    pub(super) snd_nxt: u64,
    /// Highest offset ever sent.
    pub(super) snd_max: u64,
    /// Right edge of the peer's window.
    pub(super) snd_edge: u64,
    pub(super) timers: Timers,
    pub(super) inbox: Inbox,
    pub(super) received: AckRanges,
    pub(super) final_size: Option<u64>,
    /// The client repeats it until the server is known to hold the connection.
    pub(super) cookie: Option<Box<[u8; 32]>>,
    /// Rarely more than one: a ring would take more room.
    pub(super) events: SmallVec<[StreamEvent; 8]>,
    pub(super) peer: Peer,
    pub(super) sent: SentLog,
    pub(super) outbox: SendBuffer,

    pub(super) departed: Departed,
    pub(super) rtt: RttEstimator,
    pub(super) latest_rtt: Duration,
    pub(super) controller: Governor,
    pub(super) recovery: Recovery,
    pub(super) skipped: [Option<NonZeroU32>; 4],
    pub(super) lost: RangeSet,
    pub(super) delivered: RangeSet,

    pub(super) probes_unanswered: u32,
    pub(super) syns_sent: u32,
    pub(super) local_cid: u64,
    /// Token that this end gives to the peer for stateless resets.
    pub(super) own_token: [u8; 16],
    pub(super) skip_rng: Rng,
    pub(super) notes: Vec<FlowNote>,
    /// What cannot be counted from other figures.
    pub(super) stats: FlowStats,
}

impl RudpConnection {
    /// So many first bytes are what most packets need, sent or received.
    pub(super) const HOT_BYTES: usize = offset_of!(Self, delivered);

    fn new(config: Arc<RudpConfig>, local_cid: u64, peer: Peer, own_token: [u8; 16], now: Instant) -> Self {
        let payload = u64::from(peer.max_payload);
        let entry = config.controller();
        let limits = RtoLimits {
            min: config.min_rto,
            max: config.max_rto,
            min_bounds_variance: config.min_rto_on_variance,
            ..RtoLimits::default()
        };
        let mut skip_rng = Seed(local_cid).stream("skipped packet numbers");
        let skip_at = 250 + skip_rng.below(501) as u32;
        RudpConnection {
            state: State::SynSent,
            local_cid,
            peer,
            now,
            timers: Timers::default(),
            own_token,
            cookie: None,
            syns_sent: 0,
            syn_due: false,
            rst_due: None,
            outbox: SendBuffer::new(config.send_buffer, 0),
            sent: SentLog::default(),
            lost: RangeSet::default(),
            delivered: RangeSet::default(),
            snd_una: 0,
            snd_nxt: 0,
            snd_max: 0,
            snd_edge: 0,
            finishing: false,
            fin_due: false,
            fin_sent: false,
            fin_acked: false,
            probe_due: false,
            hello_due: false,
            probes_unanswered: 0,
            next_pn: 0,
            skip_at,
            skipped: [None; 4],
            skip_rng,
            departed: Departed::default(),
            controller: (entry.build)(&config.setup(payload)).into(),
            rtt: RttEstimator::new(limits),
            latest_rtt: Duration::ZERO,
            recovery: Recovery::default(),
            inbox: Inbox::new(config.receive_buffer),
            received: AckRanges::default(),
            final_size: None,
            fin_received: false,
            ack_now: false,
            unacked_arrivals: 0,
            largest_arrived: now,
            events: SmallVec::new(),
            read_found_nothing: true,
            write_was_cut: false,
            noting: false,
            notes: Vec::new(),
            stats: FlowStats { congestion: entry.name, opened: Some(now), ..FlowStats::default() },
            config,
        }
    }

    /// The client's end: a SYN is due.
    pub(super) fn open(config: impl Into<Arc<RudpConfig>>, local_cid: u64, own_token: [u8; 16], now: Instant) -> Self {
        let config = config.into();
        let peer = Peer {
            cid: 0,
            max_payload: config.max_payload(),
            mode: config.mode,
            idle_timeout: config.idle_timeout,
            max_ack_delay: config.max_ack_delay,
            reset_token: None,
        };
        let mut c = RudpConnection::new(config, local_cid, peer, own_token, now);
        c.syn_due = true;
        c
    }

    /// The server's end, made when a cookie verified. Packet number 0 was the SYN+ACK.
    pub(super) fn accept(
        config: Arc<RudpConfig>,
        local_cid: u64,
        mut peer: Peer,
        own_token: [u8; 16],
        now: Instant,
    ) -> Self {
        peer.max_payload = peer.max_payload.min(config.max_payload());
        peer.idle_timeout = peer.idle_timeout.min(config.idle_timeout);
        let mut c = RudpConnection::new(config, local_cid, peer, own_token, now);
        c.next_pn = 1;
        c.established(now);
        c
    }

    pub(super) fn set_noting(&mut self, on: bool) {
        self.noting = on;
        // The server's end is established before anybody can ask for notes.
        if on && self.state == State::Established && self.notes.is_empty() {
            self.note(|| FlowNote::Established);
            self.note_window(WindowCause::Start);
        }
    }

    pub(super) fn established(&mut self, now: Instant) {
        self.state = State::Established;
        self.stats.established = Some(now);
        self.events.push(StreamEvent::Connected);
        self.note(|| FlowNote::Established);
        self.note_window(WindowCause::Start);
        self.heard(now);
    }

    /// The application read something: the peer may have to hear that there is room again.
    pub(super) fn consider_window_update(&mut self) {
        if self.state.may_receive() && self.inbox.update_due(self.payload()) {
            self.ack_now = true;
        }
    }

    /// Largest payload of a packet.
    pub(super) fn payload(&self) -> u64 {
        u64::from(self.peer.max_payload.max(1))
    }

    pub(super) fn note(&mut self, note: impl FnOnce() -> FlowNote) {
        if self.noting {
            self.notes.push(note());
        }
    }

    pub(super) fn note_window(&mut self, cause: WindowCause) {
        if !self.noting {
            return;
        }
        let phase = if self.recovery.active {
            Phase::Recovery
        } else if self.recovery.after_timeout {
            Phase::Loss
        } else {
            self.controller.phase()
        };
        let window = Window {
            cause,
            phase,
            cwnd_bytes: self.cwnd(),
            ssthresh_bytes: self.controller.ssthresh(),
            in_flight_bytes: self.sent.in_flight_bytes(),
            srtt: self.rtt.srtt(),
            rto: self.rtt.rto(),
        };
        self.notes.push(FlowNote::Window(window));
    }
}

impl Connection for RudpConnection {
    type Segment = RudpSegment;

    fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    fn take_segment(&mut self, now: Instant, segment: &mut RudpSegment) {
        self.now = now;
        self.receive(now, segment);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.run_timers(now);
    }

    fn fill_segment(&mut self, now: Instant, segment: &mut RudpSegment) -> Filled {
        self.now = now;
        self.next_segment(now, segment)
    }

    /// All is acknowledged, and nothing to be: so it is between two packets of a peer that only sends.
    fn is_silent(&self) -> bool {
        self.state == State::Established
            && !(self.ack_now | self.probe_due | self.hello_due | self.fin_due | self.noting)
            && self.snd_una == self.outbox.end()
            && self.rst_due.is_none()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn notes(&mut self) -> Option<&mut Vec<FlowNote>> {
        self.noting.then_some(&mut self.notes)
    }

    fn stats(&self) -> FlowStats {
        FlowStats {
            bytes_written: self.outbox.end(),
            bytes_acked: self.snd_una,
            bytes_delivered: self.inbox.read_so_far(),
            segments_sent: self.departed.segments,
            last_acked: self.departed.last_acked,
            min_rtt: self.rtt.min_rtt(),
            srtt: self.rtt.srtt(),
            ..self.stats.clone()
        }
    }

    fn is_closed(&self) -> bool {
        self.state == State::Closed && self.rst_due.is_none()
    }
}

impl Stream for RudpConnection {
    fn write(&mut self, data: Bytes) -> usize {
        if self.finishing || !self.state.may_send() {
            return 0;
        }
        let asked = data.len();
        let taken = self.outbox.write(data);
        self.write_was_cut |= taken < asked;
        taken
    }

    fn writable(&self) -> usize {
        if self.finishing || !self.state.may_send() { 0 } else { self.outbox.room() as usize }
    }

    fn read(&mut self) -> Option<Bytes> {
        let data = self.inbox.read();
        match &data {
            None => self.read_found_nothing = true,
            Some(_) => self.consider_window_update(),
        }
        data
    }

    fn discard_input(&mut self) {
        self.inbox.discard_input();
    }

    fn finish_here(&mut self) {
        self.outbox.truncate(self.snd_max);
        self.finish();
    }

    fn finish(&mut self) {
        if !self.finishing && self.state.may_send() {
            self.finishing = true;
            self.fin_due = true;
        }
    }

    fn abort(&mut self) {
        if self.state != State::Closed {
            if self.state != State::TimeWait && self.syns_sent + self.next_pn > 0 && self.peer.cid != 0 {
                self.rst_due = Some(error::ABORTED);
            }
            self.close(self.now, CloseReason::Aborted);
            self.timers.stop(T::Rto);
        }
    }

    fn poll_event(&mut self) -> Option<StreamEvent> {
        (!self.events.is_empty()).then(|| self.events.remove(0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::RudpEndpoint;
    use super::*;

    /// Endpoint and connection in one piece, which begins with a line.
    #[test]
    fn a_receiver_touches_ten_cache_lines_and_a_sender_fourteen() {
        let end = |field: usize, bytes: usize| (RudpEndpoint::MACHINE + field + bytes).div_ceil(64);
        assert_eq!(align_of::<RudpEndpoint>(), 64);
        // Of what a receiver wrote it asks only how much that is.
        assert_eq!(end(offset_of!(RudpConnection, outbox), size_of::<u64>()), 10);
        // Of what a sender lost it asks whether there is any.
        assert_eq!(end(offset_of!(RudpConnection, lost), size_of::<u32>()), 14);
        assert_eq!(end(RudpConnection::HOT_BYTES, 0), 15);
    }
}

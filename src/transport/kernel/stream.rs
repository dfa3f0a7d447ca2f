//! One connection as its application sees it: what it wrote and the system has not taken yet, and
//! what the system received and it has not read yet.

use std::collections::VecDeque;

use bytes::Bytes;

use super::message::{SenderInfo, SocketOp};
use crate::base::note::{CloseReason, FlowNote, Phase, SendCause, Timer, Window, WindowCause};
use crate::base::report::FlowStats;
use crate::base::time::{Duration, Instant};
use crate::transport::connection::{Connection, Filled};
use crate::transport::stream::{Stream, StreamEvent};

/// Bytes that wait for the system at most; beyond them the application waits. The system has a buffer of
/// its own, so that more here would only be kept for those who read slowly.
const SEND_BUFFER_BYTES: u64 = 1 << 18;
/// A connection that cannot be opened in this time is given up.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// A peer that takes none of what waits for it, or that does not finish after we did, is given up
/// after this time.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// One TCP connection of the operating system's.
#[derive(Debug)]
pub(super) struct KernelStream {
    passive: bool,
    open: bool,
    /// Written, and not yet taken by the system.
    unsent: u64,
    received: VecDeque<Bytes>,
    /// Read by the application, and not yet told to the driver.
    read: u64,
    finished: bool,
    peer_finished: bool,
    closed: Option<CloseReason>,
    told_closed: bool,
    cut_short: bool,
    found_nothing: bool,
    told_finished: bool,
    deadline: Option<Instant>,
    /// How the system's sender stood last.
    info: Option<SenderInfo>,
    now: Instant,
    events: VecDeque<StreamEvent>,
    ops: VecDeque<SocketOp>,
    noting: bool,
    notes: Vec<FlowNote>,
    stats: FlowStats,
}

impl KernelStream {
    fn new(now: Instant, passive: bool) -> Self {
        KernelStream {
            passive,
            open: false,
            unsent: 0,
            received: VecDeque::new(),
            read: 0,
            finished: false,
            peer_finished: false,
            closed: None,
            told_closed: false,
            cut_short: false,
            found_nothing: true,
            told_finished: false,
            deadline: None,
            info: None,
            now,
            events: VecDeque::new(),
            ops: VecDeque::new(),
            noting: false,
            notes: Vec::new(),
            stats: FlowStats { congestion: "kernel", opened: Some(now), ..FlowStats::default() },
        }
    }

    /// A connection that is to be opened.
    pub(super) fn connect(now: Instant) -> Self {
        let mut stream = KernelStream::new(now, false);
        stream.ops.push_back(SocketOp::Open);
        stream.deadline = Some(now + OPEN_TIMEOUT);
        stream
    }

    /// A connection that a listener accepted.
    pub(super) fn accepted(now: Instant) -> Self {
        let mut stream = KernelStream::new(now, true);
        stream.stats.opened = None;
        stream
    }

    /// Whether the peer opened it.
    pub(super) fn is_passive(&self) -> bool {
        self.passive
    }

    /// Whether it keeps notes from now on.
    pub(super) fn set_noting(&mut self, noting: bool) {
        self.noting = noting;
    }

    fn note(&mut self, note: FlowNote) {
        if self.noting {
            self.notes.push(note);
        }
    }

    fn establish(&mut self) {
        self.open = true;
        self.stats.established = Some(self.now);
        self.note(FlowNote::Established);
        self.events.push_back(StreamEvent::Connected);
    }

    /// Whether the next move is the peer's.
    fn waits(&self) -> bool {
        self.open && self.closed.is_none() && (self.unsent > 0 || (self.finished && !self.peer_finished))
    }

    fn end(&mut self, reason: CloseReason, op: Option<SocketOp>) {
        if self.closed.is_some() {
            return;
        }
        self.closed = Some(reason);
        self.stats.closed = Some((self.now, reason));
        self.ops.extend(op);
        self.note(FlowNote::Closed { reason });
    }

    /// The system's sender stands otherwise than before.
    fn learn(&mut self, info: SenderInfo) {
        let before = self.info.replace(info);
        let was = |of: fn(&SenderInfo) -> bool| before.as_ref().is_some_and(of);
        let cause = match &before {
            None => WindowCause::Start,
            Some(_) if info.timed_out && !was(|i| i.timed_out) => WindowCause::Timeout,
            Some(_) if info.recovering && !was(|i| i.recovering) => WindowCause::Loss,
            Some(_) if was(|i| i.recovering || i.timed_out) && !info.recovering && !info.timed_out => {
                WindowCause::Recovered
            }
            Some(_) => WindowCause::Ack,
        };
        let s = &mut self.stats;
        (s.segments_sent, s.retransmits, s.timeouts) = (info.segments_sent, info.retransmits, info.timeouts);
        (s.min_rtt, s.srtt) = (info.min_rtt.or(s.min_rtt), info.srtt.or(s.srtt));
        if info.recovering || info.timed_out {
            s.ssthresh_after_first_loss_bytes = s.ssthresh_after_first_loss_bytes.or(info.ssthresh_bytes);
        }
        let phase = match info.ssthresh_bytes {
            _ if info.timed_out => Phase::Loss,
            _ if info.recovering => Phase::Recovery,
            Some(ssthresh) if info.cwnd_bytes >= ssthresh => Phase::CongestionAvoidance,
            _ => Phase::SlowStart,
        };
        let SenderInfo { cwnd_bytes, ssthresh_bytes, in_flight_bytes, srtt, rto, .. } = info;
        if cause == WindowCause::Timeout {
            self.note(FlowNote::Timeout { timer: Timer::Retransmission, backoff: 1 });
        }
        self.note(FlowNote::Window(Window { cause, phase, cwnd_bytes, ssthresh_bytes, in_flight_bytes, srtt, rto }));
    }

    /// Both ways are over and everything was heard: the socket may be closed.
    fn settle(&mut self) {
        if self.finished && self.peer_finished && self.unsent == 0 && self.received.is_empty() {
            self.end(CloseReason::Finished, Some(SocketOp::Close));
        }
    }
}

impl Stream for KernelStream {
    fn write(&mut self, data: Bytes) -> usize {
        let room = self.writable();
        if data.len() > room {
            self.cut_short = true;
        }
        let taken = data.len().min(room);
        if taken > 0 {
            self.unsent += taken as u64;
            self.stats.bytes_written += taken as u64;
            self.ops.push_back(SocketOp::Data(data.slice(..taken)));
        }
        taken
    }

    fn writable(&self) -> usize {
        if self.finished || self.closed.is_some() {
            return 0;
        }
        SEND_BUFFER_BYTES.saturating_sub(self.unsent) as usize
    }

    fn read(&mut self) -> Option<Bytes> {
        let data = self.received.pop_front();
        match &data {
            Some(data) => self.read += data.len() as u64,
            None => self.found_nothing = true,
        }
        self.settle();
        data
    }

    fn finish(&mut self) {
        if !self.finished && self.closed.is_none() {
            self.finished = true;
            self.ops.push_back(SocketOp::Finish);
            self.settle();
        }
    }

    fn abort(&mut self) {
        self.received.clear();
        self.end(CloseReason::Aborted, Some(SocketOp::Abort));
    }

    fn poll_event(&mut self) -> Option<StreamEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        if self.peer_finished && !self.told_finished && self.closed.is_none_or(|c| c == CloseReason::Finished) {
            self.told_finished = true;
            return Some(StreamEvent::Finished);
        }
        let reason = self.closed.filter(|_| !self.told_closed)?;
        self.told_closed = true;
        Some(StreamEvent::Closed(reason))
    }
}

impl Connection for KernelStream {
    type Segment = SocketOp;

    /// What the socket holds is only found by asking.
    fn has_events(&self) -> bool {
        true
    }

    fn take_segment(&mut self, now: Instant, op: &mut SocketOp) {
        if self.closed.is_some() {
            return;
        }
        self.now = now;
        // Whatever it is, the peer lives; figures alone say nothing of it.
        if !matches!(op, SocketOp::Info(_)) {
            self.deadline = None;
        }
        match op {
            SocketOp::Open => self.establish(),
            SocketOp::Data(data) => {
                self.stats.bytes_delivered += data.len() as u64;
                self.note(FlowNote::Delivered { bytes: data.len() as u64 });
                self.received.push_back(std::mem::take(data));
                if std::mem::take(&mut self.found_nothing) {
                    self.events.push_back(StreamEvent::Readable);
                }
            }
            SocketOp::Took(bytes) => {
                self.unsent = self.unsent.saturating_sub(*bytes);
                // How it cuts them into segments is the system's affair.
                let (offset, at_once) = (self.stats.bytes_acked, u32::try_from(*bytes).unwrap_or(u32::MAX));
                self.note(FlowNote::SegmentSent { offset, bytes: at_once, cause: SendCause::New });
                self.stats.bytes_acked += *bytes;
                self.stats.last_acked = Some(now);
                if std::mem::take(&mut self.cut_short) {
                    self.events.push_back(StreamEvent::Writable);
                }
            }
            SocketOp::Finish => self.peer_finished = true,
            SocketOp::Failed(reason) => self.end(*reason, None),
            SocketOp::Info(info) => self.learn(*info),
            SocketOp::Listen
            | SocketOp::BindUdp
            | SocketOp::BindRudp
            | SocketOp::UnbindUdp
            | SocketOp::Abort
            | SocketOp::Close => {}
        }
        self.settle();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.deadline.is_some_and(|at| at <= now) {
            self.end(CloseReason::TimedOut, Some(SocketOp::Abort));
        }
    }

    fn fill_segment(&mut self, now: Instant, op: &mut SocketOp) -> Filled {
        if let Some(next) = self.ops.pop_front() {
            *op = next;
            return Filled::Segment;
        }
        self.now = self.now.max(now);
        if self.read > 0 && self.closed.is_none() {
            *op = SocketOp::Took(std::mem::take(&mut self.read));
            return Filled::Segment;
        }
        match self.deadline {
            None if self.waits() => self.deadline = Some(now + STALL_TIMEOUT),
            Some(_) if self.open && !self.waits() => self.deadline = None,
            _ => {}
        }
        Filled::Nothing
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline.filter(|_| self.closed.is_none())
    }

    fn notes(&mut self) -> Option<&mut Vec<FlowNote>> {
        self.noting.then_some(&mut self.notes)
    }

    fn stats(&self) -> FlowStats {
        self.stats.clone()
    }

    fn is_closed(&self) -> bool {
        self.told_closed
    }
}

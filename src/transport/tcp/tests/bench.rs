//! Two connections, 50 ms apart, with losses by choice: the bench of the conformance rows.

use std::collections::VecDeque;

use bytes::Bytes;

use super::super::config::TcpConfig;
use super::super::connection::TcpConnection;
use super::super::state::State;
use crate::base::note::{FlowNote, SendCause, WindowCause};
use crate::base::rng::Rng;
use crate::base::time::{Duration, Instant};
use crate::base::units::Probability;
use crate::transport::connection::{Connection, Filled};
use crate::transport::stream::{Stream, StreamEvent};
use crate::wire::tcp::TcpSegment;

pub(super) const DELAY: Duration = Duration::from_millis(50);
pub(super) const MSS: u64 = 1000;

/// No SACK, no timestamps, every segment acknowledged at once, and a buffer that needs no scale, so
/// that the window field of the SYN is that of the first ACK.
pub(super) fn plain() -> TcpConfig {
    TcpConfig {
        mss: MSS,
        sack: false,
        timestamps: false,
        delayed_ack: false,
        receive_buffer: 65_535,
        ..TcpConfig::default()
    }
}

pub(super) struct Bench {
    pub(super) now: Instant,
    pub(super) a: TcpConnection,
    pub(super) b: Option<TcpConnection>,
    pub(super) config: TcpConfig,
    pub(super) b_iss: u32,
    pub(super) wires: [VecDeque<(Instant, TcpSegment)>; 2],
    /// Numbers of a's data segments, in order of sending, that get lost.
    pub(super) lose: Vec<usize>,
    pub(super) sent: usize,
    /// Everything a sent: when in ms since establishment, first segment number, cause.
    pub(super) log: Vec<(u64, u64, SendCause)>,
    pub(super) windows: Vec<(u64, WindowCause, u64, Option<u64>)>,
    pub(super) start: Instant,
    pub(super) received: Vec<u8>,
    pub(super) b_reads: bool,
    pub(super) segments: usize,
    pub(super) random_loss: Option<(Rng, Probability)>,
    pub(super) events: Vec<StreamEvent>,
    /// Everything either sent, if that is asked for.
    pub(super) trace: Option<Vec<(Instant, TcpSegment)>>,
}

impl Bench {
    pub(super) fn new(config: TcpConfig, iss: u32) -> Bench {
        let now = Instant::ZERO;
        let mut a = TcpConnection::open(&config, now, (1000, 80), iss, 7);
        a.set_noting(true);
        Bench {
            now,
            a,
            b: None,
            config,
            b_iss: iss.wrapping_add(99),
            wires: Default::default(),
            lose: Vec::new(),
            sent: 0,
            log: Vec::new(),
            windows: Vec::new(),
            start: now,
            received: Vec::new(),
            b_reads: true,
            segments: 0,
            random_loss: None,
            events: Vec::new(),
            trace: None,
        }
    }

    /// An established pair; `a` then writes `segments` full segments at 0 ms.
    pub(super) fn established(config: TcpConfig, lose: &[usize], segments: usize) -> Bench {
        let mut t = Bench::new(config, 0xffff_fff0);
        t.run_until(Instant::from_nanos(200_000_000));
        assert_eq!(t.a.state, State::Established);
        t.start = t.now;
        t.lose = lose.to_vec();
        t.log.clear();
        t.a.write(pattern(segments * MSS as usize));
        t
    }

    pub(super) fn ms(&self) -> u64 {
        self.now.since(self.start).as_millis()
    }

    pub(super) fn flush(&mut self) {
        for s in segments(&mut self.a, self.now) {
            self.segments += 1;
            self.trace.iter_mut().for_each(|trace| trace.push((self.now, s.clone())));
            if !s.payload.is_empty() {
                self.sent += 1;
                if self.lose.contains(&self.sent) {
                    continue;
                }
            }
            if !unlucky(&mut self.random_loss) {
                self.wires[0].push_back((self.now + DELAY, s));
            }
        }
        for note in self.a.notes().map(std::mem::take).unwrap_or_default() {
            match note {
                FlowNote::SegmentSent { offset, cause, .. } => self.log.push((self.ms(), offset / MSS + 1, cause)),
                FlowNote::Window(w) => self.windows.push((self.ms(), w.cause, w.cwnd_bytes, w.ssthresh_bytes)),
                _ => {}
            }
        }
        while let Some(event) = self.a.poll_event() {
            self.events.push(event);
        }
        if let Some(b) = &mut self.b {
            while let Some(data) = if self.b_reads { b.read() } else { None } {
                self.received.extend_from_slice(&data);
            }
            for s in segments(b, self.now) {
                self.segments += 1;
                self.trace.iter_mut().for_each(|trace| trace.push((self.now, s.clone())));
                if !unlucky(&mut self.random_loss) {
                    self.wires[1].push_back((self.now + DELAY, s));
                }
            }
        }
    }

    pub(super) fn run_until(&mut self, end: Instant) {
        loop {
            self.flush();
            let wires = self.wires.iter().filter_map(|w| w.front().map(|(at, _)| *at));
            let timers = [self.a.poll_timeout(), self.b.as_ref().and_then(|b| b.poll_timeout())];
            let Some(next) = wires.chain(timers.into_iter().flatten()).min().filter(|at| *at <= end) else { break };
            self.now = next;
            if self.wires[0].front().is_some_and(|(at, _)| *at <= next) {
                let (_, s) = self.wires[0].pop_front().unwrap();
                match &mut self.b {
                    Some(b) => b.handle_segment(next, s),
                    None => self.b = Some(TcpConnection::accept(&self.config, next, &s, self.b_iss, 9)),
                }
            } else if self.wires[1].front().is_some_and(|(at, _)| *at <= next) {
                let (_, s) = self.wires[1].pop_front().unwrap();
                self.a.handle_segment(next, s);
            } else {
                self.a.handle_timeout(next);
                if let Some(b) = &mut self.b {
                    b.handle_timeout(next);
                }
            }
        }
        self.now = end;
    }

    pub(super) fn run_ms(&mut self, ms: u64) {
        self.run_until(self.start + Duration::from_millis(ms));
    }

    pub(super) fn b(&mut self) -> &mut TcpConnection {
        self.b.as_mut().unwrap()
    }

    /// cwnd after each change for this cause.
    pub(super) fn cwnds(&self, cause: WindowCause) -> Vec<u64> {
        self.windows.iter().filter(|w| w.1 == cause).map(|w| w.2).collect()
    }

    pub(super) fn sent_because(&self, cause: SendCause) -> Vec<(u64, u64)> {
        self.log.iter().filter(|l| l.2 == cause).map(|l| (l.0, l.1)).collect()
    }
}

/// All that a connection has to send now. After the last one nobody asks for another; who does so
/// nevertheless, here who never predicts, gets none, and it changes nothing.
fn segments(c: &mut TcpConnection, now: Instant) -> Vec<TcpSegment> {
    let (mut all, silent) = (Vec::new(), c.is_silent());
    loop {
        let mut s = TcpSegment::default();
        let filled = c.fill_segment(now, &mut s);
        assert!(filled == Filled::Nothing || !silent);
        if filled != Filled::Nothing {
            all.push(s);
        }
        if filled == Filled::Last && c.never_predicts {
            assert_eq!(c.fill_segment(now, &mut TcpSegment::default()), Filled::Nothing);
        }
        if filled != Filled::Segment {
            return all;
        }
    }
}

pub(super) fn unlucky(loss: &mut Option<(Rng, Probability)>) -> bool {
    loss.as_mut().is_some_and(|(rng, p)| rng.chance(*p))
}

pub(super) fn pattern(len: usize) -> Bytes {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// A segment of `a`'s as `b` might forge or repeat it: `offset` counts from RCV.NXT.
pub(super) fn forged(t: &Bench, offset: i64) -> TcpSegment {
    let seq = t.a.rcv.irs.wrapping_add((t.a.rcv.nxt as i64 + offset) as u32);
    let ack = t.a.snd.iss.wrapping_add(t.a.snd.una as u32);
    let mut s = TcpSegment { src_port: 80, dst_port: 1000, seq, ack, window: 60_000, ..Default::default() };
    s.flags.ack = true;
    s
}

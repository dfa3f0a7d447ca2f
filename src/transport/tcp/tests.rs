//! Two connections, 50 ms apart, with losses by choice: the bench of the conformance rows.

use std::collections::VecDeque;

use bytes::Bytes;

use super::config::TcpConfig;
use super::connection::TcpConnection;
use super::state::State;
use crate::base::note::{CloseReason, FlowNote, SendCause, WindowCause};
use crate::base::time::{Duration, Instant};
use crate::transport::connection::Connection;
use crate::transport::stream::{Stream, StreamEvent};
use crate::wire::tcp::TcpSegment;

const DELAY: Duration = Duration::from_millis(50);
const MSS: u64 = 1000;

/// No SACK, no timestamps, every segment acknowledged at once, and a buffer that needs no scale, so
/// that the window field of the SYN is that of the first ACK.
fn plain() -> TcpConfig {
    TcpConfig {
        mss: MSS,
        sack: false,
        timestamps: false,
        delayed_ack: false,
        receive_buffer: 65_535,
        ..TcpConfig::default()
    }
}

struct Bench {
    now: Instant,
    a: TcpConnection,
    b: Option<TcpConnection>,
    config: TcpConfig,
    b_iss: u32,
    wires: [VecDeque<(Instant, TcpSegment)>; 2],
    /// Numbers of a's data segments, in order of sending, that get lost.
    lose: Vec<usize>,
    sent: usize,
    /// Everything a sent: when in ms since establishment, first segment number, cause.
    log: Vec<(u64, u64, SendCause)>,
    windows: Vec<(u64, WindowCause, u64, Option<u64>)>,
    start: Instant,
    received: Vec<u8>,
    b_reads: bool,
    segments: usize,
    events: Vec<StreamEvent>,
}

impl Bench {
    fn new(config: TcpConfig, iss: u32) -> Bench {
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
            events: Vec::new(),
        }
    }

    /// An established pair; `a` then writes `segments` full segments at 0 ms.
    fn established(config: TcpConfig, lose: &[usize], segments: usize) -> Bench {
        let mut t = Bench::new(config, 0xffff_fff0);
        t.run_until(Instant::from_nanos(200_000_000));
        assert_eq!(t.a.state, State::Established);
        t.start = t.now;
        t.lose = lose.to_vec();
        t.log.clear();
        t.a.write(pattern(segments * MSS as usize));
        t
    }

    fn ms(&self) -> u64 {
        self.now.since(self.start).as_millis()
    }

    fn flush(&mut self) {
        while let Some(s) = self.a.poll_transmit(self.now) {
            self.segments += 1;
            if !s.payload.is_empty() {
                self.sent += 1;
                if self.lose.contains(&self.sent) {
                    continue;
                }
            }
            self.wires[0].push_back((self.now + DELAY, s));
        }
        while let Some(note) = self.a.poll_note() {
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
            while let Some(s) = b.poll_transmit(self.now) {
                self.segments += 1;
                self.wires[1].push_back((self.now + DELAY, s));
            }
        }
    }

    fn run_until(&mut self, end: Instant) {
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

    fn run_ms(&mut self, ms: u64) {
        self.run_until(self.start + Duration::from_millis(ms));
    }

    fn b(&mut self) -> &mut TcpConnection {
        self.b.as_mut().unwrap()
    }

    /// cwnd after each change for this cause.
    fn cwnds(&self, cause: WindowCause) -> Vec<u64> {
        self.windows.iter().filter(|w| w.1 == cause).map(|w| w.2).collect()
    }

    fn sent_because(&self, cause: SendCause) -> Vec<(u64, u64)> {
        self.log.iter().filter(|l| l.2 == cause).map(|l| (l.0, l.1)).collect()
    }
}

fn pattern(len: usize) -> Bytes {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

#[test]
fn tcp_01_02_three_way_handshake() {
    let mut t = Bench::new(plain(), 5);
    t.run_until(Instant::from_nanos(150_000_000));
    assert_eq!((t.a.state, t.b().state, t.segments), (State::Established, State::Established, 3));
    assert_eq!((t.a.rtt.srtt(), t.events.as_slice()), (Some(DELAY * 2), &[StreamEvent::Connected][..]));
}

#[test]
fn tcp_03_simultaneous_open() {
    let mut t = Bench::new(plain(), 5);
    t.b = Some(TcpConnection::open(&t.config, t.now, (80, 1000), 77, 9));
    t.run_until(Instant::from_nanos(900_000_000));
    assert_eq!((t.a.state, t.b().state, t.segments), (State::Established, State::Established, 4));
}

#[test]
fn tcp_04_simultaneous_close() {
    let mut t = Bench::established(plain(), &[], 0);
    let before = t.segments;
    t.a.finish();
    t.b().finish();
    t.run_ms(500);
    assert_eq!((t.a.state, t.b().state, t.segments - before), (State::TimeWait, State::TimeWait, 4));
}

#[test]
fn tcp_05_normal_close() {
    let mut t = Bench::established(plain(), &[], 1);
    t.a.finish();
    assert_eq!(t.a.state, State::FinWait1);
    t.run_ms(500);
    assert_eq!((t.a.state, t.b().state), (State::FinWait2, State::CloseWait));
    t.b().finish();
    assert_eq!(t.b().state, State::LastAck);
    t.run_ms(900);
    assert_eq!((t.a.state, t.b().state), (State::TimeWait, State::Closed));
    assert_eq!(t.events.last(), Some(&StreamEvent::Closed(CloseReason::Finished)));
    t.run_ms(240_500);
    assert!(!t.a.is_closed());
    t.run_ms(240_600);
    assert!(t.a.is_closed());
    assert_eq!(t.received, pattern(1000));
}

#[test]
fn reno_05_slow_start() {
    let mut t = Bench::established(TcpConfig { initial_window: 4, ..plain() }, &[], 40);
    t.run_ms(100);
    assert_eq!(t.cwnds(WindowCause::Ack), [5000, 6000, 7000, 8000]);
    t.run_ms(200);
    assert_eq!(t.a.cwnd(), 16_000);
}

#[test]
fn reno_15_to_18_one_loss() {
    let mut t = Bench::established(plain(), &[7], 40);
    t.run_ms(1000);
    assert_eq!(t.sent_because(SendCause::LimitedTransmit), [(100, 23), (100, 24)]);
    assert_eq!(t.sent_because(SendCause::FastRetransmit), [(100, 7)]);
    let loss = t.windows.iter().find(|w| w.1 == WindowCause::Loss).unwrap();
    assert_eq!(*loss, (100, WindowCause::Loss, 11_000, Some(8000)));
    assert_eq!(t.cwnds(WindowCause::DuplicateAck).first(), Some(&12_000));
    assert_eq!(t.cwnds(WindowCause::DuplicateAck).last(), Some(&25_000));
    assert!(t.log.contains(&(200, 25, SendCause::New)));
    assert_eq!(t.cwnds(WindowCause::Recovered), [8000]);
    let after = t.windows.iter().skip_while(|w| w.1 != WindowCause::Recovered).nth(1).unwrap();
    assert_eq!(after.2, 8125);
    assert_eq!((t.a.stats().retransmits, t.a.stats().timeouts), (1, 0));
    assert_eq!(t.received, pattern(40_000));
}

#[test]
fn reno_21_23_all_lost() {
    let mut t = Bench::established(plain(), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 40);
    t.run_ms(1000);
    assert_eq!((t.a.controller.ssthresh(), t.a.cwnd(), t.a.flight()), (Some(5000), 1000, 1000));
    t.run_ms(5000);
    let acks = t.cwnds(WindowCause::Ack);
    assert_eq!(acks[..9], [2000, 3000, 4000, 5000, 5200, 5392, 5577, 5756, 5929]);
    assert_eq!(t.received, pattern(40_000));
}

#[test]
fn nr_01_the_first_segment_is_lost() {
    let mut t = Bench::established(TcpConfig { initial_window: 4, ..plain() }, &[1], 4);
    t.run_ms(100);
    assert_eq!(t.sent_because(SendCause::FastRetransmit), [(100, 1)]);
    assert_eq!((t.a.controller.ssthresh(), t.a.cwnd()), (Some(2000), 5000));
    t.run_ms(200);
    assert_eq!((t.a.stats().bytes_acked, t.a.stats().timeouts), (4000, 0));
}

#[test]
fn nr_04_two_losses() {
    let mut t = Bench::established(plain(), &[7, 9], 40);
    t.run_ms(1000);
    // Only 8 and 10 of the first flight give duplicates, so the third comes one round trip later.
    assert_eq!(t.sent_because(SendCause::FastRetransmit), [(200, 7)]);
    assert_eq!(t.cwnds(WindowCause::PartialAck), [23_000]);
    assert_eq!(t.sent_because(SendCause::Recovery), [(300, 9)]);
    assert!(t.log.windows(2).any(|w| w == [(300, 9, SendCause::Recovery), (300, 31, SendCause::New)]));
    assert_eq!(t.cwnds(WindowCause::DuplicateAck).last(), Some(&29_000));
    let recovered = t.windows.iter().find(|w| w.1 == WindowCause::Recovered).unwrap();
    assert_eq!((recovered.0, recovered.2), (400, 8000));
    assert_eq!(t.received, pattern(40_000));
}

#[test]
fn sack_06_08_two_losses() {
    let config = TcpConfig { sack: true, initial_window: 12, ..plain() };
    let mut t = Bench::established(config, &[1, 3], 40);
    t.run_ms(200);
    let at = |ms| t.log.iter().filter(|l| l.0 == ms).map(|l| l.1).collect::<Vec<u64>>();
    assert_eq!(at(100), [13, 14, 1, 3, 15, 16]);
    assert_eq!(at(200)[..3], [17, 18, 19]);
    let loss = t.windows.iter().find(|w| w.1 == WindowCause::Loss).unwrap();
    assert_eq!((loss.2, loss.3), (6000, Some(6000)));
    t.run_ms(2000);
    assert_eq!((t.a.stats().retransmits, t.a.stats().timeouts), (2, 0));
    assert_eq!(t.received, pattern(40_000));
}

#[test]
fn rto_08_backs_off() {
    let all: Vec<usize> = (1..40).collect();
    let mut t = Bench::established(plain(), &all, 1);
    t.run_ms(200_000);
    let at: Vec<u64> = t.log.iter().skip(1).map(|l| l.0 / 1000).collect();
    assert_eq!(at, [1, 3, 7, 15, 31, 63, 123, 183]);
}

#[test]
fn tcp_22_a_long_transfer_wraps() {
    let config = TcpConfig { receive_buffer: 300_000, ..TcpConfig::default() };
    let mut t = Bench::established(config, &[5, 30, 31, 77, 200, 201, 202], 0);
    let data = pattern(1_000_000);
    t.a.write(data.clone());
    t.a.finish();
    t.run_ms(60_000);
    assert_eq!(t.received, data);
    assert_eq!((t.a.state, t.b().state), (State::FinWait2, State::CloseWait));
    assert_eq!(t.a.stats().timeouts, 0);
}

#[test]
fn tcpf_01_zero_window_probes() {
    let mut t = Bench::established(TcpConfig { receive_buffer: 4000, ..plain() }, &[], 10);
    t.b_reads = false;
    t.run_ms(70_000);
    assert_eq!(t.b().stats().bytes_delivered, 4000);
    assert_eq!(t.a.stats().timeouts, 0);
    t.b_reads = true;
    t.run_ms(72_000);
    assert_eq!(t.b().stats().bytes_delivered, 10_000);
}

#[test]
fn rto_11_a_repeated_syn_makes_the_first_timeout_three_seconds() {
    let mut t = Bench::new(plain(), 5);
    // The first SYN is lost.
    assert!(t.a.poll_transmit(t.now).is_some());
    t.run_until(Instant::from_nanos(1_200_000_000));
    assert_eq!((t.a.state, t.a.rtt.rto(), t.a.cwnd()), (State::Established, Duration::from_secs(3), 10_000));
}

#[test]
fn tcp_32_a_syn_is_given_up_after_183_seconds() {
    let mut t = Bench::new(plain(), 5);
    let mut at = Vec::new();
    loop {
        while t.a.poll_transmit(t.now).is_some() {
            at.push(t.now.as_nanos() / 1_000_000_000);
        }
        let Some(next) = t.a.poll_timeout() else { break };
        t.now = next;
        t.a.handle_timeout(next);
    }
    assert_eq!(at, [0, 1, 3, 7, 15, 31, 63, 123]);
    assert_eq!(t.a.stats().closed, Some((Instant::from_nanos(183_000_000_000), CloseReason::TimedOut)));
}

/// A segment of `a`'s as `b` might forge or repeat it: `offset` counts from RCV.NXT.
fn forged(t: &Bench, offset: i64) -> TcpSegment {
    let seq = t.a.rcv.irs.wrapping_add((t.a.rcv.nxt as i64 + offset) as u32);
    let ack = t.a.snd.iss.wrapping_add(t.a.snd.una as u32);
    let mut s = TcpSegment { src_port: 80, dst_port: 1000, seq, ack, window: 60_000, ..Default::default() };
    s.flags.ack = true;
    s
}

#[test]
fn tcps_01_resets() {
    for (offset, state, answers) in [
        (0, State::Closed, 0),
        (1, State::Established, 1),
        (65_534, State::Established, 1),
        (65_535, State::Established, 0),
        (-1, State::Established, 0),
    ] {
        let mut t = Bench::established(plain(), &[], 0);
        let mut rst = forged(&t, offset);
        rst.flags.rst = true;
        t.a.handle_segment(t.now, rst);
        let sent: Vec<_> = std::iter::from_fn(|| t.a.poll_transmit(t.now)).collect();
        assert_eq!((t.a.state, sent.len()), (state, answers), "offset {offset}");
        // TCPS-04: SND.NXT and RCV.NXT.
        assert!(sent.iter().all(|s| s.seq == t.a.snd.iss.wrapping_add(1) && s.flags.ack && !s.flags.rst));
    }
}

#[test]
fn tcpf_07_delayed_acks() {
    let mut t = Bench::established(TcpConfig { delayed_ack: true, ..plain() }, &[], 0);
    t.b = None;
    let mut acks = Vec::new();
    for ms in 0..100 {
        let now = t.start + Duration::from_millis(ms);
        if ms < 3 {
            let mut s = forged(&t, 0);
            s.payload = pattern(1000);
            t.a.handle_segment(now, s);
        }
        t.a.handle_timeout(now);
        while t.a.poll_transmit(now).is_some() {
            acks.push(ms);
        }
    }
    assert_eq!(acks, [1, 42]);
}

#[test]
fn tcp_06_a_fin_ahead_of_a_gap_waits() {
    let mut t = Bench::established(plain(), &[], 0);
    let mut fin = forged(&t, 1000);
    fin.flags.fin = true;
    let mut data = forged(&t, 0);
    data.payload = pattern(1000);
    let first = data.seq;
    t.a.handle_segment(t.now, fin);
    assert_eq!(t.a.poll_transmit(t.now).unwrap().ack, first);
    t.a.handle_segment(t.now, data);
    assert_eq!((t.a.poll_transmit(t.now).unwrap().ack, t.a.state), (first.wrapping_add(1001), State::CloseWait));
}

#[test]
fn tcp_27_28_segment_size() {
    let syn = |mss, timestamps| {
        let mut s = TcpSegment { src_port: 9, dst_port: 80, window: 1000, ..Default::default() };
        s.flags.syn = true;
        (s.options.mss, s.options.timestamps) = (mss, timestamps);
        TcpConnection::accept(&TcpConfig::default(), Instant::ZERO, &s, 1, 2).snd.mss
    };
    assert_eq!(syn(None, None), 536);
    assert_eq!(syn(Some(1460), Some((1, 0))), 1448);
    assert_eq!(syn(Some(1460), None), 1448);
    assert_eq!(syn(Some(1), None), 64);
}

//! The default bench: MSS 1000, 50 ms one way, no serialisation, every segment acknowledged at
//! once, no SACK, no timestamps. Two endpoints, or one and a script.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;
use twinwire::base::note::{FlowNote, SendCause, Window, WindowCause};
use twinwire::base::rng::Seed;
use twinwire::base::schema::{Data, Params, Value};
use twinwire::base::time::{Duration, Instant};
use twinwire::transport::congestion::CONTROLLERS;
use twinwire::transport::congestion::controller::{Acked, Controller, Lost, Setup};
use twinwire::transport::endpoint::{ConnId, Endpoint, EndpointEvent};
use twinwire::transport::tcp::{TcpConfig, TcpEndpoint};
use twinwire::wire::tcp::TcpSegment;

pub(crate) const DELAY: Duration = Duration::from_millis(50);
pub(crate) const MSS: u64 = 1000;
const HOSTS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn at_ms(n: u64) -> Instant {
    Instant::ZERO + ms(n)
}

/// The bench's configuration. The buffer needs no scale, so that the window field of the SYN is
/// that of the first ACK.
pub(crate) fn plain() -> TcpConfig {
    TcpConfig {
        mss: MSS,
        sack: false,
        timestamps: false,
        delayed_ack: false,
        receive_buffer: 65_535,
        ..TcpConfig::default()
    }
}

pub(crate) struct Bench {
    pub(crate) now: Instant,
    /// What times in logs count from: the handshake's end.
    pub(crate) start: Instant,
    pub(crate) a: TcpEndpoint,
    pub(crate) b: TcpEndpoint,
    pub(crate) conn: ConnId,
    wires: [VecDeque<(Instant, TcpSegment)>; 2],
    /// Which of a's transmissions of data, counted from 1, get lost.
    pub(crate) lose: Vec<usize>,
    sent: usize,
    /// SYNs still to be lost.
    pub(crate) lose_syns: usize,
    /// Data segments that arrive so much later than others, by number of transmission.
    pub(crate) late: Vec<(usize, Duration)>,
    /// No peer: the test feeds segments itself.
    scripted: bool,
    /// ISS of a, and the next number of its peer.
    iss: u32,
    peer_seq: u32,
    /// When a's SYNs left.
    pub(crate) syns: Vec<u64>,
    /// When a's data left, in ms, the number of the segment, why.
    pub(crate) log: Vec<(u64, u64, SendCause)>,
    pub(crate) windows: Vec<(u64, Window)>,
    /// ACK numbers that b sent, as next expected segment.
    pub(crate) acks: Vec<u64>,
    pub(crate) timeouts: Vec<u64>,
}

impl Bench {
    /// `a` has polled nothing yet.
    pub(crate) fn opening(config: &TcpConfig, lose_syns: usize) -> Bench {
        let endpoint = |name: &str| {
            let mut e = TcpEndpoint::new(Seed(7).stream(name));
            e.set_noting(name == "a");
            e
        };
        let (mut a, mut b) = (endpoint("a"), endpoint("b"));
        let ends = [SocketAddrV4::new(HOSTS[0], 1000), SocketAddrV4::new(HOSTS[1], 80)];
        let conn = a.connect(Instant::ZERO, ends[0], ends[1], config, "bench".into());
        b.listen(80, config);
        Bench {
            now: Instant::ZERO,
            start: Instant::ZERO,
            a,
            b,
            conn,
            wires: Default::default(),
            lose: Vec::new(),
            sent: 0,
            lose_syns,
            late: Vec::new(),
            scripted: false,
            iss: 0,
            peer_seq: 0,
            syns: Vec::new(),
            log: Vec::new(),
            windows: Vec::new(),
            acks: Vec::new(),
            timeouts: Vec::new(),
        }
    }

    /// Established, at 0 ms; `a` then writes so many segments.
    pub(crate) fn new(config: &TcpConfig, lose: &[usize], segments: u64) -> Bench {
        let mut t = Bench::opening(config, 0);
        t.run_ms(200);
        t.begin(lose, segments);
        t
    }

    pub(crate) fn begin(&mut self, lose: &[usize], segments: u64) {
        self.start = self.now;
        (self.lose, self.sent) = (lose.to_vec(), 0);
        self.log.clear();
        self.acks.clear();
        self.timeouts.clear();
        self.write(segments);
    }

    /// Established, the peer replaced by the test.
    pub(crate) fn scripted(config: &TcpConfig, segments: u64) -> Bench {
        let mut t = Bench::new(config, &[], 0);
        t.scripted = true;
        t.write(segments);
        t.flush();
        t
    }

    pub(crate) fn write(&mut self, segments: u64) {
        self.write_bytes(segments * MSS);
    }

    pub(crate) fn write_bytes(&mut self, bytes: u64) {
        let taken = self.a.stream(self.conn).expect("open").write(Bytes::from(vec![7; bytes as usize]));
        assert_eq!(taken as u64, bytes, "the send buffer is large enough");
    }

    pub(crate) fn ms(&self) -> u64 {
        self.now.since(self.start).as_millis()
    }

    fn flush(&mut self) {
        while let Some(out) = self.a.poll_transmit(self.now) {
            let s = out.segment;
            if s.flags.ack {
                self.peer_seq = s.ack;
            }
            let mut wait = DELAY;
            if s.flags.syn {
                self.iss = s.seq;
                self.syns.push(self.now.as_nanos() / 1_000_000);
                if self.lose_syns > 0 {
                    self.lose_syns -= 1;
                    continue;
                }
            } else if !s.payload.is_empty() {
                self.sent += 1;
                if self.lose.contains(&self.sent) {
                    continue;
                }
                wait = self.late.iter().find(|l| l.0 == self.sent).map_or(wait, |l| wait + l.1);
            }
            if !self.scripted {
                self.wires[0].push_back((self.now + wait, s));
            }
        }
        for note in self.a.take_notes() {
            match note {
                FlowNote::SegmentSent { offset, cause, .. } => self.log.push((self.ms(), offset / MSS + 1, cause)),
                FlowNote::Window(w) => self.windows.push((self.ms(), w)),
                FlowNote::Timeout { .. } => self.timeouts.push(self.ms()),
                _ => {}
            }
        }
        while self.a.poll_event().is_some() {}
        while let Some(event) = self.b.poll_event() {
            if let EndpointEvent::Stream(id, _) = event {
                while self.b.stream(id).is_some_and(|s| s.read().is_some()) {}
            }
        }
        while let Some(out) = self.b.poll_transmit(self.now) {
            let s = out.segment;
            if !s.flags.syn {
                self.acks.push(u64::from(s.ack.wrapping_sub(self.iss) - 1) / MSS + 1);
            }
            self.wires[1].push_back((self.now + DELAY, s));
        }
    }

    pub(crate) fn run_until(&mut self, end: Instant) {
        loop {
            self.flush();
            // A late segment lets others pass.
            self.wires[0].make_contiguous().sort_by_key(|(at, _)| *at);
            let wires = self.wires.iter().filter_map(|w| w.front().map(|(at, _)| *at));
            let b_timer = self.b.poll_timeout().filter(|_| !self.scripted);
            let timers = self.a.poll_timeout().into_iter().chain(b_timer);
            let Some(next) = wires.chain(timers).min().filter(|at| *at <= end) else { break };
            self.now = next;
            let due = |w: &VecDeque<(Instant, TcpSegment)>| w.front().is_some_and(|(at, _)| *at <= next);
            if due(&self.wires[0]) {
                let (_, s) = self.wires[0].pop_front().expect("due");
                self.b.handle_segment(next, HOSTS[0], HOSTS[1], s);
            } else if due(&self.wires[1]) {
                let (_, s) = self.wires[1].pop_front().expect("due");
                self.a.handle_segment(next, HOSTS[1], HOSTS[0], s);
            } else {
                self.a.handle_timeout(next);
                self.b.handle_timeout(next);
            }
        }
        self.now = end;
    }

    pub(crate) fn run_ms(&mut self, n: u64) {
        self.run_until(self.start + ms(n));
    }

    /// A bare ACK of the peer's that expects byte `offset` of the stream next.
    pub(crate) fn bare_ack(&self, offset: u64) -> TcpSegment {
        let mut s = TcpSegment {
            src_port: 80,
            dst_port: 1000,
            seq: self.peer_seq,
            ack: self.iss.wrapping_add(1 + offset as u32),
            window: 65_535,
            ..Default::default()
        };
        s.flags.ack = true;
        s
    }

    pub(crate) fn feed(&mut self, s: TcpSegment) {
        self.a.handle_segment(self.now, HOSTS[1], HOSTS[0], s);
        self.flush();
    }

    /// The peer expects segment `k` next.
    pub(crate) fn ack(&mut self, k: u64) {
        self.feed(self.bare_ack((k - 1) * MSS));
    }

    pub(crate) fn last(&self) -> &Window {
        &self.windows.last().expect("a window was noted").1
    }
    pub(crate) fn cwnd(&self) -> u64 {
        self.last().cwnd_bytes
    }
    pub(crate) fn ssthresh(&self) -> Option<u64> {
        self.last().ssthresh_bytes
    }

    /// cwnd after each change for this cause.
    pub(crate) fn cwnds(&self, cause: WindowCause) -> Vec<u64> {
        self.windows.iter().filter(|w| w.1.cause == cause).map(|w| w.1.cwnd_bytes).collect()
    }

    pub(crate) fn sent_because(&self, cause: SendCause) -> Vec<(u64, u64)> {
        self.log.iter().filter(|l| l.2 == cause).map(|l| (l.0, l.1)).collect()
    }

    /// Segments sent at this time.
    pub(crate) fn sent_at(&self, ms: u64) -> Vec<u64> {
        self.log.iter().filter(|l| l.0 == ms).map(|l| l.1).collect()
    }
}

/// A controller for segments of `smss` bytes, with these keys.
pub(crate) fn controller(
    name: &str,
    smss: u64,
    initial: u64,
    byte_counting: bool,
    keys: &[(&str, Data)],
) -> Box<dyn Controller> {
    let value = |data: &Data| Value { data: data.clone(), span: 0..0 };
    let params = Params(keys.iter().map(|(k, d)| (k.to_string(), value(d))).collect());
    let entry = CONTROLLERS.find(name).expect("registered");
    (entry.build)(&Setup { smss, initial_window: initial, byte_counting, uncapped_growth: false, params })
}

/// An ACK at `now` of a flight that fills the window, over a path of 100 ms.
pub(crate) fn acked(now: Instant, bytes: u64, in_flight_bytes: u64) -> Acked {
    let rtt = Some(ms(100));
    Acked { now, bytes, in_flight_bytes, cwnd_limited: true, rtt, srtt: rtt, after_timeout: false }
}

pub(crate) fn lost(now: Instant, in_flight_bytes: u64) -> Lost {
    Lost { now, in_flight_bytes, repeated: false }
}

//! A sender behind the byte-level door, and a peer made of hand-written ACKs: for rows that say
//! which ACK lets go of what. Segments have 1000 bytes and are counted from 1; times are in ms since
//! the handshake's end.

use std::net::SocketAddrV4;

use twinwire::base::rng::Seed;
use twinwire::base::time::{Duration, Instant};
use twinwire::transport::endpoint::ConnId;
use twinwire::transport::tcp::{TcpConfig, TcpDoor, TcpSnapshot};
use twinwire::wire::tcp::TcpSegment;

use crate::bench::{MSS, ms, plain};

const ISS: u32 = 0xffff_fff0;
const PEER_ISS: u32 = 5000;

/// The bench's configuration with SACK.
pub(crate) fn sacking(initial_window: u64) -> TcpConfig {
    TcpConfig { sack: true, initial_window, ..plain() }
}

/// The same with losses found by time.
pub(crate) fn racking(initial_window: u64) -> TcpConfig {
    TcpConfig { rack: true, ..sacking(initial_window) }
}

pub(crate) struct Script {
    door: TcpDoor,
    conn: ConnId,
    ends: (SocketAddrV4, SocketAddrV4),
    start: Instant,
    now: Instant,
    max: u64,
    /// With timestamps on: what the next ACKs echo, in ms since the handshake's end.
    pub(crate) echo: u64,
    timestamps: bool,
    /// The window field of ACKs.
    pub(crate) window: u16,
    /// What was sent since it was last asked: when, and which.
    sent: Vec<(u64, String)>,
}

impl Script {
    /// An established connection over a path of so many ms, nothing written yet. `syns` says how
    /// often the SYN has to be sent.
    pub(crate) fn over(config: &TcpConfig, rtt_ms: u64, syns: u32) -> Script {
        let ends: (SocketAddrV4, SocketAddrV4) = ("10.0.0.1:1000".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let mut door = TcpDoor::new(Seed(1)).with_iss(ISS).with_timestamp_offset(0);
        let mut now = Instant::ZERO;
        let conn = door.connect(now, ends.0, ends.1, config).expect("a good configuration");
        assert!(door.segment_out(now).is_some() && door.segment_out(now).is_none());
        for _ in 1..syns {
            now = door.next_timeout().expect("the SYN's timer");
            door.handle_timeout(now);
            assert!(door.segment_out(now).is_some() && door.segment_out(now).is_none());
        }
        let start = now + ms(rtt_ms);
        let (echo, timestamps) = (0, config.timestamps);
        let mut t =
            Script { door, conn, ends, start, now: start, max: 0, echo, timestamps, window: 65_535, sent: Vec::new() };
        let mut syn = t.segment(0, &[]);
        (syn.seq, syn.ack, syn.flags.syn) = (PEER_ISS, ISS.wrapping_add(1), true);
        syn.options.mss = Some(config.mss as u16 + if timestamps { 12 } else { 0 });
        syn.options.sack_permitted = config.sack;
        t.feed(&syn);
        assert_eq!(t.snapshot().state, "ESTABLISHED");
        t.sent.clear();
        t
    }

    /// The usual path of 100 ms; so many segments are written, and the first flight leaves.
    pub(crate) fn new(config: &TcpConfig, segments: u64) -> Script {
        let mut t = Script::over(config, 100, 1);
        t.write(segments);
        t.sent.clear();
        t
    }

    /// Writes segments; says which leave.
    pub(crate) fn write(&mut self, segments: u64) -> String {
        let bytes = (segments * MSS) as usize;
        assert_eq!(self.door.write(self.conn, vec![7; bytes]), bytes, "the send buffer is large enough");
        self.poll();
        self.taken()
    }

    pub(crate) fn finish(&mut self) -> String {
        self.door.finish(self.conn);
        self.poll();
        self.taken()
    }

    pub(crate) fn snapshot(&self) -> TcpSnapshot {
        self.door.snapshot(self.conn).expect("it is open")
    }

    pub(crate) fn cwnd(&self) -> u64 {
        self.snapshot().cwnd
    }

    pub(crate) fn ssthresh(&self) -> Option<u64> {
        self.snapshot().ssthresh
    }

    /// When the next timer fires.
    pub(crate) fn timer(&self) -> Option<u64> {
        self.door.next_timeout().map(|at| at.since(self.start).as_millis())
    }

    /// A peer's segment with these byte offsets.
    pub(crate) fn segment(&self, ack: u64, sack: &[(u64, u64)]) -> TcpSegment {
        let wire = |offset: u64| ISS.wrapping_add(1).wrapping_add(offset as u32);
        let mut s = TcpSegment {
            src_port: 80,
            dst_port: 1000,
            seq: PEER_ISS + 1,
            ack: wire(ack),
            window: self.window,
            ..Default::default()
        };
        s.flags.ack = true;
        s.options.sack = sack.iter().map(|&(from, to)| (wire(from), wire(to))).collect();
        let zero = self.start.as_nanos() / 1_000_000;
        let stamp = |at: u64| (zero + at) as u32;
        s.options.timestamps = self.timestamps.then(|| (stamp(self.ms()), stamp(self.echo)));
        s
    }

    /// Takes a segment in now; says what it lets go.
    pub(crate) fn feed(&mut self, s: &TcpSegment) -> String {
        let mut bytes = Vec::new();
        s.encode(*self.ends.1.ip(), *self.ends.0.ip(), &mut bytes);
        self.door.segment_in(self.now, *self.ends.1.ip(), *self.ends.0.ip(), &bytes).expect("well formed");
        self.poll();
        self.taken()
    }

    /// The peer expects segment `k` next.
    pub(crate) fn ack(&mut self, k: u64) -> String {
        self.sack(k, &[])
    }

    /// The peer expects segment `k` next, and holds the segments from the first number of each pair
    /// to before the second.
    pub(crate) fn sack(&mut self, k: u64, blocks: &[(u64, u64)]) -> String {
        let bytes: Vec<(u64, u64)> = blocks.iter().map(|&(from, to)| ((from - 1) * MSS, (to - 1) * MSS)).collect();
        self.feed(&self.segment((k - 1) * MSS, &bytes))
    }

    pub(crate) fn ms(&self) -> u64 {
        self.now.since(self.start).as_millis()
    }

    /// Lets the time pass, timers included; says what left when: "300 R10".
    pub(crate) fn until(&mut self, at_ms: u64) -> Vec<String> {
        let end = self.start + Duration::from_millis(at_ms);
        self.sent.clear();
        while let Some(at) = self.door.next_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.door.handle_timeout(self.now);
            self.poll();
        }
        self.now = end;
        std::mem::take(&mut self.sent).into_iter().map(|(at, what)| format!("{at} {what}")).collect()
    }

    fn taken(&mut self) -> String {
        let names: Vec<String> = std::mem::take(&mut self.sent).into_iter().map(|s| s.1).collect();
        names.join(" ")
    }

    /// Takes segments out: N is new data, R a repeat, F a bare FIN.
    fn poll(&mut self) {
        while let Some((src, dst, bytes)) = self.door.segment_out(self.now) {
            let s = TcpSegment::parse(src, dst, &bytes).expect("what we send can be read");
            let (from, len) = (u64::from(s.seq.wrapping_sub(ISS).wrapping_sub(1)), s.payload.len() as u64);
            if len == 0 && !s.flags.fin {
                continue;
            }
            let name = match from + len > self.max {
                _ if len == 0 => "F".to_owned(),
                true => format!("N{}", from / MSS + 1),
                false => format!("R{}", from / MSS + 1),
            };
            self.max = self.max.max(from + len);
            let odd = if from % MSS > 0 || len % MSS > 0 { format!("[{len} B]") } else { String::new() };
            self.sent.push((self.ms(), name + &odd));
        }
    }
}

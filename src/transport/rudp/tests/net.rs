//! Two endpoints, 50 ms apart, and a wire that drops what a test tells it to.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use bytes::Bytes;

use crate::base::note::{FlowNote, Window, WindowCause};
use crate::base::report::FlowStats;
use crate::base::rng::{Rng, Seed};
use crate::base::time::{Duration, Instant};
use crate::transport::endpoint::{ConnId, Endpoint, EndpointEvent};
use crate::transport::rudp::close::State;
use crate::transport::rudp::{Mode, RudpConfig, RudpEndpoint};
use crate::transport::stream::{Stream, StreamEvent};
use crate::wire::rudp::RudpSegment;

pub(super) const P: u64 = 1152;
pub(super) const CLIENT: usize = 0;
pub(super) const SERVER: usize = 1;

pub(super) fn ms(n: u64) -> Instant {
    Instant::from_nanos(n * 1_000_000)
}

/// What went onto the wire.
pub(super) struct Sent {
    pub(super) at: Instant,
    pub(super) from: usize,
    pub(super) seg: RudpSegment,
    pub(super) dropped: bool,
}

pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) ends: [RudpEndpoint; 2],
    pub(super) conns: [Option<ConnId>; 2],
    pub(super) wire: BTreeMap<(Instant, usize), (usize, RudpSegment)>,
    pub(super) log: Vec<Sent>,
    pub(super) drop: Box<dyn FnMut(&Sent) -> bool>,
    pub(super) read: [bool; 2],
    pub(super) got: [Vec<(Instant, Bytes)>; 2],
    pub(super) events: [Vec<(Instant, StreamEvent)>; 2],
    /// Written as soon as the connection is there.
    pub(super) greeting: [Option<Bytes>; 2],
    pub(super) finish_after_greeting: [bool; 2],
    pub(super) accepted: u32,
    /// One way.
    pub(super) delay: Duration,
    /// Delays, repeats and loses packets at random, and sends them as bytes.
    pub(super) chaos: Option<Rng>,
    pub(super) notes: Vec<FlowNote>,
    /// The states that each end went through.
    pub(super) states: [Vec<State>; 2],
}

pub(super) fn address(end: usize) -> SocketAddrV4 {
    if end == CLIENT { "10.0.0.1:50000".parse().unwrap() } else { "10.0.0.2:80".parse().unwrap() }
}

impl Net {
    pub(super) fn new(client: RudpConfig, server: RudpConfig, drop: impl FnMut(&Sent) -> bool + 'static) -> Net {
        let end = |name| RudpEndpoint::new(Seed(1).stream(name));
        let mut ends = [end("client"), end("server")];
        ends[SERVER].listen(80, &server);
        ends[CLIENT].set_noting(true);
        let conn = ends[CLIENT].connect(Instant::ZERO, address(CLIENT), address(SERVER), &client, "test".into());
        Net {
            now: Instant::ZERO,
            ends,
            conns: [Some(conn), None],
            wire: BTreeMap::new(),
            log: Vec::new(),
            drop: Box::new(drop),
            read: [true; 2],
            got: [Vec::new(), Vec::new()],
            events: [Vec::new(), Vec::new()],
            greeting: [None, None],
            finish_after_greeting: [false; 2],
            accepted: 0,
            delay: Duration::from_millis(50),
            chaos: None,
            notes: Vec::new(),
            states: [Vec::new(), Vec::new()],
        }
    }

    pub(super) fn mode(mode: Mode, drop: impl FnMut(&Sent) -> bool + 'static) -> Net {
        let config = RudpConfig { mode, ..RudpConfig::default() };
        Net::new(config.clone(), config, drop)
    }

    pub(super) fn stream(&mut self, end: usize) -> &mut dyn Stream {
        let conn = self.conns[end].unwrap();
        self.ends[end].stream(conn).unwrap()
    }

    pub(super) fn settle(&mut self) {
        for end in [CLIENT, SERVER] {
            self.trace_state(end);
            loop {
                while let Some(event) = self.ends[end].poll_event() {
                    match event {
                        EndpointEvent::Accepted { conn, .. } => {
                            self.accepted += 1;
                            self.conns[end] = Some(conn);
                        }
                        EndpointEvent::Stream(_, event) => {
                            self.events[end].push((self.now, event));
                            if event == StreamEvent::Connected
                                && let Some(data) = self.greeting[end].take()
                            {
                                let n = data.len();
                                assert_eq!(self.stream(end).write(data), n);
                                if self.finish_after_greeting[end] {
                                    self.stream(end).finish();
                                }
                            }
                            if event == StreamEvent::Readable && self.read[end] {
                                self.drain(end);
                            }
                        }
                    }
                }
                let Some(out) = self.ends[end].poll_transmit(self.now) else { break };
                let mut sent = Sent { at: self.now, from: end, seg: out.segment.clone(), dropped: false };
                sent.dropped = (self.drop)(&sent);
                if let Some(rng) = &mut self.chaos {
                    let mut bytes = Vec::new();
                    out.segment.encode(&mut bytes);
                    sent.dropped = rng.below(10) == 0;
                    // A bit error: the CRC must find it, and the packet is as good as lost.
                    if rng.below(100) == 0 {
                        let bit = rng.below(8 * bytes.len() as u64) as usize;
                        let mut bad = bytes.clone();
                        bad[bit / 8] ^= 1 << (bit % 8);
                        assert!(RudpSegment::parse(&bad).is_err());
                        sent.dropped = true;
                    }
                    for copy in 0..1 + usize::from(rng.below(10) == 0) {
                        let arrival = self.now + Duration::from_micros(40_000 + rng.below(20_000));
                        if !sent.dropped {
                            let (src_port, dst_port) = (out.segment.src_port, out.segment.dst_port);
                            let seg = RudpSegment { src_port, dst_port, ..RudpSegment::parse(&bytes).unwrap() };
                            self.wire.insert((arrival, 2 * self.log.len() + copy), (1 - end, seg));
                        }
                    }
                } else if !sent.dropped {
                    let arrival = self.now + self.delay;
                    self.wire.insert((arrival, self.log.len()), (1 - end, out.segment));
                }
                self.log.push(sent);
                self.trace_state(end);
            }
            self.trace_state(end);
        }
    }

    fn trace_state(&mut self, end: usize) {
        let Some(conn) = self.conns[end] else { return };
        let state = self.ends[end].state(conn);
        if self.states[end].last() != Some(&state) {
            self.states[end].push(state);
        }
    }

    /// The client's notes of changes of its window for this reason.
    pub(super) fn windows(&mut self, cause: WindowCause) -> Vec<Window> {
        self.notes.extend(self.ends[CLIENT].take_notes());
        let windows = self.notes.iter().filter_map(|n| if let FlowNote::Window(w) = n { Some(*w) } else { None });
        windows.filter(|w| w.cause == cause).collect()
    }

    pub(super) fn drain(&mut self, end: usize) {
        while let Some(data) = self.stream(end).read() {
            let now = self.now;
            self.got[end].push((now, data));
        }
    }

    pub(super) fn run(&mut self, until: Instant) {
        self.settle();
        loop {
            let wire = self.wire.first_key_value().map(|(&(at, _), _)| at);
            let timers = self.ends.iter().filter_map(|e| e.poll_timeout());
            let Some(at) = timers.chain(wire).min().filter(|&at| at <= until) else { break };
            self.now = self.now.max(at);
            if wire == Some(at) {
                let (_, (to, seg)) = self.wire.pop_first().unwrap();
                let (src, dst) = (*address(1 - to).ip(), *address(to).ip());
                self.ends[to].handle_segment(self.now, src, dst, seg);
            } else {
                self.ends.iter_mut().for_each(|e| e.handle_timeout(at));
            }
            self.settle();
        }
        self.now = until;
    }

    pub(super) fn stats(&self, end: usize) -> FlowStats {
        self.ends[end].reports().remove(0).stats
    }

    pub(super) fn bytes(&self, end: usize) -> Vec<u8> {
        self.got[end].iter().flat_map(|(_, b)| b.iter().copied()).collect()
    }

    /// When data packets left, in packets of the default payload.
    pub(super) fn data(&self, from: usize) -> Vec<(Instant, u64)> {
        let data = self.log.iter().filter(|s| s.from == from && s.seg.flags.data);
        data.map(|s| (s.at, s.seg.offset / P)).collect()
    }
}

pub(super) fn pattern(bytes: u64) -> Bytes {
    (0..bytes).map(|k| (k % 251) as u8).collect::<Vec<_>>().into()
}

/// Drops the first data packet at each of these places, counted in payloads.
pub(super) fn drop_once(mut places: Vec<u64>) -> impl FnMut(&Sent) -> bool {
    move |s| {
        let place = s.seg.offset / P;
        let hit = s.from == CLIENT && s.seg.flags.data && places.contains(&place);
        places.retain(|&p| !hit || p != place);
        hit
    }
}

pub(super) fn send(mode: Mode, packets: u64, places: Vec<u64>) -> Net {
    let mut net = Net::mode(mode, drop_once(places));
    net.greeting[CLIENT] = Some(pattern(packets * P));
    net.run(ms(20_000));
    assert_eq!(net.bytes(SERVER), pattern(packets * P));
    net
}

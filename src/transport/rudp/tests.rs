//! Two endpoints, 50 ms apart, and a wire that drops what a test tells it to.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use bytes::Bytes;

use super::{Mode, RudpConfig, RudpEndpoint};
use crate::base::note::CloseReason;
use crate::base::report::FlowStats;
use crate::base::rng::Seed;
use crate::base::time::{Duration, Instant};
use crate::transport::endpoint::{ConnId, Endpoint, EndpointEvent};
use crate::transport::stream::StreamEvent;
use crate::wire::rudp::RudpSegment;

const P: u64 = 1152;
const CLIENT: usize = 0;
const SERVER: usize = 1;

fn ms(n: u64) -> Instant {
    Instant::from_nanos(n * 1_000_000)
}

/// What went onto the wire.
struct Sent {
    at: Instant,
    from: usize,
    seg: RudpSegment,
    dropped: bool,
}

struct Net {
    now: Instant,
    ends: [RudpEndpoint; 2],
    conns: [Option<ConnId>; 2],
    wire: BTreeMap<(Instant, usize), (usize, RudpSegment)>,
    log: Vec<Sent>,
    drop: Box<dyn FnMut(&Sent) -> bool>,
    read: [bool; 2],
    got: [Vec<(Instant, Bytes)>; 2],
    events: [Vec<(Instant, StreamEvent)>; 2],
    /// Written as soon as the connection is there.
    greeting: [Option<Bytes>; 2],
    finish_after_greeting: [bool; 2],
    accepted: u32,
}

fn address(end: usize) -> SocketAddrV4 {
    if end == CLIENT { "10.0.0.1:50000".parse().unwrap() } else { "10.0.0.2:80".parse().unwrap() }
}

impl Net {
    fn new(client: RudpConfig, server: RudpConfig, drop: impl FnMut(&Sent) -> bool + 'static) -> Net {
        let end = |name| RudpEndpoint::new(Seed(1).stream(name));
        let mut ends = [end("client"), end("server")];
        ends[SERVER].listen(80, &server);
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
        }
    }

    fn mode(mode: Mode, drop: impl FnMut(&Sent) -> bool + 'static) -> Net {
        let config = RudpConfig { mode, ..RudpConfig::default() };
        Net::new(config.clone(), config, drop)
    }

    fn stream(&mut self, end: usize) -> &mut dyn crate::transport::stream::Stream {
        let conn = self.conns[end].unwrap();
        self.ends[end].stream(conn).unwrap()
    }

    fn settle(&mut self) {
        for end in [CLIENT, SERVER] {
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
                if !sent.dropped {
                    let arrival = self.now + Duration::from_millis(50);
                    self.wire.insert((arrival, self.log.len()), (1 - end, out.segment));
                }
                self.log.push(sent);
            }
        }
    }

    fn drain(&mut self, end: usize) {
        while let Some(data) = self.stream(end).read() {
            let now = self.now;
            self.got[end].push((now, data));
        }
    }

    fn run(&mut self, until: Instant) {
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

    fn stats(&self, end: usize) -> FlowStats {
        self.ends[end].reports().remove(0).stats
    }

    fn bytes(&self, end: usize) -> Vec<u8> {
        self.got[end].iter().flat_map(|(_, b)| b.iter().copied()).collect()
    }

    /// When data packets left, in packets of the default payload.
    fn data(&self, from: usize) -> Vec<(Instant, u64)> {
        let data = self.log.iter().filter(|s| s.from == from && s.seg.flags.data);
        data.map(|s| (s.at, s.seg.offset / P)).collect()
    }
}

fn pattern(bytes: u64) -> Bytes {
    (0..bytes).map(|k| (k % 251) as u8).collect::<Vec<_>>().into()
}

/// Drops the first data packet at each of these places, counted in payloads.
fn drop_once(mut places: Vec<u64>) -> impl FnMut(&Sent) -> bool {
    move |s| {
        let place = s.seg.offset / P;
        let hit = s.from == CLIENT && s.seg.flags.data && places.contains(&place);
        places.retain(|&p| !hit || p != place);
        hit
    }
}

fn send(mode: Mode, packets: u64, places: Vec<u64>) -> Net {
    let mut net = Net::mode(mode, drop_once(places));
    net.greeting[CLIENT] = Some(pattern(packets * P));
    net.run(ms(20_000));
    assert_eq!(net.bytes(SERVER), pattern(packets * P));
    net
}

#[test]
fn rudp_06_first_byte_after_one_and_a_half_round_trips() {
    let net = send(Mode::SelectiveRepeat, 1, vec![]);
    assert_eq!(net.got[SERVER][0].0, ms(150));
}

#[test]
fn rudp_11_lost_syn_ack() {
    let mut first = true;
    let mut net = Net::mode(Mode::SelectiveRepeat, move |s| s.from == SERVER && std::mem::take(&mut first));
    net.greeting[CLIENT] = Some(pattern(10));
    net.run(ms(5_000));
    let syns: Vec<_> = net.log.iter().filter(|s| s.from == CLIENT && s.seg.flags.syn).map(|s| s.at).collect();
    assert_eq!((syns, net.accepted, net.got[SERVER][0].0), (vec![ms(0), ms(1000)], 1, ms(1150)));
}

#[test]
fn rudp_12_lost_third_packet() {
    for (speaker, listener) in [(CLIENT, SERVER), (SERVER, CLIENT)] {
        let mut first = true;
        let mut net = Net::mode(Mode::SelectiveRepeat, move |s| {
            s.from == CLIENT && !s.seg.flags.syn && std::mem::take(&mut first)
        });
        net.greeting[speaker] = Some(pattern(10));
        net.run(ms(5_000));
        let cookies = net.log.iter().filter(|s| s.from == CLIENT && !s.seg.flags.syn);
        let times: Vec<_> = cookies.take(2).map(|s| (s.at, s.seg.options.is_some())).collect();
        assert_eq!(times, [(ms(100), true), (ms(400), true)]);
        assert_eq!((net.bytes(listener), net.accepted), (pattern(10).to_vec(), 1));
    }
}

#[test]
fn rudp_13_never_answered() {
    let mut net = Net::mode(Mode::SelectiveRepeat, |_| true);
    net.run(ms(100_000));
    let times: Vec<_> = net.log.iter().map(|s| s.at).collect();
    assert_eq!(times, [0, 1000, 3000, 7000, 15_000, 31_000].map(ms));
    assert_eq!(net.events[CLIENT], [(ms(63_000), StreamEvent::Closed(CloseReason::TimedOut))]);
}

#[test]
fn rudp_20_selective_repeat_resends_only_the_hole() {
    let net = send(Mode::SelectiveRepeat, 20, vec![5]);
    let stats = net.stats(CLIENT);
    assert_eq!((stats.segments_sent, stats.retransmits, stats.fast_retransmits, stats.timeouts), (21, 1, 1, 0));
}

#[test]
fn rudp_21_go_back_n_resends_everything_from_the_hole() {
    let net = send(Mode::GoBackN, 20, vec![5]);
    let places: Vec<_> = net.data(CLIENT).into_iter().map(|(_, p)| p).collect();
    let again = places.iter().rposition(|&p| p == 5).unwrap();
    assert_eq!(&places[again..], (5..20).collect::<Vec<_>>());
}

#[test]
fn rudp_22_stop_and_wait() {
    for (lost, extra) in [(vec![], 0), (vec![0], 300)] {
        let net = send(Mode::StopAndWait, 10, lost);
        assert_eq!(net.data(CLIENT)[0].0, ms(100));
        assert_eq!(net.stats(CLIENT).last_acked, Some(ms(1100 + extra)));
    }
}

#[test]
fn rudp_23_and_24_window_and_lost_update() {
    let server = RudpConfig { receive_buffer: 4 * P, ..RudpConfig::default() };
    let mut net =
        Net::new(RudpConfig::default(), server, |s| s.from == SERVER && s.at >= ms(1_000) && s.at < ms(1_010));
    net.greeting[CLIENT] = Some(pattern(20 * P));
    net.read[SERVER] = false;
    net.run(ms(1_000));
    assert_eq!(net.data(CLIENT).len(), 4);
    let probe = net.log.iter().find(|s| s.from == CLIENT && s.seg.flags.probe).unwrap();
    assert!(probe.at >= ms(400) && probe.seg.payload.is_empty(), "{:?}", probe.at);
    net.read[SERVER] = true;
    net.drain(SERVER);
    net.run(ms(10_000));
    assert_eq!(net.bytes(SERVER), pattern(20 * P));
}

#[test]
fn rudp_27_slow_start_doubles() {
    let net = send(Mode::SelectiveRepeat, 150, vec![]);
    let flight =
        |k: u64| net.data(CLIENT).iter().filter(|(at, _)| *at >= ms(100 * k) && *at < ms(100 * k + 100)).count();
    assert_eq!([1, 2, 3, 4].map(flight), [10, 20, 40, 80]);
}

#[test]
fn rudp_28_two_losses_one_reduction() {
    let net = send(Mode::SelectiveRepeat, 60, vec![12, 15]);
    let stats = net.stats(CLIENT);
    assert_eq!((stats.retransmits, stats.timeouts, stats.segments_sent), (2, 0, 62));
    assert_eq!(stats.ssthresh_after_first_loss_bytes.map(|b| b >= 8 * P), Some(true));
}

#[test]
fn rudp_29_four_way_close() {
    for finishes in [[true, false], [false, true], [true, true]] {
        let mut net = Net::mode(Mode::SelectiveRepeat, |_| false);
        net.greeting = [Some(pattern(3000)), Some(pattern(2000))];
        net.finish_after_greeting = finishes;
        net.run(ms(1_000));
        for end in [CLIENT, SERVER] {
            if !finishes[end] {
                assert!(net.events[end].iter().any(|e| e.1 == StreamEvent::Finished));
                net.stream(end).finish();
            }
        }
        net.run(ms(20_000));
        for end in [CLIENT, SERVER] {
            let last = net.events[end].last().unwrap();
            assert_eq!(last.1, StreamEvent::Closed(CloseReason::Finished));
            assert!(net.ends[end].stream(net.conns[end].unwrap()).is_none(), "end {end} lingers");
        }
        assert_eq!((net.bytes(SERVER).len(), net.bytes(CLIENT).len()), (3000, 2000));
        let stray = net.log.iter().rev().find(|s| s.from == CLIENT && s.seg.flags.data).unwrap().seg.clone();
        net.ends[SERVER].handle_segment(net.now, *address(CLIENT).ip(), *address(SERVER).ip(), stray);
        let answer = net.ends[SERVER].poll_transmit(net.now).unwrap().segment;
        assert!(answer.flags.rst && answer.options.is_some());
    }
}

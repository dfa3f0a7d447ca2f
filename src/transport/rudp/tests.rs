//! Rows of the conformance list that need two ends.

mod net;
mod states;

use net::{CLIENT, Net, P, SERVER, address, drop_once, ms, pattern, send};

use super::{Mode, RudpConfig, RudpEndpoint};
use crate::base::note::{CloseReason, WindowCause};
use crate::base::rng::Seed;
use crate::base::time::{Duration, Instant};
use crate::transport::endpoint::Endpoint;
use crate::transport::stream::StreamEvent;
use crate::wire::rudp::RudpSegment;

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
    // What left before the third duplicate, in order; then 5 and everything that was sent after it.
    assert_eq!(places[..again], (0..again as u64).collect::<Vec<_>>());
    assert_eq!(&places[again..], (5..20).collect::<Vec<_>>());
    let stats = net.stats(CLIENT);
    assert_eq!((stats.retransmits, stats.fast_retransmits, stats.timeouts), (again as u64 - 5, again as u64 - 5, 0));
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
fn rudp_23_rudp_24_window_and_lost_update() {
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
    let mut net = send(Mode::SelectiveRepeat, 60, vec![12, 15]);
    let stats = net.stats(CLIENT);
    assert_eq!((stats.retransmits, stats.timeouts, stats.segments_sent), (2, 0, 62));
    let losses = net.windows(WindowCause::Loss);
    assert_eq!(losses.len(), 1);
    assert_eq!(stats.ssthresh_after_first_loss_bytes, losses[0].ssthresh_bytes);
    assert_eq!(losses[0].cwnd_bytes, losses[0].ssthresh_bytes.unwrap());
    assert_eq!(net.windows(WindowCause::Recovered).len(), 1);
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
        // The client's port is nobody's any more; the server goes on listening at its own.
        assert_eq!((net.ends[CLIENT].poll_freed(), net.ends[SERVER].poll_freed()), (Some(50_000), None));
        assert_eq!((net.bytes(SERVER).len(), net.bytes(CLIENT).len()), (3000, 2000));
        let stray = net.log.iter().rev().find(|s| s.from == CLIENT && s.seg.flags.data).unwrap().seg.clone();
        net.ends[SERVER].handle_segment(net.now, *address(CLIENT).ip(), *address(SERVER).ip(), stray);
        let answer = net.ends[SERVER].poll_transmit(net.now).unwrap().segment;
        assert!(answer.flags.rst && answer.options.is_some());
    }
}

/// Chaos in each mode: the whole row is 1000 seeds of 1 MB each way. Raise these for that.
const CHAOS_SEEDS: u64 = 3;
const CHAOS_BYTES: u64 = 300_000;

fn chaos(mode: Mode, seed: u64) -> Net {
    let size = if mode == Mode::StopAndWait { CHAOS_BYTES / 3 } else { CHAOS_BYTES };
    let config = RudpConfig { mode, receive_buffer: 64 << 10, ..RudpConfig::default() };
    let mut net = Net::new(config.clone(), config, |_| false);
    net.chaos = Some(Seed(seed).stream("chaos"));
    net.greeting = [Some(pattern(size)), Some(pattern(size))];
    net.finish_after_greeting = [true; 2];
    net.run(ms(2_000 * CHAOS_BYTES));
    for end in [CLIENT, SERVER] {
        assert!(net.bytes(end) == pattern(size), "{mode:?} seed {seed} end {end}: {}", net.bytes(end).len());
        let last = net.events[end].last().map(|e| e.1);
        assert_eq!(last, Some(StreamEvent::Closed(CloseReason::Finished)), "{mode:?} seed {seed} end {end}");
    }
    net
}

#[test]
fn rudp_37_chaos() {
    for mode in [Mode::SelectiveRepeat, Mode::GoBackN, Mode::StopAndWait] {
        for seed in 0..CHAOS_SEEDS {
            let trace = |net: Net| net.log.into_iter().map(|s| (s.at, s.from, s.dropped, s.seg)).collect::<Vec<_>>();
            assert!(trace(chaos(mode, seed)) == trace(chaos(mode, seed)), "{mode:?} seed {seed} differs");
        }
    }
}

fn probes(net: &Net) -> Vec<Instant> {
    net.log.iter().filter(|s| s.from == CLIENT && s.seg.flags.probe).map(|s| s.at).collect()
}

#[test]
fn rudp_10_replayed_third_packet_opens_nothing() {
    let mut net = Net::mode(Mode::SelectiveRepeat, |_| false);
    net.greeting = [Some(pattern(3000)), Some(pattern(3000))];
    net.finish_after_greeting = [true; 2];
    net.run(ms(8_000));
    let third = net.log.iter().find(|s| s.from == CLIENT && !s.seg.flags.syn).unwrap().seg.clone();
    assert!(third.options.is_some());
    assert!(!net.ends[SERVER].handle_segment(net.now, *address(CLIENT).ip(), *address(SERVER).ip(), third));
    assert_eq!((net.ends[SERVER].poll_event(), net.accepted), (None, 1));
}

#[test]
fn rudp_25_probe_times() {
    let long = Duration::from_secs(1000);
    let server = RudpConfig { receive_buffer: P, idle_timeout: long, ..RudpConfig::default() };
    let client = RudpConfig { idle_timeout: long, ..RudpConfig::default() };
    let mut net = Net::new(client, server, |_| false);
    net.greeting[CLIENT] = Some(pattern(2 * P));
    net.read[SERVER] = false;
    // A short path, so that the RTO is its least: 200 ms.
    net.delay = Duration::from_millis(1);
    net.run(ms(300_000));
    let times = probes(&net);
    let full = net.events[CLIENT][0].0;
    let since: Vec<_> = times.iter().map(|t| t.since(times[0]).as_millis() + 200).collect();
    assert_eq!(since[..11], [200, 600, 1400, 3000, 6200, 12_600, 25_400, 51_000, 102_200, 162_200, 222_200]);
    // The window was seen closed when the delayed acknowledgment of the only packet came.
    assert!(times[0].since(full) <= Duration::from_millis(230), "{:?}", times[0]);
    assert_eq!(net.stats(CLIENT).timeouts, 0);
}

#[test]
fn rudp_26_data_beyond_the_edge_is_a_reset() {
    let mut net = send(Mode::SelectiveRepeat, 1, vec![]);
    let mut bad = net.log.iter().find(|s| s.seg.flags.data).unwrap().seg.clone();
    bad.pn = 200;
    bad.offset = (16 << 20) + 1;
    net.ends[SERVER].handle_segment(net.now, *address(CLIENT).ip(), *address(SERVER).ip(), bad);
    net.settle();
    let last = &net.log.last().unwrap().seg;
    assert_eq!((last.flags.rst, last.error), (true, 3));
    net.run(net.now + Duration::from_secs(1));
    assert_eq!(net.events[CLIENT].last().unwrap().1, StreamEvent::Closed(CloseReason::Reset));
}

#[test]
fn rudp_30_half_close() {
    let mut net = Net::mode(Mode::SelectiveRepeat, |_| false);
    net.greeting[CLIENT] = Some(pattern(10));
    net.finish_after_greeting[CLIENT] = true;
    net.run(ms(1_000));
    assert_eq!(net.stream(SERVER).write(pattern(1_000_000)), 1_000_000);
    net.stream(SERVER).finish();
    net.run(ms(20_000));
    assert_eq!(net.bytes(CLIENT), pattern(1_000_000));
    assert_eq!(net.events[SERVER].last().unwrap().1, StreamEvent::Closed(CloseReason::Finished));
}

#[test]
fn rudp_32_idle_and_keep_alive() {
    let mut net = send(Mode::SelectiveRepeat, 1, vec![]);
    net.run(ms(60_000));
    // The server last heard at 150 ms; its delayed acknowledgment reached the client at 225 ms.
    for (end, at) in [(SERVER, ms(30_150)), (CLIENT, ms(30_225))] {
        assert_eq!(net.events[end].last(), Some(&(at, StreamEvent::Closed(CloseReason::TimedOut))));
    }
    let config = RudpConfig { keep_alive: true, ..RudpConfig::default() };
    let mut net = Net::new(config, RudpConfig::default(), |_| false);
    net.run(ms(100_000));
    // The client hears the answer to its third packet at 200 ms, and those to its probes 100 ms later.
    let times = std::iter::once(ms(100)).chain((0..10).map(|k| ms(10_200 + 10_100 * k)));
    assert_eq!(probes(&net), times.take_while(|&t| t <= ms(100_000)).collect::<Vec<_>>());
    assert!(!net.events.iter().flatten().any(|e| matches!(e.1, StreamEvent::Closed(_))));
}

#[test]
fn rudp_35_acknowledging_what_was_never_sent_is_a_reset() {
    let mut net = send(Mode::SelectiveRepeat, 1, vec![]);
    let mut bad = net.log.iter().rfind(|s| s.from == SERVER).unwrap().seg.clone();
    bad.pn += 1;
    bad.ranges[0].1 = 1000;
    net.ends[CLIENT].handle_segment(net.now, *address(SERVER).ip(), *address(CLIENT).ip(), bad);
    net.settle();
    let last = &net.log.last().unwrap().seg;
    assert_eq!((last.flags.rst, last.error), (true, 5));
}

#[test]
fn refused_where_nobody_listens() {
    let mut net = Net::mode(Mode::SelectiveRepeat, |_| false);
    net.ends[SERVER] = RudpEndpoint::new(Seed(2).stream("other"));
    net.run(ms(1_000));
    assert_eq!(net.events[CLIENT], [(ms(100), StreamEvent::Closed(CloseReason::Refused))]);
}

#[test]
fn rudp_07_spoofed_syns_leave_nothing_behind() {
    let mut net = Net::mode(Mode::SelectiveRepeat, |_| true);
    net.run(ms(10));
    let syn = net.log[0].seg.clone();
    let (mut bytes_in, mut bytes_out) = (0u64, 0u64);
    for k in 0..100_000 {
        bytes_in += u64::from(syn.wire_bytes());
        net.ends[SERVER].handle_segment(net.now, (0x0b00_0000 + k).into(), *address(SERVER).ip(), syn.clone());
        while let Some(out) = net.ends[SERVER].poll_transmit(net.now) {
            bytes_out += u64::from(out.segment.wire_bytes());
        }
    }
    assert!(bytes_out <= bytes_in && bytes_out > 0);
    assert!(net.ends[SERVER].reports().is_empty() && net.ends[SERVER].poll_timeout().is_none());
}

#[test]
fn rudp_18_a_resent_packet_gives_a_valid_sample() {
    // The only data packet is lost: resent at 400 ms, acknowledged 25 ms late at 525 ms.
    let net = send(Mode::SelectiveRepeat, 1, vec![0]);
    let stats = net.stats(CLIENT);
    assert_eq!((stats.retransmits, stats.timeouts, stats.last_acked), (1, 1, Some(ms(525))));
    assert_eq!((stats.srtt, stats.min_rtt), (Some(Duration::from_millis(100)), Some(Duration::from_millis(100))));
}

#[test]
fn rudp_33_forged_resets_have_no_effect() {
    let mut net = Net::mode(Mode::SelectiveRepeat, |_| false);
    net.run(ms(1_000));
    let mut rng = Seed(33).stream("cids");
    let mut rst = RudpSegment { src_port: 80, dst_port: 50_000, pn: 900, ..RudpSegment::default() };
    rst.flags.rst = true;
    for _ in 0..1_000_000 {
        rst.cid = rng.next_u64();
        net.ends[CLIENT].handle_segment(net.now, *address(SERVER).ip(), *address(CLIENT).ip(), rst.clone());
        assert!(net.ends[CLIENT].poll_transmit(net.now).is_none());
    }
    assert!(!net.events[CLIENT].iter().any(|e| matches!(e.1, StreamEvent::Closed(_))));
}

#[test]
fn rudp_34_resets_are_not_answered() {
    let end = |name| RudpEndpoint::new(Seed(34).stream(name));
    let mut ends = [end("client"), end("server")];
    let mut seg = RudpSegment { src_port: 50_000, dst_port: 80, cid: 5, ..RudpSegment::default() };
    seg.flags.ack = true;
    seg.payload = pattern(100);
    let mut packets = 0;
    let mut to = SERVER;
    ends[to].handle_segment(ms(0), *address(CLIENT).ip(), *address(SERVER).ip(), seg);
    while let Some(out) = ends[to].poll_transmit(ms(0)) {
        packets += 1;
        to = 1 - to;
        ends[to].handle_segment(ms(0), out.src, out.dst, out.segment);
    }
    assert_eq!(packets, 1);
}

#[test]
fn stateless_resets_are_limited_to_a_hundred_each_second() {
    let mut end = RudpEndpoint::new(Seed(34).stream("server"));
    let mut answered = |second: u64| {
        let stray = |cid| RudpSegment { cid, payload: pattern(100), ..RudpSegment::default() };
        for cid in 1..=1000 {
            let now = ms(1000 * second + cid / 2);
            end.handle_segment(now, *address(CLIENT).ip(), *address(SERVER).ip(), stray(cid));
        }
        std::iter::from_fn(|| end.poll_transmit(ms(1000 * second))).count()
    };
    assert_eq!((answered(1), answered(2)), (100, 100));
}

#[test]
fn a_mode_that_nobody_knows_is_refused() {
    let mut net = Net::mode(Mode::SelectiveRepeat, |_| true);
    net.settle();
    let mut syn = net.log[0].seg.clone();
    syn.options.as_mut().unwrap().mode = Some(3);
    net.ends[SERVER].handle_segment(net.now, *address(CLIENT).ip(), *address(SERVER).ip(), syn);
    let answer = net.ends[SERVER].poll_transmit(net.now).unwrap().segment;
    assert_eq!((answer.flags.rst, answer.error), (true, 7));
}

#[test]
fn rudp_19_a_late_acknowledgment_counts_once() {
    // Packet 5 is late, not lost: it arrives after it was declared lost and sent again.
    let mut net = Net::mode(Mode::SelectiveRepeat, drop_once(vec![5]));
    net.greeting[CLIENT] = Some(pattern(20 * P));
    net.run(ms(240));
    let late = net.log.iter().find(|s| s.dropped).unwrap().seg.clone();
    net.ends[SERVER].handle_segment(net.now, *address(CLIENT).ip(), *address(SERVER).ip(), late);
    net.run(ms(20_000));
    let stats = net.stats(CLIENT);
    assert_eq!(net.bytes(SERVER), pattern(20 * P));
    assert_eq!((stats.bytes_acked, stats.retransmits, stats.timeouts), (20 * P, 1, 0));
    assert_eq!(net.windows(WindowCause::Loss).len(), 1);
}

#[test]
fn rudp_31_lost_fin_lost_answer_and_both() {
    for lost in [[true, false], [false, true], [true, true]] {
        let mut left = lost;
        let mut fin_came = false;
        let mut net = Net::mode(Mode::SelectiveRepeat, move |s| {
            if s.from == CLIENT && s.seg.flags.fin {
                let hit = std::mem::take(&mut left[0]);
                fin_came |= !hit;
                return hit;
            }
            s.from == SERVER && fin_came && std::mem::take(&mut left[1])
        });
        net.greeting = [Some(pattern(3000)), Some(pattern(2000))];
        net.finish_after_greeting = [true; 2];
        net.run(ms(60_000));
        for end in [CLIENT, SERVER] {
            assert_eq!(net.events[end].last().unwrap().1, StreamEvent::Closed(CloseReason::Finished), "{lost:?}");
            assert!(net.ends[end].stream(net.conns[end].unwrap()).is_none(), "end {end} lingers");
        }
        assert_eq!(net.log.iter().filter(|s| s.dropped).count(), lost.iter().filter(|&&l| l).count());
    }
}

#[test]
fn a_write_that_was_cut_goes_on_when_writable() {
    let client = RudpConfig { send_buffer: 8 * P, ..RudpConfig::default() };
    let mut net = Net::new(client, RudpConfig::default(), |_| false);
    let mut rest = pattern(20 * P);
    for second in 1..=4 {
        let taken = net.stream(CLIENT).write(rest.clone());
        rest = rest.slice(taken..);
        net.run(ms(1_000 * second));
    }
    let writable = net.events[CLIENT].iter().filter(|e| e.1 == StreamEvent::Writable).count();
    assert_eq!((net.bytes(SERVER), writable), (pattern(20 * P).to_vec(), 2));
    net.stream(CLIENT).abort();
    net.run(ms(5_000));
    assert_eq!(net.events[SERVER].last().unwrap().1, StreamEvent::Closed(CloseReason::Reset));
    assert_eq!(net.events[CLIENT].last().unwrap().1, StreamEvent::Closed(CloseReason::Aborted));
}

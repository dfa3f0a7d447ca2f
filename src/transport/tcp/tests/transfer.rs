//! Data transfer: windows, losses and their repair.

use super::super::config::TcpConfig;
use super::super::state::State;
use super::bench::{Bench, forged, pattern, plain};
use crate::base::note::{SendCause, WindowCause};
use crate::base::rng::Seed;
use crate::base::time::{Duration, Instant};
use crate::base::units::Probability;
use crate::transport::connection::Connection;
use crate::transport::stream::Stream;

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
    assert_eq!(t.sent_because(SendCause::FastRetransmit), [(100, 1)]);
    assert_eq!(t.cwnds(WindowCause::Recovered), [6000]);
    assert_eq!((t.a.stats().retransmits, t.a.stats().timeouts), (2, 0));
    assert_eq!(t.received, pattern(40_000));
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

/// Any losses in both directions, any options: the bytes arrive, and the connection closes.
#[test]
fn every_stream_arrives_whole_whatever_is_lost() {
    for seed in 0..120 {
        let mut rng = Seed(seed).stream("losses");
        let mut flag = || rng.next_u32() & 1 == 1;
        let congestion = ["reno", "newreno", "cubic", "fixed"][seed as usize % 4].to_owned();
        let mut config = TcpConfig { congestion, sack: flag(), timestamps: flag(), ..TcpConfig::default() };
        (config.delayed_ack, config.nagle) = (flag(), flag());
        (config.prr, config.rack, config.tlp, config.undo) = (flag(), flag(), flag(), flag());
        config.receive_buffer = if flag() { 20_000 } else { 1 << 20 };
        config.retries = 100;
        let mut t = Bench::new(config, 0xffff_0000);
        let loss = Probability::from_ratio(seed % 10, 100);
        let data = pattern(200_000 + seed as usize);
        t.a.write(data.clone());
        t.a.finish();
        t.random_loss = Some((rng, loss));
        let mut now = t.now;
        while t.received.len() < data.len() && now < Instant::from_nanos(4_000_000_000_000) {
            now += Duration::from_secs(5);
            t.run_until(now);
        }
        assert_eq!(t.received.len(), data.len(), "seed {seed}");
        assert_eq!(t.received, data, "seed {seed}");
        t.b().finish();
        t.run_until(now + Duration::from_secs(1500));
        assert_eq!((t.a.state, t.b().state), (State::Closed, State::Closed), "seed {seed}");
    }
}

#[test]
fn a_full_segment_makes_a_packet_of_1500_bytes() {
    let mut t = Bench::established(TcpConfig::default(), &[], 10);
    let s = t.a.poll_transmit(t.now).unwrap();
    assert_eq!((s.payload.len(), 20 + s.wire_bytes()), (1448, 1500));
}

#[test]
fn tcpf_06_nagle() {
    let sizes = |nagle| {
        let mut t = Bench::established(TcpConfig { nagle, ..plain() }, &[], 0);
        let mut sizes = Vec::new();
        for n in 0..25 {
            t.run_ms(10 * n);
            let before = t.a.snd.max;
            t.a.write(pattern(1));
            t.run_ms(10 * n + 5);
            sizes.push(t.a.snd.max - before);
        }
        (sizes[0], sizes[1], t.a.stats().segments_sent)
    };
    assert_eq!(sizes(true), (1, 0, 3));
    assert_eq!(sizes(false), (1, 1, 25));
}

#[test]
fn tsws_03_the_scale_follows_the_buffer() {
    let scale = |receive_buffer| {
        let config = TcpConfig { receive_buffer, ..plain() };
        Bench::established(config, &[], 0).a.rcv.scale
    };
    assert_eq!([65_535, 65_536, 1 << 20, 4 << 20].map(scale), [0, 1, 5, 7]);
}

#[test]
fn sack_11_12_blocks_that_cannot_be_and_blocks_that_say_nothing_new() {
    let mut t = Bench::established(TcpConfig { sack: true, ..plain() }, &[], 10);
    while t.a.poll_transmit(t.now).is_some() {}
    let mut sack = |blocks: &[(u32, u32)], window| {
        let mut s = forged(&t, 0);
        let base = s.ack;
        s.window = window;
        s.options.sack = blocks.iter().map(|&(a, b)| (base.wrapping_add(a), base.wrapping_add(b))).collect();
        t.a.handle_segment(t.now, s);
        t.a.recovery.dup_acks
    };
    assert_eq!(sack(&[(3000, 2000), (99_000, 99_500), (9000, 10_001)], 60_000), 0);
    assert_eq!(sack(&[(1000, 2000)], 60_000), 1);
    assert_eq!(sack(&[(1000, 2000)], 60_000), 1);
    assert_eq!(sack(&[(1000, 3000)], 50_000), 2);
    assert_eq!(sack(&[(1000, 4000)], 40_000), 3);
}

#[test]
fn tcp_20_21_acks_of_the_future_and_old_windows() {
    let mut t = Bench::established(plain(), &[], 4);
    while t.a.poll_transmit(t.now).is_some() {}
    let mut future = forged(&t, 0);
    future.ack = future.ack.wrapping_add(4001);
    t.a.handle_segment(t.now, future);
    assert!(t.a.poll_transmit(t.now).is_some_and(|s| s.payload.is_empty() && !s.flags.rst));
    assert_eq!((t.a.snd.una, t.a.cwnd()), (1, 10_000));
    // A segment that acknowledges less than the newest says nothing about the window.
    let feed = |t: &mut Bench, ack: u32, window| {
        let mut s = forged(t, 0);
        s.ack = t.a.snd.iss.wrapping_add(ack);
        s.window = window;
        t.a.handle_segment(t.now, s);
        t.a.snd.wnd()
    };
    assert_eq!(feed(&mut t, 2001, 1000), 1000);
    assert_eq!(feed(&mut t, 1001, 500), 1000);
    assert_eq!(feed(&mut t, 2001, 900), 900);
}

#[test]
fn who_throws_away_what_arrives_gets_it_as_if_it_were_read() {
    let run = |discards: bool, seed: u64| {
        let config =
            TcpConfig { receive_buffer: 20_000, sack: seed.is_multiple_of(2), dsack: true, ..TcpConfig::default() };
        let mut t = Bench::established(config, &[3, 4], 60);
        t.trace = Some(Vec::new());
        if discards {
            t.b().discard_input();
        }
        t.random_loss = Some((Seed(seed).stream("losses"), Probability::from_ratio(seed, 100)));
        t.a.finish();
        t.run_ms(100_000);
        let (trace, log, received) = (t.trace.take(), t.log.clone(), t.received.len());
        let b = t.b();
        ((trace, log, b.stats().bytes_delivered, b.rcv.edge, b.rcv.inbox_bytes), received)
    };
    for seed in 0..12 {
        let ((read, received), (thrown, kept)) = (run(false, seed), run(true, seed));
        assert_eq!(read, thrown, "seed {seed}");
        assert_eq!((read.2, received, kept), (60 * 1000, 60 * 1000, 0));
    }
}

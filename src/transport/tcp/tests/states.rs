//! Opening, closing, resets, acknowledgment policy.

use super::super::config::TcpConfig;
use super::super::connection::TcpConnection;
use super::super::state::State;
use super::bench::{Bench, DELAY, forged, pattern, plain};
use crate::base::note::CloseReason;
use crate::base::time::{Duration, Instant};
use crate::transport::connection::Connection;
use crate::transport::stream::{Stream, StreamEvent};
use crate::wire::tcp::TcpSegment;

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
        TcpConnection::accept(TcpConfig::default(), Instant::ZERO, &s, 1, 2).snd.mss()
    };
    assert_eq!(syn(None, None), 536);
    assert_eq!(syn(Some(1460), Some((1, 0))), 1448);
    assert_eq!(syn(Some(1460), None), 1448);
    assert_eq!(syn(Some(1), None), 64);
}

use bytes::Bytes;

use super::*;
use crate::base::note::{CloseReason, FlowNote, Phase, WindowCause};
use crate::base::time::{Duration, Instant};
use crate::transport::endpoint::EndpointEvent;
use crate::transport::stream::StreamEvent;

fn ms(n: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(n)
}

fn say(endpoint: &mut KernelEndpoint, now: Instant, op: SocketOp) -> Vec<EndpointEvent> {
    let (local, remote) = ("10.0.0.2:80".parse().unwrap(), "10.0.0.9:5000".parse().unwrap());
    endpoint.handle(now, SocketMessage { local, remote, op });
    std::iter::from_fn(|| endpoint.poll_event()).collect()
}

fn asked(endpoint: &mut KernelEndpoint, now: Instant) -> Vec<SocketOp> {
    endpoint.flush(now, None);
    std::iter::from_fn(|| endpoint.poll_message()).map(|m| m.op).collect()
}

#[test]
fn an_accepted_connection_is_served_and_closed_by_both() {
    let mut e = KernelEndpoint::default();
    let [EndpointEvent::Accepted { conn, port: 80, .. }] = say(&mut e, ms(0), SocketOp::Open)[..] else { panic!() };
    let data = Bytes::from_static(b"GET");
    assert_eq!(say(&mut e, ms(1), SocketOp::Data(data.clone())), [EndpointEvent::Stream(conn, StreamEvent::Readable)]);
    assert_eq!(e.stream(conn).unwrap().read(), Some(data));
    assert_eq!(asked(&mut e, ms(1)), [SocketOp::Took(3)]);
    let answer = Bytes::from_static(b"200");
    assert_eq!(e.stream(conn).unwrap().write(answer.clone()), 3);
    e.stream(conn).unwrap().finish();
    assert_eq!(asked(&mut e, ms(2)), [SocketOp::Data(answer), SocketOp::Finish]);
    assert_eq!(say(&mut e, ms(3), SocketOp::Took(3)), []);
    let last = [StreamEvent::Finished, StreamEvent::Closed(CloseReason::Finished)];
    assert_eq!(say(&mut e, ms(4), SocketOp::Finish), last.map(|event| EndpointEvent::Stream(conn, event)));
    assert_eq!(asked(&mut e, ms(4)), [SocketOp::Close]);
    assert_eq!(asked(&mut e, ms(4)), []);
    assert!(e.stream(conn).is_none() && e.poll_timeout().is_none());
}

#[test]
fn what_the_system_does_not_take_holds_the_writer_back_and_then_ends_the_connection() {
    let mut e = KernelEndpoint::default();
    let [EndpointEvent::Accepted { conn, .. }] = say(&mut e, ms(0), SocketOp::Open)[..] else { panic!() };
    let much = Bytes::from(vec![0; 3 << 20]);
    assert_eq!(e.stream(conn).unwrap().write(much.clone()), 1 << 18);
    assert_eq!(e.stream(conn).unwrap().write(much), 0);
    asked(&mut e, ms(0));
    assert_eq!(say(&mut e, ms(10), SocketOp::Took(100)), [EndpointEvent::Stream(conn, StreamEvent::Writable)]);
    assert_eq!(e.stream(conn).unwrap().writable(), 100);
    asked(&mut e, ms(10));
    // 60 s without progress.
    assert_eq!(e.poll_timeout(), Some(ms(60_010)));
    e.handle_timeout(ms(60_010));
    assert_eq!(e.poll_event(), Some(EndpointEvent::Stream(conn, StreamEvent::Closed(CloseReason::TimedOut))));
    assert_eq!(asked(&mut e, ms(60_010)), [SocketOp::Abort]);
}

#[test]
fn the_systems_windows_are_noted_with_their_cause() {
    let mut e = KernelEndpoint::default();
    e.set_noting(true);
    say(&mut e, ms(0), SocketOp::Open);
    let info = |cwnd_bytes, ssthresh_bytes, recovering, timed_out| SenderInfo {
        cwnd_bytes,
        ssthresh_bytes,
        in_flight_bytes: 1000,
        srtt: Some(Duration::from_millis(5)),
        min_rtt: Some(Duration::from_millis(4)),
        rto: Duration::from_millis(205),
        recovering,
        timed_out,
        segments_sent: 40,
        retransmits: 2,
        timeouts: 1,
    };
    let steps = [
        (info(14_480, None, false, false), WindowCause::Start, Phase::SlowStart),
        (info(28_960, None, false, false), WindowCause::Ack, Phase::SlowStart),
        (info(14_480, Some(14_480), true, false), WindowCause::Loss, Phase::Recovery),
        (info(14_480, Some(14_480), false, false), WindowCause::Recovered, Phase::CongestionAvoidance),
        (info(1448, Some(7240), false, true), WindowCause::Timeout, Phase::Loss),
    ];
    for (i, (info, cause, phase)) in steps.into_iter().enumerate() {
        let now = ms(1 + i as u64);
        say(&mut e, now, SocketOp::Info(info));
        e.flush(now, None);
        let notes = e.take_notes();
        let Some(FlowNote::Window(window)) = notes.last() else { panic!("{notes:?}") };
        assert_eq!((window.cause, window.phase, window.cwnd_bytes), (cause, phase, info.cwnd_bytes));
    }
    let stats = e.reports().pop().unwrap().stats;
    assert_eq!((stats.segments_sent, stats.retransmits, stats.timeouts), (40, 2, 1));
    assert_eq!((stats.ssthresh_after_first_loss_bytes, stats.min_rtt), (Some(14_480), Some(Duration::from_millis(4))));
}

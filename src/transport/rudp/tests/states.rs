//! State traces of closing, and what breaks the protocol.

use super::net::{CLIENT, Net, P, SERVER, address, ms, pattern};
use crate::base::note::CloseReason;
use crate::transport::endpoint::Endpoint;
use crate::transport::rudp::Mode;
use crate::transport::rudp::close::State::{self, *};
use crate::transport::stream::StreamEvent;
use crate::wire::rudp::RudpSegment;

/// Runs a connection of two idle ends, which finish at these times.
fn closing(finishes: [u64; 2]) -> Net {
    let mut net = Net::mode(Mode::SelectiveRepeat, |_| false);
    let mut order = [(finishes[CLIENT], CLIENT), (finishes[SERVER], SERVER)];
    order.sort();
    for (at, end) in order {
        net.run(ms(at));
        net.stream(end).finish();
    }
    net.run(ms(20_000));
    net
}

#[test]
fn rudp_29_states_are_those_of_tcp() {
    let active: &[State] = &[Established, FinWait1, FinWait2, TimeWait, Closed];
    let passive: &[State] = &[Established, CloseWait, LastAck, Closed];
    let both: &[State] = &[Established, FinWait1, Closing, TimeWait, Closed];
    for (finishes, [client, server]) in
        [([1000, 2000], [active, passive]), ([2000, 1000], [passive, active]), ([1000, 1000], [both, both])]
    {
        let net = closing(finishes);
        assert_eq!(net.states[CLIENT], [&[SynSent], client].concat(), "{finishes:?}");
        assert_eq!(net.states[SERVER], server, "{finishes:?}");
        // FIN, ACK, FIN, ACK.
        let fins = net.log.iter().filter(|s| s.seg.flags.fin).count();
        let last = net.log.iter().filter(|s| s.at >= ms(1000)).count();
        assert_eq!((fins, last), (2, 4), "{finishes:?}");
    }
}

#[test]
fn rudp_29_time_wait_lasts_three_rto_and_at_least_a_second() {
    // The client's FIN leaves at 1 s; the server's, at 2 s, reaches it at 2.05 s. Samples of 100 ms
    // leave an RTO of less than 334 ms, so that TIME-WAIT lasts its least.
    let net = closing([1000, 2000]);
    assert!(net.ends[CLIENT].poll_timeout().is_none());
    let closed = net.events[CLIENT].last().unwrap();
    assert_eq!(*closed, (ms(2050), StreamEvent::Closed(CloseReason::Finished)));
    // A FIN that comes again restarts it.
    let mut again = Net::mode(Mode::SelectiveRepeat, |_| false);
    again.run(ms(1000));
    again.stream(CLIENT).finish();
    again.run(ms(1500));
    again.stream(SERVER).finish();
    again.run(ms(2000));
    let fin = again.log.iter().find(|s| s.from == SERVER && s.seg.flags.fin).unwrap().seg.clone();
    let fin = RudpSegment { pn: fin.pn + 1, ..fin };
    again.ends[CLIENT].handle_segment(again.now, *address(SERVER).ip(), *address(CLIENT).ip(), fin);
    let conn = again.conns[CLIENT].unwrap();
    again.settle();
    again.run(ms(2999));
    assert_eq!(again.ends[CLIENT].state(conn), TimeWait);
    again.run(ms(3000));
    assert_eq!(again.ends[CLIENT].state(conn), Closed);
}

/// What an established server answers to a packet of its client that was changed a little.
fn answer(change: impl Fn(&mut RudpSegment)) -> (bool, u16) {
    let mut net = Net::mode(Mode::SelectiveRepeat, |_| false);
    net.greeting[CLIENT] = Some(pattern(2 * P));
    net.run(ms(1000));
    let mut seg = net.log.iter().rfind(|s| s.from == CLIENT && s.seg.flags.data).unwrap().seg.clone();
    seg.pn += 5;
    change(&mut seg);
    net.ends[SERVER].handle_segment(net.now, *address(CLIENT).ip(), *address(SERVER).ip(), seg);
    net.settle();
    let last = &net.log.last().unwrap().seg;
    (last.flags.rst, last.error)
}

#[test]
fn what_breaks_the_protocol_is_answered_by_its_error() {
    assert_eq!(answer(|s| s.flags.ack = false), (true, 6));
    assert_eq!(answer(|s| s.ack = 1), (true, 5));
    assert_eq!(answer(|s| s.offset = u64::MAX), (true, 3));
    // The final size of a stream may not lie below what came.
    assert_eq!(answer(|s| (s.flags.fin, s.offset, s.payload) = (true, 0, pattern(1))), (true, 4));
    assert_eq!(answer(|_| {}), (false, 0));
}

#[test]
fn an_application_that_gives_up_says_so() {
    let mut net = Net::mode(Mode::SelectiveRepeat, |_| false);
    net.run(ms(1000));
    net.stream(CLIENT).abort();
    net.settle();
    let last = &net.log.last().unwrap().seg;
    assert_eq!((last.flags.rst, last.error), (true, 256));
}

#[test]
fn only_bare_acknowledgments_are_duplicates_in_go_back_n() {
    let retransmits = |change: fn(&mut RudpSegment)| {
        let mut net = Net::mode(Mode::GoBackN, |_| false);
        net.greeting[CLIENT] = Some(pattern(20 * P));
        // The first flight is out, and nothing of it acknowledged.
        net.run(ms(120));
        let first = net.log.iter().find(|s| s.from == SERVER).unwrap().seg.clone();
        for k in 1..=3 {
            let mut seg = RudpSegment { pn: 10 + k, ack: 0, options: None, ..first.clone() };
            seg.flags.syn = false;
            seg.ranges.clear();
            seg.cid = first.cid;
            change(&mut seg);
            net.ends[CLIENT].handle_segment(net.now, *address(SERVER).ip(), *address(CLIENT).ip(), seg);
        }
        net.settle();
        net.stats(CLIENT).retransmits
    };
    // The window is half of the ten packets out, and three that left the path.
    assert_eq!(retransmits(|_| {}), 8);
    assert_eq!(retransmits(|s| s.flags.probe = true), 0);
    assert_eq!(retransmits(|s| s.window += s.pn), 0);
}

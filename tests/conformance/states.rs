//! RFC 9293 section 3.10, event by event: every state meets every call and every kind of segment.
//! A table holds for each pair what leaves and which state follows.

use crate::bench::plain;
use crate::trace::{OPEN, run};

/// How to come into a state, our SND.NXT and RCV.NXT there.
struct Place {
    state: &'static str,
    way: String,
    nxt: u32,
    rcv: u32,
}

/// Every state in which there is a connection that both sides know of. In all of them but
/// SYN-RECEIVED our SYN is acknowledged.
fn places() -> Vec<Place> {
    let place = |state, way: &str, nxt, rcv| Place { state, way: format!("{OPEN}{way}"), nxt, rcv };
    let syn_received = "listen\n < S 0:0(0) win 65535 <mss 1000>\n > S. 0:0(0) ack 1\n".to_owned();
    vec![
        Place { state: "SYN-RECEIVED", way: syn_received, nxt: 1, rcv: 1 },
        place("ESTABLISHED", "", 1, 1),
        place("FIN-WAIT-1", "finish\n > F. 1:1(0) ack 1\n", 2, 1),
        place("FIN-WAIT-2", "finish\n > F. 1:1(0) ack 1\n < . 1:1(0) ack 2\n", 2, 1),
        place("CLOSE-WAIT", "< F. 1:1(0) ack 1\n > . 1:1(0) ack 2\n", 1, 2),
        place("CLOSING", "finish\n > F. 1:1(0) ack 1\n < F. 1:1(0) ack 1\n > . 2:2(0) ack 2\n", 2, 2),
        place("LAST-ACK", "< F. 1:1(0) ack 1\n > . 1:1(0) ack 2\n finish\n > F. 1:1(0) ack 2\n", 2, 2),
        place("TIME-WAIT", "finish\n > F. 1:1(0) ack 1\n < F. 1:1(0) ack 2\n > . 2:2(0) ack 2\n", 2, 2),
    ]
}

/// Plays `event` in every state. `after` says for each what leaves (`ack` is our ACK, `-` nothing)
/// and the state that follows; `NXT` and `RCV` in the event are the numbers there, `UNA` what the peer has.
#[track_caller]
fn each(event: &str, after: &[(&str, &str, &str)]) {
    for p in places() {
        let (_, leaves, then) = after.iter().find(|a| a.0 == p.state).unwrap_or_else(|| panic!("no {}", p.state));
        let una = if matches!(p.state, "FIN-WAIT-1" | "CLOSING" | "LAST-ACK") { 1 } else { p.nxt };
        let fill = |text: &str| {
            let numbers = [("NXT", p.nxt.into()), ("RCV", p.rcv.into()), ("UNA", i64::from(una))];
            let near =
                [("RCV+1", i64::from(p.rcv) + 1), ("RCV+10", i64::from(p.rcv) + 10), ("RCV-1", i64::from(p.rcv) - 1)];
            let far = [("NXT+1", i64::from(p.nxt) + 1), ("FAR", i64::from(p.rcv) + 70_000)];
            let all = near.iter().rev().chain(&far).chain(&numbers);
            all.fold(text.to_owned(), |text, (name, n)| text.replace(name, &n.to_string()))
        };
        let leaves = match *leaves {
            "-" => String::new(),
            "ack" => fill("> . NXT:NXT(0) ack RCV"),
            other => fill(&format!("> {other}")),
        };
        run(&plain(), &format!("{}\n state {}\n {}\n {leaves}\n silent\n state {then}", p.way, p.state, fill(event)));
    }
}

/// The same for every state.
fn all<'a>(leaves: &'a str, then: Option<&'a str>) -> Vec<(&'static str, &'a str, &'a str)> {
    places().iter().map(|p| (p.state, leaves, then.unwrap_or(p.state))).collect()
}

/// As `all`, with exceptions.
fn but<'a>(
    mut rows: Vec<(&'static str, &'a str, &'a str)>,
    others: &[(&'static str, &'a str, &'a str)],
) -> Vec<(&'static str, &'a str, &'a str)> {
    for other in others {
        *rows.iter_mut().find(|r| r.0 == other.0).expect("a state") = *other;
    }
    rows
}

// --- 3.10.4 CLOSE and 3.10.5 ABORT -----------------------------------------------------------

#[test]
fn close_call() {
    // SYN-RECEIVED: nobody has accepted it, so nobody can close it; see `finish_before_the_handshake`.
    for (state, leaves, then) in [
        ("ESTABLISHED", "> F. 1:1(0) ack 1", "FIN-WAIT-1"),
        ("FIN-WAIT-1", "", "FIN-WAIT-1"),
        ("FIN-WAIT-2", "", "FIN-WAIT-2"),
        ("CLOSE-WAIT", "> F. 1:1(0) ack 2", "LAST-ACK"),
        ("CLOSING", "", "CLOSING"),
        ("LAST-ACK", "", "LAST-ACK"),
        ("TIME-WAIT", "", "TIME-WAIT"),
    ] {
        let p = places().into_iter().find(|p| p.state == state).unwrap();
        for call in ["finish", "close"] {
            run(&plain(), &format!("{}\n {call}\n {leaves}\n silent\n state {then}", p.way));
        }
    }
}

#[test]
fn abort_call() {
    for (state, leaves) in [
        ("ESTABLISHED", "> R. 1:1(0) ack 1"),
        ("FIN-WAIT-1", "> R. 2:2(0) ack 1"),
        ("FIN-WAIT-2", "> R. 2:2(0) ack 1"),
        ("CLOSE-WAIT", "> R. 1:1(0) ack 2"),
        // Both sides have finished: nothing is lost, nobody is told.
        ("CLOSING", ""),
        ("LAST-ACK", ""),
        ("TIME-WAIT", ""),
    ] {
        let p = places().into_iter().find(|p| p.state == state).unwrap();
        run(&plain(), &format!("{}\n abort\n {leaves}\n silent\n state CLOSED\n timeout none", p.way));
    }
    run(&plain(), "connect\n > S 0:0(0)\n abort\n silent\n state CLOSED\n timeout none");
}

#[test]
fn close_before_the_handshake() {
    run(&plain(), "connect\n > S 0:0(0)\n close\n silent\n state CLOSED\n end aborted\n timeout none");
    // The end of our direction waits for the handshake, behind what was written.
    run(
        &plain(),
        "
        connect
        > S 0:0(0)
        write 10
        finish
        state SYN-SENT
        < S. 0:0(0) ack 1
        > FP. 1:11(10) ack 1
        state FIN-WAIT-1
    ",
    );
    run(
        &plain(),
        "
        connect
        > S 0:0(0)
        < S 0:0(0)
        > S. 0:0(0) ack 1
        finish
        state SYN-RECEIVED
        < . 1:1(0) ack 1
        > F. 1:1(0) ack 1
        state FIN-WAIT-1
    ",
    );
}

#[test]
fn send_call_before_the_handshake_waits() {
    run(
        &plain(),
        "
        connect
        > S 0:0(0)
        write 1500
        silent
        < S. 0:0(0) ack 1 <mss 1000>
        > . 1:1001(1000) ack 1
        silent
        < . 1:1(0) ack 1001
        > P. 1001:1501(500) ack 1
    ",
    );
}

#[test]
fn send_call_after_close_takes_nothing() {
    for state in ["FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK", "TIME-WAIT"] {
        let p = places().into_iter().find(|p| p.state == state).unwrap();
        run(&plain(), &format!("{}\n write 0\n silent", p.way));
    }
}

// --- 3.10.7.4, first: sequence numbers ------------------------------------------------------------

#[test]
fn old_and_future_segments_are_answered() {
    each("< . RCV-1:RCV(1) ack UNA", &all("ack", None));
    each("< . FAR:FAR(0) ack UNA", &all("ack", None));
    each("< P. -5000:-4000(1000) ack UNA", &all("ack", None));
    each("< . RCV-1:RCV-1(0) ack UNA", &all("ack", None)); // a keep-alive
}

#[test]
fn old_resets_are_not() {
    each("< R RCV-1:RCV-1(0)", &all("-", None));
    each("< R FAR:FAR(0)", &all("-", None));
    each("< R. FAR:FAR(0) ack UNA", &all("-", None));
}

// --- second: RST -----------------------------------------------------------------------------------

#[test]
fn reset_at_rcv_nxt() {
    let then = but(all("-", Some("CLOSED")), &[("SYN-RECEIVED", "-", "none"), ("TIME-WAIT", "-", "TIME-WAIT")]);
    each("< R RCV:RCV(0)", &then);
    each("< R. RCV:RCV(0) ack UNA", &then);
    each("< R. RCV:RCV(0) ack 999", &then); // its ACK says nothing
}

#[test]
fn reset_elsewhere_in_the_window() {
    each("< R RCV+10:RCV+10(0)", &but(all("ack", None), &[("TIME-WAIT", "-", "TIME-WAIT")]));
}

// --- fourth: SYN -----------------------------------------------------------------------------------

#[test]
fn syn_in_the_window() {
    // TIME-WAIT makes way (TCP-10): the old connection is over, a new one answers.
    let syn = "S. 65539:65539(0) ack 13";
    let others = [("SYN-RECEIVED", "-", "none"), ("TIME-WAIT", syn, "CLOSED")];
    each("< S RCV+10:RCV+10(0)", &but(all("ack", None), &others));
}

#[test]
fn syn_once_more() {
    each("< S 0:0(0)", &but(all("ack", None), &[("SYN-RECEIVED", "S. 0:0(0) ack 1", "SYN-RECEIVED")]));
    each("< S. 0:0(0) ack 1", &but(all("ack", None), &[("SYN-RECEIVED", "-", "ESTABLISHED")]));
}

// --- fifth: ACK ------------------------------------------------------------------------------------

#[test]
fn segments_without_ack_are_dropped() {
    each("< - RCV:RCV+10(10)", &all("-", None));
    each("< F RCV:RCV(0)", &all("-", None));
    each("< U RCV:RCV+10(10) urg 3", &all("-", None));
}

#[test]
fn ack_of_nothing_new() {
    each("< . RCV:RCV(0) ack UNA", &but(all("-", None), &[("SYN-RECEIVED", "-", "ESTABLISHED")]));
}

#[test]
fn ack_of_all_that_was_sent() {
    each(
        "< . RCV:RCV(0) ack NXT",
        &but(
            all("-", None),
            &[
                ("SYN-RECEIVED", "-", "ESTABLISHED"),
                ("FIN-WAIT-1", "-", "FIN-WAIT-2"),
                ("CLOSING", "-", "TIME-WAIT"),
                ("LAST-ACK", "-", "CLOSED"),
            ],
        ),
    );
}

#[test]
fn ack_of_what_was_not_sent() {
    each("< . RCV:RCV(0) ack NXT+1", &but(all("ack", None), &[("SYN-RECEIVED", "R 2:2(0)", "SYN-RECEIVED")]));
}

// --- seventh: text ---------------------------------------------------------------------------------

#[test]
fn text_in_order() {
    let rows = but(
        all("-", None),
        &[
            ("SYN-RECEIVED", ". 1:1(0) ack 11", "ESTABLISHED"),
            ("ESTABLISHED", ". 1:1(0) ack 11", "ESTABLISHED"),
            ("FIN-WAIT-1", ". 2:2(0) ack 11", "FIN-WAIT-1"),
            ("FIN-WAIT-2", ". 2:2(0) ack 11", "FIN-WAIT-2"),
        ],
    );
    each("< . RCV:RCV+10(10) ack UNA", &rows);
}

// --- eighth: FIN -----------------------------------------------------------------------------------

#[test]
fn fin_in_order() {
    each(
        "< F. RCV:RCV(0) ack UNA",
        &but(
            all("-", None),
            &[
                ("SYN-RECEIVED", ". 1:1(0) ack 2", "CLOSE-WAIT"),
                ("ESTABLISHED", ". 1:1(0) ack 2", "CLOSE-WAIT"),
                ("FIN-WAIT-1", ". 2:2(0) ack 2", "CLOSING"),
                ("FIN-WAIT-2", ". 2:2(0) ack 2", "TIME-WAIT"),
            ],
        ),
    );
}

#[test]
fn fin_with_text_and_the_ack_of_our_fin() {
    each(
        "< FP. RCV:RCV+10(10) ack NXT",
        &but(
            all("-", None),
            &[
                ("SYN-RECEIVED", ". 1:1(0) ack 12", "CLOSE-WAIT"),
                ("ESTABLISHED", ". 1:1(0) ack 12", "CLOSE-WAIT"),
                ("FIN-WAIT-1", ". 2:2(0) ack 12", "TIME-WAIT"),
                ("FIN-WAIT-2", ". 2:2(0) ack 12", "TIME-WAIT"),
                ("CLOSING", "-", "TIME-WAIT"),
                ("LAST-ACK", "-", "CLOSED"),
            ],
        ),
    );
}

#[test]
fn fin_once_more() {
    // Behind the peer's FIN it is old and answered; TIME-WAIT starts anew.
    let p = |state| places().into_iter().find(|p| p.state == state).unwrap();
    for state in ["CLOSE-WAIT", "CLOSING", "LAST-ACK"] {
        let p = p(state);
        let again = format!("< F. 1:1(0) ack 1\n > . {n}:{n}(0) ack 2\n silent\n state {state}", n = p.nxt);
        run(&plain(), &format!("{}\n {again}", p.way));
    }
    run(&plain(), &format!("{}\n +100s < F. 1:1(0) ack 2\n > . 2:2(0) ack 2\n timeout 240s", p("TIME-WAIT").way));
}

// --- 3.10.8: time-outs -----------------------------------------------------------------------------

#[test]
fn what_every_state_waits_for() {
    for (state, timeout) in [
        ("SYN-RECEIVED", "1s"),
        ("ESTABLISHED", "none"),
        ("FIN-WAIT-1", "1s"),
        ("FIN-WAIT-2", "none"),
        ("CLOSE-WAIT", "none"),
        ("CLOSING", "1s"),
        ("LAST-ACK", "1s"),
        ("TIME-WAIT", "240s"),
    ] {
        let p = places().into_iter().find(|p| p.state == state).unwrap();
        run(&plain(), &format!("{}\n timeout {timeout}", p.way));
    }
}

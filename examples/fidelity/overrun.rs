//! A queue that slow start overruns, repaired in each of the ways that the RFCs know: why `overflow_q50` has timeouts in
//! some and not in others.

use std::path::Path;

use super::ours::{Figures, run_case};

/// A way to repair, and what it comes to.
pub(crate) struct Way {
    pub name: &'static str,
    sets: &'static [(&'static str, &'static str)],
    #[allow(dead_code, reason = "the page tells it")]
    pub why: &'static str,
}

/// From the oldest to the newest.
pub(crate) const WAYS: [Way; 5] = [
    Way {
        name: "Reno",
        sets: &[("transport.tcp.congestion", "reno")],
        why: "RFC 5681: recovery ends at the first hole; the timer, and then slow start over old ground",
    },
    Way {
        name: "NewReno, impatient",
        sets: &[],
        why: "RFC 6582 section 3.2 step 3: the timer restarts on the first partial ACK only, so that every second it cuts a recovery of one hole a \
              round short. Slow start then goes over all that is not acknowledged, half of which the receiver has, up to half of FlightSize, which \
              counts what it has: the queue is overrun again",
    },
    Way {
        name: "NewReno, slow but steady",
        sets: &[("transport.tcp.impatient", "false")],
        why: "RFC 6298 section 5.3: every ACK of new data restarts the timer. 127 holes take 127 rounds, as the textbook's and Linux's do",
    },
    Way {
        name: "SACK",
        sets: &[("transport.tcp.sack", "true")],
        why: "RFC 6675 section 5 step C: \"If cwnd - pipe >= 1 SMSS\". Every other segment is lost, so that each ACK takes two from the pipe and lets two go: \
              the queue overflows once more, and a retransmission that is lost waits for the timer",
    },
    Way {
        name: "SACK, RACK, PRR",
        sets: &[("transport.tcp.sack", "true"), ("transport.tcp.rack", "true"), ("transport.tcp.prr", "true")],
        why: "RFC 9937 lets no more go than arrives: nothing is lost again, and all is repaired while it goes on",
    },
];

/// Runs all.
pub(crate) fn run_all(root: &Path) -> Result<Vec<Figures>, String> {
    WAYS.iter().map(|way| run_case(root, "overflow_q50", way.sets, false)).collect()
}

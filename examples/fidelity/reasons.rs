//! Why a cell may differ: which sentence of an RFC we follow where the other does not. Each reason names the cells that
//! it speaks for, and how far apart they may be at most; beyond that even a cell with a reason fails. A reason that no
//! cell needs fails too, so that none outlives its cause.

use super::cells::{Cell, Figure, Row};
use super::stacks::{Ns3, Stack};

/// One reason and the cells it speaks for.
pub(crate) struct Reason {
    stacks: fn(&Stack) -> bool,
    cases: &'static [&'static str],
    /// With the most that it explains: times in percent, all else in units.
    figures: &'static [(Figure, f64)],
    pub text: &'static str,
}

use Figure::{Arrival, Completion, Retransmissions, Ssthresh, Timeouts, Window};

const DROPS: &[&str] = &["drop100", "drop100_105", "drop100_102"];

fn ns3(stack: &Stack, wanted: impl Fn(&Ns3) -> bool) -> bool {
    matches!(stack, Stack::Ns3(variant) if wanted(variant))
}

/// All reasons; the first that fits a cell speaks for it.
pub(crate) const REASONS: &[Reason] = &[
    Reason {
        stacks: |s| matches!(s, Stack::Linux("newreno")),
        cases: &["overflow_q50"],
        figures: &[(Window, 128.0)],
        text: "RFC 9937 section 6.2, without SACK: \"PRR disallows incrementing DeliveredData when the total bytes delivered in a PRR episode would \
               exceed the estimated data outstanding upon entering recovery (RecoverFS)\". This recovery lasts 126 round trips, and for the most of \
               it nothing is left to be sent but the next hole: our window then stands at what is out, one segment; Linux counts on, and shows a \
               window of ssthresh that nothing fills. Packets, times and all else are the same.",
    },
    Reason {
        stacks: |s| matches!(s, Stack::Linux("sack_def")),
        cases: DROPS,
        figures: &[(Ssthresh, 1.0)],
        text: "RFC 5681 section 4.2: \"an ACK SHOULD be generated for at least every second full-sized segment\": which segments are acknowledged alone is \
               the receiver's choice. Linux makes 705 ACKs for 1000 segments, ours 508. The ACK that tells of the loss of segment 100 here tells \
               of segment 99 too, and the window is 110 instead of 109 when it is halved.",
    },
    Reason {
        stacks: |s| matches!(s, Stack::Textbook("reno", _)),
        cases: &["drop100_105", "drop100_102", "overflow_q50"],
        figures: &[(Completion, 80.0), (Timeouts, 1.0), (Retransmissions, 1.0)],
        text: "RFC 5681 section 3.2 step 2: \"When the third duplicate ACK is received, a TCP MUST set ssthresh\" and retransmit. Reno leaves recovery on the \
               first new ACK and has no memory of it; what was sent in recovery brings three duplicates for the next hole, so that we retransmit it \
               fast (a second halving; with three holes the third waits for the timer, as Fall and Floyd found in 1996). The textbook's figures \
               wait for the timer at the second.",
    },
    Reason {
        stacks: |s| ns3(s, |v| !v.sack && !v.slow_rto),
        cases: &["drop100_102"],
        figures: &[(Completion, 19.0), (Arrival, 61.0), (Retransmissions, 640.0), (Timeouts, 1.0)],
        text: "RFC 6582 section 3.2 step 3: \"For the first partial ACK that arrives during fast recovery, also reset the retransmit timer\", and for no other: \
               three round trips outlast an RTO of little more than 200 ms, and both of us time out. RFC 6298 section 5.4 then says \"Retransmit the \
               earliest segment that has not been acknowledged\": we go over what was out until the cumulative ACK jumps ahead, 31 to 56 segments; \
               ns-3 sends 241 to 691 of the 1000 twice, where the link lost three.",
    },
    Reason {
        stacks: |s| ns3(s, |v| v.delayed && !v.slow_rto),
        cases: &["drop100", "drop100_105", "drop100_102", "ackloss3"],
        figures: &[(Retransmissions, 1.0), (Timeouts, 1.0)],
        text: "RFC 9293 section 3.10.7.4, eighth: \"If the FIN bit is set, [...] send an acknowledgment for the FIN\": our FIN goes with the last data, which is \
               therefore acknowledged at once. ns-3's receiver holds the ACK of the last segment for 200 ms, as long as its sender's minimum RTO, and the \
               sender times out without need.",
    },
    Reason {
        stacks: |s| ns3(s, |v| v.linux_reno && v.delayed && v.slow_rto),
        cases: &["ackloss3"],
        figures: &[(Retransmissions, 1.0), (Timeouts, 1.0)],
        text: "RFC 7323 appendix G: the echoes of the last flight weigh as one sample together, so that our RTO is still above its floor of 1 s when the \
               very last ACK is lost; the peer repeats its FIN after 1 s, and that ACK comes first. ns-3 times out, a moment before.",
    },
    Reason {
        stacks: |s| ns3(s, |v| !v.linux_reno && (v.sack || v.delayed)),
        cases: DROPS,
        figures: &[(Ssthresh, 2.0)],
        text: "RFC 5681 section 3.1 equation 4: \"ssthresh = max (FlightSize / 2, 2*SMSS)\", and RFC 6675 section 5 step 4.2 the same. ns-3 halves its own \
               estimate of what is in the network, which what was SACKed or counted by duplicates has left: one to four segments less.",
    },
    Reason {
        stacks: |s| ns3(s, |v| v.prr && !v.sack),
        cases: DROPS,
        figures: &[(Completion, 12.5), (Arrival, 13.5)],
        text: "RFC 9937 section 6.2: \"SndCnt = CEIL(prr_delivered * ssthresh / RecoverFS) - prr_out\" lets the window fall to ssthresh; without SACK ns-3's \
               PRR never lets it fall, and sends at the old rate all through the recovery. Ours walks from 109 to 54 as Linux's does \
               (drop cases of `newreno` above).",
    },
    Reason {
        stacks: |s| ns3(s, |v| v.prr && v.sack),
        cases: DROPS,
        figures: &[(Completion, 2.7), (Arrival, 5.0)],
        text: "The same sentence, with SACK: one segment for every two ACKs from the first on, as Linux does. ns-3's figures with PRR and SACK are, \
               where each segment is acknowledged, those of its classic recovery to the microsecond (2.059842 s both in `drop100`): it is silent \
               for half a round trip first.",
    },
    Reason {
        stacks: |s| ns3(s, |v| v.linux_reno && !v.prr),
        cases: DROPS,
        figures: &[(Completion, 2.6), (Arrival, 3.1)],
        text: "RFC 5681 section 3.2 step 6: \"When the next ACK arrives that acknowledges previously unacknowledged data, a TCP MUST set cwnd to ssthresh\". \
               ns-3 does so and then lets TcpLinuxReno grow by the hundred segments that this ACK acknowledges: two segments more from there on.",
    },
    Reason {
        stacks: |s| ns3(s, |v| !v.linux_reno && !v.prr && (v.sack || v.delayed)),
        cases: DROPS,
        figures: &[(Completion, 1.0), (Arrival, 3.5)],
        text: "What follows from the smaller ssthresh: half a segment to two less in each of ten to twenty-five round trips.",
    },
];

/// The reason for a cell that is not met.
pub(crate) fn reason(row: &Row, cell: &Cell) -> Option<usize> {
    let apart = (cell.ours - cell.theirs).abs();
    let apart = match cell.figure {
        Completion | Arrival => apart / cell.theirs * 100.0,
        _ => apart,
    };
    REASONS.iter().position(|r| {
        (r.stacks)(&row.stack)
            && r.cases.contains(&row.case)
            && r.figures.iter().any(|&(figure, most)| figure == cell.figure && apart <= most)
    })
}

//! Why a cell may differ: where we follow the RFC and the other does not, or the other has more than we do.
//! A reason that no cell needs fails the test, so that none outlives its cause.

use super::cells::{Cell, Row, SETTINGS};

/// One reason and the cells it speaks for.
pub(crate) struct Reason {
    settings: &'static [&'static str],
    cases: &'static [&'static str],
    against: &'static [&'static str],
    figures: &'static [&'static str],
    pub text: &'static str,
}

const ALL: &[&str] = &[];
const DROPS: &[&str] = &["drop100", "drop100_105", "drop100_102"];
const CLASSIC: &[&str] = &["newreno", "newreno, RTO 200 ms"];

/// All reasons; the first that fits a cell speaks for it. An empty list stands for everything.
pub(crate) const REASONS: &[Reason] = &[
    Reason {
        settings: &["newreno, RTO 200 ms"],
        cases: &["drop100_102"],
        against: ALL,
        figures: ALL,
        text: "RFC 6582 section 3.2 step 3: \"For the first partial ACK that arrives during fast recovery, also reset the \
               retransmit timer\", and only for the first (the impatient variant), so that three holes outlast an RTO of \
               little more than 200 ms. Linux and the textbook's figures restart it at each (slow but steady); ns-3 times \
               out as we do.",
    },
    Reason {
        settings: CLASSIC,
        cases: &["overflow_q50"],
        against: ALL,
        figures: ALL,
        text: "The same sentence: without SACK, 127 holes take 127 round trips, and the impatient variant cuts that short by a \
               timeout, at the price of segments sent again needlessly. RFC 6582 section 4 weighs the two.",
    },
    Reason {
        settings: &["sack"],
        cases: DROPS,
        against: &["ns-3"],
        figures: &["completion (ms)", "ssthresh"],
        text: "RFC 5681 section 3.1 equation 4: \"ssthresh = max (FlightSize / 2, 2*SMSS)\"; ns-3 halves its own estimate of \
               what is out, which the SACKed segments have left: 52 to 53 segments instead of 54, and less time after it.",
    },
    Reason {
        settings: ALL,
        cases: &["ackloss3"],
        against: &["Linux"],
        figures: ALL,
        text: "RFC 5681 section 3.1 equation 2: \"a TCP increments cwnd by at most SMSS bytes for each ACK received\"; Linux \
               counts the segments acknowledged.",
    },
    Reason {
        settings: ALL,
        cases: &["ackloss3"],
        against: &["ns-3", "textbook"],
        figures: &["completion (ms)"],
        text: "Our link's `ack` is every packet without payload, so that the SYN-ACK is the first of them; theirs begins with \
               the first ACK of data: other ACKs are lost, of the same number.",
    },
    Reason {
        settings: ALL,
        cases: &["synlost"],
        against: &["ns-3", "textbook"],
        figures: &["completion (ms)"],
        text: "RFC 6298 section 2.1: \"the sender SHOULD set RTO <- 1 second\"; ns-3 waits 3 s. RFC 6928 section 2 lets one \
               lost SYN keep the initial window; the textbook's figures start with one segment.",
    },
    Reason {
        settings: ALL,
        cases: &["synlost"],
        against: &["Linux"],
        figures: &["window, where farthest apart"],
        text: "Linux's SYN timer fires on a tick of its timer wheel, up to 40 ms late: the same curve, shifted by that much.",
    },
    Reason {
        settings: &["newreno, RTO 200 ms", "sack"],
        cases: &["tail_1of200"],
        against: &["Linux"],
        figures: &["completion (ms)", "ssthresh"],
        text: "RFC 6298 section 2: RTO = SRTT + max(G, 4 * RTTVAR), bounded below as a whole; Linux bounds the variance term by 200 ms. \
               RFC 5681 equation 4 takes FlightSize, here one segment; Linux takes cwnd.",
    },
    Reason {
        settings: &["sack"],
        cases: &["overflow_q50"],
        against: &["Linux"],
        figures: ALL,
        text: "Linux has RACK (RFC 8985), which sees that a retransmission was lost again; RFC 6675 does not, and times out. \
               Not right by an RFC that we claim: to be mended by RACK-TLP.",
    },
    Reason {
        settings: &["sack_def"],
        cases: &["tail_1of200"],
        against: &["Linux"],
        figures: ALL,
        text: "Linux sends a tail loss probe (RFC 8985 section 7). To be mended by RACK-TLP.",
    },
    Reason {
        settings: &["sack_def"],
        cases: ALL,
        against: &["Linux"],
        figures: ALL,
        text: "RFC 5681 section 3.1 equation 2 again: with an ACK for every second segment, slow start grows by half; Linux \
               counts segments, and acknowledges the first segments at once (quickack).",
    },
    Reason {
        settings: &["sack_def"],
        cases: ALL,
        against: &["ns-3"],
        figures: ALL,
        text: "ns-3 delays an ACK by up to 200 ms where we delay it by 40 ms; what is out when the loss is found differs with it.",
    },
];

/// The reason for a cell that is not met.
pub(crate) fn reason(row: &Row, cell: &Cell) -> Option<usize> {
    let has = |list: &[&str], name: &str| list.is_empty() || list.contains(&name);
    REASONS.iter().position(|r| {
        has(r.settings, SETTINGS[row.setting].name)
            && has(r.cases, row.case)
            && has(r.against, cell.against)
            && has(r.figures, cell.figure)
    })
}

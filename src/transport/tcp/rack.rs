//! RACK-TLP (RFC 8985): losses found by time. Kept for every transmission: when it left, in which
//! order, and whether it was a repeat. An ACK costs O(1) for each segment whose fate it decides.

use std::collections::{BTreeSet, VecDeque};

use crate::base::time::{Duration, Instant};

/// DupThresh (section 6.2, step 4).
const DUP_THRESHOLD: u32 = 3;
/// Recoveries without a DSACK after which the reordering window is small again.
const PERSIST: u32 = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Out,
    Sacked,
    Lost,
}

/// One segment and its newest transmission.
#[derive(Clone, Debug)]
struct Sent {
    start: u64,
    end: u64,
    at: Instant,
    serial: u64,
    stamp: u32,
    again: bool,
    fate: Fate,
}

/// What an ACK brings along for all the segments it delivers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) now: Instant,
    /// The echoed timestamp, if timestamps are on.
    pub(super) echo: Option<u32>,
    pub(super) min_rtt: Option<Duration>,
}

/// The state of section 5.2 and 5.3.
#[derive(Clone, Debug, Default)]
pub(super) struct Rack {
    // In order of sequence.
    segments: VecDeque<Sent>,
    // In order of departure: serial and first byte. An entry whose segment left again since, or was
    // delivered or declared lost, is stale, and skipped when it comes to the front.
    departures: VecDeque<(u64, u64)>,
    serial: u64,
    lost: BTreeSet<u64>,
    lost_bytes: u64,
    sacked: u32,
    // Serial and RTT of the most recently sent segment that was delivered. Order of departure
    // stands for the RFC's pair of time and end: it is the same, and exact for simultaneous ones.
    newest: Option<(u64, Duration)>,
    fack: u64,
    pub(super) reordering_seen: bool,
    dsack_round: Option<u64>,
    multiplier: u32,
    persist: u32,
}

impl Rack {
    pub(super) fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    /// A segment leaves; `stamp` is its timestamp.
    pub(super) fn on_sent(&mut self, start: u64, end: u64, at: Instant, stamp: u32, again: bool) {
        let from = self.segments.partition_point(|s| s.end <= start);
        let mut next = start;
        for i in from..self.segments.len() {
            let s = &mut self.segments[i];
            if s.start >= end {
                break;
            }
            next = s.end;
            if s.fate == Fate::Sacked {
                continue;
            }
            if s.fate == Fate::Lost {
                self.lost.remove(&s.start);
                self.lost_bytes -= s.end - s.start;
            }
            self.serial += 1;
            (s.at, s.serial, s.stamp, s.again, s.fate) = (at, self.serial, stamp, true, Fate::Out);
            let departure = (self.serial, s.start);
            self.departures.push_back(departure);
        }
        if next < end && self.segments.back().is_none_or(|s| s.end <= next) {
            self.serial += 1;
            let serial = self.serial;
            self.segments.push_back(Sent { start: next, end, at, serial, stamp, again, fate: Fate::Out });
            self.departures.push_back((serial, next));
        }
    }

    /// The range from `start` to `end` was newly SACKed; `whole` says whether a segment now is.
    pub(super) fn on_sacked(&mut self, start: u64, end: u64, a: &Arrival, whole: impl Fn(u64, u64) -> bool) {
        let from = self.segments.partition_point(|s| s.end <= start);
        for i in from..self.segments.len() {
            let s = &self.segments[i];
            if s.start >= end {
                break;
            }
            if s.fate != Fate::Sacked && whole(s.start, s.end) {
                self.deliver(i, &Arrival { echo: None, ..*a });
                self.segments[i].fate = Fate::Sacked;
                self.sacked += 1;
            }
        }
    }

    /// SND.UNA moved.
    pub(super) fn on_acked(&mut self, una: u64, a: &Arrival) {
        while let Some(first) = self.segments.front() {
            if first.end > una {
                break;
            }
            if first.fate == Fate::Sacked {
                self.sacked -= 1;
            } else {
                self.deliver(0, a);
            }
            self.segments.pop_front();
        }
        if let Some(first) = self.segments.front_mut()
            && first.start < una
        {
            if first.fate == Fate::Lost {
                self.lost.remove(&first.start);
                self.lost.insert(una);
                self.lost_bytes -= una - first.start;
            }
            first.start = una;
        }
        if self.segments.is_empty() {
            self.departures.clear();
        }
    }

    /// Section 6.2, steps 1 to 3.
    fn deliver(&mut self, index: usize, a: &Arrival) {
        let s = &self.segments[index];
        if s.fate == Fate::Lost {
            self.lost.remove(&s.start);
            self.lost_bytes -= s.end - s.start;
        }
        let rtt = a.now.since(s.at);
        // Step 2: of a repeat it is not known which transmission arrived, unless the echo or the
        // time tells. The echo of an ACK that SACKs is older than what it SACKs (RFC 7323 section 4.3).
        let of_original = a.echo.is_some_and(|echo| (echo.wrapping_sub(s.stamp) as i32) < 0)
            || a.min_rtt.is_some_and(|min| rtt < min);
        let (again, end, serial) = (s.again, s.end, s.serial);
        if !(again && of_original) && self.newest.is_none_or(|(newest, _)| serial > newest) {
            self.newest = Some((serial, rtt));
        }
        // Step 3: an original that arrives after one of a higher number was overtaken.
        if end > self.fack {
            self.fack = end;
        } else if end < self.fack && !again {
            self.reordering_seen = true;
        }
    }

    /// Section 6.2, step 4: each round with a DSACK widens the window.
    pub(super) fn on_dsack(&mut self, una: u64, nxt: u64) {
        if self.dsack_round.is_none_or(|round| una >= round) {
            self.dsack_round = Some(nxt);
            self.multiplier = self.multiplier.max(1) + 1;
            self.persist = PERSIST;
        }
    }

    /// An episode of recovery ended.
    pub(super) fn on_recovered(&mut self) {
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.multiplier = 1;
        }
    }

    /// Section 6.2, step 4.
    pub(super) fn reordering_window(&self, recovering: bool, min_rtt: Duration, srtt: Duration) -> Duration {
        if !self.reordering_seen && (recovering || self.sacked >= DUP_THRESHOLD) {
            return Duration::ZERO;
        }
        (min_rtt * u64::from(self.multiplier.max(1)) / 4).min(srtt)
    }

    /// Section 6.2, step 5: marks what is lost by now. Says whether anything new is, and when to
    /// look again.
    pub(super) fn detect(&mut self, now: Instant, window: Duration) -> (bool, Option<Instant>) {
        let Some((newest, rtt)) = self.newest else { return (false, None) };
        let mut found = false;
        while let Some(&(serial, start)) = self.departures.front() {
            let i = self.segments.partition_point(|s| s.end <= start);
            let live = self.segments.get_mut(i).filter(|s| s.serial == serial && s.fate == Fate::Out);
            if let Some(s) = live {
                if serial >= newest {
                    break;
                }
                let deadline = s.at + rtt + window;
                if deadline > now {
                    return (found, Some(deadline));
                }
                s.fate = Fate::Lost;
                self.lost.insert(s.start);
                self.lost_bytes += s.end - s.start;
                found = true;
            }
            self.departures.pop_front();
        }
        (found, None)
    }

    /// The lost segment with the lowest number that has not left again.
    pub(super) fn first_lost(&self) -> Option<(u64, u64)> {
        let start = *self.lost.first()?;
        let i = self.segments.partition_point(|s| s.end <= start);
        self.segments.get(i).map(|s| (s.start, s.end))
    }

    /// Where the last segment begins.
    pub(super) fn last_start(&self) -> Option<u64> {
        self.segments.back().map(|s| s.start)
    }

    /// Section 6.3: the retransmission timer expired.
    pub(super) fn on_timeout(&mut self, now: Instant, window: Duration, srtt: Duration) {
        let rtt = self.newest.map_or(srtt, |(_, rtt)| rtt);
        for (i, s) in self.segments.iter_mut().enumerate() {
            if s.fate == Fate::Out && (i == 0 || s.at + rtt + window <= now) {
                s.fate = Fate::Lost;
                self.lost.insert(s.start);
                self.lost_bytes += s.end - s.start;
            }
        }
    }

    /// Nothing was lost after all: what was marked is out again.
    pub(super) fn unmark(&mut self) {
        self.lost.clear();
        self.lost_bytes = 0;
        let mut out = Vec::new();
        for s in self.segments.iter_mut().filter(|s| s.fate != Fate::Sacked) {
            s.fate = Fate::Out;
            out.push((s.serial, s.start));
        }
        out.sort();
        self.departures = out.into();
    }

    /// The peer has reneged: everything leaves anew.
    pub(super) fn forget(&mut self) {
        self.segments.clear();
        self.departures.clear();
        self.lost.clear();
        (self.lost_bytes, self.sacked, self.newest) = (0, 0, None);
    }
}

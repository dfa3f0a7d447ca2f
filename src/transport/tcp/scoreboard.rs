//! What the peer holds beyond SND.UNA, and what that says is lost (RFC 6675). Exact to the byte.
//! No question and no change costs more than O(log n) in the number of ranges, but for ranges that
//! a change does away with.

use std::collections::BTreeMap;

use smallvec::SmallVec;

/// Pieces that one SACK block newly covers; most blocks bring one.
pub(super) type Fresh = SmallVec<[(u64, u64); 4]>;

/// SACKed ranges above SND.UNA.
#[derive(Clone, Debug, Default)]
pub(super) struct Scoreboard {
    ranges: BTreeMap<u64, u64>,
    sacked: u64,
    // HighRxt (section 2), exclusive: everything below was retransmitted in this recovery.
    high_rxt: u64,
    // Bytes below HighRxt that are neither acknowledged nor SACKed.
    resent: u64,
    una: u64,
}

impl Scoreboard {
    /// Forgets every mark: after an RTO the receiver may have reneged (RFC 2018 section 8).
    pub(super) fn clear(&mut self) {
        self.ranges.clear();
        (self.sacked, self.resent, self.high_rxt) = (0, 0, self.una);
    }

    /// A recovery episode begins: nothing is retransmitted yet.
    pub(super) fn begin_recovery(&mut self) {
        (self.high_rxt, self.resent) = (self.una, 0);
    }

    /// SACKed bytes.
    pub(super) fn sacked(&self) -> u64 {
        self.sacked
    }

    /// Bytes retransmitted in this episode that are neither acknowledged nor SACKed.
    pub(super) fn resent(&self) -> u64 {
        self.resent
    }

    /// True if nothing is SACKed.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// True if every byte of this range is SACKed.
    pub(super) fn holds(&self, start: u64, end: u64) -> bool {
        self.ranges.range(..=start).next_back().is_some_and(|(_, &e)| e >= end)
    }

    /// SACKed bytes below the edge that [`Scoreboard::lost_edge`] found: at most three ranges lie
    /// above it.
    fn sacked_below_edge(&self, edge: u64) -> u64 {
        let above: u64 = self.ranges.iter().rev().take_while(|(_, e)| **e > edge).map(|(&s, &e)| e - s.max(edge)).sum();
        self.sacked - above
    }

    /// SACKed bytes from `start` to `end`; walks the ranges between them only.
    fn sacked_between(&self, start: u64, end: u64) -> u64 {
        let before = self.ranges.range(..start).next_back().map_or(0, |(_, &e)| e.clamp(start, end) - start);
        before + self.ranges.range(start..end).map(|(&s, &e)| e.min(end) - s).sum::<u64>()
    }

    /// Marks one block and adds what it newly covers to `fresh`; true if that is anything.
    pub(super) fn sack(&mut self, start: u64, end: u64, fresh: &mut Fresh) -> bool {
        let (mut from, mut to) = (start.max(self.una), end);
        let (mut at, limit) = (from, end);
        if from >= to {
            return false;
        }
        if let Some((&s, &e)) = self.ranges.range(..=from).next_back()
            && e >= from
        {
            if e >= to {
                return false;
            }
            self.drop_range(s, e);
            (from, to) = (s, to.max(e));
            at = e;
        }
        while let Some((&s, &e)) = self.ranges.range(from..).next()
            && s <= to
        {
            self.drop_range(s, e);
            if s > at {
                fresh.push((at, s.min(limit)));
            }
            at = e;
            to = to.max(e);
        }
        if at < limit {
            fresh.push((at, limit));
        }
        self.ranges.insert(from, to);
        self.sacked += to - from;
        self.resent -= self.below_high_rxt(from, to);
        true
    }

    fn drop_range(&mut self, start: u64, end: u64) {
        self.ranges.remove(&start);
        self.sacked -= end - start;
        self.resent += self.below_high_rxt(start, end);
    }

    fn below_high_rxt(&self, start: u64, end: u64) -> u64 {
        self.high_rxt.clamp(start, end) - start
    }

    /// SND.UNA moved.
    pub(super) fn advance(&mut self, una: u64) {
        while let Some((&s, &e)) = self.ranges.first_key_value()
            && s < una
        {
            self.drop_range(s, e);
            if e > una {
                self.ranges.insert(una, e);
                self.sacked += e - una;
                self.resent -= self.below_high_rxt(una, e);
            }
        }
        self.resent -= self.below_high_rxt(self.una, una.max(self.una)).min(self.resent);
        self.una = una;
        self.high_rxt = self.high_rxt.max(una);
    }

    /// Everything not SACKed below this offset is lost: three discontiguous ranges, or more than
    /// two segments' bytes, are SACKed above it (section 4, IsLost).
    pub(super) fn lost_edge(&self, smss: u64) -> u64 {
        let mut bytes = 0;
        for (n, (&start, &end)) in self.ranges.iter().rev().enumerate() {
            bytes += end - start;
            if n + 1 >= 3 || bytes > 2 * smss {
                return start;
            }
        }
        self.una
    }

    /// Section 4, SetPipe, with SND.NXT at `nxt`.
    pub(super) fn pipe(&self, nxt: u64, smss: u64) -> u64 {
        let edge = self.lost_edge(smss);
        let lost = (edge - self.una) - self.sacked_below_edge(edge);
        (nxt - self.una + self.resent).saturating_sub(self.sacked + lost)
    }

    /// The first hole not yet retransmitted that begins below `limit`: first byte and one past
    /// the last.
    pub(super) fn next_hole(&self, limit: u64) -> Option<(u64, u64)> {
        let mut at = self.high_rxt.max(self.una);
        if let Some((_, &e)) = self.ranges.range(..=at).next_back() {
            at = at.max(e);
        }
        let end = *self.ranges.range(at..).next()?.0;
        (at < limit).then_some((at, end))
    }

    /// One past the highest SACKed byte.
    pub(super) fn highest(&self) -> u64 {
        self.ranges.last_key_value().map_or(self.una, |(_, &e)| e)
    }

    /// The first byte at or after `offset` that is not SACKed, and where the next range begins.
    pub(super) fn unsacked_from(&self, offset: u64) -> (u64, Option<u64>) {
        let at = self.ranges.range(..=offset).next_back().map_or(offset, |(_, &e)| e.max(offset));
        (at, self.ranges.range(at..).next().map(|(&s, _)| s))
    }

    /// Bytes up to `end` were retransmitted. HighRxt moves over what was skipped, too, and SetPipe
    /// counts every byte below it that is not SACKed.
    pub(super) fn retransmitted(&mut self, end: u64) {
        if end > self.high_rxt {
            self.resent += end - self.high_rxt - self.sacked_between(self.high_rxt, end);
            self.high_rxt = end;
        }
    }
}

#[cfg(test)]
mod tests;

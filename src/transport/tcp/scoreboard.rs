//! What the peer holds beyond SND.UNA, and what that says is lost (RFC 6675). Exact to the byte.

use std::collections::BTreeMap;

/// SACKed ranges above SND.UNA.
#[derive(Debug, Default)]
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

    /// SACKed bytes below `offset`.
    pub(super) fn sacked_below(&self, offset: u64) -> u64 {
        let above: u64 =
            self.ranges.iter().rev().take_while(|(_, e)| **e > offset).map(|(&s, &e)| e - s.max(offset)).sum();
        self.sacked - above
    }

    /// Marks one block; true if it brought news.
    pub(super) fn sack(&mut self, start: u64, end: u64) -> bool {
        let (mut from, mut to) = (start.max(self.una), end);
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
        }
        while let Some((&s, &e)) = self.ranges.range(from..).next()
            && s <= to
        {
            self.drop_range(s, e);
            to = to.max(e);
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
        let lost = (edge - self.una) - self.sacked_below(edge);
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
            let sacked = self.sacked_below(end) - self.sacked_below(self.high_rxt);
            self.resent += end - self.high_rxt - sacked;
            self.high_rxt = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(una: u64) -> Scoreboard {
        let mut s = Scoreboard::default();
        s.advance(una);
        s
    }

    #[test]
    fn sack_04_is_lost() {
        let mut s = at(1000);
        s.sack(2000, 4000);
        assert_eq!(s.lost_edge(1000), 1000);
        s.sack(4000, 4001);
        assert_eq!(s.lost_edge(1000), 2000);
        let mut s = at(1000);
        [2000, 3000, 4000].into_iter().for_each(|n| assert!(s.sack(n, n + 10)));
        assert_eq!(s.lost_edge(1000), 2000);
    }

    #[test]
    fn sack_05_pipe() {
        let mut s = at(0);
        s.sack(3000, 6000);
        assert_eq!(s.pipe(10_000, 1000), 4000);
        s.retransmitted(1000);
        assert_eq!(s.pipe(10_000, 1000), 5000);
        s.advance(3000);
        assert_eq!((s.pipe(10_000, 1000), s.sacked), (4000, 3000));
    }

    #[test]
    fn a_skipped_hole_below_high_rxt_counts_once() {
        let mut s = at(0);
        s.sack(2000, 3000);
        s.sack(5000, 6000);
        s.retransmitted(5000);
        assert_eq!(s.resent, 4000);
        s.sack(0, 2000);
        s.sack(3000, 5000);
        assert_eq!((s.resent, s.sacked), (0, 6000));
    }
}

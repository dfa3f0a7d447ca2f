//! What the peer holds beyond SND.UNA, and what that says is lost (RFC 6675). Exact to the byte.
//! No question costs more than O(log n) in the number of ranges, and a change no more than moving
//! the ranges on the shorter side of it.

use smallvec::SmallVec;

use crate::transport::ranges::RangeSet;

/// Pieces that one SACK block newly covers; most blocks bring one.
pub(super) type Fresh = SmallVec<[(u64, u64); 4]>;

/// SACKed ranges above SND.UNA. What every ACK asks for comes first.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub(super) struct Scoreboard {
    una: u64,
    // HighRxt (section 2), exclusive: everything below was retransmitted in this recovery.
    high_rxt: u64,
    ranges: RangeSet,
    sacked: u64,
    // Bytes below HighRxt that are neither acknowledged nor SACKed.
    resent: u64,
}

impl Scoreboard {
    /// What is looked at while nothing is SACKed: of the ranges, how many there are.
    #[cfg(test)]
    pub(super) const HOT_BYTES: usize = std::mem::offset_of!(Scoreboard, ranges) + 4;

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
    #[inline]
    pub(super) fn sacked(&self) -> u64 {
        self.sacked
    }

    /// Bytes retransmitted in this episode that are neither acknowledged nor SACKed.
    pub(super) fn resent(&self) -> u64 {
        self.resent
    }

    /// True if nothing is SACKed.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// True if every byte of this range is SACKed.
    pub(super) fn holds(&self, start: u64, end: u64) -> bool {
        self.ranges.holding(start).is_some_and(|r| r.1 >= end)
    }

    /// Marks one block and adds what it newly covers to `fresh`; true if that is anything. Most blocks are the
    /// highest range, grown or as it was.
    pub(super) fn sack(&mut self, start: u64, end: u64, fresh: &mut Fresh) -> bool {
        let (start, known) = (start.max(self.una), fresh.len());
        match self.ranges.last() {
            Some(last) if start < last.0 => {
                if self.holds(start, end) {
                    return false;
                }
                self.find_gaps(start, end, fresh);
            }
            last => {
                let from = last.map_or(start, |last| last.1.max(start));
                if from < end {
                    fresh.push((from, end));
                }
            }
        }
        for &(from, to) in &fresh[known..] {
            self.sacked += to - from;
            self.resent -= self.below_high_rxt(from, to);
        }
        if fresh.len() > known {
            self.ranges.insert(start, end);
        }
        fresh.len() > known
    }

    #[inline(never)]
    fn find_gaps(&self, start: u64, end: u64, fresh: &mut Fresh) {
        fresh.extend(self.ranges.gaps(start, end));
    }

    fn below_high_rxt(&self, start: u64, end: u64) -> u64 {
        self.high_rxt.clamp(start, end) - start
    }

    /// SND.UNA moved.
    #[inline]
    pub(super) fn advance(&mut self, una: u64) {
        let una = una.max(self.una);
        if self.high_rxt > self.una || !self.ranges.is_empty() {
            self.forget_below(una);
        }
        self.una = una;
        self.high_rxt = self.high_rxt.max(una);
    }

    /// What was sent again, or SACKed, is acknowledged.
    #[inline(never)]
    fn forget_below(&mut self, una: u64) {
        let resent_to = self.high_rxt.clamp(self.una, una);
        self.resent -= resent_to - self.una - self.ranges.held(self.una, resent_to);
        self.sacked -= self.ranges.held(self.una, una);
        self.ranges.remove_below(una);
    }

    /// Everything not SACKed below this offset is lost: three discontiguous ranges, or more than
    /// two segments' bytes, are SACKed above it (section 4, IsLost).
    pub(super) fn lost_edge(&self, smss: u64) -> u64 {
        self.edge_and_above(smss).0
    }

    /// The same, with the SACKed bytes above it.
    fn edge_and_above(&self, smss: u64) -> (u64, u64) {
        let mut bytes = 0;
        for (n, (start, end)) in self.ranges.descending().enumerate() {
            bytes += end - start;
            if n + 1 >= 3 || bytes > 2 * smss {
                return (start, bytes);
            }
        }
        (self.una, self.sacked)
    }

    /// Section 4, SetPipe, with SND.NXT at `nxt`.
    pub(super) fn pipe(&self, nxt: u64, smss: u64) -> u64 {
        let (edge, above) = self.edge_and_above(smss);
        let lost = (edge - self.una) - (self.sacked - above);
        (nxt - self.una + self.resent).saturating_sub(self.sacked + lost)
    }

    /// The first hole not yet retransmitted that begins below `limit`: first byte and one past
    /// the last.
    pub(super) fn next_hole(&self, limit: u64) -> Option<(u64, u64)> {
        let (at, end) = self.ranges.free_from(self.high_rxt.max(self.una));
        end.filter(|_| at < limit).map(|end| (at, end))
    }

    /// One past the highest SACKed byte.
    pub(super) fn highest(&self) -> u64 {
        self.ranges.last().map_or(self.una, |r| r.1)
    }

    /// The first byte at or after `offset` that is not SACKed, and where the next range begins.
    pub(super) fn unsacked_from(&self, offset: u64) -> (u64, Option<u64>) {
        self.ranges.free_from(offset)
    }

    /// Bytes up to `end` were retransmitted. HighRxt moves over what was skipped, too, and SetPipe
    /// counts every byte below it that is not SACKed.
    pub(super) fn retransmitted(&mut self, end: u64) {
        if end > self.high_rxt {
            self.resent += end - self.high_rxt - self.ranges.held(self.high_rxt, end);
            self.high_rxt = end;
        }
    }
}

#[cfg(test)]
mod tests;

//! A set of byte offsets, as ranges.

/// Half-open ranges, ascending, neither overlapping nor touching.
#[derive(Clone, Debug, Default)]
pub(super) struct RangeSet(Vec<(u64, u64)>);

impl RangeSet {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The lowest range.
    pub(super) fn first(&self) -> Option<(u64, u64)> {
        self.0.first().copied()
    }

    /// Adds `start..end`.
    pub(super) fn insert(&mut self, mut start: u64, mut end: u64) {
        if start >= end {
            return;
        }
        let from = self.0.partition_point(|r| r.1 < start);
        let to = self.0.partition_point(|r| r.0 <= end);
        if from < to {
            start = start.min(self.0[from].0);
            end = end.max(self.0[to - 1].1);
            self.0[from] = (start, end);
            self.0.drain(from + 1..to);
        } else {
            self.0.insert(from, (start, end));
        }
    }

    /// Takes `start..end` away.
    pub(super) fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let mut i = self.0.partition_point(|r| r.1 <= start);
        while i < self.0.len() && self.0[i].0 < end {
            let (a, b) = self.0[i];
            match (a < start, b > end) {
                (true, true) => {
                    self.0[i].1 = start;
                    self.0.insert(i + 1, (end, b));
                    return;
                }
                (true, false) => {
                    self.0[i].1 = start;
                    i += 1;
                }
                (false, true) => {
                    self.0[i].0 = end;
                    return;
                }
                (false, false) => {
                    self.0.remove(i);
                }
            }
        }
    }

    /// Takes away everything that `other` holds within `start..end`.
    pub(super) fn remove_all(&mut self, other: &RangeSet, start: u64, end: u64) {
        let from = other.0.partition_point(|r| r.1 <= start);
        for &(a, b) in other.0[from..].iter().take_while(|r| r.0 < end) {
            self.remove(a.max(start), b.min(end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_and_split() {
        let mut s = RangeSet::default();
        s.insert(10, 20);
        s.insert(30, 40);
        s.insert(20, 30);
        assert_eq!(s.0, [(10, 40)]);
        s.remove(15, 20);
        assert_eq!(s.0, [(10, 15), (20, 40)]);
        s.remove(0, 25);
        assert_eq!(s.0, [(25, 40)]);
        let mut t = RangeSet::default();
        t.insert(0, 50);
        t.remove_all(&s, 0, 30);
        assert_eq!(t.0, [(0, 25), (30, 50)]);
    }
}

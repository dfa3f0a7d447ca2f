//! How far the driver was behind the times that machines had asked to be woken at.

use crate::base::time::{Duration, Instant};

/// Counts lateness in powers of two of a microsecond.
#[derive(Clone, Debug, Default)]
pub struct Lag {
    counts: [u64; 24],
    total: u64,
    max: Duration,
}

impl Lag {
    /// A wake-up of a host or of the links was due, and came now.
    pub fn add(&mut self, due: Instant, now: Instant) {
        let late = now.since(due);
        let bucket = (u64::BITS - late.as_micros().leading_zeros()) as usize;
        self.counts[bucket.min(self.counts.len() - 1)] += 1;
        self.total += 1;
        self.max = self.max.max(late);
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Of a thousand wake-ups, `part` came no later than this (to the next power of two).
    pub fn per_mille(&self, part: u64) -> Duration {
        let wanted = (self.total * part).div_ceil(1000);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_micros(1 << bucket).min(self.max);
            }
        }
        self.max
    }

    /// How many wake-ups were counted.
    pub fn count(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_told_to_the_next_power_of_two() {
        let mut lag = Lag::default();
        let at = |us: u64| Instant::ZERO + Duration::from_micros(us);
        (0..99).for_each(|_| lag.add(at(100), at(103)));
        lag.add(at(100), at(5100));
        assert_eq!((lag.per_mille(500), lag.per_mille(990)), (Duration::from_micros(4), Duration::from_micros(4)));
        assert_eq!((lag.max(), lag.per_mille(1000)), (Duration::from_micros(5000), Duration::from_micros(5000)));
    }
}

//! The time of day of a run: what date it is when its clock stands at zero.

use super::time::{Duration, Instant};

/// Which moment [`Instant::ZERO`] is, in nanoseconds since 1970-01-01 00:00:00 UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WallClock {
    zero_nanos: u64,
    real: bool,
}

impl WallClock {
    /// Every simulated run begins on 1 January 2000 at 00:00:00 UTC, a Saturday: a date in a run
    /// depends on nothing but the run.
    pub const SIMULATED: WallClock = WallClock { zero_nanos: 946_684_800_000_000_000, real: false };

    /// A run in the real world whose clock stood at zero that many nanoseconds after 1970.
    pub const fn real(zero_nanos: u64) -> Self {
        WallClock { zero_nanos, real: true }
    }

    /// Whether it goes with the world's clocks, so that files' times and other programs' dates can be
    /// compared with it.
    pub const fn is_real(self) -> bool {
        self.real
    }

    /// Whole seconds since 1970 at `now`.
    pub fn unix_secs(self, now: Instant) -> u64 {
        self.unix_nanos(now) / 1_000_000_000
    }

    /// Nanoseconds since 1970 at `now`.
    pub fn unix_nanos(self, now: Instant) -> u64 {
        self.zero_nanos.saturating_add(now.since(Instant::ZERO).as_nanos())
    }

    /// The instant at that many nanoseconds since 1970; zero for all before the run.
    pub fn instant(self, unix_nanos: u64) -> Instant {
        Instant::ZERO + Duration::from_nanos(unix_nanos.saturating_sub(self.zero_nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_run_begins_with_the_year_2000() {
        let noon = Instant::ZERO + Duration::from_secs(43_200);
        // 30 years of 365 days and 7 leap days.
        assert_eq!(WallClock::SIMULATED.unix_secs(noon), (30 * 365 + 7) * 86_400 + 43_200);
        assert_eq!(WallClock::SIMULATED.instant(WallClock::SIMULATED.unix_nanos(noon)), noon);
        assert_eq!(WallClock::real(5_000_000_000).instant(1), Instant::ZERO);
    }
}

//! Virtual time: whole nanoseconds since the start of the run.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

/// Nanoseconds in one second.
pub const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A point in time: nanoseconds since the run began. A `u64` lasts 584 years. Kept as one more than
/// that, so that an `Option<Instant>` takes no more room: timers are full of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(NonZeroU64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(u64);

impl Instant {
    /// The start of the run.
    pub const ZERO: Instant = Instant(NonZeroU64::MIN);
    /// Later than anything that happens.
    pub const MAX: Instant = Instant(NonZeroU64::MAX);

    /// The instant `nanos` after the start, but never one beyond [`Instant::MAX`].
    pub const fn from_nanos(nanos: u64) -> Self {
        Instant(NonZeroU64::MIN.saturating_add(nanos))
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0.get() - 1
    }

    /// The time that passed from `earlier` to `self`; zero if `earlier` is later.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// Seconds since the start, for reports only.
    pub fn as_secs_f64(self) -> f64 {
        self.as_nanos() as f64 / NANOS_PER_SEC as f64
    }

    /// The earlier of two instants of which either may be missing.
    pub fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
        Instant::earliest([a, b])
    }

    /// The earliest of some instants, any of which may be missing.
    #[inline]
    pub fn earliest<const N: usize>(all: [Option<Instant>; N]) -> Option<Instant> {
        // What is missing counts as zero, which becomes the largest number of all.
        let key = |at: Option<Instant>| at.map_or(0, |at| at.0.get()).wrapping_sub(1);
        let least = all.into_iter().fold(u64::MAX, |least, at| least.min(key(at)));
        NonZeroU64::new(least.wrapping_add(1)).map(Instant)
    }
}

impl Default for Instant {
    fn default() -> Self {
        Instant::ZERO
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);
    /// The longest duration.
    pub const MAX: Duration = Duration(u64::MAX);

    /// `n` nanoseconds.
    pub const fn from_nanos(n: u64) -> Self {
        Duration(n)
    }
    /// `n` microseconds.
    pub const fn from_micros(n: u64) -> Self {
        Duration(n.saturating_mul(1_000))
    }
    /// `n` milliseconds.
    pub const fn from_millis(n: u64) -> Self {
        Duration(n.saturating_mul(1_000_000))
    }
    /// `n` seconds.
    pub const fn from_secs(n: u64) -> Self {
        Duration(n.saturating_mul(NANOS_PER_SEC))
    }
    /// The length in whole nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
    /// The length in whole microseconds, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }
    /// The length in whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }
    /// The length in whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / NANOS_PER_SEC
    }
    /// Seconds, for reports only.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }
    /// `self - other`, or zero.
    pub const fn saturating_sub(self, other: Duration) -> Duration {
        Duration(self.0.saturating_sub(other.0))
    }
    /// How far apart two durations are.
    pub const fn abs_diff(self, other: Duration) -> Duration {
        Duration(self.0.abs_diff(other.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, d: Duration) -> Instant {
        Instant(self.0.saturating_add(d.0))
    }
}
impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}
impl Add for Duration {
    type Output = Duration;
    fn add(self, d: Duration) -> Duration {
        Duration(self.0.saturating_add(d.0))
    }
}
impl AddAssign for Duration {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}
impl Sub for Duration {
    type Output = Duration;
    fn sub(self, d: Duration) -> Duration {
        Duration(self.0.checked_sub(d.0).expect("a duration is never negative"))
    }
}
impl Mul<u64> for Duration {
    type Output = Duration;
    fn mul(self, n: u64) -> Duration {
        Duration(self.0.saturating_mul(n))
    }
}
impl Div<u64> for Duration {
    type Output = Duration;
    fn div(self, n: u64) -> Duration {
        Duration(self.0 / n)
    }
}

/// Decimal seconds, exact, without trailing zeros: `0.0503`.
fn fmt_seconds(nanos: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (whole, part) = (nanos / NANOS_PER_SEC, nanos % NANOS_PER_SEC);
    if part == 0 {
        return write!(f, "{whole}");
    }
    let digits = format!("{part:09}");
    write!(f, "{whole}.{}", digits.trim_end_matches('0'))
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_seconds(self.as_nanos(), f)
    }
}
impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} s")
    }
}
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_seconds(self.0, f)
    }
}
impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact_decimals() {
        assert_eq!(Instant::from_nanos(50_300_000).to_string(), "0.0503");
        assert_eq!(Duration::from_secs(3).to_string(), "3");
        assert_eq!(Instant::from_nanos(1_000_000_001).to_string(), "1.000000001");
    }

    #[test]
    fn since_never_goes_below_zero() {
        let early = Instant::from_nanos(5);
        assert_eq!(early.since(Instant::from_nanos(9)), Duration::ZERO);
    }

    #[test]
    fn an_instant_may_be_missing_at_no_cost() {
        assert_eq!(size_of::<Option<Instant>>(), size_of::<u64>());
        let [zero, five] = [0, 5].map(|n| Some(Instant::from_nanos(n)));
        assert_eq!(
            [Instant::earlier(five, zero), Instant::earlier(zero, None), Instant::earlier(None, five)],
            [zero, zero, five]
        );
        assert_eq!(Instant::earlier(None, None), None);
        assert_eq!((Instant::ZERO.as_nanos(), Instant::from_nanos(u64::MAX)), (0, Instant::MAX));
    }
}

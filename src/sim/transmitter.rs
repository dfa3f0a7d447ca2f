//! The transmitter of a link direction: one packet after another, at a rate. What is left of a
//! division of bits by the rate goes to the next packet, so that rounding never adds up.

use crate::base::time::{Duration, Instant, NANOS_PER_SEC};
use crate::base::units::Rate;

/// Nanoseconds of a second, for each bit of a byte.
const NANOBITS: u64 = 8 * NANOS_PER_SEC;

/// One direction's transmitter.
#[derive(Debug)]
pub(super) struct Transmitter {
    free_at: Instant,
    // Bits per second; 0 is without limit.
    rate: u64,
    // Where a byte takes whole nanoseconds nothing is ever left over, and nothing is divided.
    nanos_per_byte: u64,
    // What is left of bits * 10^9 / rate.
    remainder: u64,
    /// Time spent transmitting.
    pub(super) busy: Duration,
}

impl Transmitter {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        let mut new =
            Transmitter { free_at: Instant::ZERO, rate: 0, nanos_per_byte: 0, remainder: 0, busy: Duration::ZERO };
        new.set_rate(rate);
        new
    }

    /// For packets whose transmission starts from now on.
    pub(super) fn set_rate(&mut self, rate: Option<Rate>) {
        self.rate = rate.map_or(0, |Rate(rate)| rate.max(1));
        self.nanos_per_byte = NANOBITS.checked_div(self.rate).filter(|n| n * self.rate == NANOBITS).unwrap_or(0);
        self.remainder = 0;
    }

    /// When the next packet can start.
    #[inline]
    pub(super) fn free_at(&self) -> Instant {
        self.free_at
    }

    /// What it was transmitting is gone; the next packet can start at once.
    pub(super) fn interrupt(&mut self, now: Instant) {
        self.free_at = now;
    }

    /// It has been idle until now: the next packet starts at once, with nothing left over.
    #[inline]
    pub(super) fn start_anew(&mut self, now: Instant) {
        (self.free_at, self.remainder) = (now, 0);
    }

    /// Takes a packet at `free_at`; says when its last bit is out.
    #[inline]
    pub(super) fn take(&mut self, bytes: u32) -> Instant {
        let time = if self.nanos_per_byte > 0 {
            Duration::from_nanos(self.nanos_per_byte.saturating_mul(u64::from(bytes)))
        } else {
            self.divide(bytes)
        };
        self.free_at += time;
        self.busy += time;
        self.free_at
    }

    fn divide(&mut self, bytes: u32) -> Duration {
        if self.rate == 0 {
            return Duration::ZERO;
        }
        // 64 bits hold this for every packet of less than 2 GB.
        if let Some(work) = u64::from(bytes).checked_mul(NANOBITS).and_then(|work| work.checked_add(self.remainder)) {
            self.remainder = work % self.rate;
            return Duration::from_nanos(work / self.rate);
        }
        let (work, rate) =
            (u128::from(bytes) * u128::from(NANOBITS) + u128::from(self.remainder), u128::from(self.rate));
        self.remainder = (work % rate) as u64;
        Duration::from_nanos((work / rate).min(u128::from(u64::MAX)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_packets_takes_a_second_at_any_rate() {
        for rate in [3, 7_777, 1_000_000, 54_000_000, 100_000_000, 1_000_000_000, 10_000_000_000] {
            let mut t = Transmitter::new(Some(Rate(rate)));
            let mut bits = 0;
            while bits < rate {
                t.take(125);
                bits += 1000;
            }
            let exact = u128::from(bits) * u128::from(NANOS_PER_SEC) / u128::from(rate);
            assert_eq!(u128::from(t.free_at().as_nanos()), exact, "at {rate} bit/s");
            assert_eq!(t.busy, t.free_at().since(Instant::ZERO));
        }
        assert_eq!(Transmitter::new(None).take(9_999), Instant::ZERO);
    }
}

//! The transmitter of a link direction: one packet after another, at a rate. What is left of a
//! division of bits by the rate goes to the next packet, so that rounding never adds up.

use crate::base::time::{Duration, Instant, NANOS_PER_SEC};
use crate::base::units::Rate;

/// Nanoseconds of a second, for each bit of a byte.
const NANOBITS: u64 = 8 * NANOS_PER_SEC;

/// One direction's transmitter, as far as every packet needs it.
#[derive(Debug)]
pub(super) struct Transmitter {
    free_at: Instant,
    // Whose transmission started.
    bytes: u64,
    // The same in packets, modulo 2^32: `Pace` has the rest.
    packets: u32,
    // Where a byte takes whole nanoseconds nothing is ever left over, and nothing is divided; else 0.
    nanos_per_byte: u32,
}

/// The other part of a transmitter: its rate, what is left over, and figures.
#[derive(Debug, Default)]
pub(super) struct Pace {
    // Bits per second; 0 is without limit.
    rate: u64,
    // What is left of bits * 10^9 / rate.
    remainder: u64,
    // Time spent transmitting all but the bytes since these, each of which took `nanos_per_byte`.
    busy: Duration,
    since: u64,
    // How often the packets went through 2^32.
    rounds: u64,
}

impl Transmitter {
    pub(super) fn new(rate: Option<Rate>) -> (Self, Pace) {
        let mut new = Transmitter { free_at: Instant::ZERO, bytes: 0, packets: 0, nanos_per_byte: 0 };
        let mut pace = Pace::default();
        new.set_rate(rate, &mut pace);
        (new, pace)
    }

    /// For packets whose transmission starts from now on.
    pub(super) fn set_rate(&mut self, rate: Option<Rate>, pace: &mut Pace) {
        (pace.busy, pace.since) = (self.busy(pace), self.bytes);
        (pace.rate, pace.remainder) = (rate.map_or(0, |Rate(rate)| rate.max(1)), 0);
        let whole = NANOBITS.checked_div(pace.rate).filter(|n| n * pace.rate == NANOBITS);
        self.nanos_per_byte = whole.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
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
    pub(super) fn start_anew(&mut self, now: Instant, pace: &mut Pace) {
        self.free_at = now;
        if self.nanos_per_byte == 0 {
            pace.remainder = 0;
        }
    }

    /// Takes a packet at `free_at`; says when its last bit is out.
    #[inline]
    pub(super) fn take(&mut self, bytes: u32, pace: &mut Pace) -> Instant {
        self.bytes += u64::from(bytes);
        self.packets = self.packets.wrapping_add(1);
        if self.packets == 0 {
            pace.rounds += 1;
        }
        self.free_at += match self.nanos_per_byte {
            0 => pace.divide(bytes),
            nanos => Duration::from_nanos(u64::from(nanos) * u64::from(bytes)),
        };
        self.free_at
    }

    /// Packets that it took.
    pub(super) fn packets(&self, pace: &Pace) -> u64 {
        (pace.rounds << 32) + u64::from(self.packets)
    }

    /// Bytes of these.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Time that they took, and take.
    pub(super) fn busy(&self, pace: &Pace) -> Duration {
        pace.busy + Duration::from_nanos(u64::from(self.nanos_per_byte) * (self.bytes - pace.since))
    }
}

impl Pace {
    #[inline(never)]
    fn divide(&mut self, bytes: u32) -> Duration {
        if self.rate == 0 {
            return Duration::ZERO;
        }
        let time = self.quotient(bytes);
        self.busy += time;
        time
    }

    fn quotient(&mut self, bytes: u32) -> Duration {
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
            let (mut t, mut pace) = Transmitter::new(Some(Rate(rate)));
            let mut bits = 0;
            while bits < rate {
                t.take(125, &mut pace);
                bits += 1000;
            }
            let exact = u128::from(bits) * u128::from(NANOS_PER_SEC) / u128::from(rate);
            assert_eq!(u128::from(t.free_at().as_nanos()), exact, "at {rate} bit/s");
            assert_eq!(t.busy(&pace), t.free_at().since(Instant::ZERO));
            assert_eq!((t.packets(&pace) * 1000, t.bytes() * 8), (bits, bits));
        }
        let (mut t, mut pace) = Transmitter::new(None);
        assert_eq!(t.take(9_999, &mut pace), Instant::ZERO);
    }

    #[test]
    fn its_figures_outlive_a_change_of_rate_and_the_range_of_a_counter() {
        let (mut t, mut pace) = Transmitter::new(Some(Rate(8_000_000)));
        t.packets = u32::MAX;
        for rate in [8_000_000, 3_000_000, 16_000_000] {
            t.set_rate(Some(Rate(rate)), &mut pace);
            t.take(3, &mut pace);
        }
        assert_eq!((t.packets(&pace), t.bytes()), (u64::from(u32::MAX) + 3, 9));
        assert_eq!(t.busy(&pace).as_nanos(), 3_000 + 8_000 + 1_500);
        assert_eq!(t.free_at().as_nanos(), 12_500);
    }
}

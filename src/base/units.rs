//! Physical quantities as integers, and the one parser that reads them from text.
//! Decimal arithmetic throughout: `0.1 ms` is exactly 100 000 ns or an error, never nearly.

use super::time::Duration;

/// A bit rate in bits per second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Rate(pub u64);

/// A number of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Size(pub u64);

/// A probability in parts of 2^32: `0` never, `2^32` always.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Probability(u64);

impl Probability {
    /// Certainty, in parts.
    pub const ONE: u64 = 1 << 32;

    /// `numerator / denominator`, rounded to the nearest part and capped at one.
    pub fn from_ratio(numerator: u64, denominator: u64) -> Self {
        let (n, d) = (u128::from(numerator), u128::from(denominator.max(1)));
        Probability((((n << 32) + d / 2) / d).min(u128::from(Self::ONE)) as u64)
    }

    /// Parts of 2^32.
    pub const fn parts(self) -> u64 {
        self.0
    }

    /// True if it can never happen.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// For reports only.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / Self::ONE as f64
    }
}

/// How much a queue may hold, as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueLimit {
    /// Packets.
    Packets(u64),
    /// Bytes.
    Bytes(u64),
    /// What the link transmits in this time.
    Time(Duration),
    /// Thousandths of the link's bandwidth-delay product: its rate times twice its delay.
    BdpThousandths(u64),
}

//! Physical quantities as integers, and the one parser that reads them from text.
//! Decimal arithmetic throughout: `0.1 ms` is exactly 100 000 ns or an error, never nearly.

use std::fmt;

use super::scale::{BDP, PACKETS, RATE, SIZE, TIME, split};
use super::time::Duration;

/// Why a text is not a quantity, and the mend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnitError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

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

impl Rate {
    /// Reads `"10 Mbit/s"`. A rate of nothing is refused: a link that is down is an event.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        match RATE.parse(text)? {
            0 => Err(UnitError {
                message: "a rate is never zero".into(),
                help: "for a dead link, use an event that sets down = true".into(),
            }),
            bits => Ok(Rate(bits)),
        }
    }
}

impl Size {
    /// Reads `"64 kB"`.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        SIZE.parse(text).map(Size)
    }
}

impl Duration {
    /// Reads `"25 ms"`.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        parse_duration(text)
    }

    /// The text that [`Duration::parse`] reads back: `25 ms`. (`Display` is plain seconds.)
    pub fn with_unit(self) -> impl fmt::Display {
        WithUnit(self)
    }
}

/// Reads `"25 ms"`.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    TIME.parse(text).map(Duration::from_nanos)
}

struct WithUnit(Duration);

impl fmt::Display for WithUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Duration::ZERO { f.write_str("0 s") } else { TIME.print(self.0.as_nanos(), f) }
    }
}

impl Probability {
    /// Reads `"0.5 %"` or `"0.005"`, to the nearest part of 2^32. What is possible never becomes
    /// impossible by rounding.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split(text, "probability", "0.5 %")?;
        let places = match unit {
            "" => number.places,
            "%" => number.places + 2,
            _ => {
                let help = "write a percentage such as \"0.5 %\" or a ratio such as 0.005".to_string();
                return Err(UnitError { message: format!("`{unit}` is not a unit of a probability"), help });
            }
        };
        let digits = || UnitError {
            message: format!("`{}` has too many digits", text.trim()),
            help: "a probability is kept to one part in 2^32".into(),
        };
        let whole = 10u128.checked_pow(places).ok_or_else(digits)?;
        if number.mantissa > whole {
            let help = "write at most 100 %, or 1; percentages need the sign".to_string();
            return Err(UnitError { message: format!("`{}` is more than certain", text.trim()), help });
        }
        let scaled = number.mantissa.checked_mul(u128::from(Self::ONE)).ok_or_else(digits)?;
        let parts = ((scaled + whole / 2) / whole) as u64;
        if parts == 0 && number.mantissa > 0 {
            let help = "the smallest probability is 1 in 2^32; write 0 for never".to_string();
            return Err(UnitError { message: format!("`{}` is too small", text.trim()), help });
        }
        Ok(Probability(parts))
    }
}

impl QueueLimit {
    /// Reads `"100 pkt"`, `"64 kB"`, `"20 ms"` or `"1.5 BDP"`.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split(text, "queue limit", "100 pkt")?;
        if number.mantissa == 0 && !unit.is_empty() {
            return Err(UnitError {
                message: "a queue holds something".into(),
                help: "write at least \"1 pkt\"".into(),
            });
        }
        if SIZE.worth(unit).is_some() {
            return SIZE.parse(text).map(QueueLimit::Bytes);
        }
        if TIME.worth(unit).is_some() {
            return TIME.parse(text).map(|ns| QueueLimit::Time(Duration::from_nanos(ns)));
        }
        if BDP.worth(unit).is_some() {
            return BDP.parse(text).map(QueueLimit::BdpThousandths);
        }
        if PACKETS.worth(unit).is_some() {
            return PACKETS.parse(text).map(QueueLimit::Packets);
        }
        let error = PACKETS.wrong_unit(text, unit);
        let lower = unit.to_lowercase();
        let packets = PACKETS.confused.iter().any(|(name, _)| *name == lower);
        if packets {
            return Err(error);
        }
        let size = SIZE.confused.iter().any(|(name, _)| *name == lower);
        let help = if size {
            SIZE.wrong_unit(text, unit).help
        } else {
            "write \"100 pkt\", \"64 kB\", \"20 ms\" or \"1 BDP\"".into()
        };
        Err(UnitError { help, ..error })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RATE.print(self.0, f)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SIZE.print(self.0, f)
    }
}

/// The shortest decimal that [`Probability::parse`] reads back as the same number of parts.
impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for places in 0..=10u32 {
            let whole = 10u128.pow(places + 2);
            let one = u128::from(Self::ONE);
            let rounded = (u128::from(self.0) * whole + one / 2) / one;
            if (rounded * one + whole / 2) / whole == u128::from(self.0) {
                let unit = 10u128.pow(places);
                let (percent, part) = (rounded / unit, rounded % unit);
                let width = places as usize;
                return if places == 0 { write!(f, "{percent} %") } else { write!(f, "{percent}.{part:0width$} %") };
            }
        }
        write!(f, "{}", self.as_f64())
    }
}

impl fmt::Display for QueueLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            QueueLimit::Packets(n) => write!(f, "{n} pkt"),
            QueueLimit::Bytes(n) => Size(n).fmt(f),
            QueueLimit::Time(d) => d.with_unit().fmt(f),
            QueueLimit::BdpThousandths(n) if n.is_multiple_of(1_000) => write!(f, "{} BDP", n / 1_000),
            QueueLimit::BdpThousandths(n) => write!(f, "{}.{:03} BDP", n / 1_000, n % 1_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact() {
        assert_eq!(Rate::parse("10 Mbit/s"), Ok(Rate(10_000_000)));
        assert_eq!(Rate::parse("1.5kbit/s"), Ok(Rate(1_500)));
        assert_eq!(Size::parse("1448 kB"), Ok(Size(1_448_000)));
        assert_eq!(Size::parse("16 MiB"), Ok(Size(16 << 20)));
        assert_eq!(Duration::parse("0.1 ms"), Ok(Duration::from_nanos(100_000)));
        assert_eq!(Probability::parse("50 %").unwrap().parts(), 1 << 31);
        assert_eq!(Probability::parse("0.25").unwrap().parts(), 1 << 30);
        assert_eq!(QueueLimit::parse("1.5 BDP"), Ok(QueueLimit::BdpThousandths(1_500)));
        assert_eq!(QueueLimit::parse("20 ms"), Ok(QueueLimit::Time(Duration::from_millis(20))));
    }

    #[test]
    fn look_alikes_are_refused_with_a_hint() {
        assert!(Size::parse("64 kb").unwrap_err().help.contains("kB (1000 bytes)"));
        assert!(Rate::parse("10 MBps").unwrap_err().help.contains("multiply by eight"));
        assert!(Rate::parse("10 Kbit/s").unwrap_err().help.contains("kbit/s"));
        assert!(Rate::parse("10").unwrap_err().message.contains("no unit"));
        assert!(QueueLimit::parse("10 packets").unwrap_err().help.contains("pkt"));
        assert!(Duration::parse("5 m").unwrap_err().help.contains("min"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in [
            "0.5 ns",
            "20000000000 s",
            "99999999999999999999999999999999999999999 s",
            "-1 s",
            "1.2.3 s",
            "",
            " s",
            "1. s",
        ] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
        assert!(Probability::parse("101 %").is_err());
        assert!(Probability::parse("0.0000000000001").is_err());
    }

    #[test]
    fn printed_text_reads_back() {
        for text in ["10 Mbit/s", "1500 bit/s"] {
            assert_eq!(Rate::parse(text).unwrap().to_string(), text);
        }
        for text in ["64 kB", "16 MiB", "0 B"] {
            assert_eq!(Size::parse(text).unwrap().to_string(), text);
        }
        for text in ["0.5 %", "1 %", "0 %", "100 %", "33.3333 %"] {
            let parsed = Probability::parse(text).unwrap();
            assert_eq!(Probability::parse(&parsed.to_string()), Ok(parsed));
            assert_eq!(parsed.to_string(), text);
        }
        assert_eq!(Duration::from_millis(1_500).with_unit().to_string(), "1500 ms");
        assert_eq!(QueueLimit::parse("1.5 BDP").unwrap().to_string(), "1.500 BDP");
    }
}

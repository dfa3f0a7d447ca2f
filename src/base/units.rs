//! Physical quantities as integers, and the one parser that reads them from text.
//! Decimal arithmetic throughout: `0.1 ms` is exactly 100 000 ns or an error, never nearly.

use std::fmt;

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

/// One kind of quantity: its units, each with its worth in the base unit, largest exact one last.
struct Scale {
    what: &'static str,
    example: &'static str,
    units: &'static [(&'static str, u64)],
    /// Look-alikes (any case unless the right unit differs only by case) and what is meant.
    confused: &'static [(&'static str, &'static str)],
}

const RATE: Scale = Scale {
    what: "rate",
    example: "10 Mbit/s",
    units: &[
        ("bit/s", 1),
        ("kbit/s", 1_000),
        ("Mbit/s", 1_000_000),
        ("Gbit/s", 1_000_000_000),
        ("Tbit/s", 1_000_000_000_000),
    ],
    confused: &[
        ("b/s", "bit/s"),
        ("bps", "bit/s"),
        ("bit", "bit/s"),
        ("kb/s", "kbit/s, or eight times as many for bytes"),
        ("kbps", "kbit/s, or eight times as many for bytes"),
        ("kbit", "kbit/s"),
        ("mb/s", "Mbit/s, or eight times as many for bytes"),
        ("mbps", "Mbit/s, or eight times as many for bytes"),
        ("mbit", "Mbit/s"),
        ("gb/s", "Gbit/s, or eight times as many for bytes"),
        ("gbps", "Gbit/s, or eight times as many for bytes"),
        ("gbit", "Gbit/s"),
    ],
};

const SIZE: Scale = Scale {
    what: "size",
    example: "64 kB",
    units: &[
        ("B", 1),
        ("kB", 1_000),
        ("KiB", 1 << 10),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
        ("TB", 1_000_000_000_000),
        ("TiB", 1 << 40),
    ],
    confused: &[
        ("k", "kB (1000 bytes) or KiB (1024 bytes)"),
        ("kb", "kB (1000 bytes) or KiB (1024 bytes)"),
        ("m", "MB (10^6 bytes) or MiB (2^20 bytes)"),
        ("mb", "MB (10^6 bytes) or MiB (2^20 bytes)"),
        ("g", "GB (10^9 bytes) or GiB (2^30 bytes)"),
        ("gb", "GB (10^9 bytes) or GiB (2^30 bytes)"),
        ("byte", "B"),
        ("bytes", "B"),
        ("bit", "B: sizes are bytes"),
        ("kbit", "kB: sizes are bytes"),
        ("mbit", "MB: sizes are bytes"),
    ],
};

const TIME: Scale = Scale {
    what: "duration",
    example: "25 ms",
    units: &[
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("min", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ],
    confused: &[
        ("\u{b5}s", "us"),
        ("\u{3bc}s", "us"),
        ("sec", "s"),
        ("secs", "s"),
        ("second", "s"),
        ("seconds", "s"),
        ("msec", "ms"),
        ("usec", "us"),
        ("m", "min (minutes) or ms (milliseconds)"),
        ("minute", "min"),
        ("minutes", "min"),
        ("hour", "h"),
        ("hours", "h"),
    ],
};

const PACKETS: Scale = Scale {
    what: "queue limit",
    example: "100 pkt",
    units: &[("pkt", 1)],
    confused: &[("p", "pkt"), ("pkts", "pkt"), ("packet", "pkt"), ("packets", "pkt")],
};
/// Thousandths of a bandwidth-delay product.
const BDP: Scale = Scale { what: "queue limit", example: "1 BDP", units: &[("BDP", 1_000)], confused: &[] };

/// A decimal number: `mantissa / 10^places`.
struct Decimal {
    mantissa: u128,
    places: u32,
}

/// Splits `"2.5 ms"` into 25 / 10^1 and `ms`. Digits may be grouped by `_`.
fn split<'a>(text: &'a str, what: &str, example: &str) -> Result<(Decimal, &'a str), UnitError> {
    let text = text.trim();
    let bad = |message: String| UnitError { message, help: format!("write it like \"{example}\"") };
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim_start());
    if !number.starts_with(|c: char| c.is_ascii_digit()) || !number.ends_with(|c: char| c.is_ascii_digit()) {
        let negative = text.starts_with('-');
        return Err(bad(if negative {
            format!("a {what} is never negative")
        } else {
            format!("`{text}` is not a {what}: it does not begin with a number")
        }));
    }
    let mut decimal = Decimal { mantissa: 0, places: 0 };
    let mut after_point = false;
    for c in number.chars() {
        match c.to_digit(10) {
            Some(digit) => {
                decimal.mantissa = decimal
                    .mantissa
                    .checked_mul(10)
                    .and_then(|m| m.checked_add(u128::from(digit)))
                    .ok_or_else(|| bad(format!("`{number}` has too many digits")))?;
                decimal.places += u32::from(after_point);
            }
            None if c == '.' && !after_point => after_point = true,
            None if c == '_' => {}
            None => return Err(bad(format!("`{number}` is not a number"))),
        }
    }
    while decimal.places > 0 && decimal.mantissa.is_multiple_of(10) {
        decimal.mantissa /= 10;
        decimal.places -= 1;
    }
    Ok((decimal, unit))
}

impl Scale {
    fn names(&self) -> String {
        self.units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    fn worth(&self, unit: &str) -> Option<u64> {
        self.units.iter().find(|(name, _)| *name == unit).map(|(_, worth)| *worth)
    }

    fn wrong_unit(&self, text: &str, unit: &str) -> UnitError {
        if unit.is_empty() {
            let message = format!("`{}` has no unit", text.trim());
            let help = format!("a {} needs one of {}, as in \"{}\"", self.what, self.names(), self.example);
            return UnitError { message, help };
        }
        let lower = unit.to_lowercase();
        let meant = self.confused.iter().find(|(name, _)| *name == lower).map(|(_, meant)| (*meant).to_string());
        let meant =
            meant.or_else(|| self.units.iter().find(|(n, _)| n.to_lowercase() == lower).map(|(n, _)| (*n).into()));
        let bytes_per_second =
            matches!(unit, "Bps" | "B/s" | "KBps" | "kBps" | "MBps" | "GBps" | "KB/s" | "kB/s" | "MB/s" | "GB/s");
        let help = match meant {
            _ if self.what == "rate" && bytes_per_second => {
                format!("a rate counts bits: multiply by eight and write {}", RATE.names())
            }
            Some(meant) => format!("write {meant}"),
            None => format!("the units of a {} are {}", self.what, self.names()),
        };
        UnitError { message: format!("`{unit}` is not a unit of a {}", self.what), help }
    }

    /// The quantity in base units, exactly.
    fn parse(&self, text: &str) -> Result<u64, UnitError> {
        let (number, unit) = split(text, self.what, self.example)?;
        let worth = self.worth(unit).ok_or_else(|| self.wrong_unit(text, unit))?;
        let smallest = self.units[0].0;
        let large = || UnitError {
            message: format!("`{}` is too large", text.trim()),
            help: format!("the most is {} {smallest}", u64::MAX),
        };
        let scaled = number.mantissa.checked_mul(u128::from(worth)).ok_or_else(large)?;
        let inexact = || UnitError {
            message: format!(
                "`{}` is not a whole number of {}",
                text.trim(),
                if self.what == "queue limit" { "parts" } else { smallest }
            ),
            help: "use fewer digits after the point".to_string(),
        };
        let divisor = 10u128.checked_pow(number.places).ok_or_else(inexact)?;
        if !scaled.is_multiple_of(divisor) {
            return Err(inexact());
        }
        u64::try_from(scaled / divisor).map_err(|_| large())
    }

    /// Prints with the largest unit that needs no fraction.
    fn print(&self, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |worth: u64| value != 0 && value.is_multiple_of(worth);
        let (name, worth) = self.units.iter().rev().find(|(_, w)| exact(*w)).unwrap_or(&self.units[0]);
        write!(f, "{} {name}", value / worth)
    }
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

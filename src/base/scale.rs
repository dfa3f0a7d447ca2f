//! Decimal numbers with units, read exactly: the arithmetic behind `units`.

use std::fmt;

use super::units::UnitError;

/// One kind of quantity: its units, each with its worth in the base unit, largest exact one last.
pub(super) struct Scale {
    pub(super) what: &'static str,
    pub(super) example: &'static str,
    pub(super) units: &'static [(&'static str, u64)],
    /// Look-alikes (any case unless the right unit differs only by case) and what is meant.
    pub(super) confused: &'static [(&'static str, &'static str)],
}

pub(super) const RATE: Scale = Scale {
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
        ("kb", "kbit/s"),
        ("mb", "Mbit/s"),
        ("gb", "Gbit/s"),
        ("mb/s", "Mbit/s, or eight times as many for bytes"),
        ("mbps", "Mbit/s, or eight times as many for bytes"),
        ("mbit", "Mbit/s"),
        ("gb/s", "Gbit/s, or eight times as many for bytes"),
        ("gbps", "Gbit/s, or eight times as many for bytes"),
        ("gbit", "Gbit/s"),
    ],
};

pub(super) const SIZE: Scale = Scale {
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

pub(super) const TIME: Scale = Scale {
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

pub(super) const PACKETS: Scale = Scale {
    what: "queue limit",
    example: "100 pkt",
    units: &[("pkt", 1)],
    confused: &[("p", "pkt"), ("pkts", "pkt"), ("packet", "pkt"), ("packets", "pkt")],
};
/// Thousandths of a bandwidth-delay product.
pub(super) const BDP: Scale = Scale { what: "queue limit", example: "1 BDP", units: &[("BDP", 1_000)], confused: &[] };

/// A decimal number: `mantissa / 10^places`.
pub(super) struct Decimal {
    pub(super) mantissa: u128,
    pub(super) places: u32,
}

/// Splits `"2.5 ms"` into 25 / 10^1 and `ms`. Digits may be grouped by `_`.
pub(super) fn split<'a>(text: &'a str, what: &str, example: &str) -> Result<(Decimal, &'a str), UnitError> {
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

    pub(super) fn worth(&self, unit: &str) -> Option<u64> {
        self.units.iter().find(|(name, _)| *name == unit).map(|(_, worth)| *worth)
    }

    pub(super) fn wrong_unit(&self, text: &str, unit: &str) -> UnitError {
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
    pub(super) fn parse(&self, text: &str) -> Result<u64, UnitError> {
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
    pub(super) fn print(&self, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |worth: u64| value != 0 && value.is_multiple_of(worth);
        let (name, worth) = self.units.iter().rev().find(|(_, w)| exact(*w)).unwrap_or(&self.units[0]);
        write!(f, "{} {name}", value / worth)
    }
}

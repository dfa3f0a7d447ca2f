//! Values of one word or number: reading them, and speaking of kinds and values in words.

use std::net::Ipv4Addr;

use toml::de::DeValue;

use super::nearest::nearest;
use crate::base::schema::{Data, Kind};
use crate::base::units::{Probability, QueueLimit, Rate, Size, UnitError, parse_duration};

/// A kind in words, with an example.
pub(super) fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "true or false".into(),
        Kind::Integer(0, u64::MAX) => "a whole number".into(),
        Kind::Integer(low, u64::MAX) => format!("a whole number from {low}"),
        Kind::Integer(low, high) => format!("a whole number from {low} to {high}"),
        Kind::Text => "a text".into(),
        Kind::Rate => "a rate such as \"10 Mbit/s\"".into(),
        Kind::Duration => "a duration such as \"25 ms\"".into(),
        Kind::Size => "a size such as \"64 kB\"".into(),
        Kind::Probability => "a probability such as \"0.5 %\"".into(),
        Kind::Address => "an address such as \"10.0.0.7\"".into(),
        Kind::AddressRange => "a range such as \"10.0.0.100..10.0.0.199\"".into(),
        Kind::Choice([word]) => format!("\"{word}\""),
        Kind::Choice(words) => format!("one of {}", words.join(", ")),
        Kind::Preset(presets) => format!("one of {}", presets.iter().map(|p| p.name).collect::<Vec<_>>().join(", ")),
        Kind::Node => "the name of a node".into(),
        Kind::NodeAddress => "a node's address, as in \"@appstore\"".into(),
        Kind::Path => "a path to a file".into(),
        Kind::Url => "a URL such as \"http://host/file\"".into(),
        Kind::List(inner) => format!("a list, each element {}", describe(inner)),
        Kind::Table(keys) => {
            format!("a table with the keys {}", keys.iter().map(|k| k.name).collect::<Vec<_>>().join(", "))
        }
        Kind::Map(inner) => format!("a table whose values are each {}", describe(inner)),
        Kind::OneOf(kinds) => kinds.iter().map(describe).collect::<Vec<_>>().join(" or "),
        Kind::Part(part) => {
            format!("a {} ({})", part.what, (part.parts)().iter().map(|p| p.name).collect::<Vec<_>>().join(", "))
        }
        Kind::PerDirection(inner) => format!("{}, or {{ forward = ..., reverse = ... }}", describe(inner)),
        Kind::Within(inner, low, high) => format!("{} from {low} to {high}", describe(inner)),
        Kind::QueueLimit => "a queue limit such as \"100 pkt\", \"64 kB\", \"20 ms\" or \"1 BDP\"".into(),
    }
}

/// What stands there, in words.
pub(super) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.len() <= 40 => format!("\"{text}\""),
        DeValue::String(_) => "a long text".into(),
        DeValue::Integer(n) => format!("the number {}", n.as_str()),
        DeValue::Float(n) => format!("the number {}", n.as_str()),
        DeValue::Boolean(b) => b.to_string(),
        DeValue::Datetime(_) => "a date".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

/// A value as one could write it in the file.
pub(super) fn written(value: &DeValue<'_>) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(n) => n.as_str().to_string(),
        DeValue::Float(n) => n.as_str().to_string(),
        DeValue::Boolean(b) => b.to_string(),
        DeValue::Datetime(d) => d.to_string(),
        DeValue::Array(items) => format!("[{}]", list(items.iter().map(|v| written(v.get_ref())).collect())),
        DeValue::Table(table) => {
            let pairs = table.iter().map(|(k, v)| format!("{} = {}", k.get_ref(), written(v.get_ref())));
            format!("{{ {} }}", list(pairs.collect()))
        }
    }
}

/// A value that is one word or number; `fits` has been asked.
pub(super) fn scalar(raw: &DeValue<'_>, kind: &Kind) -> Result<Data, UnitError> {
    let number = match raw {
        DeValue::Integer(n) => n.as_str(),
        DeValue::Float(n) => n.as_str(),
        _ => "",
    };
    let text = raw.as_str().unwrap_or(number);
    let wrong = |help: &str| UnitError { message: format!("`{text}` is not {}", describe(kind)), help: help.into() };
    match kind {
        Kind::Integer(low, high) => {
            let radix = raw.as_integer().map_or(10, |n| n.radix());
            match u64::from_str_radix(text, radix) {
                Ok(n) if (*low..=*high).contains(&n) => Ok(Data::Integer(n)),
                _ => Err(UnitError {
                    message: format!("{text} is out of range"),
                    help: format!("write {}", describe(kind)),
                }),
            }
        }
        Kind::Rate => Rate::parse(text).map(Data::Rate),
        Kind::Duration => parse_duration(text).map(Data::Duration),
        Kind::Size => Size::parse(text).map(Data::Size),
        Kind::Probability => Probability::parse(text).map(Data::Probability),
        Kind::QueueLimit => QueueLimit::parse(text).map(Data::QueueLimit),
        Kind::Within(inner, low, high) => {
            let read = |text: &str| quantity(text, inner);
            let data = read(text)?;
            if read(low)?.0 <= data.0 && data.0 <= read(high)?.0 {
                return Ok(data.1);
            }
            let message = format!("`{text}` is out of range");
            Err(UnitError { message, help: format!("write a value from {low} to {high}") })
        }
        Kind::Text | Kind::Path => Ok(Data::Text(text.to_string())),
        Kind::Address => text.parse().map(Data::Address).map_err(|_| wrong("write four numbers from 0 to 255")),
        Kind::AddressRange => {
            address_range(text).ok_or_else(|| wrong("write first..last, the first not above the last"))
        }
        Kind::Choice(words) => choice(text, words),
        Kind::Preset(presets) => choice(text, &presets.iter().map(|p| p.name).collect::<Vec<_>>()),
        Kind::Node => Ok(Data::Node(text.to_string())),
        Kind::NodeAddress => match text.strip_prefix('@') {
            Some(node) => Ok(Data::Node(node.to_string())),
            None => Err(wrong("put @ before the node's name")),
        },
        Kind::Url => url(text).map(|()| Data::Text(text.to_string())),
        _ => Err(wrong("this value cannot be written here")),
    }
}

/// A quantity that has bounds, and the whole number of its smallest units that they are compared by.
fn quantity(text: &str, kind: &Kind) -> Result<(u64, Data), UnitError> {
    match kind {
        Kind::Size => Size::parse(text).map(|size| (size.0, Data::Size(size))),
        _ => parse_duration(text).map(|time| (time.as_nanos(), Data::Duration(time))),
    }
}

fn choice(text: &str, words: &[&str]) -> Result<Data, UnitError> {
    if words.contains(&text) {
        return Ok(Data::Text(text.to_string()));
    }
    let help = match nearest(text, words.iter().copied()) {
        Some(right) => format!("did you mean `{right}`?"),
        None => format!("the choices are {}", words.join(", ")),
    };
    Err(UnitError { message: format!("unknown choice `{text}`"), help })
}

fn address_range(text: &str) -> Option<Data> {
    let (first, last) = text.split_once("..")?;
    let (first, last): (Ipv4Addr, Ipv4Addr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(Data::AddressRange(first, last))
}

fn url(text: &str) -> Result<(), UnitError> {
    let error = |help: &str| Err(UnitError { message: format!("`{text}` is not a URL"), help: help.into() });
    let Some(rest) = text.strip_prefix("http://") else {
        return error("write http://host/file; only http is spoken here");
    };
    let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let host_ok = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    if !host_ok {
        return error("the host is a name or an address");
    }
    if port.parse::<u16>().map_or(true, |p| p == 0) {
        return error("a port is a number from 1 to 65535");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return error("write %20 for a blank");
    }
    Ok(())
}

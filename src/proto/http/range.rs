//! Parts of a representation (RFC 9110 §14): what a Range field asks for, and Content-Range.

/// Ranges in one field that are still taken for an honest wish (RFC 9110 §17.15).
const MAX_RANGES: usize = 16;

/// Bytes of a representation, first and last included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// The first byte.
    pub first: u64,
    /// The last byte; not below the first.
    pub last: u64,
}

impl Part {
    /// How many bytes it has.
    pub const fn bytes(self) -> u64 {
        self.last - self.first + 1
    }

    /// The value of Content-Range for this part of `length` bytes.
    pub fn content_range(self, length: u64) -> String {
        format!("bytes {}-{}/{length}", self.first, self.last)
    }
}

/// What a Range field comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The field says nothing that counts: all of it, by 200.
    Whole,
    /// These parts, by 206; at least one.
    Parts(Vec<Part>),
    /// Nothing of what there is: 416.
    Nothing,
}

/// What `field` asks of a representation of `length` bytes. Another unit and broken syntax are
/// ignored (§14.2); ranges that overlap are made one (§15.3.7.2).
pub fn wanted(field: &str, length: u64) -> Wanted {
    let Some((unit, set)) = field.split_once('=') else { return Wanted::Whole };
    if !unit.trim_ascii().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let specs: Vec<&str> = set.split(',').map(str::trim_ascii).filter(|s| !s.is_empty()).collect();
    if specs.is_empty() || specs.len() > MAX_RANGES {
        return Wanted::Whole;
    }
    let mut parts = Vec::new();
    for spec in specs {
        match range(spec, length) {
            None => return Wanted::Whole,
            Some(part) => parts.extend(part),
        }
    }
    // Bytes of an empty representation have no numbers: a suffix of it is all of it.
    if length == 0 && set.split(',').any(|s| s.trim_ascii().starts_with('-') && number(&s.trim_ascii()[1..]) != Some(0))
    {
        return Wanted::Whole;
    }
    if parts.is_empty() { Wanted::Nothing } else { Wanted::Parts(disjoint(parts)) }
}

/// One range-spec: `None` where the syntax is broken, `Some(None)` where there are no such bytes.
fn range(spec: &str, length: u64) -> Option<Option<Part>> {
    let (first, last) = spec.split_once('-')?;
    let end = length.checked_sub(1);
    if first.is_empty() {
        let suffix = number(last)?;
        let part = |end: u64| Part { first: length.saturating_sub(suffix), last: end };
        return Some(end.filter(|_| suffix > 0).map(part));
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if first > last {
        return None;
    }
    Some(end.filter(|end| first <= *end).map(|end| Part { first, last: last.min(end) }))
}

/// Digits only; what exceeds 64 bits is beyond every end anyway.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The parts as asked for, unless two share a byte: then they are joined, in the order of the file.
fn disjoint(parts: Vec<Part>) -> Vec<Part> {
    let mut sorted = parts.clone();
    sorted.sort_by_key(|p| (p.first, p.last));
    let mut joined: Vec<Part> = Vec::new();
    for part in sorted {
        match joined.last_mut() {
            Some(before) if part.first <= before.last => before.last = before.last.max(part.last),
            _ => joined.push(part),
        }
    }
    if joined.len() == parts.len() { parts } else { joined }
}

/// The part and the whole length that a Content-Range of a 206 states; the length is `None` for `*`.
pub fn parse_content_range(field: &str) -> Option<(Part, Option<u64>)> {
    let (unit, rest) = field.split_once(' ')?;
    let (span, length) = rest.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let part = Part { first: number(first)?, last: number(last)? };
    let length = if length == "*" { None } else { Some(number(length)?) };
    let sound = unit.eq_ignore_ascii_case("bytes") && part.first <= part.last && length.is_none_or(|l| part.last < l);
    sound.then_some((part, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(field: &str) -> Vec<(u64, u64)> {
        match wanted(field, 4096) {
            Wanted::Parts(parts) => parts.into_iter().map(|p| (p.first, p.last)).collect(),
            other => panic!("{field}: {other:?}"),
        }
    }

    #[test]
    fn http_28_one_range() {
        assert_eq!(parts("bytes=0-1023"), [(0, 1023)]);
        assert_eq!(Part { first: 0, last: 1023 }.content_range(4096), "bytes 0-1023/4096");
        assert_eq!(parts("bytes=-1"), [(4095, 4095)]);
        assert_eq!(parts("bytes=4095-"), [(4095, 4095)]);
        assert_eq!(parts("bytes=0-"), [(0, 4095)]);
        assert_eq!(parts("bytes=-5000"), [(0, 4095)]);
        assert_eq!(parts("Bytes = 1-99999999999999999999"), [(1, 4095)]);
    }

    #[test]
    fn http_29_what_cannot_be_and_what_is_ignored() {
        for nothing in ["bytes=4096-", "bytes=-0", "bytes=4096-5000, 9999-", "bytes=99999999999999999999-"] {
            assert_eq!(wanted(nothing, 4096), Wanted::Nothing, "{nothing}");
        }
        for ignored in
            ["bytes=5-4", "items=0-1", "bytes", "bytes=", "bytes=,", "bytes=a-b", "bytes=1", "bytes=+1-2", "bytes=--1"]
        {
            assert_eq!(wanted(ignored, 4096), Wanted::Whole, "{ignored}");
        }
        assert_eq!((wanted("bytes=0-", 0), wanted("bytes=-5", 0)), (Wanted::Nothing, Wanted::Whole));
    }

    #[test]
    fn http_30_several_ranges() {
        assert_eq!(parts("bytes=0-0,-1"), [(0, 0), (4095, 4095)]);
        assert_eq!(parts("bytes=100-199, 0-9"), [(100, 199), (0, 9)], "in the order asked for");
        assert_eq!(parts("bytes=5-20, 0-10, 9000-"), [(0, 20)], "overlaps are joined, the impossible left out");
        let many = |n: usize| format!("bytes={}", vec!["0-"; n].join(","));
        assert_eq!(wanted(&many(1000), 4096), Wanted::Whole);
        assert_eq!(parts(&many(16)), [(0, 4095)]);
    }

    #[test]
    fn http_32_content_range_is_read_back() {
        let part = Part { first: 600_000, last: 999_999 };
        assert_eq!(parse_content_range(&part.content_range(1_000_000)), Some((part, Some(1_000_000))));
        assert_eq!(parse_content_range("bytes 0-1/*"), Some((Part { first: 0, last: 1 }, None)));
        for bad in ["bytes */4096", "bytes 1-0/5", "bytes 0-5/5", "items 0-1/5", "bytes=0-1/5", ""] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }
}

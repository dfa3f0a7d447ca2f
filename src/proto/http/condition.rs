//! Conditional requests (RFC 9110 §13): whether a request still wants its answer.

use super::date;
use super::fields::Fields;
use super::request::Method;

/// What tells one state of a representation from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Validators<'a> {
    /// A strong entity tag, with its quotes.
    pub etag: &'a str,
    /// When it was changed last, in seconds since 1970.
    pub modified: u64,
    /// The time now, in seconds since 1970.
    pub now: u64,
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The method is to be performed.
    Perform,
    /// 304: the client has it.
    NotModified,
    /// 412: something stands otherwise than the client believes.
    Failed,
}

/// Weighs the conditions in the order of §13.2.2; Range comes after them.
pub fn verdict(method: Method, fields: &Fields, have: Validators<'_>) -> Verdict {
    let reads = matches!(method, Method::Get | Method::Head);
    let date_of = |name: &str| fields.single(name).and_then(|text| date::parse(text, have.now));
    if fields.has("if-match") {
        if !matches_any(fields, "if-match", have.etag, true) {
            return Verdict::Failed;
        }
    } else if date_of("if-unmodified-since").is_some_and(|then| have.modified > then) {
        return Verdict::Failed;
    }
    if fields.has("if-none-match") {
        if matches_any(fields, "if-none-match", have.etag, false) {
            return if reads { Verdict::NotModified } else { Verdict::Failed };
        }
    } else if reads && date_of("if-modified-since").is_some_and(|then| have.modified <= then) {
        return Verdict::NotModified;
    }
    Verdict::Perform
}

/// Whether the Range field of this request counts (§13.1.5, §14.2): only for GET, and only if
/// If-Range, where there is one, names the state that is there now, by a strong validator.
pub fn range_counts(method: Method, fields: &Fields, have: Validators<'_>) -> bool {
    if method != Method::Get || !fields.has("range") {
        return false;
    }
    match (fields.has("if-range"), fields.single("if-range")) {
        (false, _) => true,
        (true, Some(tag)) if tag.ends_with('"') => tag == have.etag,
        // §8.8.2.2: a date is a strong validator once a second has passed since the change.
        (true, Some(text)) => date::parse(text, have.now) == Some(have.modified) && have.modified < have.now,
        (true, None) => false,
    }
}

/// §8.8.3.2: `*`, or a list of entity tags of which one matches; a weak one never matches strongly.
fn matches_any(fields: &Fields, name: &str, etag: &str, strongly: bool) -> bool {
    fields.all(name).any(|line| {
        let Ok(line) = std::str::from_utf8(line) else { return false };
        line.trim_ascii() == "*" || tags(line).any(|(weak, tag)| !(weak && strongly) && tag == etag)
    })
}

/// The entity tags of a list, each with whether it is weak; a comma may stand inside of one. The list
/// ends at what is no tag.
fn tags(mut rest: &str) -> impl Iterator<Item = (bool, &str)> {
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (weak, tag) = rest.strip_prefix("W/").map_or((false, rest), |tag| (true, tag));
        let end = tag.strip_prefix('"')?.find('"')? + 2;
        rest = &tag[end..];
        Some((weak, &tag[..end]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 784_111_777;
    const HAVE: Validators<'static> = Validators { etag: "\"x\"", modified: NOW - 100, now: NOW };

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        pairs.iter().for_each(|(name, value)| fields.push(name, value).unwrap());
        fields
    }

    fn get(pairs: &[(&str, &str)]) -> Verdict {
        verdict(Method::Get, &fields(pairs), HAVE)
    }

    #[test]
    fn http_33_entity_tags() {
        for same in ["\"x\"", "W/\"x\"", "*", "\"a,b\", W/\"x\"", " \"y\" ,\"x\""] {
            assert_eq!(get(&[("If-None-Match", same)]), Verdict::NotModified, "{same}");
            let put = verdict(Method::Put, &fields(&[("If-None-Match", same)]), HAVE);
            assert_eq!(put, Verdict::Failed, "{same}");
        }
        for other in ["\"y\"", "x", "\"X\"", "", "\"a, \"x", "W/x"] {
            assert_eq!(get(&[("If-None-Match", other)]), Verdict::Perform, "{other}");
        }
        assert_eq!(get(&[("If-None-Match", "\"y\""), ("If-None-Match", "\"x\"")]), Verdict::NotModified);
        assert_eq!(verdict(Method::Head, &fields(&[("If-None-Match", "*")]), HAVE), Verdict::NotModified);
        assert_eq!(get(&[("If-Match", "\"x\"")]), Verdict::Perform);
        assert_eq!(get(&[("If-Match", "W/\"x\"")]), Verdict::Failed, "a weak tag does not match strongly");
        assert_eq!((get(&[("If-Match", "*")]), get(&[("If-Match", "\"y\"")])), (Verdict::Perform, Verdict::Failed));
    }

    #[test]
    fn http_34_the_order_of_conditions() {
        let (then, before) = (date::format(NOW - 100), date::format(NOW - 101));
        assert_eq!(get(&[("If-Modified-Since", &then)]), Verdict::NotModified);
        assert_eq!(get(&[("If-Modified-Since", &before)]), Verdict::Perform);
        assert_eq!(get(&[("If-None-Match", "\"y\""), ("If-Modified-Since", &then)]), Verdict::Perform);
        assert_eq!(get(&[("If-Unmodified-Since", &before)]), Verdict::Failed);
        assert_eq!(get(&[("If-Unmodified-Since", &then)]), Verdict::Perform);
        assert_eq!(get(&[("If-Match", "\"x\""), ("If-Unmodified-Since", &before)]), Verdict::Perform);
        assert_eq!(get(&[("If-Match", "\"y\""), ("If-None-Match", "\"x\"")]), Verdict::Failed);
        for bad in ["yesterday", "0", ""] {
            assert_eq!(get(&[("If-Modified-Since", bad), ("If-Unmodified-Since", bad)]), Verdict::Perform, "{bad}");
        }
        let put = verdict(Method::Put, &fields(&[("If-Modified-Since", &then)]), HAVE);
        assert_eq!(put, Verdict::Perform, "it is for GET and HEAD only");
    }

    #[test]
    fn http_31_when_a_range_counts() {
        let counts = |method, pairs: &[(&str, &str)]| range_counts(method, &fields(pairs), HAVE);
        let range = ("Range", "bytes=0-1");
        assert!(counts(Method::Get, &[range]));
        assert!(!counts(Method::Post, &[range]) && !counts(Method::Head, &[range]) && !counts(Method::Get, &[]));
        let (then, before) = (date::format(NOW - 100), date::format(NOW - 101));
        assert!(counts(Method::Get, &[range, ("If-Range", "\"x\"")]));
        assert!(counts(Method::Get, &[range, ("If-Range", &then)]));
        for stale in ["\"y\"", "W/\"x\"", &before, "x", ""] {
            assert!(!counts(Method::Get, &[range, ("If-Range", stale)]), "{stale}");
        }
        let fresh = Validators { modified: NOW, ..HAVE };
        let asked = fields(&[range, ("If-Range", &date::format(NOW))]);
        assert!(!range_counts(Method::Get, &asked, fresh), "it may change again within the second");
    }
}

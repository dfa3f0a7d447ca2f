//! Trying again: Retry-After (RFC 9110 §10.2.3) and what may be repeated at all.

use super::date;
use super::request::Method;
use super::response::Response;

/// How many seconds a server wants to be left alone after this answer; `None` where it does not say.
/// A date in the past means none.
pub fn retry_after_secs(response: &Response, now: u64) -> Option<u64> {
    if !matches!(response.status, 429 | 503) {
        return None;
    }
    let text = response.fields.single("retry-after")?;
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(text.parse().unwrap_or(u64::MAX));
    }
    date::parse(text, now).map(|then| then.saturating_sub(now))
}

/// Methods that do the same once or twice (RFC 9110 §9.2.2): only these are repeated unasked.
pub const fn is_idempotent(method: Method) -> bool {
    matches!(method, Method::Get | Method::Head | Method::Put | Method::Delete | Method::Options | Method::Trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(status: u16, value: &str) -> Option<u64> {
        let mut response = Response::new(status);
        response.fields.push("Retry-After", value).unwrap();
        retry_after_secs(&response, 784_111_777)
    }

    #[test]
    fn http_36_seconds_or_a_date() {
        assert_eq!((after(503, "3"), after(429, "120"), after(200, "3")), (Some(3), Some(120), None));
        assert_eq!(after(503, "Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(after(503, "Sun, 06 Nov 1994 08:49:07 GMT"), Some(0), "a date in the past: at once");
        assert_eq!((after(503, "-1"), after(503, "soon"), after(503, "")), (None, None, None));
        assert_eq!(after(503, "99999999999999999999999"), Some(u64::MAX));
    }
}

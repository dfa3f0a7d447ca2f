//! What a server answers.

use super::fields::Fields;

/// A response's head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// True for HTTP/1.1, false for HTTP/1.0.
    pub http_1_1: bool,
    /// The fields.
    pub fields: Fields,
}

impl Response {
    /// A response of this status, without fields.
    pub fn new(status: u16) -> Self {
        Response { status, http_1_1: true, fields: Fields::new() }
    }

    /// The head as it travels, with the framing fields given.
    pub(super) fn encode(&self, framing: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {:03} {}\r\n", self.status, reason(self.status)).into_bytes();
        self.fields.encode(&mut head);
        head.extend_from_slice(framing.as_bytes());
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// RFC 9112 §4: `HTTP-version SP 3DIGIT SP [reason]`; gives the status and whether it is 1.1.
pub(super) fn parse_line(line: &[u8]) -> Option<(u16, bool)> {
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor, b' ', a, b, c, rest @ ..] = line else { return None };
    // The space before an empty reason is often left out.
    if !(rest.is_empty() || rest[0] == b' ') || ![*minor, *a, *b, *c].iter().all(u8::is_ascii_digit) || *a == b'0' {
        return None;
    }
    let status = [*a, *b, *c].iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
    Some((status, *minor != b'0'))
}

/// The usual words for a status code (RFC 9110 §15); they mean nothing to machines.
pub const fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

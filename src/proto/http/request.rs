//! What a client asks for.

use super::fields::{Fields, is_token};

/// The methods that a request may name (RFC 9110 §9.3, RFC 5789).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Method {
    /// Transfer a representation.
    Get,
    /// The same without the body.
    Head,
    /// Process the body.
    Post,
    /// Replace the resource.
    Put,
    /// Remove the resource.
    Delete,
    /// Open a tunnel.
    Connect,
    /// Ask for abilities.
    Options,
    /// Loop the request back.
    Trace,
    /// Change the resource in part.
    Patch,
}

impl Method {
    const ALL: [Method; 9] = [
        Method::Get,
        Method::Head,
        Method::Post,
        Method::Put,
        Method::Delete,
        Method::Connect,
        Method::Options,
        Method::Trace,
        Method::Patch,
    ];

    /// As it stands in a message.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Connect => "CONNECT",
            Method::Options => "OPTIONS",
            Method::Trace => "TRACE",
            Method::Patch => "PATCH",
        }
    }

    /// The method of this name; names are case-sensitive (RFC 9110 §9.1).
    pub fn from_name(name: &[u8]) -> Option<Method> {
        Method::ALL.into_iter().find(|m| m.name().as_bytes() == name)
    }
}

/// A request, without its body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// Path and query, beginning with a slash; or `*`.
    pub target: String,
    /// The host asked for, with a port if one was given; empty if HTTP/1.0 left it out.
    pub host: String,
    /// True for HTTP/1.1, false for HTTP/1.0.
    pub http_1_1: bool,
    /// Everything else.
    pub fields: Fields,
}

impl Request {
    /// A GET for `target` at `host`.
    pub fn get(host: &str, target: &str) -> Self {
        Request {
            method: Method::Get,
            target: target.to_owned(),
            host: host.to_owned(),
            http_1_1: true,
            fields: Fields::new(),
        }
    }

    /// The head as it travels. `None` if target or host could break the message's frame.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        if self.target.is_empty() || !plain(&self.target) || !plain(&self.host) {
            return None;
        }
        let version = if self.http_1_1 { "1.1" } else { "1.0" };
        let mut head = format!("{} {} HTTP/{version}\r\n", self.method.name(), self.target).into_bytes();
        // RFC 9110 §7.2: Host should be the first field.
        head.extend_from_slice(format!("Host: {}\r\n", self.host).as_bytes());
        self.fields.encode(&mut head);
        head.extend_from_slice(b"\r\n");
        Some(head)
    }
}

/// Why a request line was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LineError {
    Malformed,
    UnknownMethod,
    Version,
}

/// A request line, taken apart.
pub(super) struct RequestLine<'a> {
    pub(super) method: Method,
    pub(super) target: &'a str,
    pub(super) http_1_1: bool,
}

/// RFC 9112 §3: `method SP request-target SP HTTP-version`, single spaces.
pub(super) fn parse_line(line: &[u8]) -> Result<RequestLine<'_>, LineError> {
    let mut words = line.split(|&b| b == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(LineError::Malformed);
    };
    if !is_token(method) || target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
        return Err(LineError::Malformed);
    }
    let target = std::str::from_utf8(target).map_err(|_| LineError::Malformed)?;
    // RFC 9112 §2.3: one digit each; RFC 9110 §2.5: a higher minor version is read as 1.1.
    let http_1_1 = match version {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor] if minor.is_ascii_digit() => *minor != b'0',
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            return Err(LineError::Version);
        }
        _ => return Err(LineError::Malformed),
    };
    let method = Method::from_name(method).ok_or(LineError::UnknownMethod)?;
    Ok(RequestLine { method, target, http_1_1 })
}

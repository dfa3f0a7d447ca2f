//! URLs (RFC 3986): taken apart, resolved against a base, and made into what an HTTP request needs.

use std::fmt;

/// Why a URL or path was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UrlError {
    /// A byte that must not stand in a URL, or no valid host or port.
    #[error("this is not a valid URL")]
    Malformed,
    /// Another scheme than http.
    #[error("only http:// URLs are supported")]
    Scheme,
    /// A bad escape, or an escape that hides a path's structure.
    #[error("the path has a bad percent escape")]
    Escape,
}

/// A URI reference in its five parts (RFC 3986 §3). `None` is absent, which differs from empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Url {
    /// `http`
    pub scheme: Option<String>,
    /// `host:port`
    pub authority: Option<String>,
    /// `/a/b`; may be empty.
    pub path: String,
    /// After `?`.
    pub query: Option<String>,
    /// After `#`.
    pub fragment: Option<String>,
}

/// Which bytes may stand in a URL.
const MAY_STAND: [bool; 256] = {
    let mut may = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let refused = matches!(byte as u8, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}');
        may[byte] = (byte as u8).is_ascii_graphic() && !refused;
        byte += 1;
    }
    may
};

/// Where an HTTP request goes and what it asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpPlace {
    /// Name or address, lower-case.
    pub host: String,
    /// Port; 80 unless given.
    pub port: u16,
    /// Path and query, never a fragment.
    pub target: String,
}

impl HttpPlace {
    /// The Host field for a request to this place (RFC 9110 §7.2): the default port is left out.
    pub fn host_field(&self) -> String {
        if self.port == 80 { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl Url {
    /// Takes a URI reference apart (RFC 3986 appendix B). Refuses bytes outside printable ASCII.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        if !text.bytes().all(|b| MAY_STAND[usize::from(b)]) {
            return Err(UrlError::Malformed);
        }
        let (rest, fragment) = cut(text, '#');
        let (rest, query) = cut(rest, '?');
        let (scheme, rest) = match rest.split_once(':') {
            Some((scheme, after)) if is_scheme(scheme) => (Some(scheme.to_ascii_lowercase()), after),
            _ => (None, rest),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (Some(rest[..end].to_owned()), &rest[end..])
            }
            None => (None, rest),
        };
        let own = |part: Option<&str>| part.map(str::to_owned);
        Ok(Url { scheme, authority, path: path.to_owned(), query: own(query), fragment: own(fragment) })
    }

    /// Resolves a reference found at this URL (RFC 3986 §5.2.2, strict).
    pub fn resolve(&self, reference: &Url) -> Url {
        let r = reference.clone();
        let clean = |url: Url| Url { path: remove_dot_segments(&url.path), ..url };
        if r.scheme.is_some() {
            return clean(r);
        }
        let scheme = self.scheme.clone();
        if r.authority.is_some() {
            return clean(Url { scheme, ..r });
        }
        let authority = self.authority.clone();
        if r.path.is_empty() {
            let query = r.query.or_else(|| self.query.clone());
            return Url { scheme, authority, path: self.path.clone(), query, fragment: r.fragment };
        }
        let path = if r.path.starts_with('/') { r.path.clone() } else { self.merge(&r.path) };
        clean(Url { scheme, authority, path, ..r })
    }

    /// RFC 3986 §5.2.3
    fn merge(&self, path: &str) -> String {
        if self.authority.is_some() && self.path.is_empty() {
            return format!("/{path}");
        }
        let end = self.path.rfind('/').map_or(0, |slash| slash + 1);
        format!("{}{path}", &self.path[..end])
    }

    /// What to ask, and whom. Only for http URLs (RFC 9110 §4.2.1).
    pub fn place(&self) -> Result<HttpPlace, UrlError> {
        if self.scheme.as_deref() != Some("http") {
            return Err(UrlError::Scheme);
        }
        let authority = self.authority.as_deref().ok_or(UrlError::Malformed)?;
        let (host, port) = match authority.split_once(':') {
            Some((host, "")) => (host, 80),
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
                (host, port.parse().map_err(|_| UrlError::Malformed)?)
            }
            Some(_) => return Err(UrlError::Malformed),
            None => (authority, 80),
        };
        // RFC 9110 §4.2.4: user information in an http URL is a trap for people.
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if host.is_empty() || port == 0 || !host.bytes().all(is_name) {
            return Err(UrlError::Malformed);
        }
        // RFC 9112 §3.2.1: an empty path is sent as a slash.
        let path = if self.path.is_empty() { "/" } else { &self.path };
        let mut target = path.to_owned();
        self.query.iter().for_each(|query| target.extend(["?", query]));
        Ok(HttpPlace { host: host.to_ascii_lowercase(), port, target })
    }
}

impl Url {
    /// The pieces of its text but the fragment (RFC 3986 §5.3).
    fn pieces(&self) -> impl Iterator<Item = &str> {
        let scheme = self.scheme.iter().flat_map(|scheme| [scheme, ":"]);
        let authority = self.authority.iter().flat_map(|authority| ["//", authority]);
        let query = self.query.iter().flat_map(|query| ["?", query]);
        scheme.chain(authority).chain([&*self.path]).chain(query)
    }

    /// Its text as a server sees it: without the fragment.
    pub fn without_fragment(&self) -> String {
        let mut text = String::with_capacity(self.pieces().map(str::len).sum());
        text.extend(self.pieces());
        text
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().try_for_each(|piece| f.write_str(piece))?;
        self.fragment.iter().flat_map(|fragment| ["#", fragment]).try_for_each(|piece| f.write_str(piece))
    }
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// RFC 3986 §3.1
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// RFC 3986 §5.2.4, on segments: `.` goes, `..` takes the one before along, and either at the end
/// leaves a slash.
fn remove_dot_segments(path: &str) -> String {
    let (root, rest) = path.strip_prefix('/').map_or(("", path), |rest| ("/", rest));
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last && !kept.is_empty() {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("{root}{}", kept.join("/"))
}

/// The file that a request target names, relative to the root: the query cut off, escapes decoded
/// once, dot segments removed. It cannot lead out of the root.
pub fn file_path(target: &str) -> Result<String, UrlError> {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let mut decoded = Vec::new();
    for segment in path.split('/') {
        decoded.push(decode_segment(segment)?);
    }
    // RFC 3986 §5.2.4, after decoding, so that %2e%2e is seen for what it is (RFC 9110 §17.3).
    Ok(remove_dot_segments(&decoded.join("/")).trim_start_matches('/').to_owned())
}

/// RFC 3986 §2.1. A slash, backslash or NUL inside a segment would change the path's structure.
fn decode_segment(segment: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' {
            let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).ok_or(UrlError::Escape);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            (high * 16 + low) as u8
        } else {
            byte
        };
        if matches!(byte, b'/' | b'\\' | 0) {
            return Err(UrlError::Escape);
        }
        bytes.push(byte);
    }
    String::from_utf8(bytes).map_err(|_| UrlError::Escape)
}

/// A file's name as a path of a URL: everything but unreserved characters and slashes is escaped.
pub fn encode_path(name: &str) -> String {
    name.bytes().fold(String::from("/"), |mut path, b| {
        match b {
            b'/' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(b)),
            _ if b.is_ascii_alphanumeric() => path.push(char::from(b)),
            _ => path.push_str(&format!("%{b:02X}")),
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_39_examples_of_rfc_3986_5_4() {
        let base = Url::parse("http://a/b/c/d;p?q").unwrap();
        for (reference, expected) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("g;x", "http://a/b/c/g;x"),
            ("g;x?y#s", "http://a/b/c/g;x?y#s"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            (".g", "http://a/b/c/.g"),
            ("g..", "http://a/b/c/g.."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("g#s/./x", "http://a/b/c/g#s/./x"),
            ("g#s/../x", "http://a/b/c/g#s/../x"),
            ("http:g", "http:g"),
        ] {
            let reference = Url::parse(reference).unwrap();
            assert_eq!(base.resolve(&reference).to_string(), expected, "{reference}");
        }
    }

    #[test]
    fn http_48_escapes_are_decoded_once() {
        assert_eq!(file_path("/%41?x=%zz"), Ok("A".to_owned()));
        assert_eq!(file_path("/%2541"), Ok("%41".to_owned()));
        for bad in ["/%zz", "/%4", "/%", "/%ff"] {
            assert_eq!(file_path(bad), Err(UrlError::Escape), "{bad}");
        }
        assert_eq!(file_path(&encode_path("a b/c%d")), Ok("a b/c%d".to_owned()));
    }

    #[test]
    fn http_49_no_path_leaves_the_root() {
        assert_eq!(file_path("/../x"), Ok("x".to_owned()));
        assert_eq!(file_path("/%2e%2e/x"), Ok("x".to_owned()));
        assert_eq!(file_path("//../../x"), Ok("x".to_owned()));
        for bad in ["/..%2fx", "/a/..\\..\\x", "/a%00.pdf", "/a/..%5c..%5cx"] {
            assert_eq!(file_path(bad), Err(UrlError::Escape), "{bad}");
        }
    }

    #[test]
    fn http_45_only_http() {
        let place = |text: &str| Url::parse(text).and_then(|u| u.place());
        for bad in ["ftp://a/", "file:///etc/passwd", "javascript:alert(1)", "//a/b", "/a"] {
            assert_eq!(place(bad), Err(UrlError::Scheme), "{bad}");
        }
        for bad in ["http:///x", "http://u@a/", "http://a:99999/", "http://a:0/", "http://a b/"] {
            assert_eq!(place(bad), Err(UrlError::Malformed), "{bad}");
        }
        let place = place("HTTP://Store.Example:8080?q#f").unwrap();
        assert_eq!(place.host_field(), "store.example:8080");
        assert_eq!(place.target, "/?q");
    }
}

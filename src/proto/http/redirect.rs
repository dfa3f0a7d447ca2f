//! Following redirects (RFC 9110 §15.4).

use std::collections::BTreeMap;

use super::fields::Fields;
use super::request::Method;
use super::response::Response;
use super::url::{Url, UrlError};

/// How a chain of redirects went wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RedirectError {
    /// More than the limit.
    #[error("more than {0} redirects")]
    TooMany(u64),
    /// It came back to where it had been.
    #[error("the redirects go in a circle at {0}")]
    Loop(String),
    /// It leads to what is no http URL.
    #[error("redirected to {0}: {1}")]
    Unusable(String, UrlError),
}

/// Where to go next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// By this method.
    pub method: Method,
    /// To this URL, absolute.
    pub url: Url,
    /// Whether the request's body goes along.
    pub keep_body: bool,
}

/// One chain of redirects.
#[derive(Clone, Debug)]
pub struct Redirects {
    limit: u64,
    /// Everything asked so far, by method and URL.
    seen: Vec<(Method, String)>,
}

impl Redirects {
    /// A chain that begins with this request.
    pub fn new(limit: u64, method: Method, url: &Url) -> Self {
        Redirects { limit, seen: vec![(method, url.without_fragment())] }
    }

    /// How many were followed.
    pub fn followed(&self) -> u64 {
        self.seen.len() as u64 - 1
    }

    /// What follows from `response` to a request of `method` for `url`: nothing if it is no
    /// redirect, or one without a single Location that can be read.
    pub fn next(&mut self, method: Method, url: &Url, response: &Response) -> Result<Option<Step>, RedirectError> {
        // RFC 9110 §15.4.1, §15.4.5: 300 and 304 are not followed.
        let (method, keep_body) = match (response.status, method) {
            (301 | 302, Method::Post) => (Method::Get, false),
            (303, Method::Get | Method::Head) => (method, false),
            (303, _) => (Method::Get, false),
            (301 | 302 | 307 | 308, method) => (method, true),
            _ => return Ok(None),
        };
        let Some(location) = response.fields.single("location") else { return Ok(None) };
        let Ok(reference) = Url::parse(location) else { return Ok(None) };
        let mut next = url.resolve(&reference);
        // RFC 9110 §10.2.2: the fragment is inherited unless Location has one.
        if next.fragment.is_none() {
            next.fragment = url.fragment.clone();
        }
        if let Err(error) = next.place() {
            return Err(RedirectError::Unusable(next.to_string(), error));
        }
        if self.followed() >= self.limit {
            return Err(RedirectError::TooMany(self.limit));
        }
        let asked = (method, next.without_fragment());
        if self.seen.contains(&asked) {
            return Err(RedirectError::Loop(asked.1));
        }
        self.seen.push(asked);
        Ok(Some(Step { method, url: next, keep_body }))
    }
}

/// The fields that go along from one URL to the next: to another host or port none that prove who
/// the user is, and Host is written anew anyway (§15.4).
pub fn carried(fields: &Fields, from: &Url, to: &Url) -> Fields {
    let mut kept = fields.clone();
    kept.remove("host");
    let origin = |url: &Url| url.place().ok().map(|p| (p.host, p.port));
    if origin(from).is_none() || origin(from) != origin(to) {
        for secret in ["authorization", "cookie", "proxy-authorization"] {
            kept.remove(secret);
        }
    }
    kept
}

/// Redirects that hold until further notice (§15.4.2, §15.4.9): 301 and 308, unless the server
/// forbids to store them.
#[derive(Clone, Debug, Default)]
pub struct Permanent(BTreeMap<String, Url>);

/// As many as are remembered.
const MAX_PERMANENT: usize = 1_000;

impl Permanent {
    /// Remembers where the answer to a GET for `url` sent it, if it may be remembered.
    pub fn learn(&mut self, url: &Url, response: &Response, to: &Url) {
        let no_store = response.fields.list_has("cache-control", "no-store");
        if matches!(response.status, 301 | 308) && !no_store && self.0.len() < MAX_PERMANENT {
            self.0.insert(url.without_fragment(), Url { fragment: None, ..to.clone() });
        }
    }

    /// Where a GET for `url` may go straight away.
    pub fn of(&self, url: &Url) -> Option<Url> {
        let to = self.0.get(&url.without_fragment())?;
        Some(Url { fragment: url.fragment.clone(), ..to.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(status: u16, location: &str) -> Response {
        let mut response = Response::new(status);
        response.fields.push("Location", location).unwrap();
        response
    }

    fn step(status: u16, method: Method, from: &str, location: &str) -> Option<Step> {
        let url = Url::parse(from).unwrap();
        Redirects::new(10, method, &url).next(method, &url, &redirect(status, location)).unwrap()
    }

    #[test]
    fn http_38_methods_after_a_redirect() {
        use Method::{Get, Head, Post};
        for (status, expected) in [
            (301, [(Get, true), (Head, true), (Get, false)]),
            (302, [(Get, true), (Head, true), (Get, false)]),
            (303, [(Get, false), (Head, false), (Get, false)]),
            (307, [(Get, true), (Head, true), (Post, true)]),
            (308, [(Get, true), (Head, true), (Post, true)]),
        ] {
            for (method, expected) in [Get, Head, Post].into_iter().zip(expected) {
                let step = step(status, method, "http://a/1", "/2").unwrap();
                assert_eq!((step.method, step.keep_body), expected, "{status} {method:?}");
            }
        }
    }

    #[test]
    fn http_40_the_fragment_is_inherited() {
        let to = |location| step(301, Method::Get, "http://h/a#s", location).unwrap().url;
        assert_eq!(to("/b").to_string(), "http://h/b#s");
        assert_eq!(to("/b#t").to_string(), "http://h/b#t");
        assert_eq!(to("/b").place().unwrap().target, "/b");
    }

    #[test]
    fn http_41_limit_and_loop() {
        let mut url = Url::parse("http://a/0").unwrap();
        let mut chain = Redirects::new(10, Method::Get, &url);
        for hop in 1..=10 {
            url = chain.next(Method::Get, &url, &redirect(302, &format!("/{hop}"))).unwrap().unwrap().url;
        }
        assert_eq!(chain.next(Method::Get, &url, &redirect(302, "/11")), Err(RedirectError::TooMany(10)));

        let (a, b) = (Url::parse("http://a/").unwrap(), Url::parse("http://b/").unwrap());
        let mut chain = Redirects::new(10, Method::Get, &a);
        chain.next(Method::Get, &a, &redirect(301, "http://b/")).unwrap();
        let circle = chain.next(Method::Get, &b, &redirect(301, "http://a/"));
        assert_eq!(circle, Err(RedirectError::Loop("http://a/".to_owned())));
    }

    #[test]
    fn http_43_46_what_is_not_followed() {
        for status in [200, 300, 304, 404] {
            assert_eq!(step(status, Method::Get, "http://a/", "/b"), None);
        }
        assert_eq!(step(301, Method::Get, "http://a/", "http://bad url"), None);
        let url = Url::parse("http://a/").unwrap();
        let mut chain = Redirects::new(10, Method::Get, &url);
        assert_eq!(chain.next(Method::Get, &url, &Response::new(301)), Ok(None));
        let file = chain.next(Method::Get, &url, &redirect(301, "file:///etc/passwd"));
        assert_eq!(file, Err(RedirectError::Unusable("file:///etc/passwd".to_owned(), UrlError::Scheme)));
    }

    #[test]
    fn http_42_only_permanent_redirects_are_remembered() {
        let (from, to) = (Url::parse("http://store/a#s").unwrap(), Url::parse("http://storage/a#s").unwrap());
        for (status, cache, remembered) in [
            (301, "", true),
            (308, "max-age=60", true),
            (301, "no-cache, No-Store", false),
            (302, "", false),
            (303, "", false),
            (307, "", false),
        ] {
            let mut known = Permanent::default();
            let mut response = redirect(status, "http://storage/a");
            response.fields.push("Cache-Control", cache).unwrap();
            known.learn(&from, &response, &to);
            let again = known.of(&Url::parse("http://store/a#t").unwrap()).map(|url| url.to_string());
            assert_eq!(again.as_deref(), remembered.then_some("http://storage/a#t"), "{status} {cache}");
        }
    }

    #[test]
    fn http_44_another_host_learns_no_secrets() {
        let url = |text: &str| Url::parse(text).unwrap();
        let mut fields = Fields::new();
        for (name, value) in [("Host", "a"), ("Authorization", "Basic eDp5"), ("cookie", "k=v"), ("Accept", "*/*")] {
            fields.push(name, value).unwrap();
        }
        let names = |to: &str| {
            let kept = carried(&fields, &url("http://a/x"), &url(to));
            ["host", "authorization", "cookie", "accept"].map(|name| kept.has(name))
        };
        assert_eq!(names("http://A:80/y"), [false, true, true, true]);
        for other in ["http://b/y", "http://a:8080/y"] {
            assert_eq!(names(other), [false, false, false, true], "{other}");
        }
    }
}

//! The server's side of one connection: requests out of bytes, responses into bytes, strictly in
//! turn. A request's body is read over before the request is handed out; nobody here wants one.

use std::collections::VecDeque;

use bytes::Bytes;

use super::chunked::{ChunkedDecoder, Decoded};
use super::date;
use super::fields::{Fields, content_length, persists};
use super::head::{Head, HeadError, HeadLimits, HeadReader};
use super::request::{LineError, Method, Request, parse_line};
use super::response::{Response, reason};
use super::url::Url;

/// What a server accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerLimits {
    /// Of the head.
    pub head: HeadLimits,
    /// Bytes of a request's body.
    pub body_bytes: u64,
    /// Requests on one connection.
    pub requests: u32,
}

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits { head: HeadLimits::default(), body_bytes: 1 << 20, requests: 100 }
    }
}

/// A request that is answered by its mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatusError {
    /// The status to answer with.
    pub status: u16,
    /// Whether the bytes that follow can no longer be trusted.
    pub close: bool,
}

impl StatusError {
    /// A mistake after which nothing more is read (RFC 9112 §9.6).
    const fn fatal(status: u16) -> Self {
        StatusError { status, close: true }
    }
}

#[derive(Debug)]
enum Body {
    Sized(u64),
    Chunked { decoder: ChunkedDecoder, read: u64 },
}

#[derive(Debug)]
enum State {
    /// Reading a head.
    Head,
    /// Reading over a body; then this is handed out.
    Body(Body, Result<Request, StatusError>),
    /// Handed out, not yet answered.
    Answering { head_only: bool },
    /// The response's head is out, so much of its body is not.
    Sending(u64),
    /// Nothing more is read; the connection is to be finished once the output is gone.
    Closed,
}

/// One connection of a server.
#[derive(Debug)]
pub struct ServerConn {
    limits: ServerLimits,
    allowed: &'static [Method],
    input: VecDeque<Bytes>,
    output: VecDeque<Bytes>,
    head: HeadReader,
    state: State,
    requests: u32,
    /// Whether another request may follow the one in hand.
    keep_alive: bool,
    /// What the next response says of the time.
    date: Option<String>,
}

impl ServerConn {
    /// A fresh connection on which these methods are served.
    pub fn new(limits: ServerLimits, allowed: &'static [Method]) -> Self {
        ServerConn {
            limits,
            allowed,
            input: VecDeque::new(),
            output: VecDeque::new(),
            head: HeadReader::new(limits.head),
            state: State::Head,
            requests: 0,
            keep_alive: true,
            date: None,
        }
    }

    /// The time of day for the Date field of what is answered from now on (RFC 9110 §6.6.1).
    pub fn set_time(&mut self, unix_secs: u64) {
        self.date = Some(date::format(unix_secs));
    }

    /// Bytes from the peer.
    pub fn receive(&mut self, data: Bytes) {
        if !matches!(self.state, State::Closed) && !data.is_empty() {
            self.input.push_back(data);
        }
    }

    /// The next request, once the one before it has been answered in full. Whatever this gives
    /// must be answered with [`ServerConn::respond`].
    pub fn poll_request(&mut self) -> Option<Result<Request, StatusError>> {
        loop {
            match &mut self.state {
                State::Head => {
                    let input = front(&mut self.input)?;
                    let head = self.head.read(input).transpose()?;
                    self.requests += 1;
                    self.state = match head.map_err(refuse).and_then(|head| self.open(head)) {
                        Ok(Opened { body: Some(body), request }) => State::Body(body, request),
                        Ok(Opened { body: None, request }) => return Some(self.hand_out(request)),
                        Err(error) => return Some(self.hand_out(Err(error))),
                    };
                }
                State::Body(body, request) => {
                    let request = match skip(body, &mut self.input, self.limits.body_bytes) {
                        Ok(false) => return None,
                        Ok(true) => request.clone(),
                        Err(error) => Err(error),
                    };
                    return Some(self.hand_out(request));
                }
                State::Answering { .. } | State::Sending(_) | State::Closed => return None,
            }
        }
    }

    fn hand_out(&mut self, request: Result<Request, StatusError>) -> Result<Request, StatusError> {
        let head_only = matches!(&request, Ok(r) if r.method == Method::Head);
        if let Err(StatusError { close: true, .. }) = request {
            self.keep_alive = false;
            self.input.clear();
        }
        self.keep_alive &= self.requests < self.limits.requests;
        self.state = State::Answering { head_only };
        request
    }

    /// Reads a head: who is asked for what, and what body follows.
    fn open(&mut self, head: Head) -> Result<Opened, StatusError> {
        let line = parse_line(&head.line).map_err(|e| match e {
            LineError::Malformed => StatusError::fatal(400),
            LineError::UnknownMethod => StatusError::fatal(501),
            LineError::Version => StatusError::fatal(505),
        })?;
        let body = request_body(line.http_1_1, &head.fields, self.limits.body_bytes)?;
        let (host, target) = target(line.method, line.target, line.http_1_1, &head.fields)?;
        self.keep_alive = persists(line.http_1_1, &head.fields);
        // RFC 9110 §10.1.1: whoever waits with the body is told to go on; we read over it.
        if body.is_some() && line.http_1_1 && head.fields.list_has("expect", "100-continue") {
            self.output.push_back(Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n"));
        }
        let request = Request {
            method: line.method,
            target: target.to_owned(),
            host,
            http_1_1: line.http_1_1,
            fields: head.fields.clone(),
        };
        let allowed = self.allowed.contains(&line.method);
        let request = if allowed { Ok(request) } else { Err(StatusError { status: 405, close: false }) };
        Ok(Opened { body, request })
    }

    /// Answers the request in hand. `length` is that of the body, which is not sent for HEAD.
    /// [`ServerConn::body_left`] bytes are then due through [`ServerConn::send_body`].
    pub fn respond(&mut self, response: &Response, length: u64) {
        let State::Answering { head_only } = self.state else { return };
        let bodiless = response.status < 200 || matches!(response.status, 204 | 304);
        let mut framing = self.date.as_ref().map(|date| format!("Date: {date}\r\n")).unwrap_or_default();
        if !bodiless {
            framing.push_str(&format!("Content-Length: {length}\r\n"));
        }
        if response.status == 405 {
            // RFC 9110 §15.5.6
            let names: Vec<_> = self.allowed.iter().map(|m| m.name()).collect();
            framing.push_str(&format!("Allow: {}\r\n", names.join(", ")));
        }
        self.keep_alive &= !response.fields.list_has("connection", "close");
        if !self.keep_alive && !response.fields.has("connection") {
            framing.push_str("Connection: close\r\n");
        }
        self.output.push_back(Bytes::from(response.encode(&framing)));
        self.sent(if head_only || bodiless { 0 } else { length });
    }

    /// Answers with a status and one line of text.
    pub fn respond_text(&mut self, status: u16) {
        self.respond_words(Response::new(status));
    }

    /// The same with more fields.
    pub fn respond_words(&mut self, mut response: Response) {
        let text = format!("{} {}\n", response.status, reason(response.status));
        // A constant token and value are always valid.
        let _ = response.fields.push("Content-Type", "text/plain");
        self.respond(&response, text.len() as u64);
        if self.body_left() > 0 {
            self.send_body(Bytes::from(text));
        }
    }

    /// How many bytes of the response's body are still due.
    pub fn body_left(&self) -> u64 {
        if let State::Sending(left) = self.state { left } else { 0 }
    }

    /// The next bytes of the body; what exceeds the promised length is cut off.
    pub fn send_body(&mut self, mut data: Bytes) {
        let left = self.body_left();
        data.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        if !data.is_empty() {
            let length = data.len() as u64;
            self.output.push_back(data);
            self.sent(left - length);
        }
    }

    fn sent(&mut self, left: u64) {
        self.state = match left {
            0 if self.keep_alive => State::Head,
            0 => State::Closed,
            left => State::Sending(left),
        };
    }

    /// The next bytes for the peer.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        self.output.pop_front()
    }

    /// True once nothing more will be read or written: the stream is to be finished.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed) && self.output.is_empty()
    }

    /// True while it waits for a request of which nothing has come.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Head) && self.head.is_empty() && self.input.iter().all(Bytes::is_empty)
    }

    /// True while it waits for the rest of a request.
    pub fn is_reading(&self) -> bool {
        matches!(self.state, State::Head | State::Body(..)) && !self.is_idle()
    }

    /// The rest of the request did not come in time: [`ServerConn::poll_request`]'s error to answer.
    pub fn time_out(&mut self) -> StatusError {
        let error = StatusError::fatal(408);
        let _ = self.hand_out(Err(error));
        error
    }
}

struct Opened {
    body: Option<Body>,
    request: Result<Request, StatusError>,
}

fn refuse(error: HeadError) -> StatusError {
    StatusError::fatal(match error {
        HeadError::Malformed => 400,
        HeadError::LineTooLong => 414,
        HeadError::FieldsTooLarge => 431,
    })
}

/// The first chunk that is not empty.
fn front(input: &mut VecDeque<Bytes>) -> Option<&mut Bytes> {
    while input.front()?.is_empty() {
        input.pop_front();
    }
    input.front_mut()
}

/// Reads over a body; true at its end.
fn skip(body: &mut Body, input: &mut VecDeque<Bytes>, limit: u64) -> Result<bool, StatusError> {
    loop {
        if let Body::Sized(0) = body {
            return Ok(true);
        }
        let Some(data) = front(input) else { return Ok(false) };
        match body {
            Body::Sized(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(data.len());
                let _ = data.split_to(take);
                *left -= take as u64;
            }
            Body::Chunked { decoder, read } => match decoder.decode(data) {
                Ok(Decoded::Data(part)) => {
                    *read += part.len() as u64;
                    if *read > limit {
                        return Err(StatusError::fatal(413));
                    }
                }
                Ok(Decoded::More) => {}
                Ok(Decoded::End) => return Ok(true),
                Err(_) => return Err(StatusError::fatal(400)),
            },
        }
    }
}

/// RFC 9112 §6.3: what body a request has.
fn request_body(http_1_1: bool, fields: &Fields, limit: u64) -> Result<Option<Body>, StatusError> {
    let length = content_length(fields).map_err(|_| StatusError::fatal(400))?;
    if !fields.has("transfer-encoding") {
        return match length {
            Some(length) if length > limit => Err(StatusError::fatal(413)),
            Some(0) | None => Ok(None),
            Some(length) => Ok(Some(Body::Sized(length))),
        };
    }
    let codings: Vec<_> = fields.list("transfer-encoding").collect();
    // RFC 9112 §6.1: both kinds of framing, or a coding in HTTP/1.0, smell of smuggling.
    if length.is_some() || !http_1_1 || codings.is_empty() {
        return Err(StatusError::fatal(400));
    }
    if !codings.iter().all(|c| c.eq_ignore_ascii_case("chunked")) {
        return Err(StatusError::fatal(501));
    }
    if codings.len() > 1 {
        return Err(StatusError::fatal(400));
    }
    Ok(Some(Body::Chunked { decoder: ChunkedDecoder::default(), read: 0 }))
}

/// RFC 9112 §3.2: host and origin form of a request target.
fn target(method: Method, target: &str, http_1_1: bool, fields: &Fields) -> Result<(String, String), StatusError> {
    let bad = StatusError::fatal(400);
    let host = match (fields.has("host"), fields.single("host")) {
        (false, _) if !http_1_1 => "",
        (true, Some(host)) if is_host(host) => host,
        _ => return Err(bad),
    };
    let origin = |target: &str| target.split('#').next().unwrap_or_default().to_owned();
    match target {
        // RFC 9110 §4.2.1: an http URI without a host is none.
        _ if target.starts_with('/') && http_1_1 && host.is_empty() => Err(bad),
        _ if target.starts_with('/') => Ok((host.to_owned(), origin(target))),
        "*" if method == Method::Options => Ok((host.to_owned(), target.to_owned())),
        _ if method == Method::Connect => Ok((target.to_owned(), "*".to_owned())),
        _ => {
            // RFC 9112 §3.2.2: the host of the absolute form wins over the Host field.
            let place = Url::parse(target).ok().and_then(|url| url.place().ok()).ok_or(bad)?;
            Ok((place.host_field(), place.target))
        }
    }
}

/// A rough check of `uri-host [ ":" port ]` (RFC 9110 §7.2).
fn is_host(host: &str) -> bool {
    host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(&b))
}

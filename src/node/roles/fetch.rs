//! One download of a user: a chain of exchanges that ends with a file or an error.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use sha2::{Digest as _, Sha256};

use super::keep::{Keep, Kept};
use super::manner::Manner;
use crate::base::ids::TransportKind;
use crate::base::note::{HttpChange, Note};
use crate::base::report::FetchReport;
use crate::base::time::{Duration, Instant};
use crate::base::wall::WallClock;
use crate::node::app::AppConn;
use crate::node::host::HostCtx;
use crate::proto::http::client::{ClientConn, ClientError, ClientEvent};
use crate::proto::http::digest::confirms;
use crate::proto::http::fields::{content_length, hex};
use crate::proto::http::head::HeadLimits;
use crate::proto::http::range::parse_content_range;
use crate::proto::http::redirect::{Permanent, Redirects};
use crate::proto::http::request::{Method, Request};
use crate::proto::http::response::{Response, reason};
use crate::proto::http::retry::retry_after_secs;
use crate::proto::http::url::{HttpPlace, Url};
use crate::transport::stream::StreamEvent;

/// How far a download is.
#[derive(Debug)]
pub(super) enum Step {
    /// Waiting for its time, or for the host's address.
    Begin,
    /// Waiting for this name's address.
    Resolve(String),
    /// About to connect to this address.
    Connect(Ipv4Addr),
    /// In an exchange.
    Exchange(Box<Exchange>),
    /// Over, well or not.
    Done,
}

/// One request and its response.
#[derive(Debug)]
pub(super) struct Exchange {
    conn: AppConn,
    http: ClientConn,
    /// Bytes of the request that the stream did not take yet.
    pending: Bytes,
    response: Option<Response>,
    /// Where the response sends us.
    next: Option<Url>,
    hasher: Sha256,
    bytes: u64,
    /// When something came last.
    heard: Instant,
}

/// One download.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) at: Instant,
    pub(super) transport: TransportKind,
    pub(super) step: Step,
    /// Whom to ask, for what, next.
    pub(super) place: HttpPlace,
    pub(super) report: FetchReport,
    url: Url,
    deadline: Instant,
    redirects: Redirects,
    /// Connections whose exchange is over but which the peer has not finished yet.
    closing: Vec<AppConn>,
    /// When those are given up.
    linger: Instant,
    retries_left: u64,
    partial: Option<Kept>,
    keep: Option<Box<dyn Keep>>,
    timeout: Duration,
    stall: Duration,
    /// Put off until `at`.
    waiting: bool,
    wall: WallClock,
    /// A redirect that may hold for later requests: from where, the response, to where.
    pub(super) learnt: Option<(Url, Response, Url)>,
}

/// How long a finished exchange's connection may take to close.
const LINGER: Duration = Duration::from_secs(15);
/// As long as a server may put off a client: a day.
const MAX_WAIT_SECS: u64 = 86_400;

impl Fetch {
    /// A download of `url`, whose place is that.
    pub(super) fn new(text: &str, (url, place): (Url, HttpPlace), manner: Manner) -> Self {
        Fetch {
            at: manner.at,
            transport: manner.transport,
            step: Step::Begin,
            place,
            report: FetchReport { url: text.into(), ..FetchReport::default() },
            redirects: Redirects::new(manner.redirect_limit, Method::Get, &url),
            url,
            deadline: manner.at + manner.timeout,
            closing: Vec::new(),
            linger: Instant::ZERO,
            retries_left: manner.retries,
            stall: manner.stall,
            partial: None,
            keep: None,
            timeout: manner.timeout,
            waiting: false,
            wall: manner.wall,
            learnt: None,
        }
    }

    /// Keeps its body. Its time-out then is for silence, not for the whole.
    pub(super) fn keep(mut self, keep: Box<dyn Keep>) -> Self {
        self.partial = keep.kept();
        self.keep = Some(keep);
        self
    }

    /// Before its first request: goes where an earlier one was sent for good.
    pub(super) fn go_straight(&mut self, known: &Permanent) {
        let place = known.of(&self.url).and_then(|url| url.place().ok().map(|place| (url, place)));
        if let Some((url, place)) = place.filter(|_| self.report.redirects.is_empty() && self.report.status == 0) {
            (self.url, self.place) = (url, place);
        }
    }

    /// Whether this connection is one of its own.
    pub(super) fn owns(&self, conn: AppConn) -> bool {
        self.conn() == Some(conn) || self.closing.contains(&conn)
    }

    /// The connection of the exchange under way.
    fn conn(&self) -> Option<AppConn> {
        if let Step::Exchange(exchange) = &self.step { Some(exchange.conn) } else { None }
    }

    /// True once its outcome is known and its connections are closed.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.step, Step::Done) && self.closing.is_empty()
    }

    /// When it must be looked at again.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let step = match self.step {
            Step::Done => None,
            Step::Begin if self.report.start.is_none() || self.waiting => Some(self.at),
            Step::Exchange(ref exchange) => Some(self.deadline.min(self.silent_at(exchange).unwrap_or(self.deadline))),
            _ => Some(self.deadline),
        };
        let linger = (!self.closing.is_empty()).then_some(self.linger);
        step.into_iter().chain(linger).min()
    }

    /// When the silence in the middle of a response becomes too long, if the rest can be asked for.
    fn silent_at(&self, exchange: &Exchange) -> Option<Instant> {
        let resumable = self.retries_left > 0 && exchange.response.as_ref().and_then(strong_tag).is_some();
        resumable.then(|| exchange.heard + self.stall)
    }

    /// Notes its beginning, and gives it up if it took too long.
    pub(super) fn expire(&mut self, host: &mut HostCtx<'_>) {
        if self.linger <= host.now() {
            for conn in self.closing.drain(..) {
                host.stream(conn).into_iter().for_each(|stream| stream.abort());
            }
        }
        if matches!(self.step, Step::Done) || self.at > host.now() {
            return;
        }
        self.report.start.get_or_insert(self.at);
        self.waiting = false;
        if self.deadline > host.now() {
            if let Step::Exchange(exchange) = &self.step
                && self.silent_at(exchange).is_some_and(|at| at <= host.now())
            {
                self.cut("the server fell silent", host);
            }
            return;
        }
        let doing = match &self.step {
            Step::Begin | Step::Connect(_) => "the host has no address",
            Step::Resolve(_) => "the name was not resolved",
            Step::Exchange(_) | Step::Done => "the response was not complete",
        };
        self.fail(&format!("timed out: {doing}"), host);
    }

    /// Sends the request on a new connection.
    pub(super) fn open(&mut self, conn: AppConn, host: &mut HostCtx<'_>) {
        let mut request = Request::get(&self.place.host_field(), &self.place.target);
        // One exchange, then both ends are free (RFC 9112 §9.6). The field is always valid.
        let _ = request.fields.push("Connection", "close");
        if let Some(partial) = self.partial.as_ref().filter(|p| p.bytes > 0) {
            // RFC 9110 §13.1.5: the rest, if it is still the same file; else all of the new one. Both
            // values are valid: digits, and what came as a field.
            let _ = request.fields.push("Range", format!("bytes={}-", partial.bytes));
            let _ = request.fields.push("If-Range", &partial.etag);
        }
        let mut http = ClientConn::new(HeadLimits::default());
        let sent = http.request(&request);
        let (hasher, pending) = (Sha256::new(), Bytes::new());
        self.step = Step::Exchange(Box::new(Exchange {
            conn,
            http,
            pending,
            response: None,
            next: None,
            hasher,
            bytes: 0,
            heard: host.now(),
        }));
        match sent {
            Ok(()) => {
                self.note(host, HttpChange::Requested, 0, 0);
                self.write(host);
            }
            Err(error) => self.fail(&error.to_string(), host),
        }
    }

    /// Something happened on its connection.
    pub(super) fn on_stream(&mut self, conn: AppConn, event: StreamEvent, host: &mut HostCtx<'_>) {
        if self.conn() != Some(conn) {
            return self.close(conn, event, host);
        }
        self.write(host);
        while let Some(data) = host.stream(conn).and_then(|stream| stream.read()) {
            self.receive(Some(data), host);
            if self.conn() != Some(conn) {
                return self.close(conn, event, host);
            }
        }
        match event {
            StreamEvent::Finished => {
                self.receive(None, host);
                self.close(conn, event, host);
            }
            StreamEvent::Closed(reason) => {
                // Only a FIN says that the body is whole, and that came as Finished.
                self.cut(&format!("the connection is over: {}", reason.word()), host);
            }
            _ => {}
        }
    }

    /// Closes a connection after the peer, who said that it would: so the wait for stray segments
    /// (RFC 9293 §3.6) is the peer's, and the run ends only when all of the flow is acknowledged.
    fn close(&mut self, conn: AppConn, event: StreamEvent, host: &mut HostCtx<'_>) {
        if let StreamEvent::Closed(_) = event {
            return self.closing.retain(|c| *c != conn);
        }
        if !self.closing.contains(&conn) {
            return;
        }
        let Some(stream) = host.stream(conn) else { return };
        while stream.read().is_some() {}
        if event == StreamEvent::Finished {
            stream.finish();
        }
    }

    fn write(&mut self, host: &mut HostCtx<'_>) {
        let Step::Exchange(exchange) = &mut self.step else { return };
        let Some(stream) = host.stream(exchange.conn) else { return };
        loop {
            if exchange.pending.is_empty() {
                let Some(output) = exchange.http.poll_output() else { return };
                exchange.pending = output;
            }
            let taken = stream.write(exchange.pending.clone());
            exchange.pending.advance(taken.min(exchange.pending.len()));
            if !exchange.pending.is_empty() {
                return;
            }
        }
    }

    /// Bytes of the response, or its end.
    fn receive(&mut self, data: Option<Bytes>, host: &mut HostCtx<'_>) {
        let Step::Exchange(exchange) = &mut self.step else { return };
        exchange.heard = host.now();
        match data {
            Some(data) => exchange.http.receive(data),
            None => exchange.http.receive_end(),
        }
        while let Step::Exchange(exchange) = &mut self.step {
            match exchange.http.poll_event() {
                None => return,
                Some(ClientEvent::Head(response)) => self.on_head(response, host),
                Some(ClientEvent::Body(body)) => {
                    exchange.bytes += body.len() as u64;
                    exchange.hasher.update(&body);
                    self.report.bytes = exchange.bytes;
                    self.write_down(&body, host);
                }
                Some(ClientEvent::Done { .. }) => self.on_done(host),
                Some(ClientEvent::Failed(ClientError::Incomplete)) => {
                    self.cut(&ClientError::Incomplete.to_string(), host);
                }
                Some(ClientEvent::Failed(error)) => self.fail(&error.to_string(), host),
            }
        }
    }

    fn on_head(&mut self, response: Response, host: &mut HostCtx<'_>) {
        self.report.status = response.status;
        let step = match self.redirects.next(Method::Get, &self.url, &response) {
            Err(error) => return self.fail(&error.to_string(), host),
            Ok(step) => step,
        };
        let partial = self.partial.take();
        let Step::Exchange(exchange) = &mut self.step else { return };
        if response.status == 206 {
            let first =
                response.fields.single("content-range").and_then(parse_content_range).map(|(part, _)| part.first);
            match partial.filter(|p| Some(p.bytes) == first) {
                Some(Kept { hasher, bytes, .. }) => (exchange.hasher, exchange.bytes) = (hasher, bytes),
                None => return self.fail("the server sent a part that was not asked for", host),
            }
        }
        self.report.bytes = exchange.bytes;
        exchange.next = step.map(|s| s.url);
        if let Some(to) = &exchange.next {
            self.learnt = Some((self.url.clone(), response.clone(), to.clone()));
        }
        if let Some(keep) = self.keep.as_mut().filter(|_| (200..300).contains(&response.status)) {
            let length = content_length(&response.fields).ok().flatten().map(|rest| rest + exchange.bytes);
            let etag = response.fields.single("etag").filter(|tag| tag.starts_with('"'));
            if let Err(error) = keep.begin(exchange.bytes, length, etag) {
                return self.fail(&format!("cannot be saved: {error}"), host);
            }
        }
        exchange.response = Some(response);
    }

    fn write_down(&mut self, body: &[u8], host: &mut HostCtx<'_>) {
        let Some(keep) = self.keep.as_mut().filter(|_| (200..300).contains(&self.report.status)) else { return };
        self.deadline = host.now() + self.timeout;
        if let Err(error) = keep.write(body) {
            self.fail(&format!("cannot be saved: {error}"), host);
        }
    }

    /// The connection ended in the middle: what came is kept and the rest asked for, if the server
    /// named the file by a strong entity tag.
    fn cut(&mut self, why: &str, host: &mut HostCtx<'_>) {
        let Step::Exchange(exchange) = &self.step else { return };
        let etag =
            exchange.response.as_ref().filter(|r| matches!(r.status, 200 | 206)).and_then(|r| r.fields.single("etag"));
        let Some(etag) = etag.filter(|tag| tag.starts_with('"') && self.retries_left > 0).map(str::to_owned) else {
            return self.fail(why, host);
        };
        self.retries_left -= 1;
        let Step::Exchange(exchange) = std::mem::replace(&mut self.step, Step::Begin) else { return };
        host.stream(exchange.conn).into_iter().for_each(|stream| stream.abort());
        self.partial = Some(Kept { etag, hasher: exchange.hasher, bytes: exchange.bytes });
    }

    fn on_done(&mut self, host: &mut HostCtx<'_>) {
        let Step::Exchange(exchange) = std::mem::replace(&mut self.step, Step::Done) else { return };
        self.closing.push(exchange.conn);
        self.linger = host.now() + LINGER;
        if let Some(url) = exchange.next {
            return self.follow(url, host);
        }
        let status = self.report.status;
        let now = self.wall.unix_secs(host.now());
        if let Some(secs) = exchange.response.as_ref().and_then(|r| retry_after_secs(r, now)) {
            // RFC 9110 §10.2.3; no longer than the download may take anyway.
            let again = host.now() + Duration::from_secs(secs.min(MAX_WAIT_SECS));
            if self.retries_left > 0 && again < self.deadline {
                self.retries_left -= 1;
                (self.step, self.at, self.waiting) = (Step::Begin, again, true);
                return;
            }
        }
        let sha256: [u8; 32] = exchange.hasher.finalize().into();
        self.report.sha256 = Some(hex(&sha256).into());
        self.report.end = Some(host.now());
        // A server that states no digest must at least have framed the body.
        let fields = exchange.response.map(|r| r.fields).unwrap_or_default();
        let framed = fields.has("content-length") || fields.has("transfer-encoding") || status == 204;
        self.report.intact = confirms(&fields, &sha256).unwrap_or(framed);
        if !(200..300).contains(&status) {
            self.report.error = Some(format!("the server answered {status} {}", reason(status)).trim_end().into());
        } else if !self.report.intact {
            self.report.error = Some("the body is not what the server says it holds".into());
        }
        if self.report.completed()
            && let Some(Err(error)) = self.keep.as_mut().map(|keep| keep.finish())
        {
            self.report.error = Some(format!("cannot be saved: {error}").into());
        }
        let change = if self.report.completed() { HttpChange::Completed } else { HttpChange::Failed };
        self.note(host, change, status, exchange.bytes);
    }

    /// Goes where a redirect leads.
    fn follow(&mut self, url: Url, host: &mut HostCtx<'_>) {
        let text: Arc<str> = url.to_string().into();
        self.report.redirects.push(text);
        self.partial = self.keep.as_ref().and_then(|keep| keep.kept());
        self.report.bytes = 0;
        match url.place() {
            Ok(place) => self.place = place,
            Err(error) => return self.fail(&error.to_string(), host),
        }
        self.url = url;
        self.note(host, HttpChange::Redirected, self.report.status, 0);
        self.step = Step::Begin;
    }

    /// Ends it without success.
    pub(super) fn fail(&mut self, why: &str, host: &mut HostCtx<'_>) {
        if let Step::Exchange(exchange) = std::mem::replace(&mut self.step, Step::Done)
            && let Some(stream) = host.stream(exchange.conn)
        {
            stream.abort();
        }
        self.report.end = Some(host.now());
        self.report.error = Some(why.into());
        self.note(host, HttpChange::Failed, self.report.status, self.report.bytes);
    }

    fn note(&self, host: &mut HostCtx<'_>, change: HttpChange, status: u16, bytes: u64) {
        if host.noting() {
            host.note(Note::Http { target: self.url.to_string().into(), change, status, bytes });
        }
    }
}

/// The strong entity tag of a file that is being sent, by which the rest of it can be asked for.
fn strong_tag(response: &Response) -> Option<&str> {
    let sending = matches!(response.status, 200 | 206);
    response.fields.single("etag").filter(|tag| sending && tag.starts_with('"'))
}

//! What the HTTP servers share: connections on port 80 of both transports, requests in turn,
//! bodies streamed as the stream takes them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bytes::{Buf as _, Bytes};

use super::files::File;
use crate::base::ids::TransportKind;
use crate::base::note::{HttpChange, Note};
use crate::base::time::{Duration, Instant};
use crate::node::app::{App, AppConn, HostEvent};
use crate::node::host::HostCtx;
use crate::node::node::Status;
use crate::proto::http::digest::repr_digest;
use crate::proto::http::fields::InvalidField;
use crate::proto::http::request::{Method, Request};
use crate::proto::http::response::Response;
use crate::proto::http::server::{ServerConn, ServerLimits};
use crate::transport::stream::StreamEvent;

/// Where HTTP is served.
pub const HTTP_PORT: u16 = 80;
/// What the servers here answer.
const ALLOWED: &[Method] = &[Method::Get, Method::Head];
/// A request must be complete this long after its first byte.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection without a request is closed after this long.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Body bytes made at a time: all of a body that is ever in memory beside the send buffer.
const CHUNK_BYTES: usize = 64 * 1024;

/// What is served.
pub trait Site {
    /// The answer to a GET or HEAD.
    fn answer(&mut self, request: &Request) -> Answer;
}

/// An answer, before it is written down.
#[derive(Clone, Debug)]
pub enum Answer {
    /// 200 and this file.
    File(Rc<File>),
    /// 301 to this URL.
    Moved(String),
    /// An error of this status.
    Error(u16),
}

/// An HTTP server.
#[derive(Debug)]
pub struct Server<S> {
    site: S,
    conns: BTreeMap<AppConn, Serving>,
    deadlines: BTreeSet<(Instant, AppConn)>,
}

/// What a connection waits for, as far as that is limited in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wait {
    Request,
    RestOfRequest,
    Nothing,
}

#[derive(Debug)]
struct Serving {
    http: ServerConn,
    /// Bytes that the stream did not take yet.
    pending: Bytes,
    /// The file being sent, and how much of it was handed on.
    file: Option<(Rc<File>, u64)>,
    peer_finished: bool,
    finished: bool,
    wait: Wait,
    deadline: Option<Instant>,
}

impl Serving {
    fn new() -> Self {
        Serving {
            http: ServerConn::new(ServerLimits::default(), ALLOWED),
            pending: Bytes::new(),
            file: None,
            peer_finished: false,
            finished: false,
            wait: Wait::Nothing,
            deadline: None,
        }
    }

    /// The next bytes to write, if there are any.
    fn refill(&mut self) {
        if !self.pending.is_empty() {
            return;
        }
        if let Some(output) = self.http.poll_output() {
            self.pending = output;
        } else if let Some((file, offset)) = &mut self.file {
            let part = file.chunk(*offset, CHUNK_BYTES);
            *offset += part.len() as u64;
            if part.is_empty() || self.http.body_left() == 0 {
                self.file = None;
            } else {
                self.http.send_body(part);
                self.pending = self.http.poll_output().unwrap_or_default();
            }
        }
    }

    /// Writes what the stream takes; true if everything is gone.
    fn write(&mut self, conn: AppConn, host: &mut HostCtx<'_>) -> bool {
        loop {
            self.refill();
            if self.pending.is_empty() {
                if self.file.is_none() {
                    return true;
                }
                continue;
            }
            let Some(stream) = host.stream(conn) else { return false };
            let taken = stream.write(self.pending.clone());
            self.pending.advance(taken.min(self.pending.len()));
            if !self.pending.is_empty() {
                return false;
            }
        }
    }
}

impl<S: Site> Server<S> {
    /// A server of this site.
    pub fn new(site: S) -> Self {
        Server { site, conns: BTreeMap::new(), deadlines: BTreeSet::new() }
    }

    /// Does all that can be done on one connection now.
    fn advance(&mut self, conn: AppConn, host: &mut HostCtx<'_>) {
        let Some(serving) = self.conns.get_mut(&conn) else { return };
        let mut answered = false;
        while serving.write(conn, host) {
            if let Some(request) = serving.http.poll_request() {
                answered = true;
                answer(&mut self.site, serving, request, host);
                continue;
            }
            let Some(stream) = host.stream(conn) else { break };
            // Reading goes on after the last response, so that the peer gets all of it rather than
            // a reset (RFC 9112 §9.6).
            if let Some(data) = stream.read() {
                serving.http.receive(data);
                continue;
            }
            if !serving.finished && (serving.http.is_closed() || serving.peer_finished) {
                serving.finished = true;
                stream.finish();
            }
            break;
        }
        let wait = match () {
            () if serving.finished => Wait::Nothing,
            () if serving.http.is_idle() => Wait::Request,
            () if serving.http.is_reading() => Wait::RestOfRequest,
            () => Wait::Nothing,
        };
        if wait != serving.wait || answered {
            serving.wait = wait;
            let deadline = match wait {
                Wait::Request => Some(host.now() + IDLE_TIMEOUT),
                Wait::RestOfRequest => Some(host.now() + REQUEST_TIMEOUT),
                Wait::Nothing => None,
            };
            if let Some(old) = std::mem::replace(&mut serving.deadline, deadline) {
                self.deadlines.remove(&(old, conn));
            }
            self.deadlines.extend(deadline.map(|at| (at, conn)));
        }
    }

    /// Ends the waits that took too long.
    fn expire(&mut self, host: &mut HostCtx<'_>) {
        while let Some(&(at, conn)) = self.deadlines.first() {
            if at > host.now() {
                break;
            }
            self.deadlines.pop_first();
            let Some(serving) = self.conns.get_mut(&conn) else { continue };
            serving.deadline = None;
            if serving.wait == Wait::RestOfRequest {
                let error = serving.http.time_out();
                serving.http.respond_text(error.status);
            } else if let Some(stream) = host.stream(conn) {
                serving.finished = true;
                stream.finish();
            }
            self.advance(conn, host);
        }
    }
}

/// Answers one request.
fn answer<S: Site>(
    site: &mut S,
    serving: &mut Serving,
    request: Result<Request, crate::proto::http::server::StatusError>,
    host: &mut HostCtx<'_>,
) {
    let target = request.as_ref().map_or("", |r| r.target.as_str()).to_owned();
    note(host, &target, HttpChange::Received, 0, 0);
    let answer = match &request {
        Ok(request) => site.answer(request),
        Err(error) => Answer::Error(error.status),
    };
    let (status, bytes) = match answer {
        Answer::File(file) => match file_head(&file) {
            Ok(head) => {
                serving.http.respond(&head, file.len());
                let bytes = serving.http.body_left();
                serving.file = (bytes > 0).then_some((file, 0));
                (200, bytes)
            }
            Err(InvalidField) => error(serving, 500),
        },
        Answer::Moved(location) => {
            let mut head = Response::new(301);
            match head.fields.push("Location", &location) {
                Ok(()) => {
                    serving.http.respond(&head, 0);
                    (301, 0)
                }
                Err(InvalidField) => error(serving, 500),
            }
        }
        Answer::Error(status) => error(serving, status),
    };
    note(host, &target, HttpChange::Answered, status, bytes);
}

fn error(serving: &mut Serving, status: u16) -> (u16, u64) {
    serving.http.respond_text(status);
    (status, 0)
}

/// The fields that describe a file. No Date: a host without a clock of the day must not send one
/// (RFC 9110 §6.6.1).
fn file_head(file: &File) -> Result<Response, InvalidField> {
    let mut head = Response::new(200);
    head.fields.push("Content-Type", file.content_type())?;
    head.fields.push("X-Content-Type-Options", "nosniff")?;
    head.fields.push("ETag", file.etag())?;
    head.fields.push("Repr-Digest", repr_digest(file.sha256()))?;
    Ok(head)
}

fn note(host: &mut HostCtx<'_>, target: &str, change: HttpChange, status: u16, bytes: u64) {
    if host.noting() {
        host.note(Note::Http { target: target.into(), change, status, bytes });
    }
}

impl<S: Site> App for Server<S> {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        match event {
            HostEvent::Start => {
                host.listen(TransportKind::Tcp, HTTP_PORT);
                host.listen(TransportKind::Rudp, HTTP_PORT);
            }
            HostEvent::Accepted { conn, .. } => {
                self.conns.insert(conn, Serving::new());
                self.advance(conn, host);
            }
            HostEvent::Stream { conn, event: StreamEvent::Closed(_) } => {
                if let Some(at) = self.conns.remove(&conn).and_then(|serving| serving.deadline) {
                    self.deadlines.remove(&(at, conn));
                }
            }
            HostEvent::Stream { conn, event } => {
                if let Some(serving) = self.conns.get_mut(&conn) {
                    serving.peer_finished |= event == StreamEvent::Finished;
                }
                self.advance(conn, host);
            }
            HostEvent::Wake => self.expire(host),
            HostEvent::Addressed(_) | HostEvent::Datagram { .. } => {}
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(at, _)| at)
    }

    fn status(&self) -> Status {
        Status::Done
    }
}

//! What the HTTP servers share: connections on port 80 of both transports, requests in turn,
//! bodies streamed as the stream takes them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use bytes::{Buf as _, Bytes};

use super::file_answer::{self, FileAnswer, Piece};
use super::files::File;
use super::role::RoleEnv;
use crate::base::ids::TransportKind;
use crate::base::note::{HttpChange, Note};
use crate::base::schema::{Key, Kind, Need, Params};
use crate::base::time::{Duration, Instant};
use crate::base::wall::WallClock;
use crate::node::app::{App, AppConn, HostEvent};
use crate::node::host::HostCtx;
use crate::node::node::Status;
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

/// The key under which a server takes the most transfers that it serves at a time.
pub const MAX_TRANSFERS: Key = Key {
    name: "max_transfers",
    kind: Kind::Integer(1, 1_000_000),
    need: Need::Optional,
    about: "bodies sent at a time; who comes on top gets 503 with Retry-After; left out: no limit",
};
/// The key under which it takes for how long it sends them away.
pub const RETRY_AFTER: Key = Key {
    name: "retry_after",
    kind: Kind::Duration,
    need: Need::Default("1 s"),
    about: "when to come back after a 503; whole seconds",
};

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
    wall: WallClock,
    max_transfers: usize,
    retry_after_secs: u64,
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
    /// What is still to be handed on of the body being sent.
    body: VecDeque<Piece>,
    /// The bytes promised cannot be had any more.
    broken: bool,
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
            body: VecDeque::new(),
            broken: false,
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
            return;
        }
        let part = match self.body.front_mut() {
            None => return,
            Some(Piece::Text(text)) => std::mem::take(text),
            Some(Piece::File(file, from, to)) => {
                let left = usize::try_from(*to - *from).unwrap_or(usize::MAX);
                let part = file.chunk(*from, CHUNK_BYTES.min(left));
                *from += part.len() as u64;
                self.broken |= part.is_empty() && from < to;
                part
            }
        };
        let over = match self.body.front() {
            Some(Piece::File(_, from, to)) => from >= to,
            _ => true,
        };
        if over || self.http.body_left() == 0 {
            self.body.pop_front();
        }
        self.http.send_body(part);
        self.pending = self.http.poll_output().unwrap_or_default();
    }

    /// Answers the request in hand; the status, and how many bytes of a body follow.
    fn respond(&mut self, answer: FileAnswer) -> (u16, u64) {
        let (status, length) = (answer.head.status, answer.length());
        let Some(body) = answer.body else {
            self.http.respond_words(answer.head);
            return (status, 0);
        };
        self.http.respond(&answer.head, length);
        let bytes = self.http.body_left();
        self.body = if bytes > 0 { body } else { VecDeque::new() };
        (status, bytes)
    }

    /// Writes what the stream takes; true if everything is gone.
    fn write(&mut self, conn: AppConn, host: &mut HostCtx<'_>) -> bool {
        loop {
            self.refill();
            if self.broken {
                // The peer must not take what came for all there is (RFC 9112 §8).
                host.stream(conn).into_iter().for_each(|stream| stream.abort());
                return false;
            }
            if self.pending.is_empty() {
                if self.body.is_empty() {
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
    pub fn new(site: S, params: &Params, env: &RoleEnv) -> Self {
        Server {
            site,
            wall: env.wall,
            max_transfers: params.integer("max_transfers").map_or(usize::MAX, |n| n as usize),
            retry_after_secs: params.duration("retry_after").map_or(1, Duration::as_secs),
            conns: BTreeMap::new(),
            deadlines: BTreeSet::new(),
        }
    }

    /// Does all that can be done on one connection now.
    fn advance(&mut self, conn: AppConn, host: &mut HostCtx<'_>) {
        let busy = self.max_transfers < usize::MAX
            && self.conns.values().filter(|s| !s.body.is_empty()).count() >= self.max_transfers;
        let Some(serving) = self.conns.get_mut(&conn) else { return };
        let mut answered = false;
        while serving.write(conn, host) {
            if let Some(request) = serving.http.poll_request() {
                answered = true;
                serving.http.set_time(self.wall.unix_secs(host.now()));
                let target = request.as_ref().map_or("", |r| r.target.as_str()).to_owned();
                note(host, &target, HttpChange::Received, 0, 0);
                let answer = match &request {
                    Ok(_) if busy => busy_answer(self.retry_after_secs),
                    Ok(request) => {
                        let (start, now) = (self.wall.unix_secs(Instant::ZERO), self.wall.unix_secs(host.now()));
                        written(self.site.answer(request), request, start, now)
                    }
                    Err(error) => status_only(error.status),
                };
                let (status, bytes) = serving.respond(answer);
                note(host, &target, HttpChange::Answered, status, bytes);
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
                serving.http.set_time(self.wall.unix_secs(host.now()));
                serving.http.respond_text(error.status);
            } else if let Some(stream) = host.stream(conn) {
                serving.finished = true;
                stream.finish();
            }
            self.advance(conn, host);
        }
    }
}

/// The site's answer as a response.
fn written(answer: Answer, request: &Request, start: u64, now: u64) -> FileAnswer {
    match answer {
        Answer::File(file) => file_answer::answer(request, &file, start, now).unwrap_or_else(|_| status_only(500)),
        Answer::Moved(location) => {
            let mut head = Response::new(301);
            match head.fields.push("Location", &location) {
                Ok(()) => FileAnswer { head, body: Some(VecDeque::new()) },
                Err(_) => status_only(500),
            }
        }
        Answer::Error(status) => status_only(status),
    }
}

fn status_only(status: u16) -> FileAnswer {
    FileAnswer { head: Response::new(status), body: None }
}

/// RFC 9110 §10.2.3
fn busy_answer(retry_after_secs: u64) -> FileAnswer {
    let mut answer = status_only(503);
    // Digits are always valid.
    let _ = answer.head.fields.push("Retry-After", retry_after_secs.to_string());
    answer
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

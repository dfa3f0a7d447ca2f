//! Bulk flows: an app that writes as fast as its connection takes it, and one that reads it all.

use std::net::SocketAddrV4;
use std::sync::Arc;

use bytes::Bytes;

use super::app::{App, AppConn, ConnectRequest, HostEvent};
use super::host::HostCtx;
use super::node::Status;
use crate::base::ids::TransportKind;
use crate::base::note::CloseReason;
use crate::base::time::{Duration, Instant};
use crate::transport::stream::StreamEvent;

/// The length of the pattern's period: a prime, so that no segment size repeats the same bytes.
const PERIOD: usize = 251;
/// What is sent, over and over: no byte is ever made anew. It is long because a segment that spans
/// two writes has to be copied.
static PATTERN: [u8; PERIOD << 12] = pattern();

const fn pattern() -> [u8; PERIOD << 12] {
    let mut bytes = [0; PERIOD << 12];
    let mut done = 0;
    while done < PERIOD {
        bytes[done] = done as u8;
        done += 1;
    }
    while done < bytes.len() {
        let (made, rest) = bytes.split_at_mut(done);
        rest.split_at_mut(done).0.copy_from_slice(made);
        done *= 2;
    }
    bytes
}

/// What a bulk flow is.
#[derive(Clone, Debug)]
pub struct BulkFlow {
    /// Its name in reports.
    pub name: Arc<str>,
    /// What carries it.
    pub transport: TransportKind,
    /// Where it goes.
    pub remote: SocketAddrV4,
    /// How many bytes; `None`: as many as fit its time.
    pub size: Option<u64>,
    /// For how long; `None`: until all is sent.
    pub lasting: Option<Duration>,
    /// When it connects.
    pub start: Instant,
    /// The number of its connection settings, if it brought any.
    pub settings: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Waiting,
    Writing(AppConn),
    /// All is written; the peer has not acknowledged all of it.
    Draining(AppConn),
    Done,
    Failed(CloseReason),
}

/// Sends one bulk flow.
#[derive(Debug)]
pub struct BulkSender {
    flow: BulkFlow,
    state: State,
    written: u64,
    /// Its start has come; without an address it waits for that.
    due: bool,
    last_write: Instant,
}

impl BulkSender {
    /// A sender of this flow.
    pub fn new(flow: BulkFlow) -> Self {
        BulkSender { flow, state: State::Waiting, written: 0, due: false, last_write: Instant::ZERO }
    }

    /// When a flow that is limited in time stops writing.
    fn stop(&self) -> Option<Instant> {
        self.flow.lasting.map(|d| self.flow.start + d)
    }

    fn connect(&mut self, host: &mut HostCtx<'_>) {
        if self.state != State::Waiting || host.now() < self.flow.start {
            return;
        }
        self.due = true;
        let request = ConnectRequest {
            transport: self.flow.transport,
            remote: self.flow.remote,
            name: Some(self.flow.name.clone()),
            settings: self.flow.settings,
        };
        if let Some(conn) = host.connect(request) {
            self.state = State::Writing(conn);
        }
    }

    fn write(&mut self, host: &mut HostCtx<'_>) {
        let State::Writing(conn) = self.state else { return };
        let now = host.now();
        let late = self.stop().is_some_and(|stop| stop <= now);
        let Some(stream) = host.stream(conn) else { return };
        loop {
            let left = self.flow.size.map_or(u64::MAX, |size| size - self.written);
            if late || left == 0 {
                // Its time is up: what has not been sent by now never will be.
                if late {
                    stream.finish_here()
                } else {
                    stream.finish()
                }
                self.state = State::Draining(conn);
                return;
            }
            let offered = left.min(PATTERN.len() as u64) as usize;
            let taken = stream.write(Bytes::from_static(&PATTERN[..offered])).min(offered);
            if taken > 0 {
                self.written += taken as u64;
                self.last_write = now;
            }
            if taken < offered {
                return;
            }
        }
    }

    fn on_stream(&mut self, event: StreamEvent, host: &mut HostCtx<'_>) {
        self.write(host);
        match (event, self.state) {
            // One of the instant of the last write may be older than it; then another follows.
            (StreamEvent::Acknowledged, State::Draining(_)) if self.last_write < host.now() => {
                self.state = State::Done;
            }
            (StreamEvent::Closed(CloseReason::Finished), State::Draining(_)) => self.state = State::Done,
            (StreamEvent::Closed(reason), State::Writing(_) | State::Draining(_)) => self.state = State::Failed(reason),
            _ => {}
        }
    }
}

impl App for BulkSender {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        match event {
            HostEvent::Start | HostEvent::Addressed(_) => self.connect(host),
            HostEvent::Wake => {
                self.connect(host);
                self.write(host);
            }
            HostEvent::Stream { conn, event } if self.owns(conn) => self.on_stream(event, host),
            _ => {}
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        match self.state {
            State::Waiting => (!self.due).then_some(self.flow.start),
            State::Writing(_) => self.stop(),
            State::Draining(_) | State::Done | State::Failed(_) => None,
        }
    }

    fn status(&self) -> Status {
        match self.state {
            State::Waiting | State::Writing(_) | State::Draining(_) => Status::Busy,
            State::Done => Status::Done,
            State::Failed(reason) => Status::Failed(format!("flow {}: {}", self.flow.name, reason.word())),
        }
    }

    fn is_busy(&self) -> bool {
        !matches!(self.state, State::Done | State::Failed(_))
    }
}

impl BulkSender {
    fn owns(&self, conn: AppConn) -> bool {
        matches!(self.state, State::Writing(own) | State::Draining(own) if own == conn)
    }
}

/// Takes a bulk flow and throws its bytes away.
#[derive(Debug)]
pub struct BulkSink {
    transport: TransportKind,
    port: u16,
    settings: u32,
}

impl BulkSink {
    /// Listens at this port, with the connection settings of this number.
    pub fn new(transport: TransportKind, port: u16, settings: u32) -> Self {
        BulkSink { transport, port, settings }
    }
}

impl App for BulkSink {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        let conn = match event {
            HostEvent::Start => {
                host.listen_with(self.transport, self.port, self.settings);
                return;
            }
            HostEvent::Accepted { conn, .. } | HostEvent::Stream { conn, .. } => conn,
            _ => return,
        };
        let Some(stream) = host.stream(conn) else { return };
        stream.discard_input();
        while stream.read().is_some() {}
        if matches!(event, HostEvent::Stream { event: StreamEvent::Finished, .. }) {
            stream.finish();
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        None
    }

    fn status(&self) -> Status {
        Status::Done
    }
}

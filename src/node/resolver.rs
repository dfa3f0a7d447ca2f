//! Names to addresses for an app on a host: a resolver with a UDP port for each question, and a TCP
//! connection for each that needs one. The app passes on its datagrams, its streams' events and its
//! wake-ups, and takes the answers.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};

use super::app::{AppConn, ConnectRequest};
use super::host::HostCtx;
use crate::base::ids::TransportKind;
use crate::base::note::{NameChange, Note};
use crate::base::rng::Rng;
use crate::base::time::Instant;
use crate::proto::dns::PORT;
use crate::proto::dns::framing::{Frames, frame};
use crate::proto::dns::resolver::{Answer, Outgoing, QueryId, ResolveError, Resolved, Resolver, Via};
use crate::transport::stream::StreamEvent;

/// A resolver at home on a host.
#[derive(Clone, Debug)]
pub struct HostResolver {
    resolver: Resolver,
    ports: BTreeMap<u16, QueryId>,
    streams: BTreeMap<AppConn, OverStream>,
    answers: VecDeque<(Arc<str>, Resolved)>,
}

/// One query on a connection of its own.
#[derive(Clone, Debug)]
struct OverStream {
    query: QueryId,
    server: Ipv4Addr,
    /// What of the query the stream did not take yet.
    pending: Bytes,
    frames: Frames,
    /// Its answer came, or nothing will: only the end of the connection is waited for.
    over: bool,
}

impl HostResolver {
    /// An empty one; its randomness is the ids of queries.
    pub fn new(rng: Rng) -> Self {
        let (ports, streams, answers) = (BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        HostResolver { resolver: Resolver::new(rng), ports, streams, answers }
    }

    /// The host starts, or starts again after a crash: nothing is known and nothing is asked.
    pub fn on_start(&mut self) {
        self.resolver.reset();
        self.ports.clear();
        self.streams.clear();
        self.answers.clear();
    }

    /// Asks the host's DNS servers for `name`; an address in dotted form is its own answer. A name
    /// that is being asked for already gets one answer for all who spell it alike.
    pub fn resolve(&mut self, name: &str, host: &mut HostCtx<'_>) {
        if let Ok(address) = name.parse() {
            return self.answers.push_back((name.into(), Ok(address)));
        }
        let servers = host.addressing().map(|a| a.dns.to_vec()).unwrap_or_default();
        self.resolver.set_servers(servers);
        self.resolver.resolve(host.now(), name);
        self.pump(host);
    }

    /// Takes a datagram if it came to one of this resolver's ports; says whether it did.
    pub fn on_datagram(&mut self, port: u16, from: SocketAddrV4, data: &[u8], host: &mut HostCtx<'_>) -> bool {
        let Some(query) = self.ports.get(&port).copied() else { return false };
        // RFC 5452 section 9.1: only the server's own port speaks for it.
        if from.port() == PORT {
            self.resolver.handle_message(host.now(), query, *from.ip(), data);
            self.pump(host);
        }
        true
    }

    /// Takes an event of one of this resolver's connections; says whether it was one.
    pub fn on_stream(&mut self, conn: AppConn, event: StreamEvent, host: &mut HostCtx<'_>) -> bool {
        let Some(over) = self.streams.get_mut(&conn) else { return false };
        let (query, server) = (over.query, over.server);
        let mut failed = matches!(event, StreamEvent::Finished | StreamEvent::Closed(_));
        if let Some(stream) = host.stream(conn) {
            let taken = stream.write(over.pending.clone());
            over.pending.advance(taken.min(over.pending.len()));
            while let Some(data) = stream.read() {
                over.frames.push(&data);
            }
            loop {
                match over.frames.pop() {
                    Ok(Some(_)) if over.over => {}
                    Ok(Some(message)) => self.resolver.handle_stream(host.now(), query, &message),
                    Ok(None) => break,
                    // RFC 7766 section 8: a stream that cannot be followed any more is of no use.
                    Err(_) => {
                        failed = true;
                        break;
                    }
                }
            }
        }
        if failed && !over.over {
            // Without effect if the answer came before.
            self.resolver.handle_failure(host.now(), query, server);
        }
        if failed {
            over.over = true;
            host.stream(conn).into_iter().for_each(|stream| stream.finish());
        }
        if let StreamEvent::Closed(_) = event {
            self.streams.remove(&conn);
        }
        self.pump(host);
        true
    }

    /// The app was woken; does nothing before its time.
    pub fn on_wake(&mut self, host: &mut HostCtx<'_>) {
        self.resolver.handle_timeout(host.now());
        self.pump(host);
    }

    /// When it wants [`HostResolver::on_wake`].
    pub fn next_wake(&self) -> Option<Instant> {
        self.resolver.poll_timeout()
    }

    /// The next answer: the name as it was asked for, and its address.
    pub fn poll_answer(&mut self) -> Option<(Arc<str>, Resolved)> {
        self.answers.pop_front()
    }

    fn pump(&mut self, host: &mut HostCtx<'_>) {
        while let Some(out) = self.resolver.poll_transmit() {
            let change = if out.again { NameChange::Retried } else { NameChange::Asked };
            host.note(Note::Name { name: out.name.clone(), change, address: None });
            if out.via == Via::Stream {
                self.open_stream(out, host);
                continue;
            }
            let port = self.port_of(out.query).unwrap_or_else(|| {
                let port = host.ephemeral_port();
                host.bind(port);
                self.ports.insert(port, out.query);
                port
            });
            host.send_datagram(port, SocketAddrV4::new(out.server, PORT), out.data);
        }
        while let Some(answer) = self.resolver.poll_answer() {
            if let Some(port) = answer.query.and_then(|query| self.port_of(query)) {
                self.ports.remove(&port);
                host.unbind(port);
            }
            for (conn, over) in self.streams.iter_mut().filter(|(_, o)| Some(o.query) == answer.query && !o.over) {
                over.over = true;
                host.stream(*conn).into_iter().for_each(|stream| stream.finish());
            }
            let (name, change) = (answer.name.clone(), change_of(&answer));
            host.note(Note::Name { name, change, address: answer.result.ok() });
            self.answers.push_back((answer.name, answer.result));
        }
    }

    fn open_stream(&mut self, out: Outgoing, host: &mut HostCtx<'_>) {
        let remote = SocketAddrV4::new(out.server, PORT);
        let request = ConnectRequest { transport: TransportKind::Tcp, remote, name: None, settings: None };
        match (host.connect(request), frame(&out.data)) {
            (Some(conn), Some(pending)) => {
                let frames = Frames::default();
                let over = OverStream { query: out.query, server: out.server, pending, frames, over: false };
                self.streams.insert(conn, over);
            }
            _ => self.resolver.handle_failure(host.now(), out.query, out.server),
        }
    }

    fn port_of(&self, query: QueryId) -> Option<u16> {
        self.ports.iter().find(|(_, q)| **q == query).map(|(port, _)| *port)
    }
}

fn change_of(answer: &Answer) -> NameChange {
    match (answer.result, answer.query) {
        (Err(ResolveError::NotFound), Some(_)) => NameChange::NotFound,
        (Ok(_) | Err(ResolveError::NoAddress), Some(_)) => NameChange::Answered,
        (Ok(_) | Err(ResolveError::NotFound | ResolveError::NoAddress), None) => NameChange::CacheHit,
        (Err(_), _) => NameChange::Failed,
    }
}

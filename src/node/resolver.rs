//! Names to addresses for an app on a host: a resolver with a UDP port for each question. The app
//! passes on its datagrams and wake-ups, and takes the answers.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::host::HostCtx;
use crate::base::note::{NameChange, Note};
use crate::base::rng::Rng;
use crate::base::time::Instant;
use crate::proto::dns::PORT;
use crate::proto::dns::resolver::{Answer, QueryId, ResolveError, Resolver};

/// A resolver at home on a host.
#[derive(Clone, Debug)]
pub struct HostResolver {
    resolver: Resolver,
    ports: BTreeMap<u16, QueryId>,
    answers: VecDeque<(Arc<str>, Result<Ipv4Addr, ResolveError>)>,
}

impl HostResolver {
    /// An empty one; its randomness is the ids of queries.
    pub fn new(rng: Rng) -> Self {
        HostResolver { resolver: Resolver::new(rng), ports: BTreeMap::new(), answers: VecDeque::new() }
    }

    /// The host starts, or starts again after a crash: nothing is known and nothing is asked.
    pub fn on_start(&mut self) {
        self.resolver.reset();
        self.ports.clear();
        self.answers.clear();
    }

    /// Asks the host's DNS servers for `name`; an address in dotted form is its own answer. A name
    /// that is being asked for already gets one answer for all who ask.
    pub fn resolve(&mut self, name: &str, host: &mut HostCtx<'_>) {
        if let Ok(address) = name.parse() {
            return self.answers.push_back((name.into(), Ok(address)));
        }
        let servers = host.addressing().map(|a| a.dns.clone()).unwrap_or_default();
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
    pub fn poll_answer(&mut self) -> Option<(Arc<str>, Result<Ipv4Addr, ResolveError>)> {
        self.answers.pop_front()
    }

    fn pump(&mut self, host: &mut HostCtx<'_>) {
        while let Some(out) = self.resolver.poll_transmit() {
            let change = if out.again { NameChange::Retried } else { NameChange::Asked };
            host.note(Note::Name { name: out.name, change, address: None });
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
            let (name, change) = (answer.name.clone(), change_of(&answer));
            host.note(Note::Name { name, change, address: answer.result.ok() });
            self.answers.push_back((answer.name, answer.result));
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

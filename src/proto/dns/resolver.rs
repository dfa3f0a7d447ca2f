//! A stub resolver with a cache: asks its servers for addresses and follows aliases (RFC 1034
//! section 5.3). It asks by datagrams with EDNS, and over a stream what does not fit into one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};
use thiserror::Error;

use super::cache::{Cache, FAILURE_TTL, Fact, Rank};
use super::message::{MAX_ALIASES, append_opt, is_name, key, key_of, parse};
use crate::base::rng::Rng;
use crate::base::time::{Duration, Instant};

/// Wait for the first round of servers; each further round doubles it (RFC 1035 section 4.2.1).
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// Sends of one question before it is given up.
const MAX_TRIES: u32 = 4;
/// Names remembered.
const CACHE_CAPACITY: usize = 1_000;

/// Why a name has no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ResolveError {
    /// The name is not one.
    #[error("not a domain name")]
    BadName,
    /// There is no such name.
    #[error("no such name")]
    NotFound,
    /// The name exists but has no address.
    #[error("the name has no address")]
    NoAddress,
    /// No server gave a usable answer.
    #[error("no DNS server answered")]
    NoAnswer,
    /// No server is known.
    #[error("no DNS server is known")]
    NoServer,
    /// Too many aliases, or a circle of them.
    #[error("too many aliases")]
    AliasLoop,
}

/// An address, or why there is none.
pub type Resolved = Result<Ipv4Addr, ResolveError>;

/// One question in flight. Its number stays the same over all tries, so the caller can keep one
/// port for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct QueryId(pub u32);

/// What carries a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Via {
    /// A datagram.
    Datagram,
    /// A stream, framed as `framing` says, on a connection for this query.
    Stream,
}

/// A query to send to port 53 of `server`, from a port of its own that is hard to guess
/// (RFC 5452 section 9.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// Which question.
    pub query: QueryId,
    /// The name asked for.
    pub name: Arc<str>,
    /// To whom.
    pub server: Ipv4Addr,
    /// False the first time.
    pub again: bool,
    /// By what.
    pub via: Via,
    /// The message.
    pub data: Bytes,
}

/// The end of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The name as it was asked for.
    pub name: Arc<str>,
    /// Its address, or why there is none.
    pub result: Resolved,
    /// Which question this ends; `None` if the cache knew, or nothing was sent.
    pub query: Option<QueryId>,
}

#[derive(Clone, Debug)]
struct Query {
    /// As asked for, in each spelling, and as a key.
    asked: Vec<Arc<str>>,
    start: Arc<str>,
    /// The name at the end of the aliases followed so far.
    current: Arc<str>,
    aliases: usize,
    id: u16,
    tries: u32,
    due: Instant,
    /// Whom the last try went to, by what, and whether it had an OPT.
    server: Ipv4Addr,
    via: Via,
    edns: bool,
}

/// One host's resolver.
#[derive(Clone, Debug)]
pub struct Resolver {
    servers: Vec<Ipv4Addr>,
    cache: Cache,
    /// Servers that do not know EDNS (RFC 6891 section 7).
    plain: BTreeSet<Ipv4Addr>,
    rng: Rng,
    queries: BTreeMap<QueryId, Query>,
    next: u32,
    outbox: VecDeque<Outgoing>,
    answers: VecDeque<Answer>,
}

impl Resolver {
    /// A resolver without servers.
    pub fn new(rng: Rng) -> Self {
        Resolver {
            servers: Vec::new(),
            cache: Cache::new(CACHE_CAPACITY),
            plain: BTreeSet::new(),
            rng,
            queries: BTreeMap::new(),
            next: 0,
            outbox: VecDeque::new(),
            answers: VecDeque::new(),
        }
    }

    /// The servers to ask from now on, best first.
    pub fn set_servers(&mut self, servers: Vec<Ipv4Addr>) {
        self.servers = servers;
    }

    /// Forgets everything but its servers, as after a restart.
    pub fn reset(&mut self) {
        self.cache = Cache::new(CACHE_CAPACITY);
        self.plain.clear();
        self.queries.clear();
        self.outbox.clear();
        self.answers.clear();
    }

    /// Asks for the address of `name`. Who asks for a name that is being asked for already waits for
    /// the same answer (RFC 5452 section 5); there is one answer for each spelling.
    pub fn resolve(&mut self, now: Instant, name: &str) {
        let asked: Arc<str> = name.into();
        let start = key(name);
        if let Some(query) = self.queries.values_mut().find(|q| q.start == start) {
            if !query.asked.contains(&asked) {
                query.asked.push(asked);
            }
            return;
        }
        if !is_name(&start) {
            let result = Err(ResolveError::BadName);
            return self.answers.push_back(Answer { name: asked, result, query: None });
        }
        let (current, aliases, known) = self.follow_cache(now, start.clone(), 0);
        let result = match known {
            Some(result) => result,
            None if self.servers.is_empty() => Err(ResolveError::NoServer),
            None => {
                self.next = self.next.wrapping_add(1);
                let server = Ipv4Addr::UNSPECIFIED;
                let (id, tries, due, via, edns) = (0, 0, now, Via::Datagram, true);
                let query = Query { asked: vec![asked], start, current, aliases, id, tries, due, server, via, edns };
                return self.ask(now, QueryId(self.next), query);
            }
        };
        self.answers.push_back(Answer { name: asked, result, query: None });
    }

    /// A datagram from port 53 of `server` came to the port of `query`. What does not match the
    /// question is ignored, and the wait goes on (RFC 5452 section 9.1).
    pub fn handle_message(&mut self, now: Instant, id: QueryId, server: Ipv4Addr, data: &[u8]) {
        let Some(query) = self.queries.get(&id).filter(|q| q.via == Via::Datagram) else { return };
        let asked_so_far = self.servers.iter().take(query.tries as usize);
        if asked_so_far.into_iter().any(|s| *s == server) {
            self.hear(now, id, server, data);
        }
    }

    /// A message came from the stream that was opened for `query`.
    pub fn handle_stream(&mut self, now: Instant, id: QueryId, data: &[u8]) {
        let Some(query) = self.queries.get(&id).filter(|q| q.via == Via::Stream) else { return };
        self.hear(now, id, query.server, data);
    }

    /// The last query of this question cannot have been heard: its port was refused, or its stream
    /// ended. The next server is asked at once.
    pub fn handle_failure(&mut self, now: Instant, id: QueryId, server: Ipv4Addr) {
        if self.queries.get(&id).is_some_and(|q| q.server == server)
            && let Some(query) = self.queries.remove(&id)
        {
            self.try_again(now, id, query);
        }
    }

    fn hear(&mut self, now: Instant, id: QueryId, server: Ipv4Addr, data: &[u8]) {
        let Ok(packet) = parse(data) else { return };
        let Some(query) = self.queries.get(&id) else { return };
        let rcode = packet.rcode();
        // Who does not understand a query may not give its question back either.
        let not_understood = matches!(rcode, RCODE::FormatError | RCODE::NotImplemented);
        if !answers_question(&packet, query, not_understood) {
            return;
        }
        let Some(query) = self.queries.remove(&id) else { return };
        if not_understood && query.edns && server == query.server && packet.opt().is_none() {
            self.plain.insert(server);
            return self.send(now, id, query);
        }
        if packet.has_flags(PacketFlag::TRUNCATION) && query.via == Via::Datagram {
            // RFC 7766 section 5: the same over a stream; what came is not used (RFC 2181 section 9).
            return self.send(now, id, Query { via: Via::Stream, server, ..query });
        }
        let usable = matches!(rcode, RCODE::NoError | RCODE::NameError) && !packet.has_flags(PacketFlag::TRUNCATION);
        if usable {
            self.digest(now, id, query, &packet);
        } else {
            // RFC 9520 section 2: a server that cannot tell; the next one may.
            self.try_again(now, id, query);
        }
    }

    /// The time of [`Resolver::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due: Vec<QueryId> = self.queries.iter().filter(|(_, q)| q.due <= now).map(|(id, _)| *id).collect();
        for id in due {
            if let Some(query) = self.queries.remove(&id) {
                self.try_again(now, id, query);
            }
        }
    }

    /// The next query to send.
    pub fn poll_transmit(&mut self) -> Option<Outgoing> {
        self.outbox.pop_front()
    }

    /// The next question that came to its end.
    pub fn poll_answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }

    /// When it wants [`Resolver::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.queries.values().map(|q| q.due).min()
    }

    /// Follows aliases through the cache: the last name, the aliases so far, and what is known.
    fn follow_cache(
        &mut self,
        now: Instant,
        mut name: Arc<str>,
        mut aliases: usize,
    ) -> (Arc<str>, usize, Option<Resolved>) {
        let known = loop {
            match self.cache.get(now, &name) {
                None => break None,
                Some(Fact::Addresses(list)) => break Some(list.first().copied().ok_or(ResolveError::NoAddress)),
                Some(Fact::NoName) => break Some(Err(ResolveError::NotFound)),
                Some(Fact::NoData) => break Some(Err(ResolveError::NoAddress)),
                Some(Fact::Failed) => break Some(Err(ResolveError::NoAnswer)),
                Some(Fact::Alias(_)) if aliases == MAX_ALIASES => break Some(Err(ResolveError::AliasLoop)),
                Some(Fact::Alias(target)) => {
                    name = target.clone();
                    aliases += 1;
                }
            }
        };
        (name, aliases, known)
    }

    /// Sends a query's first try, for its current name.
    fn ask(&mut self, now: Instant, id: QueryId, mut query: Query) {
        query.id = self.rng.next_u32() as u16;
        query.tries = 0;
        self.try_again(now, id, query);
    }

    /// The next server, or the end.
    fn try_again(&mut self, now: Instant, id: QueryId, mut query: Query) {
        let count = self.servers.len() as u32;
        if count == 0 {
            return self.finish(id, query, Err(ResolveError::NoServer));
        }
        if query.tries >= MAX_TRIES {
            self.cache.put(now, query.current.clone(), Fact::Failed, Rank::Failure, FAILURE_TTL);
            return self.finish(id, query, Err(ResolveError::NoAnswer));
        }
        query.server = self.servers[(query.tries % count) as usize];
        query.via = Via::Datagram;
        query.tries += 1;
        self.send(now, id, query);
    }

    /// Sends a query's current try to its server.
    fn send(&mut self, now: Instant, id: QueryId, mut query: Query) {
        query.edns = !self.plain.contains(&query.server);
        let Some(data) = encode_query(query.id, &query.current, query.edns) else {
            return self.finish(id, query, Err(ResolveError::BadName));
        };
        let (name, server, via) = (query.current.clone(), query.server, query.via);
        let rounds = (query.tries.max(1) - 1) / self.servers.len().max(1) as u32;
        self.outbox.push_back(Outgoing { query: id, name, server, again: query.tries > 1, via, data });
        query.due = now + FIRST_WAIT * (1 << rounds);
        self.queries.insert(id, query);
    }

    fn finish(&mut self, id: QueryId, query: Query, result: Resolved) {
        let answers = query.asked.into_iter().map(|name| Answer { name, result, query: Some(id) });
        self.answers.extend(answers);
    }

    /// Takes from a reply what belongs to the chain of names asked for, and nothing else
    /// (RFC 2181 section 5.4.1, RFC 5452 section 6).
    fn digest(&mut self, now: Instant, id: QueryId, mut query: Query, packet: &Packet<'_>) {
        let mut moved = false;
        loop {
            // RFC 2181 section 5.4.1: authority is over the name asked for, not over where it leads.
            let authority = packet.has_flags(PacketFlag::AUTHORITATIVE_ANSWER) && !moved;
            let rank = if authority { Rank::Authoritative } else { Rank::Answer };
            let (addresses, ttl) = addresses_of(packet, &query.current);
            if let Some(first) = addresses.first().copied() {
                self.cache.put(now, query.current.clone(), Fact::Addresses(addresses), rank, ttl);
                return self.finish(id, query, Ok(first));
            }
            let Some((target, ttl)) = alias_of(packet, &query.current) else { break };
            self.cache.put(now, query.current.clone(), Fact::Alias(target.clone()), rank, ttl);
            if query.aliases == MAX_ALIASES {
                return self.finish(id, query, Err(ResolveError::AliasLoop));
            }
            query.aliases += 1;
            query.current = target;
            moved = true;
        }
        // RFC 2308 section 2.1: what is denied is the last name of the chain.
        let soa = negative_ttl(packet, &query.current);
        if packet.rcode() == RCODE::NameError {
            self.cache.put(now, query.current.clone(), Fact::NoName, Rank::Answer, soa.unwrap_or(0));
            return self.finish(id, query, Err(ResolveError::NotFound));
        }
        if soa.is_some() || !moved {
            self.cache.put(now, query.current.clone(), Fact::NoData, Rank::Answer, soa.unwrap_or(0));
            return self.finish(id, query, Err(ResolveError::NoAddress));
        }
        // RFC 1034 section 5.2.2: the chain leaves this answer; ask for its last name.
        let (current, aliases, known) = self.follow_cache(now, query.current.clone(), query.aliases);
        match known {
            Some(result) => self.finish(id, query, result),
            None => self.ask(now, id, Query { current, aliases, ..query }),
        }
    }
}

fn encode_query(id: u16, name: &str, edns: bool) -> Option<Bytes> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).ok()?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(TYPE::A), QCLASS::CLASS(CLASS::IN), false));
    let mut data = packet.build_bytes_vec().ok()?;
    if edns {
        append_opt(&mut data, 0);
    }
    Some(Bytes::from(data))
}

fn answers_question(packet: &Packet<'_>, query: &Query, bare: bool) -> bool {
    let asked = |question: &Question<'_>| {
        question.qtype == QTYPE::TYPE(TYPE::A)
            && question.qclass == QCLASS::CLASS(CLASS::IN)
            && key_of(&question.qname) == query.current
    };
    let same = match packet.questions.as_slice() {
        [] => bare,
        [question] => asked(question),
        _ => false,
    };
    same && packet.id() == query.id
        && packet.has_flags(PacketFlag::RESPONSE)
        && packet.opcode() == OPCODE::StandardQuery
}

/// The addresses of a name, and the lowest of their TTLs (RFC 2181 section 5.2).
fn addresses_of(packet: &Packet<'_>, name: &str) -> (Vec<Ipv4Addr>, u32) {
    let mut addresses = Vec::new();
    let mut lowest = u32::MAX;
    for record in &packet.answers {
        if let RData::A(a) = &record.rdata
            && record.class == CLASS::IN
            && *key_of(&record.name) == *name
        {
            addresses.push(Ipv4Addr::from_bits(a.address));
            lowest = lowest.min(record.ttl);
        }
    }
    (addresses, lowest)
}

fn alias_of(packet: &Packet<'_>, name: &str) -> Option<(Arc<str>, u32)> {
    packet.answers.iter().find_map(|record| match &record.rdata {
        RData::CNAME(target) if record.class == CLASS::IN && *key_of(&record.name) == *name => {
            Some((key_of(&target.0), record.ttl))
        }
        _ => None,
    })
}

/// RFC 2308 section 5: a denial holds for the SOA's TTL or its MINIMUM, whichever is less; the SOA
/// must be of the name's own zone.
fn negative_ttl(packet: &Packet<'_>, name: &str) -> Option<u32> {
    packet.name_servers.iter().find_map(|record| match &record.rdata {
        RData::SOA(soa) => {
            let zone = key_of(&record.name);
            let within =
                zone.is_empty() || name.strip_suffix(&*zone).is_some_and(|head| head.is_empty() || head.ends_with('.'));
            within.then_some(record.ttl.min(soa.minimum))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests;

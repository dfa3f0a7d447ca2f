//! A stub resolver with a cache: asks its servers for addresses and follows aliases (RFC 1034
//! section 5.3). UDP only: a truncated answer counts as none. It sends no EDNS.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};
use thiserror::Error;

use super::MAX_ALIASES;
use super::cache::{Cache, FAILURE_TTL, Fact};
use super::message::{is_name, key, key_of, parse};
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

/// One question in flight. Its number stays the same over all tries, so the caller can keep one
/// port for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct QueryId(pub u32);

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
    /// The message.
    pub data: Bytes,
}

/// The end of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The name as it was asked for.
    pub name: Arc<str>,
    /// Its address, or why there is none.
    pub result: Result<Ipv4Addr, ResolveError>,
    /// Which question this ends; `None` if the cache knew, or nothing was sent.
    pub query: Option<QueryId>,
}

#[derive(Clone, Debug)]
struct Query {
    /// As asked for, and as a key.
    asked: Arc<str>,
    start: Arc<str>,
    /// The name at the end of the aliases followed so far.
    current: Arc<str>,
    aliases: usize,
    id: u16,
    tries: u32,
    due: Instant,
}

/// One host's resolver.
#[derive(Clone, Debug)]
pub struct Resolver {
    servers: Vec<Ipv4Addr>,
    cache: Cache,
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
        self.queries.clear();
        self.outbox.clear();
        self.answers.clear();
    }

    /// Asks for the address of `name`. A name that is being asked for already gets one answer for
    /// both (RFC 5452 section 5).
    pub fn resolve(&mut self, now: Instant, name: &str) {
        let asked: Arc<str> = name.into();
        let start = key(name);
        if self.queries.values().any(|q| q.start == start) {
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
                let query = Query { asked, start, current, aliases, id: 0, tries: 0, due: now };
                return self.ask(now, QueryId(self.next), query);
            }
        };
        self.answers.push_back(Answer { name: asked, result, query: None });
    }

    /// A datagram from port 53 of `server` came to the port of `query`. What does not match the
    /// question is ignored, and the wait goes on (RFC 5452 section 9.1).
    pub fn handle_message(&mut self, now: Instant, id: QueryId, server: Ipv4Addr, data: &[u8]) {
        let Some(query) = self.queries.get(&id) else { return };
        let asked_so_far = self.servers.iter().take(query.tries as usize);
        let Ok(packet) = parse(data) else { return };
        if !asked_so_far.into_iter().any(|s| *s == server) || !answers_question(&packet, query) {
            return;
        }
        let Some(query) = self.queries.remove(&id) else { return };
        let rcode = packet.rcode();
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
    #[allow(clippy::type_complexity)]
    fn follow_cache(
        &self,
        now: Instant,
        mut name: Arc<str>,
        mut aliases: usize,
    ) -> (Arc<str>, usize, Option<Result<Ipv4Addr, ResolveError>>) {
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
        if query.tries >= MAX_TRIES || count == 0 {
            self.cache.put(now, query.current.clone(), Fact::Failed, FAILURE_TTL);
            return self.finish(id, query, Err(ResolveError::NoAnswer));
        }
        let Some(data) = encode_query(query.id, &query.current) else {
            return self.finish(id, query, Err(ResolveError::BadName));
        };
        let server = self.servers[(query.tries % count) as usize];
        let name = query.current.clone();
        self.outbox.push_back(Outgoing { query: id, name, server, again: query.tries > 0, data });
        query.due = now + FIRST_WAIT * (1 << (query.tries / count));
        query.tries += 1;
        self.queries.insert(id, query);
    }

    fn finish(&mut self, id: QueryId, query: Query, result: Result<Ipv4Addr, ResolveError>) {
        self.answers.push_back(Answer { name: query.asked, result, query: Some(id) });
    }

    /// Takes from a reply what belongs to the chain of names asked for, and nothing else
    /// (RFC 2181 section 5.4.1, RFC 5452 section 6).
    fn digest(&mut self, now: Instant, id: QueryId, mut query: Query, packet: &Packet<'_>) {
        let mut moved = false;
        loop {
            let (addresses, ttl) = addresses_of(packet, &query.current);
            if let Some(first) = addresses.first().copied() {
                self.cache.put(now, query.current.clone(), Fact::Addresses(addresses), ttl);
                return self.finish(id, query, Ok(first));
            }
            let Some((target, ttl)) = alias_of(packet, &query.current) else { break };
            self.cache.put(now, query.current.clone(), Fact::Alias(target.clone()), ttl);
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
            self.cache.put(now, query.current.clone(), Fact::NoName, soa.unwrap_or(0));
            return self.finish(id, query, Err(ResolveError::NotFound));
        }
        if soa.is_some() || !moved {
            self.cache.put(now, query.current.clone(), Fact::NoData, soa.unwrap_or(0));
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

fn encode_query(id: u16, name: &str) -> Option<Bytes> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).ok()?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(TYPE::A), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().ok().map(Bytes::from)
}

fn answers_question(packet: &Packet<'_>, query: &Query) -> bool {
    let [question] = packet.questions.as_slice() else { return false };
    packet.id() == query.id
        && packet.has_flags(PacketFlag::RESPONSE)
        && packet.opcode() == OPCODE::StandardQuery
        && question.qtype == QTYPE::TYPE(TYPE::A)
        && question.qclass == QCLASS::CLASS(CLASS::IN)
        && key_of(&question.qname) == query.current
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

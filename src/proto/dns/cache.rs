//! What a resolver remembers: addresses, aliases, and that there is nothing (RFC 2308). One entry
//! per name, since only addresses are ever asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::message::ancestors;
use crate::base::time::{Duration, Instant};

/// RFC 8767 section 4: no TTL is longer than seven days.
const MAX_TTL: u32 = 604_800;
/// RFC 2308 section 5: no denial is believed for longer than three hours.
const MAX_NEGATIVE_TTL: u32 = 10_800;
/// RFC 9520 section 3.2: a failure is remembered for at least a second and at most five minutes.
pub const FAILURE_TTL: u32 = 5;

/// What is known of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// Its addresses, as the server ordered them.
    Addresses(Vec<Ipv4Addr>),
    /// It is an alias of this name.
    Alias(Arc<str>),
    /// Neither it nor anything below it exists (RFC 8020).
    NoName,
    /// It exists, without an address.
    NoData,
    /// No server could tell, a short time ago.
    Failed,
}

/// How far a fact is to be trusted (RFC 2181 section 5.4.1): better ones replace worse ones that
/// still hold, and not the reverse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rank {
    /// That nobody could tell.
    Failure,
    /// From an answer that is itself from a cache, or about a name that an alias led to.
    Answer,
    /// From the answer of a server with authority for the name.
    Authoritative,
}

#[derive(Clone, Debug)]
struct Entry {
    fact: Fact,
    rank: Rank,
    end: Instant,
    used: u64,
}

/// Facts with their ends. When it is full, what is out of date goes first, then what was not used for
/// longest.
#[derive(Clone, Debug)]
pub struct Cache {
    facts: BTreeMap<Arc<str>, Entry>,
    by_end: BTreeSet<(Instant, Arc<str>)>,
    by_use: BTreeMap<u64, Arc<str>>,
    uses: u64,
    capacity: usize,
}

impl Cache {
    /// An empty cache for that many names.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Cache { facts: BTreeMap::new(), by_end: BTreeSet::new(), by_use: BTreeMap::new(), uses: 0, capacity }
    }

    /// What is known of `name` now.
    pub fn get(&mut self, now: Instant, name: &str) -> Option<&Fact> {
        let live = |n: &str| self.facts.get(n).filter(|e| now < e.end);
        let denied = |n: &&str| live(n).is_some_and(|e| e.fact == Fact::NoName);
        let found = if live(name).is_some() { Some(name) } else { ancestors(name).find(denied) }?;
        self.uses += 1;
        let entry = self.facts.get_mut(found)?;
        if let Some(name) = self.by_use.remove(&entry.used) {
            self.by_use.insert(self.uses, name);
        }
        entry.used = self.uses;
        Some(&entry.fact)
    }

    /// Whole seconds for which the fact about exactly this name still holds, rounded up.
    pub fn ttl(&self, now: Instant, name: &str) -> Option<u64> {
        let left = self.facts.get(name)?.end.since(now).as_nanos();
        (left > 0).then(|| left.div_ceil(Duration::from_secs(1).as_nanos()))
    }

    /// Remembers a fact for `ttl` seconds; a TTL of 0 is not remembered (RFC 1035 section 3.2.1).
    pub fn put(&mut self, now: Instant, name: Arc<str>, fact: Fact, rank: Rank, ttl: u32) {
        let cap = match fact {
            Fact::NoName | Fact::NoData => MAX_NEGATIVE_TTL,
            Fact::Addresses(_) | Fact::Alias(_) | Fact::Failed => MAX_TTL,
        };
        // RFC 2181 section 8: a TTL with its top bit set is zero.
        let ttl = if ttl > i32::MAX as u32 { 0 } else { ttl.min(cap) };
        let better = self.facts.get(&name).is_some_and(|old| now < old.end && old.rank > rank);
        if ttl == 0 || better {
            return;
        }
        self.remove(&name);
        if self.facts.len() >= self.capacity {
            self.make_room(now);
        }
        self.uses += 1;
        let (end, used) = (now + Duration::from_secs(u64::from(ttl)), self.uses);
        self.by_end.insert((end, name.clone()));
        self.by_use.insert(used, name.clone());
        self.facts.insert(name, Entry { fact, rank, end, used });
    }

    fn remove(&mut self, name: &Arc<str>) {
        if let Some(old) = self.facts.remove(name) {
            self.by_use.remove(&old.used);
            self.by_end.remove(&(old.end, name.clone()));
        }
    }

    /// Forgets one fact: one that is out of date, or else the one not used for longest.
    fn make_room(&mut self, now: Instant) {
        let expired = self.by_end.first().filter(|(end, _)| *end <= now).map(|(_, name)| name.clone());
        let victim = expired.or_else(|| self.by_use.first_key_value().map(|(_, name)| name.clone()));
        victim.iter().for_each(|name| self.remove(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn address() -> Fact {
        Fact::Addresses(vec![Ipv4Addr::new(10, 0, 0, 1)])
    }

    #[test]
    fn dnsc_01_a_ttl_counts_down_and_ends() {
        let mut cache = Cache::new(10);
        cache.put(at(0), "www".into(), address(), Rank::Answer, 600);
        let left = [0, 200, 599].map(|s| cache.ttl(at(s), "www"));
        assert_eq!(left, [Some(600), Some(400), Some(1)]);
        assert_eq!(cache.get(at(599), "www"), Some(&address()));
        assert_eq!(cache.get(at(600), "www"), None);
        assert_eq!(cache.ttl(at(600), "www"), None);
    }

    #[test]
    fn dnsc_02_03_04_zero_top_bit_and_cap() {
        let mut cache = Cache::new(10);
        cache.put(at(0), "zero".into(), address(), Rank::Answer, 0);
        cache.put(at(0), "top".into(), address(), Rank::Answer, 0x8000_0001);
        cache.put(at(0), "long".into(), address(), Rank::Answer, 0x7fff_ffff);
        let ttls = ["zero", "top", "long"].map(|n| cache.ttl(at(0), n));
        assert_eq!(ttls, [None, None, Some(604_800)]);
    }

    #[test]
    fn dnsc_08_a_missing_name_covers_what_is_below() {
        let mut cache = Cache::new(10);
        cache.put(at(0), "b.example".into(), Fact::NoName, Rank::Answer, 60);
        assert_eq!(cache.get(at(1), "x.b.example"), Some(&Fact::NoName));
        assert_eq!(cache.get(at(1), "example"), None);
    }

    #[test]
    fn dnsc_10_the_cache_is_bounded() {
        let mut cache = Cache::new(3);
        for n in 0..1_000 {
            cache.put(at(n), format!("n{n}").into(), address(), Rank::Answer, 600);
        }
        assert_eq!(cache.facts.len(), 3);
        assert!(cache.get(at(999), "n999").is_some());
    }

    #[test]
    fn dnsc_10_expired_first_then_least_recently_used() {
        let mut cache = Cache::new(3);
        for (name, ttl) in [("a", 600), ("b", 600), ("c", 5)] {
            cache.put(at(0), name.into(), address(), Rank::Answer, ttl);
        }
        cache.put(at(5), "d".into(), address(), Rank::Answer, 600);
        let known = |cache: &Cache| cache.facts.keys().map(|k| k.to_string()).collect::<String>();
        assert_eq!(known(&cache), "abd", "c is out of date");
        assert!(cache.get(at(6), "a").is_some());
        cache.put(at(6), "e".into(), address(), Rank::Answer, 600);
        assert_eq!(known(&cache), "ade", "b was not used for longest");
        let mut cache = Cache::new(1_000);
        for n in 0..100_000_u64 {
            cache.put(at(n / 1_000), format!("n{n}").into(), address(), Rank::Answer, 600);
            assert!(cache.facts.len() <= 1_000);
        }
        assert_eq!((cache.by_end.len(), cache.by_use.len()), (1_000, 1_000));
    }

    #[test]
    fn dnsc_12_better_data_is_not_replaced_by_worse() {
        let mut cache = Cache::new(10);
        let forged = Fact::Addresses(vec![Ipv4Addr::new(6, 6, 6, 6)]);
        cache.put(at(0), "www".into(), address(), Rank::Authoritative, 600);
        cache.put(at(1), "www".into(), forged.clone(), Rank::Answer, 600);
        cache.put(at(1), "www".into(), Fact::Failed, Rank::Failure, 5);
        assert_eq!(cache.get(at(2), "www"), Some(&address()));
        cache.put(at(600), "www".into(), forged.clone(), Rank::Answer, 600);
        assert_eq!(cache.get(at(601), "www"), Some(&forged), "what has ended protects nothing");
        cache.put(at(602), "www".into(), address(), Rank::Authoritative, 600);
        assert_eq!(cache.get(at(603), "www"), Some(&address()));
    }
}

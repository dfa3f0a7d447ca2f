//! What a resolver remembers: addresses, aliases, and that there is nothing (RFC 2308). One entry
//! per name, since only addresses are ever asked for.

use std::collections::BTreeMap;
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

/// Facts with their ends.
#[derive(Clone, Debug)]
pub struct Cache {
    facts: BTreeMap<Arc<str>, (Fact, Instant)>,
    capacity: usize,
}

impl Cache {
    /// An empty cache for that many names.
    pub fn new(capacity: usize) -> Self {
        Cache { facts: BTreeMap::new(), capacity: capacity.max(1) }
    }

    /// What is known of `name` now.
    pub fn get(&self, now: Instant, name: &str) -> Option<&Fact> {
        let live = |n: &str| self.facts.get(n).filter(|(_, end)| now < *end).map(|(fact, _)| fact);
        live(name).or_else(|| ancestors(name).filter_map(live).find(|f| **f == Fact::NoName))
    }

    /// Whole seconds for which the fact about exactly this name still holds, rounded up.
    pub fn ttl(&self, now: Instant, name: &str) -> Option<u64> {
        let left = self.facts.get(name)?.1.since(now).as_nanos();
        (left > 0).then(|| left.div_ceil(Duration::from_secs(1).as_nanos()))
    }

    /// Remembers a fact for `ttl` seconds; a TTL of 0 is not remembered (RFC 1035 section 3.2.1).
    pub fn put(&mut self, now: Instant, name: Arc<str>, fact: Fact, ttl: u32) {
        let cap = match fact {
            Fact::NoName | Fact::NoData => MAX_NEGATIVE_TTL,
            Fact::Addresses(_) | Fact::Alias(_) | Fact::Failed => MAX_TTL,
        };
        // RFC 2181 section 8: a TTL with its top bit set is zero.
        let ttl = if ttl > i32::MAX as u32 { 0 } else { ttl.min(cap) };
        if ttl == 0 {
            return;
        }
        if self.facts.len() >= self.capacity && !self.facts.contains_key(&name) {
            self.make_room(now);
        }
        self.facts.insert(name, (fact, now + Duration::from_secs(u64::from(ttl))));
    }

    /// Forgets what is out of date, or else what would be first.
    fn make_room(&mut self, now: Instant) {
        self.facts.retain(|_, (_, end)| now < *end);
        if self.facts.len() >= self.capacity {
            let first = self.facts.iter().min_by_key(|(_, (_, end))| *end).map(|(name, _)| name.clone());
            first.map(|name| self.facts.remove(&name));
        }
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
        cache.put(at(0), "www".into(), address(), 600);
        let left = [0, 200, 599].map(|s| cache.ttl(at(s), "www"));
        assert_eq!(left, [Some(600), Some(400), Some(1)]);
        assert_eq!(cache.get(at(599), "www"), Some(&address()));
        assert_eq!((cache.get(at(600), "www"), cache.ttl(at(600), "www")), (None, None));
    }

    #[test]
    fn dnsc_02_03_04_zero_top_bit_and_cap() {
        let mut cache = Cache::new(10);
        cache.put(at(0), "zero".into(), address(), 0);
        cache.put(at(0), "top".into(), address(), 0x8000_0001);
        cache.put(at(0), "long".into(), address(), 0x7fff_ffff);
        let ttls = ["zero", "top", "long"].map(|n| cache.ttl(at(0), n));
        assert_eq!(ttls, [None, None, Some(604_800)]);
    }

    #[test]
    fn dnsc_08_a_missing_name_covers_what_is_below() {
        let mut cache = Cache::new(10);
        cache.put(at(0), "b.example".into(), Fact::NoName, 60);
        assert_eq!(cache.get(at(1), "x.b.example"), Some(&Fact::NoName));
        assert_eq!(cache.get(at(1), "example"), None);
    }

    #[test]
    fn dnsc_10_the_cache_is_bounded() {
        let mut cache = Cache::new(3);
        for n in 0..1_000 {
            cache.put(at(n), format!("n{n}").into(), address(), 600);
        }
        assert_eq!(cache.facts.len(), 3);
        assert!(cache.get(at(999), "n999").is_some());
    }
}

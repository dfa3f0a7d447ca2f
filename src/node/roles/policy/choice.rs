//! What a policy is.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::base::registry::Entry;

/// A storage server that a route leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Its name.
    pub name: Arc<str>,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its share, where the policy knows shares.
    pub weight: u64,
    /// Requests sent to it so far, over all routes.
    pub redirects: u64,
}

/// Chooses for one route.
pub trait Policy: std::fmt::Debug {
    /// The place in `candidates`, of which there is at least one, that this path goes to.
    fn choose(&mut self, path: &str, candidates: &[Candidate]) -> usize;
}

/// How a registry entry makes the policy of one route.
pub type Build = fn() -> Box<dyn Policy>;
/// A registry entry for a policy.
pub type PolicyEntry = Entry<Build>;

#[cfg(test)]
pub(in crate::node::roles) fn candidates(weights: &[u64]) -> Vec<Candidate> {
    weights
        .iter()
        .enumerate()
        .map(|(k, &weight)| Candidate {
            name: format!("s{k}").into(),
            address: Ipv4Addr::new(10, 0, 0, k as u8 + 1),
            weight,
            redirects: 0,
        })
        .collect()
}

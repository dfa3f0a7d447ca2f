//! `by-type`: the route alone decides.

use super::choice::{Candidate, Policy, PolicyEntry};

pub(super) const BY_TYPE: PolicyEntry = PolicyEntry {
    name: "by-type",
    about: "the first server of the first route that matches",
    keys: &[],
    build: || Box::new(ByType),
};

#[derive(Debug)]
struct ByType;

impl Policy for ByType {
    fn choose(&mut self, _path: &str, _candidates: &[Candidate]) -> usize {
        0
    }
}

//! `round-robin`: one after the other.

use super::choice::{Candidate, Policy, PolicyEntry};

pub(super) const ROUND_ROBIN: PolicyEntry = PolicyEntry {
    name: "round-robin",
    about: "the servers of a route in turn",
    keys: &[],
    build: || Box::new(RoundRobin { next: 0 }),
};

#[derive(Debug)]
struct RoundRobin {
    next: usize,
}

impl Policy for RoundRobin {
    fn choose(&mut self, _path: &str, candidates: &[Candidate]) -> usize {
        let chosen = self.next % candidates.len().max(1);
        self.next = chosen + 1;
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::super::choice::candidates;
    use super::*;

    #[test]
    fn takes_turns() {
        let mut policy = RoundRobin { next: 0 };
        let chosen: Vec<_> = (0..7).map(|_| policy.choose("a", &candidates(&[1, 1, 1]))).collect();
        assert_eq!(chosen, [0, 1, 2, 0, 1, 2, 0]);
    }
}

//! `weighted`: in turn, each by its weight, spread evenly ("smooth weighted round-robin"): at each
//! choice every server gains its weight in credit, and the richest pays all the weights.

use super::choice::{Candidate, Policy, PolicyEntry};

pub(super) const WEIGHTED: PolicyEntry = PolicyEntry {
    name: "weighted",
    about: "the servers of a route in turn, each as often as `weights` says",
    keys: &[],
    build: || Box::new(Weighted { credit: Vec::new() }),
};

#[derive(Debug)]
struct Weighted {
    credit: Vec<i128>,
}

impl Policy for Weighted {
    fn choose(&mut self, _path: &str, candidates: &[Candidate]) -> usize {
        self.credit.resize(candidates.len(), 0);
        for (credit, candidate) in self.credit.iter_mut().zip(candidates) {
            *credit += i128::from(candidate.weight);
        }
        // Backwards, since the last of equals would win; a weight of zero never does.
        let servable = (0..candidates.len()).rev().filter(|&k| candidates[k].weight > 0);
        let richest = servable.max_by_key(|&k| self.credit[k]).unwrap_or(0);
        let total: i128 = candidates.iter().map(|c| i128::from(c.weight)).sum();
        if let Some(credit) = self.credit.get_mut(richest) {
            *credit -= total;
        }
        richest
    }
}

#[cfg(test)]
mod tests {
    use super::super::choice::candidates;
    use super::*;

    #[test]
    fn shares_by_weight_without_bursts() {
        let mut policy = Weighted { credit: Vec::new() };
        let chosen: Vec<_> = (0..7).map(|_| policy.choose("a", &candidates(&[5, 1, 1]))).collect();
        assert_eq!(chosen, [0, 0, 1, 0, 2, 0, 0]);
        let mut policy = Weighted { credit: Vec::new() };
        let chosen: Vec<_> = (0..4).map(|_| policy.choose("a", &candidates(&[0, 3, 1]))).collect();
        assert_eq!(chosen, [1, 1, 2, 1]);
    }
}

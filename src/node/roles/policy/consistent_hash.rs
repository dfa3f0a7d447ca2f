//! `consistent-hash`: a path stays with its server. By rendezvous: every server draws a number
//! from its name and the path, the highest wins, so that a server that goes takes along only its
//! own paths.

use super::choice::{Candidate, Policy, PolicyEntry};
use crate::base::ids::mix;

pub(super) const CONSISTENT_HASH: PolicyEntry = PolicyEntry {
    name: "consistent-hash",
    about: "by the path's hash: the same path always to the same server",
    keys: &[],
    build: || Box::new(ConsistentHash),
};

#[derive(Debug)]
struct ConsistentHash;

fn hash(state: u64, text: &str) -> u64 {
    text.bytes().fold(mix(state, text.len() as u64), |state, b| mix(state, u64::from(b)))
}

impl Policy for ConsistentHash {
    fn choose(&mut self, path: &str, candidates: &[Candidate]) -> usize {
        let path = hash(0, path);
        (0..candidates.len()).max_by_key(|&k| hash(path, &candidates[k].name)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::choice::candidates;
    use super::*;

    #[test]
    fn a_server_that_goes_takes_only_its_own_paths() {
        let servers = candidates(&[1, 1, 1, 1]);
        let mut counts = [0u32; 4];
        for k in 0..400 {
            let path = format!("file{k}.mp4");
            let before = ConsistentHash.choose(&path, &servers);
            let after = ConsistentHash.choose(&path, &servers[..3]);
            assert!(before == 3 || before == after);
            counts[before] += 1;
        }
        assert!(counts.iter().all(|n| (70..130).contains(n)), "{counts:?}");
    }
}

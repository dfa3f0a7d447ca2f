//! `least-loaded`: where the fewest were sent so far.

use super::choice::{Candidate, Policy, PolicyEntry};

pub(super) const LEAST_LOADED: PolicyEntry = PolicyEntry {
    name: "least-loaded",
    about: "the server of a route that got the fewest redirects so far, over all routes",
    keys: &[],
    build: || Box::new(LeastLoaded),
};

#[derive(Debug)]
struct LeastLoaded;

impl Policy for LeastLoaded {
    fn choose(&mut self, _path: &str, candidates: &[Candidate]) -> usize {
        (0..candidates.len()).min_by_key(|&k| candidates[k].redirects).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::choice::candidates;
    use super::*;

    #[test]
    fn goes_where_the_fewest_went_the_first_on_a_tie() {
        let mut servers = candidates(&[1, 1, 1]);
        servers[0].redirects = 2;
        assert_eq!(LeastLoaded.choose("a", &servers), 1);
        servers[1].redirects = 1;
        assert_eq!(LeastLoaded.choose("a", &servers), 2);
    }
}

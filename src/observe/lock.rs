//! `*.lock` beside a scenario: what the run came to when it was recorded, so that any later run
//! can be held against it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::{CHECKPOINT_EVERY, DigestResult};

/// A recorded run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The seed it ran with.
    pub seed: u64,
    /// The digest's hex digits.
    pub digest: String,
    /// How many records there were.
    pub records: u64,
    /// The chain after every 4096 records, in hex digits.
    pub checkpoints: Vec<String>,
}

/// How a run differs from the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The records, counted from 0, among which the first different one is: from the first to
    /// just before the second. `None` if all records were made in the same order and differ in
    /// nothing that checkpoints see.
    pub window: Option<(u64, u64)>,
    /// Recorded digest and this one.
    pub digests: (String, String),
    /// Recorded number of records and this one.
    pub records: (u64, u64),
}

impl Lock {
    /// Records a run.
    pub fn new(seed: u64, run: &DigestResult) -> Self {
        let checkpoints = run.checkpoints.iter().map(|c| format!("{c:016x}")).collect();
        Lock { seed, digest: run.hex.clone(), records: run.records, checkpoints }
    }

    /// Reads the text of a lock file.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The text of the lock file.
    pub fn to_toml(&self) -> String {
        let mut text = format!(
            "# Recorded by `twinwire verify --update`.\nseed = {}\ndigest = \"{}\"\nrecords = {}\ncheckpoints = [",
            self.seed, self.digest, self.records
        );
        for chunk in self.checkpoints.chunks(5) {
            let line: Vec<String> = chunk.iter().map(|c| format!("\"{c}\",")).collect();
            text.push_str(&format!("\n  {}", line.join(" ")));
        }
        text.push_str(if self.checkpoints.is_empty() { "]\n" } else { "\n]\n" });
        text
    }

    /// Holds a run against this one.
    pub fn compare(&self, run: &DigestResult) -> Result<(), Difference> {
        let now = Lock::new(self.seed, run);
        if now.digest == self.digest {
            return Ok(());
        }
        let equal = self.checkpoints.iter().zip(&now.checkpoints).take_while(|(a, b)| a == b).count() as u64;
        let start = equal * CHECKPOINT_EVERY;
        let end = (start + CHECKPOINT_EVERY).min(self.records.max(now.records));
        Err(Difference {
            window: (end > start).then_some((start, end)),
            digests: (self.digest.clone(), now.digest),
            records: (self.records, now.records),
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "digest {} recorded, {} now", self.digests.0, self.digests.1)?;
        if self.records.0 != self.records.1 {
            writeln!(f, "{} records then, {} now", self.records.0, self.records.1)?;
        }
        match self.window {
            Some((start, end)) => write!(f, "the first difference is in records {start} to {}", end - 1),
            None => write!(f, "no window of records differs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(hex: &str, checkpoints: &[u64]) -> DigestResult {
        let records = checkpoints.len() as u64 * CHECKPOINT_EVERY + 10;
        DigestResult { hex: hex.into(), records, checkpoints: checkpoints.to_vec(), ..DigestResult::default() }
    }

    #[test]
    fn a_lock_reads_back_what_it_wrote() {
        let lock = Lock::new(u64::MAX >> 1, &run("ab", &[1, 2, 3, 4, 5, u64::MAX]));
        assert_eq!(Lock::parse(&lock.to_toml()).unwrap(), lock);
        assert!(lock.to_toml().contains("\"ffffffffffffffff\","));
        assert!(Lock::parse("seed = -1").is_err());
    }

    #[test]
    fn the_window_that_differs_is_named() {
        let lock = Lock::new(7, &run("ab", &[1, 2, 3]));
        assert_eq!(lock.compare(&run("ab", &[1, 2, 3])), Ok(()));
        let window = |checkpoints: &[u64]| lock.compare(&run("cd", checkpoints)).unwrap_err().window;
        assert_eq!(window(&[1, 9, 9]), Some((4096, 8192)));
        assert_eq!(window(&[9]), Some((0, 4096)));
        assert_eq!(window(&[1, 2, 3]), Some((12288, 12298)));
    }
}

//! `*.lock` beside a scenario: what the run came to when it was recorded, so that any later run
//! can be held against it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::digest::DigestResult;

/// What prints are written with: one character each.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Prints in a line of the file.
const LINE: usize = 100;

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
    /// Records between two prints.
    pub every: u64,
    /// Six bits of the chain after every `every` records, a character each.
    prints: String,
}

/// A lock file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("not a lock that this version reads ({0}); record it anew with `twinwire verify --update`")]
pub struct LockError(String);

impl Lock {
    /// Records a run.
    pub fn new(seed: u64, run: &DigestResult) -> Self {
        let prints = run.prints.iter().map(|p| char::from(LETTERS[usize::from(p & 63)])).collect();
        Lock { seed, digest: run.hex.clone(), records: run.records, every: run.every, prints }
    }

    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let mut lock: Lock = toml::from_str(text).map_err(|e| LockError(e.message().to_owned()))?;
        lock.prints.retain(|c| c != '\n');
        let known = |b: u8| LETTERS.contains(&b);
        if !lock.every.is_power_of_two() || !lock.prints.bytes().all(known) {
            return Err(LockError("its prints are damaged".to_owned()));
        }
        Ok(lock)
    }

    /// The text of the lock file.
    pub fn to_toml(&self) -> String {
        let mut text = format!(
            "# Recorded by `twinwire verify --update`. `prints` tell in which event another run parts from this one.\n\
             seed = {}\ndigest = \"{}\"\nrecords = {}\nevery = {}\nprints = \"\"\"\n",
            self.seed, self.digest, self.records, self.every
        );
        for line in self.prints.as_bytes().chunks(LINE) {
            let _ = writeln!(text, "{}", String::from_utf8_lossy(line));
        }
        text + "\"\"\"\n"
    }

    /// The print after `records` records, if one was kept there.
    pub fn print_after(&self, records: u64) -> Option<u8> {
        if records == 0 || !records.is_multiple_of(self.every) {
            return None;
        }
        let letter = *self.prints.as_bytes().get(usize::try_from(records / self.every - 1).ok()?)?;
        LETTERS.iter().position(|l| *l == letter).map(|i| i as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_reads_back_what_it_wrote() {
        let prints: Vec<u8> = (0..250).map(|i| (i % 64) as u8).collect();
        let run = DigestResult { hex: "ab".into(), records: 503, every: 2, prints, ..DigestResult::default() };
        let lock = Lock::new(u64::MAX >> 1, &run);
        let text = lock.to_toml();
        assert_eq!(Lock::parse(&text).unwrap(), lock);
        assert_eq!(text.lines().count(), 6 + 3 + 1);
        assert_eq!([1, 2, 4, 500, 502].map(|n| lock.print_after(n)), [None, Some(0), Some(1), Some(57), None]);
    }

    #[test]
    fn what_is_no_lock_is_refused_with_the_mend() {
        let old = "seed = 1\ndigest = \"ab\"\nrecords = 10\ncheckpoints = []\n";
        for text in [old, "seed = -1", "\u{0}", &old.replace("checkpoints = []", "every = 3\nprints = \"A\"")] {
            let error = Lock::parse(text).unwrap_err().to_string();
            assert!(error.contains("verify --update"), "{error}");
        }
    }
}

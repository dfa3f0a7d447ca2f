//! Where two runs part: the first line in which their `events.jsonl` differ.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Lines};
use std::path::Path;

use super::read::ReadError;

/// How many records before and after the first different one are shown.
pub const NEIGHBOURS: usize = 3;

/// The first difference of two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which record, counted from 0.
    pub record: u64,
    /// The last records that are alike.
    pub before: Vec<String>,
    /// From the first different record on, in the first run; empty if it has ended.
    pub left: Vec<String>,
    /// The same in the second run.
    pub right: Vec<String>,
}

/// Compares the records of two run folders. `None` if they are the same.
pub fn diff(left: &Path, right: &Path) -> Result<Option<Difference>, ReadError> {
    let (left, right) = (left.join("events.jsonl"), right.join("events.jsonl"));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ReadError::Io { path, source }
    };
    let mut a = BufReader::new(File::open(&left).map_err(failed(&left))?).lines();
    let mut b = BufReader::new(File::open(&right).map_err(failed(&right))?).lines();
    let mut before = VecDeque::new();
    let mut record = 0;
    loop {
        let x = a.next().transpose().map_err(failed(&left))?;
        let y = b.next().transpose().map_err(failed(&right))?;
        match (x, y) {
            (None, None) => return Ok(None),
            (Some(x), Some(y)) if x == y => {
                if before.len() == NEIGHBOURS {
                    before.pop_front();
                }
                before.push_back(x);
                record += 1;
            }
            (x, y) => {
                let left = and_next(x, &mut a).map_err(failed(&left))?;
                let right = and_next(y, &mut b).map_err(failed(&right))?;
                return Ok(Some(Difference { record, before: before.into(), left, right }));
            }
        }
    }
}

/// `first` and the few lines after it.
fn and_next(first: Option<String>, rest: &mut Lines<impl BufRead>) -> io::Result<Vec<String>> {
    first.map(Ok).into_iter().chain(rest.take(NEIGHBOURS)).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the runs part at record {}", self.record)?;
        for line in &self.before {
            writeln!(f, "    {line}")?;
        }
        for (sign, lines) in [('-', &self.left), ('+', &self.right)] {
            if lines.is_empty() {
                writeln!(f, "  {sign} (the run has ended)")?;
            }
            for line in lines {
                writeln!(f, "  {sign} {line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn run(name: &str, lines: &[&str]) -> std::path::PathBuf {
        let dir = std::env::temp_dir().join(format!("twinwire-diff-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("events.jsonl"), lines.join("\n") + "\n").unwrap();
        dir
    }

    #[test]
    fn the_first_difference_comes_with_its_neighbours() {
        let a = run("a", &["0", "1", "2", "3", "x", "5"]);
        let b = run("b", &["0", "1", "2", "3", "y"]);
        let found = diff(&a, &b).unwrap().unwrap();
        assert_eq!(found.record, 4);
        assert_eq!(found.before, ["1", "2", "3"]);
        assert_eq!(found.left, ["x", "5"]);
        assert_eq!(found.right, ["y"]);
        assert_eq!(diff(&a, &a).unwrap(), None);
        assert!(diff(&a, Path::new("/nonexistent")).is_err());
        let c = run("c", &["0", "1", "2", "3"]);
        assert_eq!(diff(&c, &b).unwrap().unwrap().left, Vec::<String>::new());
        for dir in [a, b, c] {
            fs::remove_dir_all(dir).unwrap();
        }
    }
}

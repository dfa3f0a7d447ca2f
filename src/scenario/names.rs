//! Which names there are, and what a mention of one means.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::nearest::nearest;

/// Names compared in search of what was meant, over a whole file.
const PATIENCE: usize = 100_000;

/// Names of one kind of thing, groups included. Ranks follow the sorted order of single names.
#[derive(Clone, Debug, Default)]
pub struct Names {
    what: &'static str,
    ranks: BTreeMap<Arc<str>, usize>,
    groups: BTreeMap<String, usize>,
    patience: Cell<usize>,
}

/// Why a mention means nothing: the message and the mend.
pub type Unknown = (String, Option<String>);

impl Names {
    /// From `(name, count)`; a count makes a group. `what` is what they are called: `node`.
    pub fn new<'a>(what: &'static str, declared: impl IntoIterator<Item = (&'a str, Option<usize>)>) -> Self {
        let mut names = Names { what, patience: Cell::new(PATIENCE), ..Names::default() };
        for (name, count) in declared {
            match count {
                None => {
                    names.ranks.insert(name.into(), 0);
                }
                Some(count) => {
                    names.groups.insert(name.to_string(), count);
                    names.ranks.extend((0..count).map(|i| (Arc::from(member(name, i)), 0)));
                }
            }
        }
        names.ranks.values_mut().enumerate().for_each(|(rank, r)| *r = rank);
        names
    }

    /// All single names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.ranks.keys()
    }

    /// The nearest name, as long as looking for it is quick: a file of ten thousand nodes may have
    /// as many mistakes.
    fn near<'n>(&'n self, wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        let left = self.patience.get().checked_sub(self.ranks.len() + self.groups.len())?;
        self.patience.set(left);
        nearest(wrong, names)
    }

    /// The rank of one thing.
    pub fn one(&self, text: &str) -> Result<usize, Unknown> {
        if let Some(rank) = self.ranks.get(text) {
            return Ok(*rank);
        }
        let message = format!("there is no {} `{text}`", self.what);
        if let Some(group) = self.groups.get(text) {
            let help = format!("`{text}` is a group: write `{text}[0]` to `{text}[{}]`", group.saturating_sub(1));
            return Err((message, Some(help)));
        }
        let base = text.split('[').next().unwrap_or(text);
        if let Some(count) = self.groups.get(base) {
            return Err((message, Some(format!("`{base}` has the members 0 to {}", count.saturating_sub(1)))));
        }
        let near = self.near(text, self.ranks.keys().map(|n| &**n).chain(self.groups.keys().map(String::as_str)));
        Err((message, near.map(|right| format!("did you mean `{right}`?")).or_else(|| self.all())))
    }

    /// All names, if they are few.
    fn all(&self) -> Option<String> {
        let names: Vec<&str> = self.ranks.keys().map(|n| &**n).collect();
        match names.len() {
            0 => Some(format!("there is no {} at all", self.what)),
            1..=12 => Some(format!("there are {}", names.join(", "))),
            _ => None,
        }
    }

    /// The ranks of one thing or of a whole group, `sender[*]`, in the order of its members; true for a group.
    pub fn many(&self, text: &str) -> Result<(Vec<usize>, bool), Unknown> {
        let Some(group) = text.strip_suffix("[*]") else {
            return match self.one(text) {
                Ok(rank) => Ok((vec![rank], false)),
                Err((message, _)) if self.groups.contains_key(text) => {
                    Err((message, Some(format!("`{text}` is a group: write `{text}[*]` for all of it"))))
                }
                Err(unknown) => Err(unknown),
            };
        };
        match self.groups.get(group) {
            Some(count) => {
                (0..*count).map(|i| self.one(&member(group, i))).collect::<Result<_, _>>().map(|ranks| (ranks, true))
            }
            None if self.ranks.contains_key(group) => {
                Err((format!("`{group}` is no group"), Some(format!("give it a `count`, or write `{group}`"))))
            }
            None => {
                let near = self.near(group, self.groups.keys().map(String::as_str));
                Err((format!("there is no group `{group}`"), near.map(|right| format!("did you mean `{right}[*]`?"))))
            }
        }
    }
}

/// `sender[3]`.
pub fn member(group: &str, index: usize) -> String {
    format!("{group}[{index}]")
}

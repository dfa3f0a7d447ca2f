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
    sorted: Vec<Arc<str>>,
    groups: BTreeMap<String, usize>,
    patience: Cell<usize>,
}

/// Why a mention means nothing: the message and the mend.
pub type Unknown = (String, Option<String>);

impl Names {
    /// From all single names, sorted, and the counts of groups, whose members are among them. `what` is
    /// what they are called: `node`.
    pub fn new(what: &'static str, sorted: Vec<Arc<str>>, groups: BTreeMap<String, usize>) -> Self {
        debug_assert!(sorted.is_sorted());
        Names { what, sorted, groups, patience: Cell::new(PATIENCE) }
    }

    /// The single name of this rank.
    pub fn name(&self, rank: usize) -> &Arc<str> {
        &self.sorted[rank]
    }

    fn rank(&self, text: &str) -> Option<usize> {
        self.sorted.binary_search_by(|name| (**name).cmp(text)).ok()
    }

    /// The nearest name, as long as looking for it is quick: a file of ten thousand nodes may have
    /// as many mistakes.
    fn near<'n>(&'n self, wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        let left = self.patience.get().checked_sub(self.sorted.len() + self.groups.len())?;
        self.patience.set(left);
        nearest(wrong, names)
    }

    /// The rank of one thing.
    pub fn one(&self, text: &str) -> Result<usize, Unknown> {
        if let Some(rank) = self.rank(text) {
            return Ok(rank);
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
        let near = self.near(text, self.sorted.iter().map(|n| &**n).chain(self.groups.keys().map(String::as_str)));
        Err((message, near.map(|right| format!("did you mean `{right}`?")).or_else(|| self.all())))
    }

    /// All names, if they are few.
    fn all(&self) -> Option<String> {
        let names: Vec<&str> = self.sorted.iter().map(|n| &**n).collect();
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
            Some(count) => self.members(group, *count).map(|ranks| (ranks, true)),
            None if self.rank(group).is_some() => {
                Err((format!("`{group}` is no group"), Some(format!("give it a `count`, or write `{group}`"))))
            }
            None => {
                let near = self.near(group, self.groups.keys().map(String::as_str));
                Err((format!("there is no group `{group}`"), near.map(|right| format!("did you mean `{right}[*]`?"))))
            }
        }
    }

    /// The ranks of a group's members, in their order. Sorted, they stand side by side.
    fn members(&self, group: &str, count: usize) -> Result<Vec<usize>, Unknown> {
        let before = format!("{group}[");
        let first = self.sorted.partition_point(|name| **name < *before);
        let mut ranks = vec![None; count];
        for (rank, name) in (first..).zip(&self.sorted[first..]) {
            let Some(rest) = name.strip_prefix(&*before) else { break };
            if let Some(slot) = rest.strip_suffix(']').and_then(index).and_then(|index| ranks.get_mut(index)) {
                *slot = Some(rank);
            }
        }
        let found = |(index, rank): (usize, Option<usize>)| rank.map_or_else(|| self.one(&member(group, index)), Ok);
        ranks.into_iter().enumerate().map(found).collect()
    }
}

/// The index of a member, as [`member`] writes it.
fn index(digits: &str) -> Option<usize> {
    let plain = digits == "0" || !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|_| plain)
}

/// `sender[3]`.
pub fn member(group: &str, index: usize) -> String {
    let mut name = String::new();
    push_member(&mut name, group, index);
    name
}

/// Writes the name of a member.
pub(super) fn push_member(text: &mut String, group: &str, index: usize) {
    fn digits(text: &mut String, n: usize) {
        if n >= 10 {
            digits(text, n / 10);
        }
        text.push(char::from(b'0' + (n % 10) as u8));
    }
    text.push_str(group);
    text.push('[');
    digits(text, index);
    text.push(']');
}

/// The indices of a group's members in the order of their names as text: 0, 10, 11, 1, 2. Who makes
/// things in this order has no work left when he sorts them.
pub(super) fn in_text_order(count: usize) -> impl Iterator<Item = usize> {
    // A member comes after those whose number begins with its own.
    let first_of = move |mut index: usize| {
        while index > 0 && index * 10 < count {
            index *= 10;
        }
        index
    };
    std::iter::successors((count > 0).then_some(0), move |&index| match index + 1 {
        next if next < count && next % 10 != 0 => Some(first_of(next)),
        _ if index >= 10 => Some(index / 10),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_order_is_that_of_the_names() {
        for count in [0, 1, 2, 9, 10, 11, 12, 99, 100, 101, 110, 1000, 1234] {
            let mut sorted: Vec<usize> = (0..count).collect();
            sorted.sort_by_key(|index| member("a", *index));
            assert_eq!(in_text_order(count).collect::<Vec<_>>(), sorted, "{count}");
        }
    }

    #[test]
    fn a_group_is_found_among_names_like_its_own() {
        let names = ["a[01]", "a[0]", "a[10]", "a[1]", "a[2]", "a[3]--b", "a[x]", "ab"].map(Arc::from);
        let names = |count| Names::new("link", names.to_vec(), [("a".to_owned(), count)].into());
        assert_eq!(names(3).many("a[*]").unwrap(), (vec![1, 3, 4], true));
        assert_eq!(names(4).many("a[*]").unwrap_err().0, "there is no link `a[3]`");
        assert_eq!(names(3).many("ab").unwrap(), (vec![7], false));
    }
}

//! The order in which people expect names: `sender[2]` before `sender[10]`.

use std::cmp::Ordering;
use std::ops::Range;

/// Compares digit by digit where both have numbers, by value; otherwise as text.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a.as_bytes(), b.as_bytes());
    loop {
        match (number(x), number(y)) {
            (Some((m, xs)), Some((n, ys))) if m == n => (x, y) = (xs, ys),
            (Some((m, _)), Some((n, _))) => return m.len().cmp(&n.len()).then_with(|| m.cmp(n)),
            _ => match (x.split_first(), y.split_first()) {
                (Some((c, xs)), Some((d, ys))) if c == d => (x, y) = (xs, ys),
                // Equal but for leading zeros: still a total order.
                (None, None) => return a.cmp(b),
                (left, right) => return left.map(|(c, _)| c).cmp(&right.map(|(d, _)| d)),
            },
        }
    }
}

/// The ranks of `names` in the order of [`natural`]; equal names keep theirs. What mostly tells names
/// apart, their first two numbers and the text before each, is read once for each name.
pub fn natural_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<u32> {
    struct Key<'a> {
        // Text, as its rank, and the number behind it.
        parts: [(usize, u64); 2],
        name: &'a str,
        // The two directions of a link have one name, and stand side by side.
        ranks: Range<u32>,
    }
    let mut heads: [Vec<Head<'_>>; 2] = Default::default();
    let mut keys: Vec<Key<'_>> = Vec::new();
    for (name, rank) in names.zip(0..) {
        if let Some(same) = keys.last_mut().filter(|key| key.name == name) {
            same.ranks.end = rank + 1;
            continue;
        }
        let mut rest = name.as_bytes();
        let parts = heads.each_mut().map(|heads| {
            let (head, value, behind) = split(rest);
            // Numbers that are too large for a key are the same here: what follows tells nothing.
            rest = if value < u64::MAX { behind } else { b"" };
            // Names of a group mostly stand together.
            if heads.last() != Some(&head) {
                heads.push(head);
            }
            (heads.len() - 1, value)
        });
        keys.push(Key { parts, name, ranks: rank..rank + 1 });
    }
    let ranks = heads.map(|heads| ranks(&heads));
    for key in &mut keys {
        key.parts.iter_mut().zip(&ranks).for_each(|((head, _), ranks)| *head = ranks[*head]);
    }
    keys.sort_by(|a, b| a.parts.cmp(&b.parts).then_with(|| natural(a.name, b.name)));
    keys.into_iter().flat_map(|key| key.ranks).collect()
}

/// The text before a name's first number, and, if there is one, a digit that stands for it.
type Head<'a> = (&'a [u8], Option<u8>);

/// The head of a name, the number behind it, and the rest.
fn split(name: &[u8]) -> (Head<'_>, u64, &[u8]) {
    let (head, rest) = name.split_at(name.iter().take_while(|c| !c.is_ascii_digit()).count());
    match number(rest) {
        Some((digits, rest)) => {
            let digit = |c: &u8| u64::from(c - b'0');
            let value = digits.iter().fold(0u64, |n, c| n.saturating_mul(10).saturating_add(digit(c)));
            ((head, Some(b'0')), value, rest)
        }
        None => ((head, None), 0, b""),
    }
}

/// The rank of each head among all; equal ones have the same.
fn ranks(heads: &[Head<'_>]) -> Vec<usize> {
    fn text((text, digit): Head<'_>) -> impl Iterator<Item = u8> {
        text.iter().copied().chain(digit)
    }
    let order = |a: usize, b: usize| text(heads[a]).cmp(text(heads[b]));
    let mut sorted: Vec<usize> = (0..heads.len()).collect();
    sorted.sort_by(|a, b| order(*a, *b));
    let mut ranks = vec![0; heads.len()];
    for pair in sorted.windows(2) {
        ranks[pair[1]] = ranks[pair[0]] + usize::from(heads[pair[0]] != heads[pair[1]]);
    }
    ranks
}

/// The number that text begins with, without leading zeros, and the rest.
fn number(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let zeros = text[..digits].iter().take_while(|c| **c == b'0').count();
    (digits > 0).then(|| (&text[zeros..digits], &text[digits..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count_by_value() {
        let mut names = ["s[10]", "s[2]", "s", "s[2]--b", "r[3]", "s[02]"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["r[3]", "s", "s[02]", "s[2]", "s[2]--b", "s[10]"]);
        assert_eq!(natural("a10000000000000000000", "a9999999999999999999"), Ordering::Greater);
    }

    proptest! {
        #[test]
        fn many_names_are_ordered_as_two_are(
            mut names in prop::collection::vec("[a\\[/:09]{0,4}[0-9]{0,3}[a\\[\\]-]{0,2}(0{0,12}[0-9]{0,7})?", 0..40)
        ) {
            names.extend_from_within(..names.len() / 4);
            let ranks = natural_order(names.iter().map(String::as_str));
            let mut sorted: Vec<(u32, &String)> = (0..).zip(&names).collect();
            sorted.sort_by(|(_, a), (_, b)| natural(a, b));
            prop_assert_eq!(ranks, sorted.into_iter().map(|(rank, _)| rank).collect::<Vec<_>>());
        }
    }
}

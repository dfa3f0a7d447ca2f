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

/// The ranks of `names` in the order of [`natural`]; equal names keep theirs. Each name is read once
/// and not at every comparison.
pub fn natural_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<u32> {
    let mut codes = Vec::new();
    // Where each name's code stands.
    let mut keys: Vec<(&str, Range<usize>, u32)> = Vec::with_capacity(names.size_hint().0);
    for (name, rank) in names.zip(0..) {
        let code = match keys.last() {
            // The two directions of a link have one name.
            Some((last, code, _)) if *last == name => code.clone(),
            _ => {
                let start = codes.len();
                encode(name.as_bytes(), &mut codes);
                start..codes.len()
            }
        };
        keys.push((name, code, rank));
    }
    keys.sort_by(|(a, code, _), (b, other, _)| match code == other {
        true => Ordering::Equal,
        false => codes[code.clone()].cmp(&codes[other.clone()]).then_with(|| a.cmp(b)),
    });
    keys.into_iter().map(|(.., rank)| rank).collect()
}

/// Writes a name so that codes are ordered byte by byte as names are by [`natural`]: before the digits
/// of a number stands their count, as a digit or, from nine on, as a 9 and four bytes.
fn encode(mut name: &[u8], codes: &mut Vec<u8>) {
    while let Some((first, rest)) = name.split_first() {
        let Some((digits, rest)) = number(name) else {
            codes.push(*first);
            name = rest;
            continue;
        };
        codes.push(b'0' + digits.len().min(9) as u8);
        if digits.len() >= 9 {
            codes.extend_from_slice(&(digits.len() as u32).to_be_bytes());
        }
        codes.extend_from_slice(digits);
        name = rest;
    }
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

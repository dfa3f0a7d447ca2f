//! The order in which people expect names: `sender[2]` before `sender[10]`.

use std::cmp::Ordering;

/// Compares digit by digit where both have numbers, by value; otherwise as text.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a.as_bytes(), b.as_bytes());
    loop {
        match (number(x), number(y)) {
            (Some((m, xs)), Some((n, ys))) if m != n => return m.cmp(&n).then(xs.len().cmp(&ys.len())),
            (Some((_, xs)), Some((_, ys))) => (x, y) = (xs, ys),
            _ => match (x.split_first(), y.split_first()) {
                (Some((c, xs)), Some((d, ys))) if c == d => (x, y) = (xs, ys),
                // Equal but for leading zeros: still a total order.
                (None, None) => return a.cmp(b),
                (left, right) => return left.map(|(c, _)| c).cmp(&right.map(|(d, _)| d)),
            },
        }
    }
}

/// The number that text begins with, and the rest. Numbers beyond 18 digits are text.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    if digits == 0 || digits > 18 {
        return None;
    }
    let value = text[..digits].iter().fold(0, |n, c| n * 10 + u64::from(c - b'0'));
    Some((value, &text[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_by_value() {
        let mut names = ["s[10]", "s[2]", "s", "s[2]--b", "r[3]", "s[02]"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["r[3]", "s", "s[02]", "s[2]", "s[2]--b", "s[10]"]);
    }
}

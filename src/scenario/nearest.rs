//! The right name nearest to a wrong one.

/// Edits (insert, delete, replace, swap neighbours) that turn one text into the other.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// The candidate that `wrong` was most likely meant to be, if one is near; the first of equals.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer texts are no names; comparing them would cost more than it helps.
    if wrong.len() > 80 {
        return None;
    }
    let wrong = wrong.to_lowercase();
    let near = 1.max(wrong.chars().count() / 3);
    candidates
        .into_iter()
        .filter(|c| c.len() <= 80 && c.len().abs_diff(wrong.len()) <= 4 * (near + 1))
        .map(|c| (distance(&wrong, &c.to_lowercase()), c))
        .filter(|(d, _)| *d <= near && *d < wrong.chars().count())
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_their_word() {
        assert_eq!(nearest("dealy", ["rate", "delay", "loss"]), Some("delay"));
        assert_eq!(nearest("los", ["rate", "delay", "loss"]), Some("loss"));
        assert_eq!(nearest("bandwidth", ["rate", "delay", "loss"]), None);
        assert_eq!(nearest("c", ["a", "b"]), None);
        assert_eq!(distance("ab", "ba"), 1);
    }
}

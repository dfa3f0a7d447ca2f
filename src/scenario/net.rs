//! Nodes and links by name, for the tables that refer to them.

use std::ops::Range;
use std::sync::Arc;

use super::check::Checker;
use super::diagnostic::Diagnostic;
use super::names::{Names, Unknown};
use super::plan::{LinkPlan, NodePlan};

/// Everything that later tables refer to.
pub(super) struct Net {
    pub(super) nodes: Vec<NodePlan>,
    pub(super) node_names: Names,
    pub(super) links: Vec<LinkPlan>,
    pub(super) link_names: Names,
}

/// A mention that means nothing.
pub(super) fn unknown(checker: &mut Checker, at: &str, span: Range<usize>, (message, help): Unknown) {
    checker.diagnostics.push(Diagnostic::error(span, format!("{at}: {message}")).maybe_help(help));
}

/// Pairs two mentions: one with one, one with each of a group, or two groups by index.
pub(super) fn pair(a: (Vec<usize>, bool), b: (Vec<usize>, bool)) -> Result<(Vec<[usize; 2]>, bool), Unknown> {
    let ((a, a_group), (b, b_group)) = (a, b);
    if a_group && b_group && a.len() != b.len() {
        let message = format!("the groups have {} and {} members and cannot be paired", a.len(), b.len());
        return Err((message, Some("give both the same `count`".to_string())));
    }
    // A group without members was refused where it stands.
    let count = if a.is_empty() || b.is_empty() { 0 } else { a.len().max(b.len()) };
    let at = |v: &[usize], i: usize| if v.len() == 1 { v[0] } else { v[i] };
    Ok(((0..count).map(|i| [at(&a, i), at(&b, i)]).collect(), a_group || b_group))
}

/// Where in the file a thing comes from: the rank of its table, and which of the table's things it is.
pub(super) type Origin = (usize, usize);

/// What tables made, of one kind.
pub(super) struct Made<T> {
    /// What it is: `link`.
    pub(super) what: &'static str,
    /// In the order of the file.
    pub(super) things: Vec<(T, Origin)>,
    /// Which table that was, and where its name stands.
    pub(super) tables: Vec<(String, Range<usize>)>,
}

impl<T> Made<T> {
    /// All of them, sorted by name. Of things with the same name the last one stays, and that it took the name
    /// of another goes to `found`.
    pub(super) fn sorted(self, name: impl Fn(&T) -> &Arc<str>, found: &mut Vec<(Origin, Diagnostic)>) -> Vec<T> {
        let Made { what, mut things, tables } = self;
        things.sort_by(|(a, _), (b, _)| name(a).cmp(name(b)));
        things.dedup_by(|later, kept| {
            let same = name(&later.0) == name(&kept.0);
            if same {
                let (at, span) = &tables[later.1.0];
                let message = format!("{at}: there is already a {what} `{}`", name(&later.0));
                let error = Diagnostic::error(span.clone(), message).help("give this one another `name`");
                found.push((later.1, error));
                std::mem::swap(later, kept);
            }
            same
        });
        let mut things: Vec<T> = things.into_iter().map(|(thing, _)| thing).collect();
        things.shrink_to_fit();
        things
    }
}

/// Tells what was found while things were made, in the order of the file.
pub(super) fn tell(checker: &mut Checker, mut found: Vec<(Origin, Diagnostic)>) {
    found.sort_by_key(|(origin, _)| *origin);
    checker.diagnostics.extend(found.into_iter().map(|(_, diagnostic)| diagnostic));
}

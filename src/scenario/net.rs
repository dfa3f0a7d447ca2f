//! Nodes and links by name, for the tables that refer to them.

use std::ops::Range;

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
    let count = a.len().max(b.len());
    let at = |v: &[usize], i: usize| if v.len() == 1 { v[0] } else { v[i] };
    Ok(((0..count).map(|i| [at(&a, i), at(&b, i)]).collect(), a_group || b_group))
}

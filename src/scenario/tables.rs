//! The tables of a scenario file, by section.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::Checker;
use super::diagnostic::Diagnostic;
use crate::base::schema::{Key, Params};

/// A checked table with its name and place.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// Its name; empty in a list of tables.
    pub(super) name: &'a str,
    /// Path, for messages.
    pub(super) at: String,
    /// Place.
    pub(super) span: Range<usize>,
    /// Keys as written.
    pub(super) raw: &'a DeTable<'a>,
}

/// The tables of `[section.NAME]`, in the order of the file.
pub(super) fn named<'a>(checker: &mut Checker, root: &'a DeTable<'a>, section: &str) -> Vec<Table<'a>> {
    let Some(value) = root.get(section) else { return Vec::new() };
    let Some(tables) = value.get_ref().as_table() else {
        let message = format!("`{section}` is written as tables [{section}.NAME]");
        let help = format!("write [{section}.NAME] above its keys");
        checker.diagnostics.push(Diagnostic::error(value.span(), message).help(help));
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, value) in tables {
        let text = name.get_ref().as_ref();
        let at = format!("{section}.{text}");
        if text.is_empty() || text.len() > 63 || !text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            let message = format!("`{text}` is not a name");
            let help = "a name has 1 to 63 letters, digits, `-`, `_` and `.`";
            checker.diagnostics.push(Diagnostic::error(name.span(), message).help(help));
            continue;
        }
        match value.get_ref().as_table() {
            Some(raw) => found.push(Table { name: text, at, span: name.span(), raw }),
            None => {
                let message = format!("{at}: expected a table");
                let help = format!("write [{section}.NAME] above its keys");
                checker.diagnostics.push(Diagnostic::error(name.span(), message).help(help));
            }
        }
    }
    found
}

/// The tables of `[[section]]`, in the order of the file.
pub(super) fn listed<'a>(checker: &mut Checker, root: &'a DeTable<'a>, section: &str) -> Vec<Table<'a>> {
    let Some(value) = root.get(section) else { return Vec::new() };
    let tables = value.get_ref().as_array().map(|items| {
        let table = |(i, item): (usize, &'a Spanned<DeValue<'a>>)| {
            let raw = item.get_ref().as_table()?;
            Some(Table { name: "", at: format!("{section}[{i}]"), span: item.span(), raw })
        };
        items.iter().enumerate().map(table).collect::<Option<Vec<_>>>()
    });
    tables.flatten().unwrap_or_else(|| {
        let message = format!("`{section}` is a list of tables");
        checker.diagnostics.push(Diagnostic::error(value.span(), message).help(format!("write [[{section}]]")));
        Vec::new()
    })
}

/// Checks a table that may be there once: `[sim]`.
pub(super) fn single(checker: &mut Checker, root: &DeTable<'_>, at: &str, keys: &[Key]) -> Params {
    let mut value = root.get(at.split('.').next().unwrap_or(at));
    for part in at.split('.').skip(1) {
        value = value.and_then(|v| v.get_ref().as_table()).and_then(|t| t.get(part));
    }
    match value.map(|v| (v.span(), v.get_ref().as_table())) {
        Some((span, Some(table))) => checker.table(at, &span, table, keys),
        Some((span, None)) => {
            checker
                .diagnostics
                .push(Diagnostic::error(span, format!("`{at}` is a table")).help(format!("write [{at}]")));
            Params::default()
        }
        None => checker.table(at, &(0..0), &DeTable::new(), keys),
    }
}

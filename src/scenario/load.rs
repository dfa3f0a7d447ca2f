//! From text to a plan: parse, apply `--set`, check every table, resolve names, number the net.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::Checker;
use super::diagnostic::{Diagnostic, Severity, sort};
use super::nearest::nearest;
use super::plan::Plan;
use super::text::Source;
use super::{expand, keys};
use crate::base::schema::Part;
use crate::node::roles::ROLES;

/// What loading gave. The plan is absent if there was any error.
#[derive(Debug)]
pub struct Loaded {
    /// The plan.
    pub plan: Option<Plan>,
    /// Errors and warnings in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a scenario. `sets` are `path=value` pairs that go before what the file says.
pub fn load(source: &Source, sets: &[(String, String)]) -> Loaded {
    load_with(source, sets, &ROLES.parts())
}

/// The same with given roles of hosts.
pub fn load_with(source: &Source, sets: &[(String, String)], roles: &[Part]) -> Loaded {
    let mut checker = Checker::default();
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let mut plan = None;
    if errors.is_empty() {
        let mut root = root.into_inner();
        for (path, value) in sets {
            if let Err(message) = set(&mut root, path, value) {
                checker.diagnostics.push(Diagnostic::error(0..0, format!("--set {path}={value}: {message}")));
            }
        }
        plan = document(&mut checker, &root, source, roles);
    } else {
        let syntax = |e: &toml::de::Error| {
            // A place between two characters is shown as the one before.
            let span = e.span().unwrap_or(0..1);
            let span = if span.is_empty() { span.start.saturating_sub(1)..span.end.max(1) } else { span };
            Diagnostic::error(span, format!("not TOML: {}", e.message())).help(mend(e.message()))
        };
        checker.diagnostics.extend(errors.iter().map(syntax));
    }
    let mut diagnostics = checker.diagnostics;
    sort(&mut diagnostics);
    diagnostics.dedup();
    let failed = diagnostics.iter().any(|d| d.severity == Severity::Error);
    Loaded { plan: plan.filter(|_| !failed), diagnostics }
}

/// What to do about a message of the TOML parser.
fn mend(message: &str) -> &'static str {
    match message {
        m if m.contains("duplicate key") => "a name stands once in a table, and a table once in a file",
        m if m.contains("carriage return") => "end every line alike, in \\n or \\r\\n",
        m if m.contains("recurs") => "nothing in a scenario is nested so deep",
        m if m.contains("unclosed") => "close what is open on this line",
        _ => "write key = \"text\", key = 3, [table.NAME] or [[list]], each on a line of its own",
    }
}

fn document(checker: &mut Checker, root: &DeTable<'_>, source: &Source, roles: &[Part]) -> Option<Plan> {
    let known = || keys::TOP.iter().map(|k| k.name).chain(keys::SECTIONS.iter().copied());
    let mut top = DeTable::new();
    for (name, value) in root {
        let text = name.get_ref().as_ref();
        if keys::TOP.iter().any(|k| k.name == text) {
            top.insert(name.clone(), value.clone());
        } else if !keys::SECTIONS.contains(&text) {
            let help = match nearest(text, known()) {
                Some(right) => format!("did you mean `{right}`?"),
                None => format!("at the top there are {}", known().collect::<Vec<_>>().join(", ")),
            };
            checker.diagnostics.push(Diagnostic::error(name.span(), format!("unknown key `{text}`")).help(help));
        }
    }
    let top = checker.table("", &(0..0), &top, keys::TOP);
    expand::plan(checker, root, &top, source, roles)
}

/// Puts `value` at `a.b.c`; a list's element is named by its rank or its `name`. What is not TOML is text.
pub(super) fn set<'a>(root: &mut DeTable<'a>, path: &'a str, value: &'a str) -> Result<(), String> {
    let value = DeValue::parse(value).map_or_else(|_| DeValue::String(value.into()), |v| nowhere(v.into_inner()));
    let mut parts: Vec<&str> = path.split('.').collect();
    let last = parts.pop().filter(|p| !p.is_empty()).ok_or("the path is empty")?;
    let mut table = root;
    let mut parts = parts.into_iter();
    while let Some(part) = parts.next() {
        let key = Spanned::new(0..0, Cow::Borrowed(part));
        let entry = table.entry(key).or_insert_with(|| Spanned::new(0..0, DeValue::Table(DeTable::new())));
        table = match entry.get_mut() {
            DeValue::Table(inner) => inner,
            DeValue::Array(items) => {
                let which = parts.next().ok_or_else(|| format!("say which `{part}`: its rank from 0 or its name"))?;
                let wanted = |(i, v): &(usize, &mut Spanned<DeValue<'a>>)| {
                    let name = v.get_ref().get("name").and_then(|n| n.get_ref().as_str());
                    name == Some(which) || which.parse() == Ok(*i)
                };
                let item = items.iter_mut().enumerate().find(wanted).map(|(_, v)| v.get_mut());
                match item {
                    Some(DeValue::Table(inner)) => inner,
                    _ => return Err(format!("there is no `{which}` in `{part}`")),
                }
            }
            _ => return Err(format!("`{part}` is no table")),
        };
    }
    table.insert(Spanned::new(0..0, Cow::Borrowed(last)), Spanned::new(0..0, value));
    Ok(())
}

/// The same value without places: it does not stand in the file.
fn nowhere(value: DeValue<'_>) -> DeValue<'_> {
    match value {
        DeValue::Table(table) => DeValue::Table(
            table
                .into_iter()
                .map(|(k, v)| (Spanned::new(0..0, k.into_inner()), Spanned::new(0..0, nowhere(v.into_inner()))))
                .collect(),
        ),
        DeValue::Array(items) => {
            DeValue::Array(items.into_iter().map(|v| Spanned::new(0..0, nowhere(v.into_inner()))).collect())
        }
        other => other,
    }
}

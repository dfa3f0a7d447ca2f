//! The `[[expect]]` tables: each is read, and must be able to select something.

use toml::de::DeTable;

use super::check::Checker;
use super::diagnostic::Diagnostic;
use super::evaluate::glob;
use super::expectation::{ExpectError, Expectation, Operand, Path};
use super::fields::Source;
use super::keys;
use super::nearest::nearest;
use super::net::Net;
use super::plan::{FlowPlan, NodePlan};
use super::tables::listed;

/// Reads the `[[expect]]` tables.
pub(super) fn all(checker: &mut Checker, root: &DeTable<'_>, net: &Net, flows: &[FlowPlan]) -> Vec<Expectation> {
    let mut expects = Vec::new();
    for table in listed(checker, root, "expect") {
        let params = checker.table(&table.at, &table.span, table.raw, keys::EXPECT);
        let Some(that) = params.text("that") else { continue };
        let read = Expectation::parse(that).and_then(|expect| match selectors(&expect, net, flows) {
            Some(error) => Err(error),
            None => Ok(expect),
        });
        match read {
            Ok(expect) => expects.push(expect),
            Err(error) => {
                let whole = params.span("that");
                // Without escapes the text stands in the file between two quotes.
                let plain = whole.len() == that.len() + 2;
                let inside = whole.start + 1 + error.span.start..whole.start + 1 + error.span.end;
                let span = if plain && !inside.is_empty() { inside } else { whole };
                let message = format!("{}: {}", table.at, error.message);
                checker.diagnostics.push(Diagnostic::error(span, message).help(error.help));
            }
        }
    }
    expects
}

/// The first selector that can select nothing.
fn selectors(expect: &Expectation, net: &Net, flows: &[FlowPlan]) -> Option<ExpectError> {
    fn first(operand: &Operand, net: &Net, flows: &[FlowPlan]) -> Option<ExpectError> {
        match operand {
            Operand::Path(path) | Operand::Call(_, path) => selector(path, net, flows),
            Operand::Plus(terms) => terms.iter().find_map(|term| first(term, net, flows)),
            _ => None,
        }
    }
    [&expect.left, &expect.right].into_iter().find_map(|operand| first(operand, net, flows))
}

fn selector(path: &Path, net: &Net, flows: &[FlowPlan]) -> Option<ExpectError> {
    let nodes = |has: &dyn Fn(&NodePlan) -> bool| net.nodes.iter().filter(|n| has(n)).map(|n| &*n.name).collect();
    let asking: Vec<&str> = nodes(&|n| n.params.get("fetch").is_some());
    let leasing: Vec<&str> = nodes(&|n| n.dhcp);
    let (none, make_one) = match path.collection.name {
        "fetch" => (asking.is_empty(), "give a user a `fetch`"),
        "flow" => (flows.is_empty() && asking.is_empty(), "write a [[flow]], or give a user a `fetch`"),
        "lease" => (leasing.is_empty(), "give a node the address \"dhcp\""),
        "link" => (net.links.is_empty(), "write a [[connect]]"),
        _ => (false, ""),
    };
    let Some((text, span)) = path.selector.as_ref() else {
        let counts = matches!(path.field.source, Source::Count | Source::Completed | Source::Failed);
        let message = format!("the scenario has no {}", path.collection.name);
        return (none && !counts).then(|| ExpectError { span: 0..0, message, help: make_one.into() });
    };
    let error = |message: String, help: String| Some(ExpectError { span: span.clone(), message, help });
    let (name, names): (&str, Vec<&str>) = match path.collection.name {
        "link" => {
            let (name, direction) = text.rsplit_once('/').unwrap_or((text, "forward"));
            if !matches!(direction, "forward" | "reverse") {
                return error(format!("a link has no direction `{direction}`"), "write /forward or /reverse".into());
            }
            (name, net.links.iter().map(|l| &*l.name).collect())
        }
        // Fetches open flows too, whose names only the run knows: `phone->storage#2`.
        "flow" if text.contains('*') || text.contains("->") => return None,
        "flow" => (text, flows.iter().map(|f| &*f.name).collect()),
        list => {
            let names = if list == "lease" { leasing } else { asking };
            (text.rsplit_once('#').map_or(text, |(name, _)| name), names)
        }
    };
    if names.iter().any(|candidate| glob(name, candidate)) {
        return None;
    }
    let help = match nearest(name, names) {
        Some(right) => format!("did you mean `{right}`?"),
        None if none => format!("the scenario has no {}: {make_one}", path.collection.name),
        None => "`*` stands for any part of a name, as in bulk[*]".into(),
    };
    error(format!("`{name}` selects nothing"), help)
}

//! Bulk flows and the fault timeline: from checked tables to the plan.

use std::sync::Arc;

use toml::de::DeTable;

use super::check::Checker;
use super::diagnostic::Diagnostic;
use super::names::{in_text_order, push_member};
use super::net::{Made, Net, pair, tell, unknown};
use super::plan::{Amount, Change, EventPlan, FlowPlan, NodeKind};
use super::scalar::written;
use super::settings::{change, only, overlay};
use super::tables::listed;
use super::{check, keys};
use crate::base::ids::TransportKind;
use crate::base::schema::{Data, Params};
use crate::base::time::Duration;

/// The flows by name.
pub(super) fn flows(checker: &mut Checker, root: &DeTable<'_>, net: &Net) -> Vec<FlowPlan> {
    let (mut made, mut found, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    let mut text = String::new();
    for table in listed(checker, root, "flow") {
        let word = table.raw.get("transport").and_then(|v| v.get_ref().as_str()).unwrap_or("tcp");
        let params = checker.table(&table.at, &table.span, table.raw, &keys::flow(word));
        let amount = match (params.size("size"), params.duration("for")) {
            (Some(size), None) => Amount::Bytes(size),
            (None, Some(time)) => Amount::For(time),
            _ => {
                if !table.raw.contains_key("size") || table.raw.contains_key("for") {
                    let message = format!("{}: a flow has either `size` or `for`", table.at);
                    let help = "write size = \"10 MB\" for a transfer, for = \"60 s\" for a time";
                    checker.diagnostics.push(Diagnostic::error(table.span.clone(), message).help(help));
                }
                continue;
            }
        };
        let mut end = |key: &str| {
            let text = params.text(key)?;
            let found = net.node_names.many(text).map_err(|e| unknown(checker, &table.at, params.span(key), e)).ok()?;
            for rank in &found.0 {
                if let Some(node) = net.nodes.get(*rank).filter(|n| n.kind != NodeKind::Host) {
                    let message = format!("{}: `{}` is a {} and no end of a flow", table.at, node.name, node.role);
                    let help = "connect a host to it, and let the flow end there";
                    checker.diagnostics.push(Diagnostic::error(params.span(key), message).help(help));
                }
            }
            if key == "to"
                && let Some(node) = found.0.iter().filter_map(|rank| net.nodes.get(*rank)).find(|n| n.dhcp)
            {
                let message = format!("{}: `{}` gets its address by DHCP, so nobody knows it yet", table.at, node.name);
                let help = "send from it, or give it a fixed `address`";
                checker.diagnostics.push(Diagnostic::error(params.span(key), message).help(help));
            }
            Some(found)
        };
        let (from, to) = (end("from"), end("to"));
        let (Some(from), Some(to)) = (from, to) else { continue };
        let (pairs, group) = match pair(from, to) {
            Ok(pairs) => pairs,
            Err(error) => {
                unknown(checker, &table.at, params.span("to"), error);
                continue;
            }
        };
        let transport = if word == "rudp" { TransportKind::Rudp } else { TransportKind::Tcp };
        let own = only(&params, keys::transport_keys_of(word));
        // Nodes that share their settings share those of their flows: there are two at most.
        let mut known: Vec<(&Arc<Params>, Arc<Params>)> = Vec::new();
        let mut settings = |node: usize| {
            let node = &net.nodes[node];
            let base = if transport == TransportKind::Rudp { &node.rudp } else { &node.tcp };
            if own.0.is_empty() {
                return base.clone();
            }
            if let Some((_, settings)) = known.iter().find(|(of, _)| Arc::ptr_eq(of, base)) {
                return settings.clone();
            }
            let new = Arc::new(overlay(&own, base));
            known.push((base, new.clone()));
            new
        };
        let (start, every) = start(&params);
        made.reserve(pairs.len());
        for i in in_text_order(pairs.len()) {
            let ([from, to], origin) = (pairs[i], (tables.len(), i));
            if from == to {
                let message = format!("{}: `{}` sends to itself", table.at, net.nodes[from].name);
                found.push((origin, Diagnostic::error(params.span("to"), message).help("name two different nodes")));
                continue;
            }
            text.clear();
            match params.text("name") {
                Some(name) if group => push_member(&mut text, name, i),
                Some(name) => text.push_str(name),
                None => [&net.nodes[from].name, "->", &net.nodes[to].name].iter().for_each(|part| text.push_str(part)),
            }
            let flow = FlowPlan {
                name: text.as_str().into(),
                span: table.span.clone(),
                from,
                to,
                transport,
                amount,
                start: start + every * i as u64,
                sender: settings(from),
                receiver: settings(to),
            };
            made.push((flow, origin));
        }
        let span = if params.span("name").is_empty() { table.span.clone() } else { params.span("name") };
        tables.push((table.at, span));
    }
    let flows = Made { what: "flow", things: made, tables }.sorted(|flow| &flow.name, &mut found);
    tell(checker, found);
    flows
}

fn start(params: &Params) -> (Duration, Duration) {
    match params.get("start").map(|v| &v.data) {
        Some(Data::Duration(at)) => (*at, Duration::ZERO),
        Some(Data::Table(t)) => (t.duration("at").unwrap_or_default(), t.duration("every").unwrap_or_default()),
        _ => (Duration::ZERO, Duration::ZERO),
    }
}

/// The fault timeline, by time.
pub(super) fn events(checker: &mut Checker, root: &DeTable<'_>, net: &Net) -> Vec<EventPlan> {
    let mut events = Vec::new();
    for table in listed(checker, root, "event") {
        let outer: DeTable<'_> =
            table.raw.iter().filter(|(k, _)| k.get_ref() != "set").map(|(k, v)| (k.clone(), v.clone())).collect();
        let params = checker.table(&table.at, &table.span, &outer, keys::EVENT);
        let at = check::join(&table.at, "set");
        let Some((set_span, set)) = table.raw.get("set").map(|v| (v.span(), v.get_ref().as_table())) else {
            let missing = Diagnostic::error(table.span.clone(), format!("{}: `set` is missing", table.at));
            checker.diagnostics.push(missing.help("say what changes: set = { down = true }"));
            continue;
        };
        let Some(set) = set else {
            let message = format!("{at}: expected a table");
            checker.diagnostics.push(Diagnostic::error(set_span, message).help("write set = { down = true }"));
            continue;
        };
        let (mention, names, keys) = match (params.text("link"), params.text("node")) {
            (Some(_), None) => ("link", &net.link_names, keys::event_link()),
            (None, Some(_)) => ("node", &net.node_names, keys::EVENT_NODE.to_vec()),
            _ => {
                let message = format!("{}: an event changes either a `link` or a `node`", table.at);
                let help = "write link = \"a--b\" or node = \"a\"";
                checker.diagnostics.push(Diagnostic::error(table.span.clone(), message).help(help));
                continue;
            }
        };
        let changes = checker.table(&at, &set_span, set, &keys);
        let found = match names.many(params.text(mention).unwrap_or_default()) {
            Ok((ranks, _)) => ranks,
            Err(error) => {
                unknown(checker, &table.at, params.span(mention), error);
                continue;
            }
        };
        if set.is_empty() {
            checker.diagnostics.push(
                Diagnostic::error(set_span.clone(), format!("{at}: nothing is set"))
                    .help("write set = { down = true }"),
            );
        }
        let written = set.iter().map(|(k, v)| format!("{} = {}", k.get_ref(), written(v.get_ref())));
        let text: Arc<str> = written.collect::<Vec<_>>().join(", ").into();
        for rank in found {
            let change = match mention {
                "link" => Change::Link(rank, Box::new([change(&changes, 0), change(&changes, 1)])),
                _ => Change::Node(rank, changes.bool("crashed").unwrap_or_default()),
            };
            let at = params.duration("at").unwrap_or_default();
            events.push(EventPlan { at, lasts: params.duration("for"), change, text: text.clone() });
        }
    }
    events.sort_by_key(|e| e.at);
    events
}

//! From checked tables to the plan: groups become single nodes, links and flows, names become ranks.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::DeTable;

use super::check::Checker;
use super::diagnostic::Diagnostic;
use super::names::{Names, in_text_order, push_member};
use super::nearest::nearest;
use super::net::{Made, Net, pair, tell, unknown};
use super::plan::{LinkPlan, NodeKind, NodePlan, Plan, PortPlan};
use super::settings::{channels, only, overlay};
use super::tables::{Table, listed, named, single};
use super::text::Source;
use super::transport_keys::{RUDP, TCP};
use super::{addresses, expect, keys, physics, routes, topology, traffic};
use crate::base::schema::{Data, Params, Part};

/// The plan of a file. What could not be read is left out of it; the caller looks at the errors.
pub(super) fn plan(
    checker: &mut Checker,
    root: &DeTable<'_>,
    top: &Params,
    source: &Source,
    roles: &[Part],
) -> Option<Plan> {
    let transports = root.get("transport").and_then(|v| v.get_ref().as_table());
    for name in transports.iter().flat_map(|t| t.keys()).filter(|k| !keys::TRANSPORTS.contains(&k.get_ref().as_ref())) {
        let message = format!("transport: unknown transport `{}`", name.get_ref());
        checker.diagnostics.push(Diagnostic::error(name.span(), message).help("there are tcp and rudp"));
    }
    let tcp = Arc::new(single(checker, root, "transport.tcp", TCP));
    let rudp = Arc::new(single(checker, root, "transport.rudp", RUDP));

    let tables = named(checker, root, "node");
    if tables.is_empty() && checker.diagnostics.is_empty() {
        let nothing = Diagnostic::error(0..1, "the scenario has no nodes");
        checker.diagnostics.push(nothing.help("write [node.NAME] tables, or start from `twinwire new NAME`"));
        return None;
    }
    let (nodes, node_names) = nodes(checker, &tables, roles, &tcp, &rudp);
    let profiles = named(checker, root, "link")
        .into_iter()
        .map(|t| (t.name.to_string(), checker.table(&t.at, &t.span, t.raw, keys::LINK)))
        .collect();
    let (links, link_names) = links(checker, root, &node_names, &profiles);
    let mut net = Net { nodes, node_names, links, link_names };
    attach(&mut net);
    topology::check(checker, &net.nodes, &net.links);
    let subnets = addresses::assign(checker, &mut net.nodes, &net.links);
    routes::fill(&mut net.nodes, &subnets);

    let events = traffic::events(checker, root, &net);
    let flows = traffic::flows(checker, root, &net);
    let expects = expect::all(checker, root, &net, &flows);
    let mut live = BTreeMap::new();
    for table in named(checker, root, "live") {
        if let Err(error) = net.node_names.one(table.name) {
            unknown(checker, "live", table.span.clone(), error);
        }
        live.insert(table.name.to_string(), checker.table(&table.at, &table.span, table.raw, keys::LIVE));
    }
    for (mention, span) in std::mem::take(&mut checker.nodes) {
        if let Err(error) = net.node_names.one(&mention) {
            let (message, help) = error;
            checker.diagnostics.push(Diagnostic::error(span, message).maybe_help(help));
        }
    }
    let sim = single(checker, root, "sim", keys::SIM);
    let plan = Plan {
        title: top.text("title").unwrap_or_default().to_string(),
        seed: top.integer("seed").unwrap_or_default(),
        until: top.duration("until").unwrap_or_default(),
        wire: sim.bool("wire").unwrap_or_default(),
        folder: source.folder(),
        nodes: net.nodes,
        links: net.links,
        events,
        flows,
        expects,
        live,
    };
    // Of a plan with holes they would be misleading.
    if checker.diagnostics.is_empty() {
        checker.diagnostics.extend(physics::warnings(&plan));
    }
    Some(plan)
}

fn kind(role: &str) -> NodeKind {
    match role {
        "switch" => NodeKind::Switch,
        "router" => NodeKind::Router,
        _ => NodeKind::Host,
    }
}

/// The role of a node, if it names one that exists.
fn role<'a>(checker: &mut Checker, table: &'a Table<'_>, roles: &[Part]) -> Option<&'a str> {
    let names = keys::role_names(roles);
    let Some(value) = table.raw.get("role") else {
        let missing = Diagnostic::error(table.span.clone(), format!("{}: `role` is missing", table.at));
        checker.diagnostics.push(missing.help(format!("the roles are {}", names.join(", "))));
        return None;
    };
    let text = value.get_ref().as_str().unwrap_or_default();
    if names.contains(&text) {
        return Some(text);
    }
    let help = match nearest(text, names.iter().copied()) {
        Some(right) => format!("did you mean `{right}`?"),
        None => format!("the roles are {}", names.join(", ")),
    };
    let message = format!("{}: unknown role `{text}`", table.at);
    checker.diagnostics.push(Diagnostic::error(value.span(), message).help(help));
    None
}

fn nodes(
    checker: &mut Checker,
    tables: &[Table<'_>],
    roles: &[Part],
    tcp: &Arc<Params>,
    rudp: &Arc<Params>,
) -> (Vec<NodePlan>, Names) {
    let mut declared = Vec::new();
    for table in tables {
        // With a wrong role the node still has its name and rank, so that mentions of it are not reported too.
        let role = role(checker, table, roles);
        let params = match role {
            Some(role) => checker.table(&table.at, &table.span, table.raw, &keys::node(role, roles)),
            None => Params::default(),
        };
        let role = role.unwrap_or_default();
        let written = || table.raw.get("count")?.get_ref().as_integer()?.as_str().parse().ok();
        let count = params.integer("count").or_else(written).map(|n: u64| n.min(1_000_000) as usize);
        let fixed = match params.get("address").map(|v| &v.data) {
            Some(Data::Address(address)) => Some(*address),
            _ => None,
        };
        if fixed.is_some() && count.is_some_and(|n| n > 1) {
            let message = format!("{}: a group cannot have one address", table.at);
            checker.diagnostics.push(Diagnostic::error(params.span("address"), message).help("leave `address` out"));
        }
        if role == "router" && matches!(params.get("address").map(|v| &v.data), Some(Data::Text(_))) {
            let message = format!("{}: a router has no DHCP client", table.at);
            let help = "give the address that it has in one of its networks, or leave `address` out";
            checker.diagnostics.push(Diagnostic::error(params.span("address"), message).help(help));
        }
        let settings = |base: &Arc<Params>, names| {
            let own = only(&params, names);
            if own.0.is_empty() { base.clone() } else { Arc::new(overlay(&own, base)) }
        };
        let base = NodePlan {
            name: table.name.into(),
            kind: kind(role),
            role: role.into(),
            span: table.span.clone(),
            dhcp: matches!(params.get("address").map(|v| &v.data), Some(Data::Text(_))),
            fixed,
            tcp: settings(tcp, TCP),
            rudp: settings(rudp, RUDP),
            params: Arc::new(params),
            ports: Vec::new(),
            gateway: None,
            routes: Vec::new(),
        };
        declared.push((base, count));
    }
    // As their members will stand.
    declared.sort_by_cached_key(|(base, count)| format!("{}{}", base.name, if count.is_some() { "[" } else { "" }));
    let groups = declared.iter().filter_map(|(base, count)| Some((base.name.to_string(), (*count)?))).collect();
    let mut nodes = Vec::with_capacity(declared.iter().map(|(_, count)| count.unwrap_or(1)).sum());
    let mut text = String::new();
    for (base, count) in declared {
        for index in count.into_iter().flat_map(in_text_order) {
            text.clear();
            push_member(&mut text, &base.name, index);
            nodes.push(NodePlan { name: text.as_str().into(), ..base.clone() });
        }
        if count.is_none() {
            nodes.push(base);
        }
    }
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    let names = nodes.iter().map(|node| node.name.clone()).collect();
    (nodes, Names::new("node", names, groups))
}

fn links(
    checker: &mut Checker,
    root: &DeTable<'_>,
    node_names: &Names,
    profiles: &BTreeMap<String, Params>,
) -> (Vec<LinkPlan>, Names) {
    let (mut made, mut found, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    let mut groups = BTreeMap::new();
    // Names of links that cannot be: they are not to be called unknown too.
    let mut refused: Vec<Arc<str>> = Vec::new();
    let mut text = String::new();
    for table in listed(checker, root, "connect") {
        let params = checker.table(&table.at, &table.span, table.raw, &keys::connect());
        let own = only(&params, keys::LINK);
        let profile = params.text("link").map(|name| (name, profiles.get(name)));
        let settings = match profile {
            Some((_, Some(profile))) => overlay(&own, profile),
            Some((name, None)) => {
                let near = nearest(name, profiles.keys().map(String::as_str));
                let help = near.map_or_else(
                    || format!("write a table [link.{name}], or name one that is there"),
                    |right| format!("did you mean `{right}`?"),
                );
                let message = format!("{}: there is no link profile `{name}`", table.at);
                checker.diagnostics.push(Diagnostic::error(params.span("link"), message).help(help));
                own
            }
            None => own,
        };
        let channels = channels(checker, &table.at, &table.span, &settings);
        let Some(pairs) = pairs(checker, &table.at, &params, node_names) else { continue };
        let (pairs, group) = pairs;
        if let (Some(name), true) = (params.text("name"), group) {
            groups.insert(name.to_string(), pairs.len());
        }
        let span = if params.span("name").is_empty() { params.span("between") } else { params.span("name") };
        made.reserve(pairs.len());
        for i in in_text_order(pairs.len()) {
            let [a, b] = pairs[i];
            text.clear();
            match params.text("name") {
                Some(name) if group => push_member(&mut text, name, i),
                Some(name) => text.push_str(name),
                None => [node_names.name(a), "--", node_names.name(b)].iter().for_each(|part| text.push_str(part)),
            }
            let (name, origin): (Arc<str>, _) = (text.as_str().into(), (tables.len(), i));
            if a == b {
                let message = format!("{}: `{}` is connected to itself", table.at, node_names.name(a));
                found.push((origin, Diagnostic::error(span.clone(), message).help("name two different nodes")));
                refused.extend((group && params.text("name").is_some()).then_some(name));
                continue;
            }
            let link =
                LinkPlan { name, span: table.span.clone(), nodes: [a, b], ports: [0, 0], channels: channels.clone() };
            made.push((link, origin));
        }
        tables.push((table.at, span));
    }
    let links = Made { what: "link", things: made, tables }.sorted(|link| &link.name, &mut found);
    tell(checker, found);
    let mut names: Vec<Arc<str>> = links.iter().map(|link| link.name.clone()).collect();
    if !refused.is_empty() {
        names.extend(refused);
        names.sort();
        names.dedup();
    }
    (links, Names::new("link", names, groups))
}

/// The ends of a `[[connect]]`.
fn pairs(checker: &mut Checker, at: &str, params: &Params, names: &Names) -> Option<(Vec<[usize; 2]>, bool)> {
    let between = params.list("between")?;
    let mut ends = Vec::new();
    for value in between {
        let Data::Text(text) = &value.data else { continue };
        match names.many(text) {
            Ok(ranks) => ends.push(ranks),
            Err(error) => unknown(checker, at, value.span.clone(), error),
        }
    }
    if between.len() != 2 {
        let message = format!("{at}: `between` names {} nodes, not two", between.len());
        let help = "a wire has two ends: write one [[connect]] for each pair, or join several by a switch";
        checker.diagnostics.push(Diagnostic::error(params.span("between"), message).help(help));
        return None;
    }
    let b = ends.pop()?;
    let a = ends.pop()?;
    pair(a, b).map_err(|error| unknown(checker, at, params.span("between"), error)).ok()
}

/// Gives every end of every link a port; ports follow the order of link names.
fn attach(net: &mut Net) {
    // Most nodes have one port, and room for no more.
    let mut counts = vec![0; net.nodes.len()];
    net.links.iter().flat_map(|link| link.nodes).for_each(|node| counts[node] += 1);
    net.nodes.iter_mut().zip(counts).for_each(|(node, count)| node.ports.reserve_exact(count));
    for (rank, link) in net.links.iter_mut().enumerate() {
        for end in 0..2 {
            let Some(node) = net.nodes.get_mut(link.nodes[end]) else { continue };
            link.ports[end] = node.ports.len();
            node.ports.push(PortPlan { link: rank, end, address: None, prefix_len: 0 });
        }
    }
}

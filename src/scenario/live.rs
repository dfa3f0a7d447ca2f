//! From a checked plan to hosts on real sockets, and the medium between them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::diagnostic::Diagnostic;
use super::hosts::{FIRST_BULK_PORT, Hosts};
use super::medium::{Links, Tap};
use super::nearest::nearest;
use super::plan::{Change, NodeKind, NodePlan, Plan};
use crate::base::ids::NodeId;
use crate::base::note::Record;
use crate::base::schema::{Data, Params};
use crate::base::time::Duration;
use crate::base::wall::WallClock;
use crate::live::addresses::{AddressMap, free_place, loopback, unprivileged};
use crate::live::driver::LiveNode;
use crate::live::lease::{self, Leases, Lessee};
use crate::live::medium::Medium;
use crate::node::roles::outside::Outside;
use crate::node::roles::serving::HTTP_PORT;
use crate::proto::dhcp::message::Hardware;
use crate::proto::{dhcp, dns};

/// Names followed from alias to alias at most.
const MAX_ALIASES: usize = 8;

/// How a live run goes about its scenario.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// The nodes that live in this process; empty: all.
    pub nodes: Vec<String>,
    /// Where nodes live, before what the file says.
    pub binds: BTreeMap<String, SocketAddrV4>,
    /// Where nodes lived in the run that is replayed; otherwise they are where they find room.
    pub places: BTreeMap<String, SocketAddrV4>,
    /// Whether leases are put on interfaces, whatever the file says.
    pub apply_leases: bool,
    /// The hardware addresses of the run that is replayed; otherwise the interfaces are asked.
    pub hardware: Option<BTreeMap<String, [u8; 6]>>,
    /// The seed of the hosts' randomness, which strangers must not be able to guess. The links
    /// keep the plan's.
    pub seed: u64,
    /// The time of day when the run's clock stands at zero.
    pub wall: WallClock,
}

/// Hosts, where they are, and what a person should know about it.
pub struct LiveSetup<'s> {
    /// The hosts of this process.
    pub nodes: Vec<LiveNode>,
    /// Everybody's places.
    pub map: AddressMap,
    /// The links between them.
    pub medium: Box<dyn Medium + 's>,
    /// Each host of this process that serves something, and where.
    pub services: Vec<(NodeId, SocketAddrV4)>,
    /// Every node's place.
    pub places: BTreeMap<String, SocketAddrV4>,
    /// The DHCP clients of this process that are on interfaces.
    pub leases: Leases,
    /// Their hardware addresses.
    pub hardware: BTreeMap<String, [u8; 6]>,
    /// What cannot be as the scenario says.
    pub remarks: Vec<String>,
}

/// The port that a role is known by.
fn service_port(role: &str) -> Option<u16> {
    match role {
        "app-store" | "storage" => Some(HTTP_PORT),
        "dns-server" => Some(dns::PORT),
        "dhcp-server" => Some(dhcp::SERVER_PORT),
        _ => None,
    }
}

/// Makes the hosts of a live run. What links note goes through the tap, if there is one.
///
/// # Errors
/// Nodes that do not exist, places that cannot be, and what only a role can see to be wrong.
pub fn live<'s>(
    plan: &Arc<Plan>,
    options: &LiveOptions,
    tap: Option<(&'s mut Tap, Receiver<Record>)>,
) -> Result<LiveSetup<'s>, Vec<Diagnostic>> {
    let mut mistakes = Vec::new();
    let chosen = chosen(plan, options, &mut mistakes);
    let mut places = Places { plan, options, map: AddressMap::default(), services: BTreeMap::new() };
    for node in plan.nodes.iter().filter(|n| n.kind == NodeKind::Host) {
        places.add(node, &mut mistakes);
    }
    let Places { mut map, services, .. } = places;
    let mut hosts = Hosts::new(Arc::new(Plan { seed: options.seed, ..(**plan).clone() }));
    for index in 0..plan.nodes.len() {
        let node = &plan.nodes[index];
        let Some(address) = node.address() else { continue };
        // Flows are received at ports after the first of a node's place.
        for port in hosts.receiving_ports(index).collect::<Vec<_>>() {
            let base = services.get(&*node.name).map_or(port, |place| place.port());
            let port_of = if service_port(&node.role).is_none() && place_of(node, plan, options).is_some() {
                base.saturating_add(port.saturating_sub(FIRST_BULK_PORT))
            } else {
                port
            };
            map.add_service(SocketAddrV4::new(address, port), SocketAddrV4::new(map.real_address(address), port_of));
        }
    }
    hosts.set_outside(outside(plan, &services), map.aliases(), options.wall);
    let hardware = hardware(plan, &chosen, options, &mut mistakes);
    for (node, mac) in &hardware {
        hosts.set_hardware(node, Hardware::ethernet(*mac));
    }
    let mut nodes = Vec::new();
    for &index in &chosen {
        let node = &plan.nodes[index];
        match hosts.role(node) {
            Ok(role) => nodes.push(LiveNode {
                id: NodeId(index as u32),
                name: node.name.clone(),
                host: hosts.host(index, 0, Some(role)).with_kernel_tcp(),
                interface: live_text(plan, node, "interface").map(str::to_owned),
            }),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let place = |index: &usize| Some((NodeId(*index as u32), *services.get(&*plan.nodes[*index].name)?));
    let services_here = chosen.iter().filter_map(place).collect();
    if options.apply_leases && !chosen.iter().any(|index| lessee(plan, options, *index).is_some()) {
        let message = "--apply-lease: no node of this process gets its address on an interface";
        let help = "give one [live.NODE] interface = \"...\" and address = \"dhcp\"";
        return Err(vec![Diagnostic::error(0..0, message).help(help)]);
    }
    let lessees: Vec<Lessee> = chosen.iter().filter_map(|index| lessee(plan, options, *index)).collect();
    let remarks = remarks(plan, &services, &lessees);
    let medium = Box::new(Links::new(plan, tap)?);
    Ok(LiveSetup {
        nodes,
        map,
        medium,
        services: services_here,
        places: services,
        leases: Leases::new(lessees),
        hardware,
        remarks,
    })
}

/// The ranks of the nodes that live in this process.
fn chosen(plan: &Plan, options: &LiveOptions, mistakes: &mut Vec<Diagnostic>) -> Vec<usize> {
    let hosts = || plan.nodes.iter().enumerate().filter(|(_, n)| n.kind == NodeKind::Host);
    let names = || hosts().map(|(_, n)| &*n.name);
    let mentioned = options.nodes.iter().map(|n| ("--node", n)).chain(options.binds.keys().map(|n| ("--bind", n)));
    for (flag, name) in mentioned {
        if !names().any(|n| n == name) {
            let error = match plan.nodes.iter().find(|n| &*n.name == name) {
                Some(node) => {
                    let message = format!("{flag} {name}: a {} has no sockets of its own", node.role);
                    Diagnostic::error(node.span.clone(), message).help("name a host")
                }
                None => {
                    let help = nearest(name, names()).map(|n| format!("did you mean `{n}`?"));
                    let hosts = || format!("the hosts are {}", names().take(20).collect::<Vec<_>>().join(", "));
                    let message = format!("{flag} {name}: the scenario has no node of this name");
                    Diagnostic::error(0..0, message).help(help.unwrap_or_else(hosts))
                }
            };
            mistakes.push(error);
        }
    }
    let here = |n: &NodePlan| options.nodes.is_empty() || options.nodes.iter().any(|name| **name == *n.name);
    hosts().filter(|(_, n)| here(n)).map(|(index, _)| index).collect()
}

fn live_params<'a>(plan: &'a Plan, node: &NodePlan) -> Option<&'a Params> {
    plan.live.get(&*node.name)
}

fn live_text<'a>(plan: &'a Plan, node: &NodePlan, key: &str) -> Option<&'a str> {
    live_params(plan, node)?.text(key)
}

/// Where a node was told to live.
fn place_of(node: &NodePlan, plan: &Plan, options: &LiveOptions) -> Option<SocketAddrV4> {
    let told = options.binds.get(&*node.name).copied();
    told.or_else(|| live_text(plan, node, "bind")?.parse().ok())
}

/// Finds each node's place.
struct Places<'a> {
    plan: &'a Plan,
    options: &'a LiveOptions,
    map: AddressMap,
    services: BTreeMap<String, SocketAddrV4>,
}

impl Places<'_> {
    fn add(&mut self, node: &NodePlan, mistakes: &mut Vec<Diagnostic>) {
        let span = || live_params(self.plan, node).map_or(node.span.clone(), |p| p.span("bind"));
        if let Some(text) = live_text(self.plan, node, "bind")
            && text.parse::<SocketAddrV4>().is_err()
        {
            let message = format!("live.{}.bind: \"{text}\" is not an IPv4 address and a port", node.name);
            mistakes.push(Diagnostic::error(span(), message).help("write it as \"10.9.0.2:8080\""));
            return;
        }
        let told = place_of(node, self.plan, self.options);
        let interface = live_text(self.plan, node, "interface");
        if let Some(interface) = interface
            && !(node.dhcp || &*node.role == "dhcp-server")
        {
            let message = format!("live.{}.interface: only DHCP is bound to an interface", node.name);
            let help = format!("give it the address that {interface} has: bind = \"ADDRESS:PORT\"");
            mistakes.push(Diagnostic::error(span(), message).help(help));
        }
        let applies = live_params(self.plan, node).and_then(|p| p.bool("apply_lease")) == Some(true);
        if applies && !(node.dhcp && interface.is_some()) {
            let span = live_params(self.plan, node).map_or(node.span.clone(), |p| p.span("apply_lease"));
            let message = format!("live.{}.apply_lease: there is no lease to put on an interface", node.name);
            let help = "it takes a node with address = \"dhcp\", and an interface beside this key";
            mistakes.push(Diagnostic::error(span, message).help(help));
        }
        let Some(address) = node.address() else { return };
        let port = service_port(&node.role);
        let place = match (told, interface) {
            (Some(told), _) => {
                self.map.add_bound(address, *told.ip());
                told
            }
            // The interface has the address itself.
            (None, Some(_)) => {
                self.map.add_bound(address, address);
                SocketAddrV4::new(address, port.unwrap_or(0))
            }
            (None, None) => {
                if let Err(taken) = self.map.add_loopback(&node.name, address) {
                    let help = format!("write [live.{}] bind = \"ADDRESS:PORT\"", node.name);
                    mistakes.push(Diagnostic::error(node.span.clone(), taken.to_string()).help(help));
                }
                let usual = SocketAddrV4::new(loopback(address), port.map_or(0, unprivileged));
                // Processes must agree on a place; one alone may take any.
                match self.options.places.get(&*node.name) {
                    Some(place) => *place,
                    None if self.options.nodes.is_empty() && port.is_some() => free_place(usual),
                    None => usual,
                }
            }
        };
        if let Some((name, _)) = self.services.iter().find(|(_, other)| place.port() != 0 && **other == place) {
            let message = format!("{} and {name} would both be at {place}", node.name);
            mistakes.push(Diagnostic::error(span(), message).help("give one of them another port"));
        }
        self.services.insert(node.name.to_string(), place);
        if let Some(port) = port {
            self.map.add_service(SocketAddrV4::new(address, port), place);
        }
        if let (None, Some((first, last))) = (interface, node.params.address_range("pool")) {
            self.map.add_pool(first, last);
        }
    }
}

/// The client that a node is, if it is one on an interface.
fn lessee(plan: &Plan, options: &LiveOptions, index: usize) -> Option<Lessee> {
    let node = &plan.nodes[index];
    let interface = live_text(plan, node, "interface").filter(|_| node.dhcp)?.to_owned();
    let apply = options.apply_leases || live_params(plan, node).and_then(|p| p.bool("apply_lease")) == Some(true);
    Some(Lessee { node: NodeId(index as u32), name: node.name.to_string(), interface, apply })
}

/// The hardware addresses of DHCP clients on interfaces: a server may go by them, and two machines of one
/// network must not have the same.
fn hardware(
    plan: &Plan,
    chosen: &[usize],
    options: &LiveOptions,
    mistakes: &mut Vec<Diagnostic>,
) -> BTreeMap<String, [u8; 6]> {
    if let Some(recorded) = &options.hardware {
        return recorded.clone();
    }
    let mut found = BTreeMap::new();
    for node in chosen.iter().map(|index| &plan.nodes[*index]) {
        let Some(interface) = live_text(plan, node, "interface") else { continue };
        match lease::hardware(interface) {
            Ok(mac) if node.dhcp => {
                found.insert(node.name.to_string(), mac);
            }
            Ok(_) => {}
            Err(error) => {
                let span = live_params(plan, node).map_or(node.span.clone(), |p| p.span("interface"));
                let message = format!("live.{}.interface: cannot use \"{interface}\": {error}", node.name);
                let help = format!("this machine has {}", lease::interfaces().join(", "));
                mistakes.push(Diagnostic::error(span, message).help(help));
            }
        }
    }
    found
}

/// What strangers are told.
fn outside(plan: &Plan, services: &BTreeMap<String, SocketAddrV4>) -> Outside {
    let mut hosts = BTreeMap::new();
    let served = || plan.nodes.iter().filter(|n| service_port(&n.role) == Some(HTTP_PORT));
    let at_address = |address: Ipv4Addr| served().find(|n| n.address() == Some(address));
    for node in served() {
        if let (Some(address), Some(place)) = (node.address(), services.get(&*node.name)) {
            hosts.insert(address.to_string(), *place);
        }
    }
    for zone in plan.nodes.iter().filter(|n| &*n.role == "dns-server").filter_map(|n| n.params.table("zone")) {
        let bare = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        let lookup = |name: &str| zone.0.iter().find(|(other, _)| bare(other) == bare(name)).map(|(_, v)| &v.data);
        for name in zone.0.keys() {
            let mut target = lookup(name);
            for _ in 0..MAX_ALIASES {
                match target {
                    Some(Data::Text(alias)) => target = lookup(alias),
                    _ => break,
                }
            }
            let node = match target {
                Some(Data::Node(node)) => Some(node.as_str()),
                Some(Data::Address(address)) => at_address(*address).map(|n| &*n.name),
                _ => None,
            };
            let serves = |node: &&str| served().any(|n| &*n.name == *node);
            if let Some(place) = node.filter(serves).and_then(|node| services.get(node)) {
                hosts.insert(bare(name), *place);
            }
        }
    }
    Outside { nodes: services.clone(), hosts }
}

/// What is not as the scenario says.
fn remarks(plan: &Plan, services: &BTreeMap<String, SocketAddrV4>, lessees: &[Lessee]) -> Vec<String> {
    let mut remarks = Vec::new();
    let impaired = plan.links.iter().flat_map(|l| &l.channels).any(|c| {
        c.rate.is_some() || c.delay.base > Duration::ZERO || c.delay.jitter > Duration::ZERO || c.loss.0 != "none"
    });
    if impaired {
        remarks.push(
            "links apply to datagrams between the scenario's nodes (RUDP, DNS, requests of DHCP); not to the system's \
             TCP, nor to strangers"
                .to_owned(),
        );
    }
    if plan.events.iter().any(|e| matches!(e.change, Change::Node(..))) {
        remarks.push("crashes of nodes are not played in a live run".to_owned());
    }
    for Lessee { name, interface, .. } in lessees.iter().filter(|l| !l.apply) {
        remarks.push(format!("the lease of {name} is printed, not put on {interface}: --apply-lease does that"));
    }
    let local = |place: &SocketAddrV4| place.ip().is_loopback();
    let far = services.values().any(|place| !local(place));
    for (name, place) in services.iter().filter(|(_, place)| far && local(place)) {
        remarks.push(format!("{name} is at {place}, which only this machine can reach; --bind gives it another place"));
    }
    remarks
}

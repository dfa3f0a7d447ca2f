//! From a checked plan to a network that can run.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::plan::{Amount, Change as PlannedChange, ChannelChange, ChannelPlan, DelayPlan, NodeKind, NodePlan, Plan};
use crate::base::ids::{ChannelId, NodeId, PortId, TransportKind};
use crate::base::note::Sink;
use crate::base::rng::Seed;
use crate::base::schema::{Data, Params};
use crate::base::time::{Duration, Instant};
use crate::base::wall::WallClock;
use crate::node::addressing::Addressing;
use crate::node::app::App;
use crate::node::bulk::{BulkFlow, BulkSender, BulkSink};
use crate::node::host::{Host, HostSetup, Settings};
use crate::node::roles::ROLES;
use crate::node::roles::dhcp_client::{DhcpClientApp, hardware_of};
use crate::node::roles::outside::Outside;
use crate::node::roles::role::RoleEnv;
use crate::node::roles::shelf_page::Shelves;
use crate::node::router::Router;
use crate::node::routes::Route;
use crate::node::switch::Switch;
use crate::proto::dhcp::message::Hardware;
use crate::sim::channel::ChannelSetup;
use crate::sim::delay::{DelaySettings, Distribution};
use crate::sim::fault::{Change, Fault};
use crate::sim::loss::LOSS_MODELS;
use crate::sim::loss::model::LossModel;
use crate::sim::network::{Network, NodeFactory};
use crate::sim::queue::QUEUES;
use crate::sim::queue::discipline::{Queue, QueueEnv};
use crate::transport::rudp::RudpConfig;
use crate::transport::tcp::TcpConfig;

/// Where bulk flows are received: this port and those after it.
pub(super) const FIRST_BULK_PORT: u16 = 5001;

/// The names of all places of a run, in their order: nodes, then `link/forward` and
/// `link/reverse` of each link. The second figure counts the nodes.
pub fn place_names(plan: &Plan) -> (Vec<String>, u32) {
    let nodes = plan.nodes.iter().map(|n| n.name.to_string());
    let links = plan.links.iter().flat_map(|l| [format!("{}/forward", l.name), format!("{}/reverse", l.name)]);
    (nodes.chain(links).collect(), plan.nodes.len() as u32)
}

/// Makes the network of a plan.
///
/// # Errors
/// What only a role can see to be wrong, such as a file that is not there.
pub fn build<S: Sink>(plan: &Arc<Plan>, sink: S) -> Result<Network<S>, Vec<Diagnostic>> {
    build_with(plan, sink, &|_| None)
}

/// The same with other nodes in the place of some, by rank.
pub(super) fn build_with<S: Sink>(
    plan: &Arc<Plan>,
    sink: S,
    other: &dyn Fn(usize) -> Option<NodeFactory>,
) -> Result<Network<S>, Vec<Diagnostic>> {
    let shared = Rc::new(Shared::new(plan.clone()));
    let mut network = Network::new(sink);
    let mut mistakes = Vec::new();
    for index in 0..plan.nodes.len() {
        match other(index).map_or_else(|| shared.node_factory(index), Ok) {
            Ok(factory) => {
                network.add_node(factory);
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    for link in &plan.links {
        let [a, b] = link.nodes.map(|n| NodeId(n as u32));
        let setup = |way: usize| channel_setup(&link.channels[way], &stream_name(&link.name, way), Seed(plan.seed));
        network.add_link(a, b, setup(0), setup(1));
    }
    network.set_wire(plan.wire);
    network.set_faults(faults(plan));
    Ok(network)
}

fn stream_name(link: &str, way: usize) -> String {
    format!("link/{link}/{}", ["forward", "reverse"][way])
}

fn channel_setup(plan: &ChannelPlan, name: &str, seed: Seed) -> ChannelSetup {
    ChannelSetup {
        rate: plan.rate,
        delay: delay_settings(&plan.delay),
        queue: queue(&plan.queue, plan),
        loss: loss(&plan.loss, name, seed),
        jitter: seed.stream(&format!("{name}/jitter")),
    }
}

fn delay_settings(plan: &DelayPlan) -> DelaySettings {
    let distribution = if plan.distribution == "normal" { Distribution::Normal } else { Distribution::Uniform };
    DelaySettings { base: plan.base, jitter: plan.jitter, distribution, reorder: plan.reorder }
}

fn queue((name, params): &(String, Params), channel: &ChannelPlan) -> Box<dyn Queue> {
    let entry = QUEUES.find(name).expect("the checker knows every queue");
    (entry.build)(params, &QueueEnv { rate: channel.rate, delay: channel.delay.base })
}

fn loss((name, params): &(String, Params), stream: &str, seed: Seed) -> Option<Box<dyn LossModel>> {
    let entry = LOSS_MODELS.find(name).expect("the checker knows every loss model");
    (name != "none").then(|| (entry.build)(params, seed.stream(&format!("{stream}/loss"))))
}

/// What the makers of nodes share.
pub(super) struct Shared {
    plan: Arc<Plan>,
    names: Arc<BTreeMap<Ipv4Addr, Arc<str>>>,
    aliases: Arc<BTreeMap<SocketAddrV4, SocketAddrV4>>,
    outside: Arc<Outside>,
    shelves: Arc<Shelves>,
    wall: WallClock,
    /// Hardware addresses that do not follow from names.
    hardware: BTreeMap<String, Hardware>,
    addresses: Arc<BTreeMap<String, Ipv4Addr>>,
    dns: Vec<Ipv4Addr>,
    // Each flow's port at its receiver.
    flow_ports: Vec<u16>,
    // The flows that begin and end at each node.
    sends: Vec<Vec<usize>>,
    receives: Vec<Vec<usize>>,
    // The newest settings made: those of the next node are mostly the same.
    last_tcp: RefCell<Arc<TcpConfig>>,
    last_rudp: RefCell<Arc<RudpConfig>>,
}

/// What storage nodes keep; of a real file that is not on this machine, the length is not known.
fn shelves(plan: &Plan) -> Shelves {
    let length = |data: &Data| match data {
        Data::Size(size) => Some(size.0),
        Data::Table(table) => std::fs::metadata(plan.folder.join(table.text("path")?)).ok().map(|about| about.len()),
        _ => None,
    };
    let files = |node: &NodePlan| {
        let table = node.params.table("files").into_iter().flat_map(|t| &t.0);
        table.map(|(name, value)| (name.trim_start_matches('/').to_owned(), length(&value.data))).collect()
    };
    let storage = plan.nodes.iter().filter(|node| node.role == "storage");
    storage.map(|node| (node.name.to_string(), files(node))).collect()
}

/// The last settings, if the new ones are no different: thousands of hosts have the same.
fn shared<T: PartialEq>(last: &RefCell<Arc<T>>, new: T) -> Arc<T> {
    let mut last = last.borrow_mut();
    if **last != new {
        *last = Arc::new(new);
    }
    last.clone()
}

impl Shared {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        let addressed = || plan.nodes.iter().filter_map(|n| Some((n, n.address()?)));
        let names = addressed().map(|(n, address)| (address, n.name.clone())).collect();
        let addresses = addressed().map(|(n, address)| (n.name.to_string(), address)).collect();
        let dns = addressed().filter(|(n, _)| n.role == "dns-server").map(|(_, address)| address).collect();
        let mut sends = vec![Vec::new(); plan.nodes.len()];
        let mut receives = sends.clone();
        let mut flow_ports = Vec::new();
        for (index, flow) in plan.flows.iter().enumerate() {
            flow_ports.push(FIRST_BULK_PORT + receives[flow.to].len() as u16);
            sends[flow.from].push(index);
            receives[flow.to].push(index);
        }
        let (names, addresses) = (Arc::new(names), Arc::new(addresses));
        let (aliases, outside, shelves) = (Arc::default(), Arc::default(), Arc::new(shelves(&plan)));
        let wall = WallClock::SIMULATED;
        let (hardware, last_tcp, last_rudp) = Default::default();
        Shared {
            names,
            aliases,
            outside,
            shelves,
            wall,
            hardware,
            addresses,
            dns,
            flow_ports,
            sends,
            receives,
            last_tcp,
            last_rudp,
            plan,
        }
    }

    fn node_factory(self: &Rc<Self>, index: usize) -> Result<NodeFactory, Diagnostic> {
        let node = &self.plan.nodes[index];
        match node.kind {
            NodeKind::Switch => {
                let ports = node.ports.len() as u32;
                Ok(Box::new(move |_| Box::new(Switch::new(ports))))
            }
            NodeKind::Router => {
                let addresses: Vec<_> = node.ports.iter().map(|p| p.address.unwrap_or(Ipv4Addr::UNSPECIFIED)).collect();
                let routes: Vec<Route> = node
                    .routes
                    .iter()
                    .map(|r| Route {
                        prefix: r.prefix,
                        prefix_len: r.len,
                        port: PortId(r.port as u32),
                        via: r.next_hop,
                    })
                    .collect();
                Ok(Box::new(move |_| Box::new(Router::new(addresses.clone(), routes.clone()))))
            }
            NodeKind::Host => {
                // The role is made now, so that its mistakes are seen before the run; a later life
                // makes it anew.
                let first = RefCell::new(Some(self.role(node)?));
                let shared = self.clone();
                Ok(Box::new(move |lives| {
                    let role = first.borrow_mut().take().map_or_else(|| shared.role(&shared.plan.nodes[index]), Ok);
                    Box::new(shared.host(index, lives, role.ok()))
                }))
            }
        }
    }

    /// Tells hosts where they are in the real world.
    pub(super) fn set_outside(
        &mut self,
        outside: Outside,
        aliases: BTreeMap<SocketAddrV4, SocketAddrV4>,
        wall: WallClock,
    ) {
        (self.outside, self.aliases, self.wall) = (Arc::new(outside), Arc::new(aliases), wall);
    }

    /// Tells a DHCP client its hardware address.
    pub(super) fn set_hardware(&mut self, node: &str, hardware: Hardware) {
        self.hardware.insert(node.to_owned(), hardware);
    }

    /// The ports at which a node receives flows.
    pub(super) fn receiving_ports(&self, index: usize) -> impl Iterator<Item = u16> + '_ {
        self.receives[index].iter().map(|f| self.flow_ports[*f])
    }

    pub(super) fn role(&self, node: &NodePlan) -> Result<Box<dyn App>, Diagnostic> {
        let entry = ROLES.find(&node.role).expect("the checker knows every role");
        let env = RoleEnv {
            node: node.name.clone(),
            address: node.address(),
            prefix_len: node.ports.first().map_or(24, |p| p.prefix_len),
            gateway: node.gateway,
            dns: self.dns.clone(),
            addresses: self.addresses.clone(),
            outside: self.outside.clone(),
            shelves: self.shelves.clone(),
            folder: self.plan.folder.clone(),
            seed: Seed(self.plan.seed),
            wall: self.wall,
        };
        (entry.build)(&node.params, &env).map_err(|mistake| {
            let span = node.params.get(mistake.key).map_or(node.span.clone(), |v| v.span.clone());
            let diagnostic = Diagnostic::error(span, mistake.message);
            match mistake.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            }
        })
    }

    pub(super) fn host(&self, index: usize, lives: u32, role: Option<Box<dyn App>>) -> Host {
        let node = &self.plan.nodes[index];
        let tcp = |params: &Params| shared(&self.last_tcp, TcpConfig::from_params(params));
        let rudp = |params: &Params| shared(&self.last_rudp, RudpConfig::from_params(params));
        let mut settings = vec![Settings { tcp: tcp(&node.tcp), rudp: rudp(&node.rudp) }];
        let mut apps: Vec<Box<dyn App>> = Vec::new();
        let seed = Seed(self.plan.seed);
        if node.dhcp {
            let rng = seed.stream(&format!("node/{}/dhcp/{lives}", node.name));
            let hardware = self.hardware.get(&*node.name).copied().unwrap_or_else(|| hardware_of(&node.name));
            apps.push(Box::new(DhcpClientApp::new(rng, hardware)));
        }
        apps.extend(role);
        let mut add = |transport, params: &Params| {
            let mut own = settings[0].clone();
            match transport {
                TransportKind::Tcp => own.tcp = tcp(params),
                TransportKind::Rudp => own.rudp = rudp(params),
            }
            settings.push(own);
            settings.len() as u32 - 1
        };
        for &f in &self.sends[index] {
            let flow = &self.plan.flows[f];
            let Some(to) = self.plan.nodes[flow.to].address() else { continue };
            let (size, lasting) = match flow.amount {
                Amount::Bytes(size) => (Some(size.0), None),
                Amount::For(time) => (None, Some(time)),
            };
            apps.push(Box::new(BulkSender::new(BulkFlow {
                name: flow.name.clone(),
                transport: flow.transport,
                remote: SocketAddrV4::new(to, self.flow_ports[f]),
                size,
                lasting,
                start: Instant::ZERO + flow.start,
                settings: Some(add(flow.transport, &flow.sender)),
            })));
        }
        for &f in &self.receives[index] {
            let flow = &self.plan.flows[f];
            let number = add(flow.transport, &flow.receiver);
            apps.push(Box::new(BulkSink::new(flow.transport, self.flow_ports[f], number)));
        }
        let setup = HostSetup {
            name: node.name.clone(),
            addressing: node.address().map(|address| Addressing {
                address,
                prefix_len: node.ports[0].prefix_len,
                gateway: node.gateway,
                dns: self.dns.clone(),
            }),
            settings: settings.into(),
            names: self.names.clone(),
            aliases: self.aliases.clone(),
            seed,
            lives,
        };
        Host::new(setup, apps)
    }
}

/// The fault timeline: each event's beginning and, if it ends, its end.
fn faults(plan: &Plan) -> Vec<Fault> {
    let mut faults = Vec::new();
    for event in &plan.events {
        let at = Instant::ZERO + event.at;
        let mut add = |at, ends, changes: Vec<Change>| {
            faults.extend(changes.into_iter().map(|change| Fault { at, what: event.text.clone(), ends, change }));
        };
        let end = event.lasts.map(|time: Duration| at + time);
        match &event.change {
            PlannedChange::Node(node, crashed) => {
                add(at, false, vec![Change::Crashed(NodeId(*node as u32), *crashed)]);
                if let Some(end) = end {
                    add(end, true, vec![Change::Crashed(NodeId(*node as u32), !crashed)]);
                }
            }
            PlannedChange::Link(link, ways) => {
                for way in 0..2 {
                    let link_plan = &plan.links[*link];
                    let base = &link_plan.channels[way];
                    let id = ChannelId((2 * link + way) as u32);
                    let stream = stream_name(&link_plan.name, way);
                    add(at, false, changes(id, &ways[way], base, &stream, plan.seed));
                    if let Some(end) = end {
                        add(end, true, changes(id, &taken_back(&ways[way], base), base, &stream, plan.seed));
                    }
                }
            }
        }
    }
    faults
}

/// The change that restores what `change` changed.
fn taken_back(change: &ChannelChange, base: &ChannelPlan) -> ChannelChange {
    ChannelChange {
        rate: change.rate.and(base.rate),
        delay: change.delay.as_ref().map(|_| base.delay.clone()),
        loss: change.loss.as_ref().map(|_| base.loss.clone()),
        queue: change.queue.as_ref().map(|_| base.queue.clone()),
        down: change.down.map(|down| !down),
    }
}

fn changes(id: ChannelId, change: &ChannelChange, base: &ChannelPlan, stream: &str, seed: u64) -> Vec<Change> {
    let rate = change.rate.map(|rate| Change::Rate(id, Some(rate)));
    let delay = change.delay.as_ref().map(|delay| Change::Delay(id, delay_settings(delay)));
    let loss = change.loss.as_ref().map(|l| Change::Loss(id, loss(l, &format!("{stream}/event"), Seed(seed))));
    let queue = change.queue.as_ref().map(|q| Change::Queue(id, queue(q, base)));
    let down = change.down.map(|down| Change::Down(id, down));
    [rate, delay, loss, queue, down].into_iter().flatten().collect()
}

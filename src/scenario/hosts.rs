//! From the plan of a host to the host: its settings, its role, the ends of its flows.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::lists::Lists;
use super::plan::{Amount, NodePlan, Plan};
use crate::base::ids::TransportKind;
use crate::base::rng::Seed;
use crate::base::schema::{Data, Params};
use crate::base::time::Instant;
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
use crate::proto::dhcp::message::Hardware;
use crate::transport::rudp::RudpConfig;
use crate::transport::tcp::TcpConfig;

/// Where bulk flows are received: this port and those after it.
pub(super) const FIRST_BULK_PORT: u16 = 5001;

/// The tables for TCP and RUDP, by their places in memory.
type Tables = (usize, usize);

/// What the makers of hosts share.
pub(super) struct Hosts {
    pub(super) plan: Arc<Plan>,
    names: Arc<BTreeMap<Ipv4Addr, Arc<str>>>,
    aliases: Arc<BTreeMap<SocketAddrV4, SocketAddrV4>>,
    outside: Arc<Outside>,
    shelves: Arc<Shelves>,
    wall: WallClock,
    /// Hardware addresses that do not follow from names.
    hardware: BTreeMap<String, Hardware>,
    addresses: Arc<BTreeMap<Arc<str>, Ipv4Addr>>,
    dns: Arc<Vec<Ipv4Addr>>,
    folder: Arc<Path>,
    // Each flow's port at its receiver.
    flow_ports: Vec<u16>,
    // The flows that begin and end at each node.
    sends: Lists<u32>,
    receives: Lists<u32>,
    tcp: RefCell<Settled<TcpConfig>>,
    rudp: RefCell<Settled<RudpConfig>>,
    // Hosts without settings of their own share a list.
    plain: RefCell<BTreeMap<Tables, Arc<[Settings]>>>,
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
    let storage = plan.nodes.iter().filter(|node| &*node.role == "storage");
    storage.map(|node| (node.name.to_string(), files(node))).collect()
}

/// Settings by the tables that they were read from. The plan shares a table between all that it
/// holds for, so that ten thousand hosts read theirs once.
struct Settled<T> {
    read: fn(&Params) -> T,
    known: BTreeMap<usize, Arc<T>>,
    last: Arc<T>,
}

impl<T: Default + PartialEq> Settled<T> {
    fn new(read: fn(&Params) -> T) -> RefCell<Self> {
        RefCell::new(Settled { read, known: BTreeMap::new(), last: Arc::default() })
    }

    /// The settings of a table, which the plan keeps: its place in memory is its name.
    fn of(&mut self, table: &Arc<Params>) -> Arc<T> {
        if let Some(known) = self.known.get(&place(table)) {
            return known.clone();
        }
        // Different tables mostly say the same.
        let new = (self.read)(table);
        if *self.last != new {
            self.last = Arc::new(new);
        }
        self.known.insert(place(table), self.last.clone());
        self.last.clone()
    }
}

fn place(table: &Arc<Params>) -> usize {
    Arc::as_ptr(table).addr()
}

impl Hosts {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        let addressed = || plan.nodes.iter().filter_map(|n| Some((n, n.address()?)));
        let names = addressed().map(|(n, address)| (address, n.name.clone())).collect();
        let addresses = addressed().map(|(n, address)| (n.name.clone(), address)).collect();
        let dns = addressed().filter(|(n, _)| &*n.role == "dns-server").map(|(_, address)| address).collect::<Vec<_>>();
        let flows = || (0..).zip(&plan.flows);
        let sends = Lists::new(plan.nodes.len(), flows().map(|(index, flow)| (flow.from, index)));
        let receives = Lists::new(plan.nodes.len(), flows().map(|(index, flow)| (flow.to, index)));
        let mut next_ports = vec![FIRST_BULK_PORT; plan.nodes.len()];
        let flow_ports = plan.flows.iter().map(|flow| {
            let next = &mut next_ports[flow.to];
            let port = *next;
            *next = next.wrapping_add(1);
            port
        });
        Hosts {
            names: Arc::new(names),
            aliases: Arc::default(),
            outside: Arc::default(),
            shelves: Arc::new(shelves(&plan)),
            wall: WallClock::SIMULATED,
            hardware: BTreeMap::new(),
            addresses: Arc::new(addresses),
            dns: dns.into(),
            folder: plan.folder.as_path().into(),
            flow_ports: flow_ports.collect(),
            sends,
            receives,
            tcp: Settled::new(TcpConfig::from_params),
            rudp: Settled::new(RudpConfig::from_params),
            plain: RefCell::default(),
            plan,
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
        self.receives.of(index).iter().map(|f| self.flow_ports[*f as usize])
    }

    pub(super) fn role(&self, node: &NodePlan) -> Result<Box<dyn App>, Diagnostic> {
        let entry = ROLES.find(&node.role).expect("the checker knows every role");
        let env = RoleEnv {
            node: node.name.clone(),
            address: node.address(),
            prefix_len: node.ports.first().map_or(24, |p| p.prefix_len),
            gateway: node.gateway,
            dns: self.dns.to_vec(),
            addresses: self.addresses.clone(),
            outside: self.outside.clone(),
            shelves: self.shelves.clone(),
            folder: self.folder.clone(),
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
        let (sends, receives) = (self.sends.of(index), self.receives.of(index));
        let mut apps: Vec<Box<dyn App>> =
            Vec::with_capacity(usize::from(node.dhcp) + usize::from(role.is_some()) + sends.len() + receives.len());
        let seed = Seed(self.plan.seed);
        if node.dhcp {
            let rng = seed.stream(&format!("node/{}/dhcp/{lives}", node.name));
            let hardware = self.hardware.get(&*node.name).copied().unwrap_or_else(|| hardware_of(&node.name));
            apps.push(Box::new(DhcpClientApp::new(rng, hardware)));
        }
        apps.extend(role);
        let plain = self.plain_settings(node);
        // Settings that flows brought, numbered from 1.
        let mut brought = Vec::new();
        let mut number = |transport, table: &Arc<Params>| {
            let own = match transport {
                TransportKind::Tcp if !Arc::ptr_eq(table, &node.tcp) => {
                    Settings { tcp: self.tcp.borrow_mut().of(table), ..plain[0].clone() }
                }
                TransportKind::Rudp if !Arc::ptr_eq(table, &node.rudp) => {
                    Settings { rudp: self.rudp.borrow_mut().of(table), ..plain[0].clone() }
                }
                TransportKind::Tcp | TransportKind::Rudp => return 0,
            };
            brought.push(own);
            brought.len() as u32
        };
        for &f in sends {
            let (flow, port) = (&self.plan.flows[f as usize], self.flow_ports[f as usize]);
            let Some(to) = self.plan.nodes[flow.to].address() else { continue };
            let (size, lasting) = match flow.amount {
                Amount::Bytes(size) => (Some(size.0), None),
                Amount::For(time) => (None, Some(time)),
            };
            apps.push(Box::new(BulkSender::new(BulkFlow {
                name: flow.name.clone(),
                transport: flow.transport,
                remote: SocketAddrV4::new(to, port),
                size,
                lasting,
                start: Instant::ZERO + flow.start,
                settings: Some(number(flow.transport, &flow.sender)),
            })));
        }
        for &f in receives {
            let (flow, port) = (&self.plan.flows[f as usize], self.flow_ports[f as usize]);
            apps.push(Box::new(BulkSink::new(flow.transport, port, number(flow.transport, &flow.receiver))));
        }
        let setup = HostSetup {
            name: node.name.clone(),
            addressing: node.address().map(|address| Addressing {
                address,
                prefix_len: node.ports[0].prefix_len,
                gateway: node.gateway,
                dns: Arc::clone(&self.dns),
            }),
            settings: if brought.is_empty() { plain } else { plain.iter().cloned().chain(brought).collect() },
            names: self.names.clone(),
            aliases: self.aliases.clone(),
            seed,
            lives,
        };
        Host::new(setup, apps)
    }

    /// The settings of a node, the only ones of most hosts.
    fn plain_settings(&self, node: &NodePlan) -> Arc<[Settings]> {
        let mut plain = self.plain.borrow_mut();
        let list = plain.entry((place(&node.tcp), place(&node.rudp))).or_insert_with(|| {
            Arc::new([Settings {
                tcp: self.tcp.borrow_mut().of(&node.tcp),
                rudp: self.rudp.borrow_mut().of(&node.rudp),
            }])
        });
        list.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load::load;
    use crate::scenario::text::Source;

    #[test]
    fn hosts_that_share_a_table_share_its_settings() {
        let text = r#"
            schema = 1
            [transport.tcp]
            sack = false
            [node.a]
            role  = "host"
            count = 3
            [node.b]
            role  = "host"
            count = 3
            mss   = "500 B"
            [[connect]]
            between = ["a[*]", "b[*]"]
            [[flow]]
            from = "a[*]"
            to   = "b[*]"
            size = "1 kB"
            nagle = false
        "#;
        let loaded = load(&Source::new("test.toml", text), &[]);
        let plan = Arc::new(loaded.plan.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)));
        let hosts = Hosts::new(plan.clone());
        let plain = |node: usize| hosts.plain_settings(&plan.nodes[node]);
        assert!(Arc::ptr_eq(&plain(0), &plain(2)) && Arc::ptr_eq(&plain(3), &plain(5)));
        assert_eq!([&plain(0)[0].tcp, &plain(3)[0].tcp].map(|tcp| (tcp.mss, tcp.sack)), [(1448, false), (500, false)]);
        assert!(Arc::ptr_eq(&plain(0)[0].rudp, &plain(3)[0].rudp));
        let sender = |flow: usize| hosts.tcp.borrow_mut().of(&plan.flows[flow].sender);
        assert!(Arc::ptr_eq(&sender(0), &sender(2)) && !sender(0).nagle && sender(0).mss == 1448);
        // The transport's table, the group's, and the flows' at either end.
        (0..3).for_each(|flow| _ = hosts.tcp.borrow_mut().of(&plan.flows[flow].receiver));
        assert_eq!(hosts.tcp.borrow().known.len(), 4);
    }
}

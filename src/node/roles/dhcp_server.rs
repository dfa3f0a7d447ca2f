//! The `dhcp-server` role. In a simulated run a crash takes its leases along; in the real world a lease
//! file keeps them.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::dhcp_client::hardware_of;
use super::lease_file::LeaseFile;
use super::role::{RoleEntry, RoleEnv, RoleError};
use crate::base::note::Note;
use crate::base::schema::{Data, Key, Kind, Need, Params};
use crate::base::time::{Duration, Instant};
use crate::node::app::{App, HostEvent};
use crate::node::host::HostCtx;
use crate::node::node::Status;
use crate::proto::dhcp::message::{Destination, DhcpMessage, Hardware};
use crate::proto::dhcp::server::{DhcpServer, MIN_LEASE, ServerConfig, Subnet};
use crate::proto::dhcp::{CLIENT_PORT, SERVER_PORT};

/// The registry's line.
pub const DHCP_SERVER: RoleEntry = RoleEntry {
    name: "dhcp-server",
    about: "hands out addresses of a pool (RFC 2131)",
    keys: &[
        Key {
            name: "pool",
            kind: Kind::AddressRange,
            need: Need::Required,
            about: "first and last address to hand out",
        },
        Key {
            name: "lease",
            kind: Kind::Duration,
            need: Need::Default("1 h"),
            about: "how long a client may keep one",
        },
        Key {
            name: "router",
            kind: Kind::NodeAddress,
            need: Need::Optional,
            about: "the router to announce; left out: that of its own network",
        },
        Key {
            name: "dns",
            kind: Kind::NodeAddress,
            need: Need::Optional,
            about: "the DNS server to announce; left out: those of the scenario",
        },
        Key { name: "domain", kind: Kind::Text, need: Need::Optional, about: "the domain name to announce" },
        Key {
            name: "min_lease",
            kind: Kind::Duration,
            need: Need::Optional,
            about: "the shortest lease that a client can ask for; left out: 60 s, or `lease` if that is less",
        },
        Key {
            name: "max_lease",
            kind: Kind::Duration,
            need: Need::Optional,
            about: "the longest lease that a client can ask for; left out: `lease`",
        },
        Key {
            name: "rapid_commit",
            kind: Kind::Bool,
            need: Need::Default("false"),
            about: "grant in two messages to clients that ask for it (RFC 4039)",
        },
        Key {
            name: "reserve",
            kind: Kind::List(&Kind::Table(&[
                Key { name: "node", kind: Kind::Node, need: Need::Optional, about: "whose address it is" },
                Key {
                    name: "mac",
                    kind: Kind::Text,
                    need: Need::Optional,
                    about: "or its hardware address, as 02:00:00:00:00:01",
                },
                Key { name: "address", kind: Kind::Address, need: Need::Required, about: "the address" },
            ])),
            need: Need::Optional,
            about: "addresses that belong to one client for ever",
        },
        Key {
            name: "relayed",
            kind: Kind::List(&Kind::Table(&[
                Key {
                    name: "relay",
                    kind: Kind::Address,
                    need: Need::Required,
                    about: "the relay agent's address in that network",
                },
                Key {
                    name: "prefix_len",
                    kind: Kind::Integer(1, 30),
                    need: Need::Default("24"),
                    about: "length of that network's prefix",
                },
                Key {
                    name: "pool",
                    kind: Kind::AddressRange,
                    need: Need::Required,
                    about: "first and last address to hand out there",
                },
            ])),
            need: Need::Optional,
            about: "further networks, reached through relay agents; the relay is announced as their router",
        },
        Key {
            name: "lease_file",
            kind: Kind::Text,
            need: Need::Optional,
            about: "where a live server keeps its leases; a simulated run begins without any and writes none",
        },
    ],
    build,
};

fn build(params: &Params, env: &RoleEnv) -> Result<Box<dyn App>, RoleError> {
    let error = |key, message: String, help: &str| RoleError { key, message, help: Some(help.to_string()) };
    let Some(server) = env.address else {
        let message = "a DHCP server cannot get its own address by DHCP".to_string();
        return Err(error("address", message, "give it a fixed address"));
    };
    let Some((first, last)) = params.address_range("pool") else {
        return Err(error("pool", "the pool is missing".to_string(), "write pool = \"10.0.0.100..10.0.0.199\""));
    };
    let lease = params.duration("lease").unwrap_or(Duration::from_secs(3_600));
    if lease < Duration::from_secs(1) {
        return Err(error("lease", "a lease lasts at least a second".to_string(), "write lease = \"1 h\""));
    }
    let router = fixed_address(params, env, "router")?.or(env.gateway);
    let dns = fixed_address(params, env, "dns")?.map_or_else(|| env.dns.clone(), |a| vec![a]);
    let own = Subnet { gateway: server, prefix_len: env.prefix_len, pool: (first, last), router, dns: dns.clone() };
    check_pool(&own, "pool", "the server's own network")?;
    let max = params.duration("max_lease").unwrap_or(lease);
    let min = params.duration("min_lease").unwrap_or(MIN_LEASE.min(lease));
    if min > lease || lease > max {
        let key = if min > lease { "min_lease" } else { "max_lease" };
        let message = format!("{min} s, {lease} s and {max} s are not in order");
        return Err(error(key, message, "min_lease may not exceed lease, nor lease max_lease"));
    }
    let mut config = ServerConfig::new(server, own, lease);
    config.lease_bounds = (min, max);
    config.excluded = env.addresses.values().copied().collect();
    config.domain = params.text("domain").map(str::to_owned);
    config.rapid_commit = params.bool("rapid_commit").unwrap_or(false);
    for table in tables(params, "relayed") {
        let (Some(gateway), Some(pool)) = (table.address("relay"), table.address_range("pool")) else { continue };
        let prefix_len = table.integer("prefix_len").unwrap_or(24) as u8;
        let subnet = Subnet { gateway, prefix_len, pool, router: Some(gateway), dns: dns.clone() };
        check_pool(&subnet, "relayed", "the relay's network")?;
        if config.subnets.iter().any(|s| s.holds(gateway) || subnet.holds(s.gateway)) {
            return Err(error("relayed", format!("{gateway} is in a network that is served already"), "name it once"));
        }
        config.subnets.push(subnet);
    }
    for table in tables(params, "reserve") {
        let Some(address) = table.address("address") else { continue };
        let hardware = match (table.node("node"), table.text("mac")) {
            (Some(node), None) => hardware_of(node),
            (None, Some(mac)) => mac_of(mac).ok_or_else(|| {
                error("reserve", format!("'{mac}' is no hardware address"), "write it as 02:00:00:00:00:01")
            })?,
            _ => return Err(error("reserve", "whose is it?".to_string(), "give either node or mac")),
        };
        let twice = config.reservations.values().any(|a| *a == address);
        if twice || config.reservations.insert(hardware, address).is_some() {
            return Err(error("reserve", format!("{address} or its owner stands there twice"), "reserve it once"));
        }
        if !config.subnets.iter().any(|s| s.holds(address)) {
            let help = "reserve an address of a network that this server serves";
            return Err(error("reserve", format!("{address} is in none of the server's networks"), help));
        }
    }
    let mut machine = DhcpServer::new(config);
    let file = params.text("lease_file").filter(|_| env.wall.is_real()).map(|path| {
        let path = env.folder.join(path);
        LeaseFile::open(&path, env.wall, &mut machine).map_err(|problem| {
            error(
                "lease_file",
                format!("cannot open {}: {problem}", path.display()),
                "name a file in a folder that is there",
            )
        })
    });
    Ok(Box::new(DhcpServerRole { address: server, server: machine, file: file.transpose()? }))
}

fn tables<'a>(params: &'a Params, key: &str) -> impl Iterator<Item = &'a Params> {
    params.list(key).unwrap_or_default().iter().filter_map(|value| match &value.data {
        Data::Table(table) => Some(table),
        _ => None,
    })
}

fn check_pool(subnet: &Subnet, key: &'static str, whose: &str) -> Result<(), RoleError> {
    let (first, last) = subnet.pool;
    let error = |message: String, help: &str| Err(RoleError { key, message, help: Some(help.to_string()) });
    if first > last {
        return error(format!("{first} comes after {last}"), "write the lower address first");
    }
    match [first, last].into_iter().find(|a| !subnet.holds(*a)) {
        Some(stranger) => error(
            format!("{stranger} is not in {whose}, {}/{}", subnet.gateway, subnet.prefix_len),
            "hand out addresses of that network, or move the server",
        ),
        None => Ok(()),
    }
}

/// Six bytes in hexadecimal with colons between.
fn mac_of(text: &str) -> Option<Hardware> {
    let part = |p: &str| if p.len() == 2 { u8::from_str_radix(p, 16).ok() } else { None };
    let bytes: Option<Vec<u8>> = text.split(':').map(part).collect();
    Some(Hardware::ethernet(bytes?.try_into().ok()?))
}

fn fixed_address(params: &Params, env: &RoleEnv, key: &'static str) -> Result<Option<Ipv4Addr>, RoleError> {
    params.node(key).map(|node| address_of(env, key, node)).transpose()
}

/// The fixed address of a node that a role's key names.
pub(super) fn address_of(env: &RoleEnv, key: &'static str, node: &str) -> Result<Ipv4Addr, RoleError> {
    env.addresses.get(node).copied().ok_or_else(|| RoleError {
        key,
        message: format!("node '{node}' has no fixed address"),
        help: Some(format!("give '{node}' an address, or name another node")),
    })
}

/// A DHCP server on a host.
#[derive(Debug)]
pub struct DhcpServerRole {
    address: Ipv4Addr,
    server: DhcpServer,
    file: Option<LeaseFile>,
}

impl App for DhcpServerRole {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        match event {
            HostEvent::Start => host.bind(SERVER_PORT),
            HostEvent::Datagram { port: SERVER_PORT, data, .. } => {
                let Ok(message) = DhcpMessage::decode(&data) else { return };
                let reply = self.server.handle_message(host.now(), &message);
                while let Some(event) = self.server.poll_event() {
                    let (server, change) = (self.address, event.change);
                    host.note(Note::Lease { address: event.address, server, change, lease: event.lease });
                }
                let mut kept = true;
                while let Some(record) = self.server.poll_record() {
                    kept &= self.file.as_mut().is_none_or(|file| file.append(&record).is_ok());
                }
                // What could not be written down is not promised.
                let Some((reply, destination)) = reply.filter(|_| kept) else { return };
                let (to, data) = (|a, port| SocketAddrV4::new(a, port), reply.encode());
                match destination {
                    Destination::Broadcast => {
                        host.send_datagram(SERVER_PORT, to(Ipv4Addr::BROADCAST, CLIENT_PORT), data);
                    }
                    Destination::Unicast(a) => host.send_datagram(SERVER_PORT, to(a, CLIENT_PORT), data),
                    Destination::OnLink(a) => host.send_datagram_on_link(SERVER_PORT, to(a, CLIENT_PORT), data),
                    Destination::Relay(a) => host.send_datagram(SERVER_PORT, to(a, SERVER_PORT), data),
                }
            }
            _ => {}
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        None
    }

    fn status(&self) -> Status {
        Status::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Seed;
    use crate::base::schema::Value;
    use crate::base::wall::WallClock;
    use std::sync::Arc;

    fn problem(address: Option<Ipv4Addr>, pool: (u8, u8), dns: &str) -> Option<&'static str> {
        let ip = |last| Ipv4Addr::new(10, 0, 0, last);
        let value = |data| Value { data, span: 0..0 };
        let params = Params(
            [
                ("pool".to_string(), value(Data::AddressRange(ip(pool.0), ip(pool.1)))),
                ("lease".to_string(), value(Data::Duration(Duration::from_secs(60)))),
                ("dns".to_string(), value(Data::Node(dns.to_string()))),
            ]
            .into(),
        );
        let env = RoleEnv {
            node: "dhcp".into(),
            address,
            prefix_len: 25,
            gateway: None,
            dns: Vec::new(),
            addresses: Arc::new([("names".into(), ip(3))].into()),
            outside: Arc::default(),
            shelves: Arc::default(),
            folder: std::path::Path::new(".").into(),
            seed: Seed(7),
            wall: WallClock::SIMULATED,
        };
        build(&params, &env).err().map(|e| e.key)
    }

    #[test]
    fn mistakes_name_their_key() {
        let server = Some(Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(problem(server, (100, 120), "names"), None);
        assert_eq!(problem(None, (100, 120), "names"), Some("address"));
        assert_eq!(problem(server, (120, 100), "names"), Some("pool"));
        assert_eq!(problem(server, (100, 200), "names"), Some("pool"));
        assert_eq!(problem(server, (100, 120), "nobody"), Some("dns"));
    }
}

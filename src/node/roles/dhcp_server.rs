//! The `dhcp-server` role. It keeps its leases over a crash, as a server with a lease file does.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::role::{RoleEntry, RoleEnv, RoleError};
use crate::base::note::Note;
use crate::base::schema::{Key, Kind, Need, Params};
use crate::base::time::{Duration, Instant};
use crate::node::addressing::prefix_mask;
use crate::node::app::{App, HostEvent};
use crate::node::host::HostCtx;
use crate::node::node::Status;
use crate::proto::dhcp::message::{Destination, DhcpMessage};
use crate::proto::dhcp::server::{DhcpServer, ServerConfig};
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
    if first > last {
        return Err(error("pool", format!("{first} comes after {last}"), "write the lower address first"));
    }
    let outside = |a: Ipv4Addr| (a.to_bits() ^ server.to_bits()) & prefix_mask(env.prefix_len) != 0;
    if let Some(stranger) = [first, last].into_iter().find(|a| outside(*a)) {
        let message = format!("{stranger} is not in the server's own network, {server}/{}", env.prefix_len);
        return Err(error("pool", message, "hand out addresses of that network, or move the server"));
    }
    if lease < Duration::from_secs(1) {
        return Err(error("lease", "a lease lasts at least a second".to_string(), "write lease = \"1 h\""));
    }
    let router = fixed_address(params, env, "router")?.or(env.gateway);
    let dns = fixed_address(params, env, "dns")?.map_or_else(|| env.dns.clone(), |a| vec![a]);
    let excluded = env.addresses.values().copied().collect();
    let config = ServerConfig { server, prefix_len: env.prefix_len, pool: (first, last), excluded, lease, router, dns };
    Ok(Box::new(DhcpServerRole { address: server, server: DhcpServer::new(config) }))
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
#[derive(Clone, Debug)]
pub struct DhcpServerRole {
    address: Ipv4Addr,
    server: DhcpServer,
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
                let Some((reply, destination)) = reply else { return };
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
    use crate::base::schema::{Data, Value};
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
            addresses: Arc::new([("names".to_string(), ip(3))].into()),
            outside: Arc::default(),
            folder: ".".into(),
            seed: Seed(7),
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

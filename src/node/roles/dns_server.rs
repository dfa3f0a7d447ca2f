//! The `dns-server` role.

use std::net::SocketAddrV4;

use super::dhcp_server::address_of;
use super::role::{RoleEntry, RoleEnv, RoleError};
use crate::base::note::{NameChange, Note};
use crate::base::schema::{Data, Key, Kind, Need, Params};
use crate::base::time::{Duration, Instant};
use crate::node::app::{App, HostEvent};
use crate::node::host::HostCtx;
use crate::node::node::Status;
use crate::proto::dns::PORT;
use crate::proto::dns::server::{DnsServer, Target};

/// The registry's line.
pub const DNS_SERVER: RoleEntry = RoleEntry {
    name: "dns-server",
    about: "answers for the names of its zone (RFC 1035)",
    keys: &[
        Key {
            name: "zone",
            kind: Kind::Map(&Kind::OneOf(&[Kind::NodeAddress, Kind::Address, Kind::Text])),
            need: Need::Required,
            about: "names: \"@node\" or an address for its A record, another name for a CNAME",
        },
        Key { name: "ttl", kind: Kind::Duration, need: Need::Default("60 s"), about: "how long answers may be kept" },
    ],
    build,
};

fn build(params: &Params, env: &RoleEnv) -> Result<Box<dyn App>, RoleError> {
    let mut zone = Vec::new();
    for (name, value) in params.table("zone").into_iter().flat_map(|t| &t.0) {
        let target = match &value.data {
            Data::Node(node) => {
                let inside = address_of(env, "zone", node)?;
                Target::Address(env.outside.address(node).unwrap_or(inside))
            }
            Data::Address(address) => Target::Address(*address),
            Data::Text(alias) => alias_of(name, alias)?,
            other => panic!("key zone is declared otherwise: {other:?}"),
        };
        zone.push((name.clone(), target));
    }
    let ttl = params.duration("ttl").unwrap_or(Duration::from_secs(60)).as_secs();
    // RFC 2181 section 8: a TTL has 31 bits.
    let ttl = u32::try_from(ttl).unwrap_or(u32::MAX).min(i32::MAX as u32);
    let server = DnsServer::new(zone, ttl).map_err(|bad| RoleError {
        key: "zone",
        message: bad.to_string(),
        help: Some("labels have 1 to 63 characters, names at most 253; case makes no difference".to_string()),
    })?;
    Ok(Box::new(DnsServerRole { server }))
}

/// Text is an alias, unless it looks like something that it failed to be.
fn alias_of(name: &str, text: &str) -> Result<Target, RoleError> {
    let last = text.strip_suffix('.').unwrap_or(text).rsplit('.').next().unwrap_or_default();
    let (problem, help) = if let Some(node) = text.strip_prefix('@') {
        (format!("'{name}' points to '{node}', and there is no such node"), "write \"@\" and the name of a node")
    } else if last.bytes().all(|b| b.is_ascii_digit()) {
        // RFC 3696 section 2: no top-level name is all digits, so this was meant as an address.
        (format!("'{text}' is not an address"), "an address has four numbers from 0 to 255")
    } else {
        return Ok(Target::Alias(text.to_string()));
    };
    Err(RoleError { key: "zone", message: problem, help: Some(help.to_string()) })
}

/// A DNS server on a host.
#[derive(Clone, Debug)]
pub struct DnsServerRole {
    server: DnsServer,
}

impl App for DnsServerRole {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        match event {
            HostEvent::Start => host.bind(PORT),
            HostEvent::Datagram { port: PORT, from, data, .. } => self.answer(from, &data, host),
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

impl DnsServerRole {
    fn answer(&self, from: SocketAddrV4, query: &[u8], host: &mut HostCtx<'_>) {
        let Some(reply) = self.server.handle(query) else { return };
        if let Some(name) = reply.name {
            let change = match reply.rcode {
                0 => NameChange::Answered,
                3 => NameChange::NotFound,
                _ => NameChange::Failed,
            };
            host.note(Note::Name { name, change, address: reply.address });
        }
        host.send_datagram(PORT, from, reply.data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_as_a_node_or_an_address_is_no_alias() {
        assert_eq!(alias_of("www", "store.example"), Ok(Target::Alias("store.example".to_string())));
        assert!(alias_of("www", "@stoer").is_err());
        assert!(alias_of("www", "10.0.0.300").is_err());
    }
}

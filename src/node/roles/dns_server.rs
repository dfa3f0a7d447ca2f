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
            Data::Node(node) => Target::Address(address_of(env, "zone", node)?),
            Data::Address(address) => Target::Address(*address),
            Data::Text(alias) => Target::Alias(alias.clone()),
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
        help: Some("labels have 1 to 63 characters, names at most 253".to_string()),
    })?;
    Ok(Box::new(DnsServerRole { server }))
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

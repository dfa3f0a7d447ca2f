//! The `dns-server` role.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use bytes::{Buf as _, Bytes};

use super::dhcp_server::address_of;
use super::role::{RoleEntry, RoleEnv, RoleError};
use crate::base::ids::TransportKind;
use crate::base::note::{NameChange, Note};
use crate::base::schema::{Data, Key, Kind, Need, Params, Value};
use crate::base::time::{Duration, Instant};
use crate::node::app::{App, AppConn, HostEvent};
use crate::node::host::HostCtx;
use crate::node::node::Status;
use crate::proto::dns::PORT;
use crate::proto::dns::framing::{Frames, frame};
use crate::proto::dns::server::{DnsServer, Reply, Target};
use crate::transport::stream::StreamEvent;

const ADDRESSES: Kind = Kind::List(&Kind::OneOf(&[Kind::NodeAddress, Kind::Address]));

/// The registry's line.
pub const DNS_SERVER: RoleEntry = RoleEntry {
    name: "dns-server",
    about: "answers for the names of its zone (RFC 1035)",
    keys: &[
        Key {
            name: "zone",
            kind: Kind::Map(&Kind::OneOf(&[Kind::NodeAddress, Kind::Address, ADDRESSES, Kind::Text])),
            need: Need::Required,
            about: "names: \"@node\", an address or a list of them for A records, another name for a CNAME",
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
            Data::List(list) => Target::Addresses(addresses_of(name, list, env)?),
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
    Ok(Box::new(DnsServerRole { server, conns: BTreeMap::new() }))
}

fn addresses_of(name: &str, list: &[Value], env: &RoleEnv) -> Result<Vec<Ipv4Addr>, RoleError> {
    if list.is_empty() {
        let (message, help) = (format!("'{name}' has no address"), "write at least one, or leave the name out");
        return Err(RoleError { key: "zone", message, help: Some(help.to_string()) });
    }
    let address = |value: &Value| match &value.data {
        Data::Node(node) => address_of(env, "zone", node),
        Data::Address(address) => Ok(*address),
        other => panic!("key zone is declared otherwise: {other:?}"),
    };
    list.iter().map(address).collect()
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

/// Ports whose programs answer whatever they get (echo, chargen): an answer to them may never end.
const CHATTERERS: [u16; 3] = [0, 7, 19];
/// A connection on which nothing is asked for so long is closed (RFC 7766 section 6.2.3).
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that one client may hold (RFC 7766 section 6.2.2).
const MAX_PER_CLIENT: usize = 20;

/// A DNS server on a host.
#[derive(Debug)]
pub struct DnsServerRole {
    server: DnsServer,
    conns: BTreeMap<AppConn, Asking>,
}

/// A client's connection.
#[derive(Debug)]
struct Asking {
    client: Ipv4Addr,
    frames: Frames,
    /// Replies that the stream did not take yet.
    pending: VecDeque<Bytes>,
    idle_until: Instant,
    finished: bool,
}

impl App for DnsServerRole {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        match event {
            HostEvent::Start => {
                host.bind(PORT);
                host.listen(TransportKind::Tcp, PORT);
            }
            HostEvent::Datagram { port: PORT, from, data, .. } if !CHATTERERS.contains(&from.port()) => {
                if let Some(reply) = self.server.handle(&data) {
                    let data = noted(reply, host);
                    host.send_datagram(PORT, from, data);
                }
            }
            HostEvent::Accepted { conn, peer, .. } => self.accept(conn, *peer.ip(), host),
            HostEvent::Stream { conn, event: StreamEvent::Closed(_) } => drop(self.conns.remove(&conn)),
            HostEvent::Stream { conn, event } => self.serve(conn, event == StreamEvent::Finished, host),
            HostEvent::Wake => self.close_idle(host),
            _ => {}
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        self.conns.values().filter(|c| !c.finished).map(|c| c.idle_until).min()
    }

    fn status(&self) -> Status {
        Status::Done
    }
}

impl DnsServerRole {
    fn accept(&mut self, conn: AppConn, client: Ipv4Addr, host: &mut HostCtx<'_>) {
        if self.conns.values().filter(|c| c.client == client).count() >= MAX_PER_CLIENT {
            return host.stream(conn).into_iter().for_each(|stream| stream.abort());
        }
        let (frames, pending, idle_until) = (Frames::default(), VecDeque::new(), host.now() + IDLE_TIMEOUT);
        self.conns.insert(conn, Asking { client, frames, pending, idle_until, finished: false });
        self.serve(conn, false, host);
    }

    /// Answers what was asked, as far as the replies go out: who does not read is not read either.
    fn serve(&mut self, conn: AppConn, peer_finished: bool, host: &mut HostCtx<'_>) {
        let Some(asking) = self.conns.get_mut(&conn) else { return };
        let mut end = peer_finished;
        loop {
            while let Some(reply) = asking.pending.front_mut() {
                let Some(stream) = host.stream(conn) else { return };
                let taken = stream.write(reply.clone());
                reply.advance(taken.min(reply.len()));
                if !reply.is_empty() {
                    return;
                }
                asking.pending.pop_front();
            }
            match asking.frames.pop() {
                Ok(Some(query)) => {
                    asking.idle_until = host.now() + IDLE_TIMEOUT;
                    let reply = self.server.handle_stream(&query).map(|reply| noted(reply, host));
                    asking.pending.extend(reply.and_then(|data| frame(&data)));
                    continue;
                }
                Ok(None) => {}
                Err(_) => end = true,
            }
            let data = host.stream(conn).and_then(|stream| stream.read());
            match data {
                Some(data) if !asking.finished => asking.frames.push(&data),
                Some(_) => {}
                None => break,
            }
        }
        if end && !asking.finished {
            asking.finished = true;
            host.stream(conn).into_iter().for_each(|stream| stream.finish());
        }
    }

    fn close_idle(&mut self, host: &mut HostCtx<'_>) {
        let now = host.now();
        for (conn, asking) in self.conns.iter_mut().filter(|(_, c)| !c.finished && c.idle_until <= now) {
            asking.finished = true;
            host.stream(*conn).into_iter().for_each(|stream| stream.finish());
        }
    }
}

/// Notes a reply and gives its bytes.
fn noted(reply: Reply, host: &mut HostCtx<'_>) -> Bytes {
    if let Some(name) = reply.name {
        let change = match reply.rcode {
            0 => NameChange::Answered,
            3 => NameChange::NotFound,
            _ => NameChange::Failed,
        };
        host.note(Note::Name { name, change, address: reply.address });
    }
    reply.data
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

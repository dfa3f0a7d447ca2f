//! How replies are put together, and where they go.

use std::net::Ipv4Addr;

use super::config::{ServerConfig, Subnet};
use crate::base::time::Duration;
use crate::proto::dhcp::message::{Destination, DhcpMessage, INFINITE_LEASE, MessageType, code};

/// What every client takes, headers included (RFC 2131 section 2), and what IP and UDP take of it.
const LEAST_MAX_SIZE: usize = 576;
const HEADERS: usize = 28;

/// An OFFER or ACK; without an address, the ACK to an INFORM.
pub(super) fn grant(
    config: &ServerConfig,
    subnet: &Subnet,
    kind: MessageType,
    m: &DhcpMessage,
    given: Option<(Ipv4Addr, Duration)>,
) -> DhcpMessage {
    let mut reply = DhcpMessage::reply(kind, m);
    reply.push_address(code::SERVER_ID, config.server);
    if kind == MessageType::Ack {
        reply.ciaddr = m.ciaddr;
    }
    if let Some((address, lease)) = given {
        reply.yiaddr = address;
        let seconds = lease.as_secs().min(u64::from(INFINITE_LEASE)) as u32;
        reply.push_seconds(code::LEASE_TIME, seconds);
        if seconds != INFINITE_LEASE {
            reply.push_seconds(code::RENEWAL_TIME, seconds / 2);
            reply.push_seconds(code::REBINDING_TIME, (u64::from(seconds) * 7 / 8) as u32);
        }
    }
    let mut wanted = m.option(code::PARAMETERS).unwrap_or(&[code::SUBNET_MASK, code::ROUTER, code::DNS]).to_vec();
    // RFC 2132 section 3.3: the mask stands before the router, whatever order was asked for.
    wanted.sort_by_key(|c| *c != code::SUBNET_MASK);
    let mut added = Vec::new();
    for wish in wanted {
        if reply.option(wish).is_some() {
            continue;
        }
        match wish {
            code::SUBNET_MASK => reply.push_seconds(wish, subnet.mask()),
            code::ROUTER => subnet.router.iter().for_each(|r| reply.push_address(wish, *r)),
            code::DNS => subnet.dns.iter().for_each(|d| reply.push_address(wish, *d)),
            code::DOMAIN_NAME => config.domain.iter().for_each(|d| reply.push_option(wish, d.as_bytes())),
            code::BROADCAST => reply.push_address(wish, subnet.broadcast()),
            _ => {}
        }
        added.push(wish);
    }
    copy_back(m, &mut reply);
    // Section 4.1: what the client cannot take is left out, the least wanted first.
    let said = m.option(code::MAX_SIZE).and_then(|o| <[u8; 2]>::try_from(o).ok()).map(u16::from_be_bytes);
    let limit = usize::from(said.unwrap_or(0)).max(LEAST_MAX_SIZE) - HEADERS;
    while reply.encode().len() > limit {
        let Some(least) = added.pop() else { break };
        reply.remove_option(least);
    }
    reply
}

/// A NAK: options 53, 54 and what is copied back, and nothing else (table 3).
pub(super) fn refusal(config: &ServerConfig, m: &DhcpMessage) -> DhcpMessage {
    let mut reply = DhcpMessage::reply(MessageType::Nak, m);
    // Section 4.3.2: a relay shall broadcast a NAK, as the client's address may be wrong.
    reply.broadcast |= !m.giaddr.is_unspecified();
    reply.push_address(code::SERVER_ID, config.server);
    copy_back(m, &mut reply);
    reply
}

/// RFC 6842: replies carry the client identifier back; RFC 3046 section 2.2: and last what the relay
/// agent said of itself.
fn copy_back(m: &DhcpMessage, reply: &mut DhcpMessage) {
    for code in [code::CLIENT_ID, code::RELAY_INFO] {
        if let Some(value) = m.option(code) {
            reply.push_option(code, value);
        }
    }
}

/// Section 4.1: to the relay; else to the client's address; else by broadcast if it cannot take
/// unicast; else to the address that it is about to get. A NAK without a relay is broadcast.
pub(super) fn destination(m: &DhcpMessage, reply: &DhcpMessage) -> Destination {
    if !m.giaddr.is_unspecified() {
        Destination::Relay(m.giaddr)
    } else if reply.kind == MessageType::Nak {
        Destination::Broadcast
    } else if !m.ciaddr.is_unspecified() {
        Destination::Unicast(m.ciaddr)
    } else if m.broadcast {
        Destination::Broadcast
    } else {
        Destination::OnLink(reply.yiaddr)
    }
}

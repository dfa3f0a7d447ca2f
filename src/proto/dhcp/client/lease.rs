//! What a client reads from an ACK: its settings, and how long they hold (RFC 2131 section 4.4.5).

use std::net::Ipv4Addr;

use crate::base::time::{Duration, Instant};
use crate::proto::dhcp::message::{DhcpMessage, code, lease_from_seconds};

/// What a server granted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseInfo {
    /// The client's address.
    pub address: Ipv4Addr,
    /// Length of its network's prefix.
    pub prefix_len: u8,
    /// The first router.
    pub router: Option<Ipv4Addr>,
    /// The broadcast address of its network.
    pub broadcast: Option<Ipv4Addr>,
    /// DNS servers, best first.
    pub dns: Vec<Ipv4Addr>,
    /// The domain in which bare names are looked for.
    pub domain: Option<String>,
    /// Who granted it.
    pub server: Ipv4Addr,
    /// For how long; `None` for ever.
    pub lease: Option<Duration>,
}

impl LeaseInfo {
    /// The settings in `ack` for the owner of `address`.
    pub(super) fn of(ack: &DhcpMessage, address: Ipv4Addr, server: Ipv4Addr, lease: Option<Duration>) -> Self {
        let mask = ack.u32_option(code::SUBNET_MASK);
        let text = |c| ack.option(c).and_then(|o| std::str::from_utf8(o).ok()).map(|t| t.trim_end_matches('\0'));
        LeaseInfo {
            address,
            prefix_len: mask.map_or_else(|| classful_prefix(address), |m| m.leading_ones() as u8),
            router: ack.addresses_option(code::ROUTER).first().copied(),
            broadcast: ack.address_option(code::BROADCAST),
            dns: ack.addresses_option(code::DNS),
            domain: text(code::DOMAIN_NAME).filter(|t| !t.is_empty()).map(str::to_owned),
            server,
            lease,
        }
    }
}

/// A lease with its deadlines; also what a client may remember over a restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// What was granted.
    pub info: LeaseInfo,
    /// When its server is asked for more time.
    pub t1: Instant,
    /// When every server is asked.
    pub t2: Instant,
    /// When the address must no longer be used.
    pub expiry: Instant,
}

impl Held {
    /// The lease in `ack`, if there is one that has not run out. It runs from when its REQUEST was
    /// sent (section 4.4.1). For a resent REQUEST that is the first sending, since the ACK may answer
    /// any of them.
    pub(super) fn of(ack: &DhcpMessage, server: Ipv4Addr, sent: Instant, now: Instant) -> Option<Held> {
        let lease = lease_from_seconds(ack.u32_option(code::LEASE_TIME)?);
        if ack.yiaddr.is_unspecified() {
            return None;
        }
        let length = lease.unwrap_or(Duration::MAX);
        // Section 4.4.5: T1 and T2 of the server if they make sense, else their defaults.
        let given = |c| ack.u32_option(c).map(|s| Duration::from_secs(u64::from(s)));
        let (t1, t2) = match (given(code::RENEWAL_TIME), given(code::REBINDING_TIME)) {
            (Some(t1), Some(t2)) if t1 < t2 && t2 < length => (t1, t2),
            (Some(t1), None) if t1 < seven_eighths(length) => (t1, seven_eighths(length)),
            (None, Some(t2)) if length / 2 < t2 && t2 < length => (length / 2, t2),
            _ => (length / 2, seven_eighths(length)),
        };
        let info = LeaseInfo::of(ack, ack.yiaddr, server, lease);
        let held = Held { info, t1: sent + t1, t2: sent + t2, expiry: sent + length };
        (held.expiry > now).then_some(held)
    }
}

fn seven_eighths(d: Duration) -> Duration {
    d.saturating_sub(d / 8)
}

/// The prefix when a server sends no mask: that of the address's class (RFC 950).
fn classful_prefix(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        _ => 24,
    }
}

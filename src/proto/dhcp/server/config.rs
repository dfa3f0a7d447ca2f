//! What a server hands out, and to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::base::time::Duration;
use crate::proto::dhcp::message::Hardware;

/// How long an offer is held for its client.
pub const OFFER_HOLD: Duration = Duration::from_secs(60);
/// How long a declined address stays out of use.
pub const DECLINE_QUARANTINE: Duration = Duration::from_secs(86_400);
/// The shortest lease that a client can ask for, unless configured.
pub const MIN_LEASE: Duration = Duration::from_secs(60);

/// The addresses of one network and what its hosts are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subnet {
    /// An address of the network: the server's own, or that of the relay agent there.
    pub gateway: Ipv4Addr,
    /// Length of the network's prefix.
    pub prefix_len: u8,
    /// First and last address of the pool.
    pub pool: (Ipv4Addr, Ipv4Addr),
    /// The router to announce.
    pub router: Option<Ipv4Addr>,
    /// The DNS servers to announce.
    pub dns: Vec<Ipv4Addr>,
}

impl Subnet {
    /// Its netmask, in host order.
    pub(super) fn mask(&self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix_len.min(32))).unwrap_or(0)
    }

    /// Whether an address is of this network.
    pub fn holds(&self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.gateway.to_bits()) & self.mask() == 0
    }

    /// Its broadcast address.
    pub(super) fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.gateway.to_bits() | !self.mask())
    }

    /// Whether a host of this network may have the address at all.
    pub(super) fn is_for_hosts(&self, address: Ipv4Addr) -> bool {
        let host = address.to_bits() & !self.mask();
        // The all-zeroes and all-ones addresses of a subnet are nobody's (RFC 1122 section 3.2.1.3).
        let reserved = self.prefix_len < 31 && (host == 0 || host == !self.mask());
        self.holds(address) && !reserved && address != self.gateway && Some(address) != self.router
    }

    /// Whether it is in the pool.
    pub(super) fn pools(&self, address: Ipv4Addr) -> bool {
        self.pool.0 <= address && address <= self.pool.1 && self.is_for_hosts(address)
    }
}

/// What a server hands out.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Its own address: option 54.
    pub server: Ipv4Addr,
    /// The networks it serves: its own first, then those that relay agents speak for.
    pub subnets: Vec<Subnet>,
    /// Addresses of the pools that are somebody's already.
    pub excluded: BTreeSet<Ipv4Addr>,
    /// Addresses that belong to one client for ever, by hardware address; in a pool or not.
    pub reservations: BTreeMap<Hardware, Ipv4Addr>,
    /// The lease of a client that asks for none in particular.
    pub lease: Duration,
    /// The shortest and the longest lease that a client can ask for.
    pub lease_bounds: (Duration, Duration),
    /// The domain to announce.
    pub domain: Option<String>,
    /// Whether a client that asks for it gets its lease in two messages (RFC 4039).
    pub rapid_commit: bool,
}

impl ServerConfig {
    /// A server of one network, with the usual bounds.
    pub fn new(server: Ipv4Addr, subnet: Subnet, lease: Duration) -> Self {
        ServerConfig {
            server,
            subnets: vec![subnet],
            excluded: BTreeSet::new(),
            reservations: BTreeMap::new(),
            lease,
            lease_bounds: (MIN_LEASE.min(lease), lease),
            domain: None,
            rapid_commit: false,
        }
    }

    /// Whether an address of this subnet may be given to whoever comes.
    pub(super) fn is_free_for_all(&self, subnet: &Subnet, address: Ipv4Addr) -> bool {
        subnet.pools(address)
            && address != self.server
            && !self.excluded.contains(&address)
            && !self.reservations.values().any(|reserved| *reserved == address)
    }
}

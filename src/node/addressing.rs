//! Who and where a host is, as far as IPv4 goes.

use std::net::Ipv4Addr;
use std::sync::Arc;

/// An interface's address and what it learnt with it. What every packet needs comes first.
#[derive(Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Addressing {
    /// Its own address.
    pub address: Ipv4Addr,
    /// Length of the network prefix: 24 for 255.255.255.0.
    pub prefix_len: u8,
    /// The router for everything outside the prefix.
    pub gateway: Option<Ipv4Addr>,
    /// DNS servers, best first; what a network says to all is kept once.
    pub dns: Arc<Vec<Ipv4Addr>>,
}

impl Addressing {
    /// True if `other` is in the same subnet.
    pub fn is_on_link(&self, other: Ipv4Addr) -> bool {
        let mask = prefix_mask(self.prefix_len);
        self.address.to_bits() & mask == other.to_bits() & mask
    }

    /// The interface that shall take a packet for `dst` next.
    pub fn next_hop(&self, dst: Ipv4Addr) -> Option<Ipv4Addr> {
        if dst.is_broadcast() || self.is_on_link(dst) { Some(dst) } else { self.gateway }
    }
}

/// The netmask of a prefix length, in host order.
pub const fn prefix_mask(prefix_len: u8) -> u32 {
    if prefix_len == 0 { 0 } else { u32::MAX << (32 - prefix_len as u32) }
}

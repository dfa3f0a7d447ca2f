//! What a client has to say to its host.

use std::net::Ipv4Addr;

use super::lease::LeaseInfo;
use crate::base::note::LeaseChange;

/// Something the host should know or do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// It asks: for any address, for an offered one, or for more time.
    Asking {
        /// `Discovered`, `Requested`, `Renewing` or `Rebinding`.
        change: LeaseChange,
        /// The address, unspecified while there is none.
        address: Ipv4Addr,
        /// The server, unspecified while there is none.
        server: Ipv4Addr,
    },
    /// Somebody must ask the link now whether this address has an owner, and report one through
    /// [`super::DhcpClient::handle_conflict`]. Silence lets the client have it.
    Probe(Ipv4Addr),
    /// It has an address.
    Bound(LeaseInfo),
    /// It has it for longer; other settings may have changed.
    Renewed(LeaseInfo),
    /// The answer to an INFORM: settings for an address that it has otherwise, without a lease.
    Informed(LeaseInfo),
    /// It must stop using its address at once, or was refused the one it asked for.
    Lost {
        /// The address.
        address: Ipv4Addr,
        /// Who granted it.
        server: Ipv4Addr,
        /// `Refused`, `Expired`, `Released` or `Declined`.
        why: LeaseChange,
    },
}

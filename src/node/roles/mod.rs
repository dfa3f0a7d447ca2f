//! What a host can be in a scenario. To add a role, write its file and add its line to [`ROLES`].

pub mod dhcp_client;
pub mod dhcp_server;
pub mod dns_server;
pub mod role;

use dhcp_server::DHCP_SERVER;
use dns_server::DNS_SERVER;
use role::Build;

use crate::base::registry::Registry;

/// Every role of a host. `switch` and `router` are nodes of their own kind.
pub const ROLES: Registry<Build> = Registry { what: "role", entries: &[DHCP_SERVER, DNS_SERVER] };

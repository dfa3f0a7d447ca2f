//! What a host can be in a scenario. To add a role, write its file and add its line to [`ROLES`].

pub mod app_store;
pub mod dhcp_client;
pub mod dhcp_server;
pub mod dns_server;
mod fetch;
mod file_answer;
pub mod files;
pub mod host_role;
pub mod keep;
mod lease_file;
mod manner;
pub mod outside;
pub mod policy;
pub mod role;
pub mod serving;
pub mod shelf_page;
pub mod source;
pub mod storage;
pub mod user;

use app_store::APP_STORE;
use dhcp_server::DHCP_SERVER;
use dns_server::DNS_SERVER;
use host_role::HOST;
use role::Build;
use storage::STORAGE;
use user::USER;

use crate::base::registry::Registry;

/// Every role of a host. `switch` and `router` are nodes of their own kind.
pub const ROLES: Registry<Build> =
    Registry { what: "role", entries: &[USER, APP_STORE, STORAGE, DHCP_SERVER, DNS_SERVER, HOST] };

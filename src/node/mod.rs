//! Layer 5: participants. A [`node::Node`] handles packets; a [`host::Host`] is the node that runs
//! [`app::App`]s, which see datagrams and streams but never packets. Roles are apps.

pub mod addressing;
pub mod app;
pub mod bulk;
pub mod host;
mod host_core;
mod host_ctx;
pub mod node;
pub mod outbox;
mod owners;
pub mod resolver;
pub mod roles;
pub mod router;
pub mod routes;
pub mod setup;
pub mod switch;

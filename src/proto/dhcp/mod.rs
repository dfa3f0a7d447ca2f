//! DHCP (RFC 2131, RFC 2132): messages, a client and a server.

pub mod client;
pub mod message;
pub mod server;

pub use message::{CLIENT_PORT, SERVER_PORT};

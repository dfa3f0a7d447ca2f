//! DNS (RFC 1034, RFC 1035): a caching stub resolver and an authoritative server.

pub mod cache;
pub mod framing;
pub mod message;
pub mod resolver;
pub mod server;

pub use message::{MAX_ALIASES, PORT};

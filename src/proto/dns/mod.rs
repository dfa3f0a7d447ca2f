//! DNS (RFC 1034, RFC 1035): a caching stub resolver and an authoritative server.

pub mod cache;
pub mod message;
pub mod resolver;
pub mod server;

/// UDP port of servers.
pub const PORT: u16 = 53;
/// Longest chain of aliases that is followed.
pub const MAX_ALIASES: usize = 16;

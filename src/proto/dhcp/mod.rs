//! DHCP (RFC 2131, RFC 2132): messages, a client and a server.

pub mod client;
pub mod message;
pub mod server;

/// UDP port of servers and relays.
pub const SERVER_PORT: u16 = 67;
/// UDP port of clients.
pub const CLIENT_PORT: u16 = 68;

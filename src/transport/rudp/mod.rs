//! RUDP connections (layer 3), as `docs/rudp.md` specifies them.

mod ack_ranges;
mod close;
mod config;
mod connection;
mod cookie;
mod endpoint;
mod inbox;
mod outbox;
mod receive;
mod recovery;
mod send;
mod sent;
#[cfg(test)]
mod tests;
mod timers;

pub use config::{Mode, RudpConfig};
pub use connection::RudpConnection;
pub use endpoint::RudpEndpoint;

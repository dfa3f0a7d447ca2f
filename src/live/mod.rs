//! Layer 6, the real world: the same hosts on the operating system's sockets, one poll loop, and
//! the only clock of the crate.

pub mod addresses;
pub mod clock;
mod departures;
pub mod driver;
pub mod entropy;
mod error;
pub mod journal;
pub mod lag;
pub mod lease;
pub mod limits;
pub mod medium;
mod poller;
pub mod replay;
mod signals;
mod tcp;
mod tcp_info;
mod udp;
mod xids;

pub use error::LiveError;

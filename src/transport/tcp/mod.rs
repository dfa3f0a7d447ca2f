//! TCP connections (layer 3): RFC 9293 with RFC 5681, 6298, 6582, 6675, 7323 and 5961.
//!
//! | concept | file |
//! |---|---|
//! | keys of the scenario | `config` |
//! | demultiplexing, resets | `endpoint` |
//! | LISTEN: backlog, SYN cookies | `listener`, `cookie` |
//! | bytes in, bytes out: for outsiders | `door`, `door_calls`, `snapshot`, `fuzz` |
//! | a connection, its public face; its parts | `connection`, `parts` |
//! | opening, closing, TIME-WAIT | `state` |
//! | segments that were to be expected, both ways | `predicted` |
//! | arriving segments: checks, data | `receive`, `reassembly` |
//! | arriving acknowledgments, windows | `ack` |
//! | loss detection and recovery episodes | `recovery`, `scoreboard`, `prr`, `undo` |
//! | loss detection by time, tail loss probes | `detection`, `rack` |
//! | departing segments | `send` |
//! | timers | `timeout`, `timers` |

mod ack;
mod config;
mod connection;
mod cookie;
mod detection;
mod door;
mod door_calls;
mod endpoint;
pub mod fuzz;
mod iss;
mod listener;
mod parts;
mod predicted;
mod prr;
mod rack;
mod reassembly;
mod receive;
mod recovery;
mod scoreboard;
mod send;
mod seq;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod timeout;
mod timers;
mod undo;

pub use config::{SynCookies, TIMESTAMP_BYTES, TcpConfig};
pub use connection::TcpConnection;
pub use door::{DoorError, TcpDoor};
pub use endpoint::TcpEndpoint;
pub use snapshot::TcpSnapshot;

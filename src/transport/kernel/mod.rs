//! TCP that the operating system speaks (layer 3): connections which hold bytes for a socket that
//! somebody else reads and writes. A machine like its siblings, so that a live run can be replayed.

mod endpoint;
mod message;
mod stream;
#[cfg(test)]
mod tests;

pub use endpoint::KernelEndpoint;
pub use message::{SenderInfo, SocketMessage, SocketOp};

//! Layer 6, the simulated world: a virtual clock, a scheduler, links, and the loop that moves
//! packets between nodes.

pub mod channel;
mod channel_changes;
pub mod delay;
pub mod fault;
mod lookahead;
pub mod loss;
pub mod network;
mod node_slot;
pub mod queue;
pub mod scheduler;
mod transmitter;
mod wire;

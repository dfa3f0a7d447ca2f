//! Layers 2 and 3: reliable streams. Machines without clock or socket: segments and the time go
//! in, segments and the time of the next call come out. What `tcp` and `rudp` share stands here
//! once; they never import each other.

pub mod congestion;
pub mod connection;
pub mod endpoint;
pub mod kernel;
pub mod pieces;
pub mod places;
pub mod profile;
pub mod ranges;
pub mod rtt;
pub mod rudp;
pub mod send_buffer;
pub mod stream;
pub mod table;
pub mod tcp;

//! Layer 1: packets as values, and their encoding as bytes. A simulated run moves the values; the
//! bytes are made where bytes are needed (real sockets, captures, `sim.wire = true`).

pub mod checksum;
pub mod codec;
pub mod crc32c;
pub mod fuzz;
pub mod ipv4;
pub mod outline;
pub mod packet;
pub mod rudp;
pub mod sack_blocks;
pub mod tcp;
pub mod udp;

//! Layer 4: application protocols as machines. Messages in, messages out; none knows what carries
//! them.

pub mod dhcp;
pub mod dns;
pub mod fuzz;
pub mod http;

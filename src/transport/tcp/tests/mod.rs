//! The bench of the conformance rows, and the rows.

mod bench;
mod states;
mod transfer;

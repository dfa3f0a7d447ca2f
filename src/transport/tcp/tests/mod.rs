//! The bench of the conformance rows, and the rows.

mod bench;
mod predicted;
mod states;
mod transfer;

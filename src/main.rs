//! The `twinwire` command.
fn main() {}

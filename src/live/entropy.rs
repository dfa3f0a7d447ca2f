//! Randomness that strangers cannot guess: the seed of hosts that talk to the real world.

use std::fs::File;
use std::io::{self, Read as _};

/// Eight bytes of the system's.
///
/// # Errors
/// When the system has none.
pub fn seed() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

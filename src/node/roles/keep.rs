//! Where the body of a download goes, beside its hash.

use std::fmt::Debug;
use std::io;

use sha2::Sha256;

/// What an earlier try left behind.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The strong entity tag of what it is a part of.
    pub etag: String,
    /// The hash of the bytes that are there.
    pub hasher: Sha256,
    /// How many there are.
    pub bytes: u64,
}

/// Keeps the bytes of one download.
pub trait Keep: Debug {
    /// What is there already.
    fn kept(&self) -> Option<Kept>;
    /// A body begins at byte `from`; what is there beyond it is void. `total` is its whole length,
    /// `etag` its strong entity tag, as far as the server tells.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn begin(&mut self, from: u64, total: Option<u64>, etag: Option<&str>) -> io::Result<()>;
    /// Its next bytes.
    ///
    /// # Errors
    /// When they cannot be kept.
    fn write(&mut self, data: &[u8]) -> io::Result<()>;
    /// It is whole and intact.
    ///
    /// # Errors
    /// When it cannot be put in its place.
    fn finish(&mut self) -> io::Result<()>;
}

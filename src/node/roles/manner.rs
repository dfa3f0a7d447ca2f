//! How a download goes about it.

use crate::base::ids::TransportKind;
use crate::base::time::{Duration, Instant};
use crate::base::wall::WallClock;

/// How a download is to be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) transport: TransportKind,
    /// When to begin.
    pub(super) at: Instant,
    pub(super) timeout: Duration,
    pub(super) redirect_limit: u64,
    /// How often a download that was cut off or put off is tried again.
    pub(super) retries: u64,
    /// After how long a silence in mid-response the connection counts as cut off.
    pub(super) stall: Duration,
    pub(super) wall: WallClock,
}

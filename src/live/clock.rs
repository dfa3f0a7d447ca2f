//! The system's monotonic clock: the only place where time comes from outside.

use crate::base::time::Instant;

/// Counts from the moment it was made.
pub struct Clock {
    #[expect(clippy::disallowed_types, reason = "the driver of real sockets lives in real time")]
    start: std::time::Instant,
}

impl Clock {
    /// A clock that shows zero.
    #[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the driver lives in real time")]
    pub fn start() -> Self {
        Clock { start: std::time::Instant::now() }
    }

    /// The time since the start.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

//! The system's monotonic clock: the only place where time comes from outside.

use crate::base::time::Instant;
use crate::base::wall::WallClock;

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

    /// The time of day at which it started, by the system's calendar now.
    #[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the driver lives in real time")]
    pub fn wall(&self) -> WallClock {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let nanos = u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX);
        WallClock::real(nanos.saturating_sub(self.now().as_nanos()))
    }

    /// The time since the start.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

//! How long a command took, for people; no result depends on it.

/// Measures wall and CPU time.
pub(super) struct Stopwatch {
    #[expect(clippy::disallowed_types, reason = "shown to people on standard error only")]
    start: std::time::Instant,
}

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "shown to people on standard error only")]
    #[expect(clippy::disallowed_types, reason = "shown to people on standard error only")]
    pub(super) fn start() -> Self {
        Stopwatch { start: std::time::Instant::now() }
    }

    /// Seconds since the start.
    pub(super) fn wall_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Seconds this process has spent on a processor, where the system tells.
    pub(super) fn cpu_s(&self) -> Option<f64> {
        let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
        let nanos: u64 = text.split_whitespace().next()?.parse().ok()?;
        Some(nanos as f64 / 1e9)
    }
}

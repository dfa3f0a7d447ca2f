//! How long a command took, for people; no result depends on it.

/// Measures wall and CPU time.
pub(super) struct Stopwatch {
    #[expect(clippy::disallowed_types, reason = "shown to people on standard error only")]
    start: std::time::Instant,
    /// What the process had spent by then: under `cargo run` it was cargo before.
    spent: Option<u64>,
}

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "shown to people on standard error only")]
    #[expect(clippy::disallowed_types, reason = "shown to people on standard error only")]
    pub(super) fn start() -> Self {
        Stopwatch { start: std::time::Instant::now(), spent: cpu_nanos() }
    }

    /// Seconds since the start.
    pub(super) fn wall_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Seconds on a processor since the start, where the system tells.
    pub(super) fn cpu_s(&self) -> Option<f64> {
        Some(cpu_nanos()?.saturating_sub(self.spent?) as f64 / 1e9)
    }
}

/// Nanoseconds that this process has spent on a processor.
fn cpu_nanos() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

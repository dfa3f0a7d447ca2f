//! What the system says of this process.

use std::fs;

/// Nanoseconds on a processor so far, user and system together.
pub(crate) fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// User and system time so far, in clock ticks of the system.
pub(crate) fn ticks() -> (u64, u64) {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let rest = text.rsplit(')').next().unwrap_or_default();
    let field = |n: usize| rest.split_whitespace().nth(n).and_then(|n| n.parse().ok()).unwrap_or(0);
    (field(11), field(12))
}

/// The share of `a`'s to `b`'s processor time that was user time.
pub(crate) fn user_share(a: (u64, u64), b: (u64, u64)) -> f64 {
    let (user, system) = (b.0 - a.0, b.1 - a.1);
    if user + system == 0 { 1.0 } else { user as f64 / (user + system) as f64 }
}

/// A figure of `/proc/self/status` in kB: `VmHWM`, the largest memory ever, or `VmRSS`, now.
pub(crate) fn memory_kb(what: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with(what)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

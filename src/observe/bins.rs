//! Bytes over time, in bins that grow coarser as the run grows longer.

use std::ops::Range;

use crate::base::time::{Duration, Instant};

/// Deliveries are summed in bins of this width at first.
const FINE_BIN: Duration = Duration::from_millis(1);
/// The goodput of a run has at most this many bins.
const MAX_BINS: u64 = 200;
/// When an instant lies this many bins from the start, [`bin_width`] is ten of them or more.
const COARSE: u64 = 5 * MAX_BINS;

/// The narrowest of 1, 2, 5, 10, 20, 50, ... ms with which `length` has at most [`MAX_BINS`] bins.
pub(super) fn bin_width(length: Duration) -> Duration {
    let mut decade = FINE_BIN;
    loop {
        for step in [1, 2, 5] {
            let width = decade * step;
            if length.as_nanos() / width.as_nanos() < MAX_BINS {
                return width;
            }
        }
        decade = decade * 10;
    }
}

/// What was delivered in each bin.
#[derive(Clone, Debug)]
pub(super) struct Bins {
    width: Duration,
    first: u64,
    bytes: Vec<u64>,
    /// When the last of them is.
    newest: Range<Instant>,
}

impl Default for Bins {
    fn default() -> Self {
        Bins { width: FINE_BIN, first: 0, bytes: Vec::new(), newest: Instant::ZERO..Instant::ZERO }
    }
}

impl Bins {
    /// Adds bytes; instants come in order.
    #[inline]
    pub(super) fn add(&mut self, at: Instant, bytes: u64) {
        // Mostly in the bin of the bytes before.
        match self.bytes.last_mut() {
            Some(sum) if self.newest.contains(&at) => *sum += bytes,
            _ => self.add_elsewhere(at, bytes),
        }
    }

    #[inline(never)]
    fn add_elsewhere(&mut self, at: Instant, bytes: u64) {
        let mut bin = at.as_nanos() / self.width.as_nanos();
        while bin >= COARSE {
            self.coarsen();
            bin /= 10;
        }
        if self.bytes.is_empty() {
            self.first = bin;
        }
        let index = bin.saturating_sub(self.first) as usize;
        if self.bytes.len() <= index {
            self.bytes.resize(index + 1, 0);
        }
        self.bytes[index] += bytes;
        if index + 1 == self.bytes.len() {
            let start = Instant::ZERO + self.width * bin;
            self.newest = start..start + self.width;
        }
    }

    fn coarsen(&mut self) {
        let wide = self.width * 10;
        let bins: Vec<(u64, u64)> = self.of_width(wide).collect();
        self.width = wide;
        self.first /= 10;
        self.bytes = bins.into_iter().map(|(_, bytes)| bytes).collect();
    }

    /// The bins from the first with bytes to the last, summed to bins of a multiple of our width.
    pub(super) fn of_width(&self, width: Duration) -> impl Iterator<Item = (u64, u64)> + '_ {
        let ratio = (width.as_nanos() / self.width.as_nanos()).max(1);
        let end = self.first + self.bytes.len() as u64;
        let wide = if self.bytes.is_empty() { 0..0 } else { self.first / ratio..(end - 1) / ratio + 1 };
        wide.map(move |bin| {
            let inside = (bin * ratio).max(self.first)..((bin + 1) * ratio).min(end);
            (bin, inside.map(|fine| self.bytes[(fine - self.first) as usize]).sum())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_follow_the_length_of_the_run() {
        assert_eq!(bin_width(Duration::ZERO), Duration::from_millis(1));
        assert_eq!(bin_width(Duration::from_millis(199)), Duration::from_millis(1));
        assert_eq!(bin_width(Duration::from_millis(200)), Duration::from_millis(2));
        assert_eq!(bin_width(Duration::from_millis(4_710)), Duration::from_millis(50));
        assert_eq!(bin_width(Duration::from_secs(60)), Duration::from_millis(500));
    }

    #[test]
    fn coarse_bins_are_what_fine_ones_sum_up_to() {
        for length_ms in [1, 150, 999, 1_000, 5_001, 60_000, 10_000_000] {
            let mut bins = Bins::default();
            let times: Vec<u64> = (0..2_000).map(|i| 17 + i * i * length_ms / 4_000_000).collect();
            let at = |ms: u64| Instant::ZERO + Duration::from_millis(ms);
            times.iter().for_each(|ms| bins.add(at(*ms), ms % 7));
            let last = *times.last().unwrap();
            let width = bin_width(at(last).since(Instant::ZERO));
            let ms = width.as_millis();
            let expected: Vec<(u64, u64)> = (17 / ms..=last / ms)
                .map(|bin| (bin, times.iter().filter(|t| **t / ms == bin).map(|t| t % 7).sum()))
                .collect();
            assert_eq!(bins.of_width(width).collect::<Vec<_>>(), expected, "{length_ms} ms");
            assert!(bins.bytes.len() <= COARSE as usize);
        }
    }
}

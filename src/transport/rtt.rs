//! Round-trip time and retransmission timeout (RFC 6298).

use crate::base::time::Duration;

/// Limits of the retransmission timeout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtoLimits {
    /// RTO before any sample (RFC 6298 section 2.1).
    pub initial: Duration,
    /// Least RTO (section 2.4).
    pub min: Duration,
    /// Largest RTO, backed off or not (section 2.5).
    pub max: Duration,
    /// Clock granularity G (section 2).
    pub granularity: Duration,
    /// Where `min` applies: to the whole RTO as RFC 6298 says, or, as Linux does, to its variance
    /// term, so that RTO = SRTT + max(min, 4 * RTTVAR).
    pub min_bounds_variance: bool,
}

impl Default for RtoLimits {
    fn default() -> Self {
        RtoLimits {
            initial: Duration::from_secs(1),
            min: Duration::from_secs(1),
            max: Duration::from_secs(60),
            granularity: Duration::from_millis(1),
            min_bounds_variance: false,
        }
    }
}

/// SRTT, RTTVAR and the RTO that follows from them, exact to the nanosecond but for the division
/// by eight and four. It fits a cache line.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct RttEstimator {
    // Kept, because it is asked for more often than it changes.
    rto: Duration,
    // Before there is a sample: the RTO without one.
    srtt: Duration,
    rttvar: Duration,
    min_rtt: Duration,
    backoff: u32,
    least_bounds_variance: bool,
    // False: no sample yet, and what comes of samples says nothing.
    sampled: bool,
    least: Duration,
    most: Duration,
    granularity: Duration,
}

impl RttEstimator {
    /// No sample yet.
    pub fn new(limits: RtoLimits) -> Self {
        let mut new = RttEstimator {
            rto: Duration::ZERO,
            srtt: limits.initial,
            rttvar: Duration::ZERO,
            min_rtt: Duration::ZERO,
            least: limits.min,
            most: limits.max,
            granularity: limits.granularity,
            backoff: 0,
            least_bounds_variance: limits.min_bounds_variance,
            sampled: false,
        };
        new.rto = new.compute_rto();
        new
    }

    /// Takes one valid sample (Karn's rule is the caller's). Ends the back-off.
    pub fn sample(&mut self, rtt: Duration) {
        self.sample_weighted(rtt, 1);
    }

    /// Takes one of `samples_per_rtt` samples of the same round trip, so that their sum weighs as
    /// much as one (RFC 7323 appendix G).
    pub fn sample_weighted(&mut self, rtt: Duration, samples_per_rtt: u64) {
        let n = samples_per_rtt.max(1);
        if self.sampled {
            // RTTVAR first, with the old SRTT (section 2.3).
            let nudge = |old: Duration, new: Duration, weight: u64| {
                if new >= old { old + (new - old) / weight } else { old - (old - new) / weight }
            };
            self.rttvar = nudge(self.rttvar, self.srtt.abs_diff(rtt), 4 * n);
            self.srtt = nudge(self.srtt, rtt, 8 * n);
            self.min_rtt = self.min_rtt.min(rtt);
        } else {
            (self.sampled, self.srtt, self.rttvar, self.min_rtt) = (true, rtt, rtt / 2, rtt);
        }
        self.backoff = 0;
        self.rto = self.compute_rto();
    }

    fn compute_rto(&self) -> Duration {
        let base = if self.sampled {
            let variance = (self.rttvar * 4).max(self.granularity);
            match self.least_bounds_variance {
                true => self.srtt + variance.max(self.least),
                false => (self.srtt + variance).max(self.least),
            }
        } else {
            self.srtt
        };
        (base * (1u64 << self.backoff.min(32))).min(self.most)
    }

    /// The retransmission timeout, back-off included.
    #[inline]
    pub fn rto(&self) -> Duration {
        self.rto
    }

    /// Doubles the timeout (section 5.5).
    pub fn back_off(&mut self) {
        self.backoff += 1;
        self.rto = self.compute_rto();
    }

    /// Ends the back-off without a sample, where a protocol allows that.
    #[inline]
    pub fn reset_backoff(&mut self) {
        if self.backoff > 0 {
            self.backoff = 0;
            self.rto = self.compute_rto();
        }
    }

    /// Raises the RTO before any sample to 3 s: the SYN was repeated (section 5.7).
    pub fn handshake_was_repeated(&mut self) {
        if !self.sampled {
            self.srtt = self.srtt.max(Duration::from_secs(3));
            self.backoff = 0;
            self.rto = self.compute_rto();
        }
    }

    /// Smoothed round-trip time.
    #[inline]
    pub fn srtt(&self) -> Option<Duration> {
        self.sampled.then_some(self.srtt)
    }
    /// Round-trip time variation.
    pub fn rttvar(&self) -> Duration {
        self.rttvar
    }
    /// Smallest sample.
    pub fn min_rtt(&self) -> Option<Duration> {
        self.sampled.then_some(self.min_rtt)
    }
    /// Doublings in force.
    pub fn backoff(&self) -> u32 {
        self.backoff
    }
}

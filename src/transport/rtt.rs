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
/// by eight and four.
#[derive(Clone, Debug)]
pub struct RttEstimator {
    limits: RtoLimits,
    srtt: Option<Duration>,
    rttvar: Duration,
    min_rtt: Option<Duration>,
    latest: Option<Duration>,
    backoff: u32,
}

impl RttEstimator {
    /// No sample yet.
    pub fn new(limits: RtoLimits) -> Self {
        let (srtt, min_rtt, latest) = (None, None, None);
        RttEstimator { limits, srtt, rttvar: Duration::ZERO, min_rtt, latest, backoff: 0 }
    }

    /// Takes one valid sample (Karn's rule is the caller's). Ends the back-off.
    pub fn sample(&mut self, rtt: Duration) {
        self.sample_weighted(rtt, 1);
    }

    /// Takes one of `samples_per_rtt` samples of the same round trip, so that their sum weighs as
    /// much as one (RFC 7323 appendix G).
    pub fn sample_weighted(&mut self, rtt: Duration, samples_per_rtt: u64) {
        let n = samples_per_rtt.max(1);
        match self.srtt {
            None => {
                self.srtt = Some(rtt);
                self.rttvar = rtt / 2;
            }
            // RTTVAR first, with the old SRTT (section 2.3).
            Some(srtt) => {
                let nudge = |old: Duration, new: Duration, weight: u64| {
                    if new >= old { old + (new - old) / weight } else { old - (old - new) / weight }
                };
                self.rttvar = nudge(self.rttvar, srtt.abs_diff(rtt), 4 * n);
                self.srtt = Some(nudge(srtt, rtt, 8 * n));
            }
        }
        self.min_rtt = Some(self.min_rtt.map_or(rtt, |m| m.min(rtt)));
        self.latest = Some(rtt);
        self.backoff = 0;
    }

    /// The retransmission timeout, back-off included.
    pub fn rto(&self) -> Duration {
        let l = &self.limits;
        let base = match self.srtt {
            None => l.initial,
            Some(srtt) => {
                let variance = (self.rttvar * 4).max(l.granularity);
                if l.min_bounds_variance { srtt + variance.max(l.min) } else { (srtt + variance).max(l.min) }
            }
        };
        (base * (1u64 << self.backoff.min(32))).min(l.max)
    }

    /// Doubles the timeout (section 5.5).
    pub fn back_off(&mut self) {
        self.backoff += 1;
    }

    /// Ends the back-off without a sample, where a protocol allows that.
    pub fn reset_backoff(&mut self) {
        self.backoff = 0;
    }

    /// Raises the RTO before any sample to 3 s: the SYN was repeated (section 5.7).
    pub fn handshake_was_repeated(&mut self) {
        if self.srtt.is_none() {
            self.limits.initial = self.limits.initial.max(Duration::from_secs(3));
            self.backoff = 0;
        }
    }

    /// Smoothed round-trip time.
    pub fn srtt(&self) -> Option<Duration> {
        self.srtt
    }
    /// Round-trip time variation.
    pub fn rttvar(&self) -> Duration {
        self.rttvar
    }
    /// Smallest sample.
    pub fn min_rtt(&self) -> Option<Duration> {
        self.min_rtt
    }
    /// Newest sample.
    pub fn latest(&self) -> Option<Duration> {
        self.latest
    }
    /// Doublings in force.
    pub fn backoff(&self) -> u32 {
        self.backoff
    }
}

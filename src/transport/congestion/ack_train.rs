//! HyStart as the Linux kernel has it: slow start ends when a train of ACKs is as long as half a round
//! trip, for the pipe is full then, or when round trips grow longer. Other than HyStart++ it does
//! not wait for a round whose shortest round trip is long, which a sender without pacing sees only
//! when the queue has overflowed.

use super::controller::Acked;
use crate::base::time::{Duration, Instant};

/// ACKs closer together than this belong to one train.
const GAP: Duration = Duration::from_millis(2);
/// What the receiver's stack may hold an ACK back.
const ACK_DELAY: Duration = Duration::from_millis(1);
/// Below so many segments it does not look.
const LOW_WINDOW: u64 = 16;
const SAMPLES: u32 = 8;
const MIN_RISE: Duration = Duration::from_millis(4);
const MAX_RISE: Duration = Duration::from_millis(16);

#[derive(Clone, Debug, Default)]
pub(super) struct AckTrain {
    // Bytes acknowledged since the start, and where that count ends the round.
    acked: u64,
    round_end: u64,
    round_start: Instant,
    last_ack: Instant,
    min_rtt: Option<Duration>,
    round_min: Option<Duration>,
    samples: u32,
}

impl AckTrain {
    /// The shortest round trip so far.
    pub(super) fn min_rtt(&self) -> Option<Duration> {
        self.min_rtt
    }

    /// Takes the round trip of an ACK in whatever phase.
    pub(super) fn measure(&mut self, ack: &Acked) {
        if let Some(rtt) = ack.rtt {
            self.min_rtt = Some(self.min_rtt.map_or(rtt, |min| min.min(rtt)));
        }
    }

    /// Takes an ACK of slow start, `window` segments being allowed out; true when slow start is over.
    pub(super) fn on_ack(&mut self, ack: &Acked, window: u64) -> bool {
        self.acked += ack.bytes;
        let (Some(rtt), Some(min)) = (ack.rtt, self.min_rtt) else { return false };
        if self.acked > self.round_end {
            self.round_end = self.acked + ack.in_flight_bytes.saturating_sub(ack.bytes);
            (self.round_start, self.last_ack) = (ack.now, ack.now);
            (self.round_min, self.samples) = (None, 0);
        }
        if window < LOW_WINDOW {
            return false;
        }
        if ack.now.since(self.last_ack) <= GAP {
            self.last_ack = ack.now;
            if ack.now.since(self.round_start) > (min + ACK_DELAY) / 2 {
                return true;
            }
        }
        let round_min = self.round_min.map_or(rtt, |least| least.min(rtt));
        self.round_min = Some(round_min);
        self.samples += 1;
        self.samples > SAMPLES && round_min > min + (min / 8).clamp(MIN_RISE, MAX_RISE)
    }
}

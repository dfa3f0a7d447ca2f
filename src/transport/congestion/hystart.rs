//! HyStart++ (RFC 9406): the first slow start ends when round trips grow longer, before the queue
//! overflows.

use super::controller::Acked;
use crate::base::time::Duration;

const MIN_RTT_THRESH: Duration = Duration::from_millis(4);
const MAX_RTT_THRESH: Duration = Duration::from_millis(16);
const MIN_RTT_DIVISOR: u64 = 8;
const N_RTT_SAMPLE: u32 = 8;
const CSS_GROWTH_DIVISOR: u64 = 4;
const CSS_ROUNDS: u32 = 5;
/// Segments that one ACK may add while nothing paces the sender.
const L: u64 = 8;

/// What section 4.2 keeps, per round of the first slow start.
#[derive(Clone, Debug)]
pub(super) struct HyStart {
    // Bytes acknowledged since the start, and where that count ends the round.
    acked: u64,
    round_end: u64,
    last_round_min: Option<Duration>,
    round_min: Option<Duration>,
    samples: u32,
    // During conservative slow start: its baseline and its rounds so far.
    conservative: Option<(Duration, u32)>,
}

impl HyStart {
    pub(super) fn new() -> Self {
        HyStart { acked: 0, round_end: 0, last_round_min: None, round_min: None, samples: 0, conservative: None }
    }

    /// What an ACK in slow start adds to cwnd.
    pub(super) fn growth(&self, bytes: u64, smss: u64) -> u64 {
        let plain = bytes.min(L * smss);
        if self.conservative.is_some() { plain / CSS_GROWTH_DIVISOR } else { plain }
    }

    /// Takes an ACK of the first slow start; true when slow start is over.
    pub(super) fn on_ack(&mut self, ack: &Acked) -> bool {
        self.acked += ack.bytes;
        if let Some(rtt) = ack.rtt {
            self.round_min = Some(self.round_min.map_or(rtt, |min| min.min(rtt)));
            self.samples += 1;
        }
        if let Some(now) = self.round_min.filter(|_| self.samples >= N_RTT_SAMPLE) {
            self.compare(now);
        }
        if self.acked < self.round_end {
            return false;
        }
        // The next round ends when what is out now is acknowledged.
        self.round_end = self.acked + ack.in_flight_bytes.saturating_sub(ack.bytes).max(1);
        self.last_round_min = self.round_min.take().or(self.last_round_min);
        self.samples = 0;
        // The round in which conservative slow start began counts too.
        self.conservative.as_mut().is_some_and(|(_, rounds)| {
            *rounds += 1;
            *rounds >= CSS_ROUNDS
        })
    }

    fn compare(&mut self, now: Duration) {
        match (self.conservative, self.last_round_min) {
            // It was not the queue: slow start resumes.
            (Some((baseline, _)), _) if now < baseline => self.conservative = None,
            (None, Some(last)) => {
                let threshold = (last / MIN_RTT_DIVISOR).clamp(MIN_RTT_THRESH, MAX_RTT_THRESH);
                if now >= last + threshold {
                    self.conservative = Some((now, 0));
                }
            }
            _ => {}
        }
    }
}

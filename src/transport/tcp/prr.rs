//! Proportional rate reduction (RFC 9937): how much each ACK of a recovery lets go.

/// One recovery's account, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Prr {
    delivered: u64,
    out: u64,
    recover_flight: u64,
    cwnd: u64,
}

/// What an ACK says during recovery.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// DeliveredData: bytes newly acknowledged or SACKed, each counted once.
    pub(super) delivered: u64,
    /// SND.UNA advanced and no further loss came to light.
    pub(super) safe: bool,
}

impl Prr {
    /// Recovery begins with `recover_flight` bytes: all that is out, without what was SACKed before
    /// this ACK, with what this ACK newly acknowledges (RFC 9937; RFC 6937 counted all).
    pub(super) fn new(recover_flight: u64) -> Prr {
        Prr { delivered: 0, out: 0, recover_flight: recover_flight.max(1), cwnd: recover_flight }
    }

    /// The window after an ACK, with `pipe` bytes still out.
    pub(super) fn on_ack(&mut self, p: Progress, pipe: u64, ssthresh: u64, smss: u64) {
        if p.delivered == 0 && self.delivered > 0 {
            return;
        }
        self.delivered += p.delivered;
        let mut send = if pipe > ssthresh {
            // CEIL rounds up to a whole segment, so that the first of every two ACKs lets one go.
            let due = u128::from(self.delivered) * u128::from(ssthresh);
            let segments = due.div_ceil(u128::from(self.recover_flight) * u128::from(smss)) as u64;
            (segments * smss).saturating_sub(self.out)
        } else {
            let burst = self.delivered.saturating_sub(self.out).max(p.delivered);
            let burst = if p.safe { burst + smss } else { burst };
            burst.min(ssthresh - pipe)
        };
        if self.out == 0 && send == 0 {
            send = smss; // the fast retransmit goes in any case
        }
        self.cwnd = pipe + send;
    }

    /// Without SACK a peer might tell of more than was out: no more than that counts (RFC 9937 section 6.2).
    pub(super) fn believes(&self, bytes: u64) -> bool {
        self.delivered + bytes <= self.recover_flight
    }

    /// Bytes left.
    pub(super) fn on_sent(&mut self, bytes: u64) {
        self.out += bytes;
    }

    pub(super) fn cwnd(&self) -> u64 {
        self.cwnd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prr_04_the_first_ack_of_recovery_lets_a_segment_go() {
        let mut p = Prr::new(20_000);
        p.on_ack(Progress { delivered: 0, safe: false }, 10_000, 10_000, 1000);
        assert_eq!(p.cwnd(), 11_000);
        p.on_sent(1000);
        p.on_ack(Progress { delivered: 1000, safe: false }, 10_000, 10_000, 1000);
        assert_eq!(p.cwnd(), 10_000);
    }
}

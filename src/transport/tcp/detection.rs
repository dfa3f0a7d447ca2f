//! RACK-TLP at work in a connection (RFC 8985): what it is told, and what follows from its verdicts.

use std::num::NonZeroU64;

use super::connection::TcpConnection;
use super::rack::Arrival;
use super::recovery::Episode;
use super::scoreboard::Fresh;
use super::state::State;
use super::timers::Rare;
use crate::base::note::{FlowNote, Timer, WindowCause};
use crate::base::time::Duration;
use crate::transport::congestion::controller::{Controller, Lost};
use crate::wire::tcp::TcpSegment;

/// PTO before there is an RTT sample (section 7.2).
const FIRST_PROBE: Duration = Duration::from_secs(1);

/// The tail loss probe that is out (section 7.1).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tlp {
    /// SND.NXT when it left.
    pub(super) end: Option<NonZeroU64>,
    pub(super) again: bool,
    /// To be sent now.
    pub(super) pending: bool,
}

impl TcpConnection {
    /// RACK needs SACK.
    pub(super) fn start_rack(&mut self) {
        if self.config.rack && self.rcv.sack {
            self.recovery.rack = Some(Box::default());
        }
    }

    pub(super) fn arrival(&self, s: &TcpSegment) -> Arrival {
        let echo = s.options.timestamps.filter(|_| self.timestamps.on).map(|(_, echo)| echo);
        Arrival { now: self.now, echo, min_rtt: self.rtt.min_rtt() }
    }

    /// An ACK was taken in: tells RACK what it newly delivered.
    pub(super) fn rack_takes(&mut self, fresh: &Fresh, old_una: u64, s: &TcpSegment, dsack: bool) {
        let arrival = self.arrival(s);
        let (una, max) = (self.snd.una, self.snd.max);
        let r = &mut self.recovery;
        let Some(rack) = r.rack.as_deref_mut() else { return };
        if una > old_una {
            rack.on_acked(una, &arrival);
        }
        // Some peers do not report a FIN; it never travels without the data before it.
        let last = self.buffer.end();
        for &(start, end) in fresh.iter().filter(|f| f.1 > una) {
            rack.on_sacked(start, end, &arrival, |a, b| r.scoreboard.holds(a, b.min(last.max(a + 1))));
        }
        if dsack {
            rack.on_dsack(una, max);
        }
    }

    /// Looks for losses; true if there are new ones. Recovery begins with the first.
    pub(super) fn detect_losses(&mut self) -> bool {
        let recovering = self.recovery.episode != Episode::None;
        let srtt = self.rtt.srtt().unwrap_or(FIRST_PROBE);
        let min_rtt = self.rtt.min_rtt().unwrap_or(srtt);
        let Some(rack) = self.recovery.rack.as_deref_mut() else { return false };
        let window = rack.reordering_window(recovering, min_rtt, srtt);
        let (found, again_at) = rack.detect(self.now, window);
        // What an episode that has ended had found, but not sent again, calls for the next one.
        let lost = rack.first_lost().is_some();
        self.timers.set(Rare::Reordering, again_at);
        if lost && !recovering && self.snd.una >= self.recovery.recover {
            self.begin_recovery(Episode::Sack);
        }
        found
    }

    /// Bytes thought to be in the network.
    pub(super) fn pipe(&self) -> u64 {
        let board = &self.recovery.scoreboard;
        if self.recovery.episode == Episode::Classic && self.recovery.prr.is_some() {
            let lost = if self.recovery.resend.is_some() { self.snd.mss() } else { 0 };
            return self.flight().saturating_sub(self.recovery.dup_bytes + lost);
        }
        match self.recovery.rack.as_deref() {
            Some(rack) => self.flight().saturating_sub(board.sacked() + rack.lost_bytes()),
            None => board.pipe(self.snd.nxt, self.snd.mss()),
        }
    }

    /// The reordering timer fired.
    pub(super) fn on_reordering_timeout(&mut self) {
        self.note(|| FlowNote::Timeout { timer: Timer::Reordering, backoff: 0 });
        if self.detect_losses() {
            // No ACK, nothing delivered: a window of PRR is what it was, and one segment goes.
            self.prr_step(0, false);
        }
    }

    /// Section 7.2: when to probe, if the last flight is not answered. Called after every new
    /// segment and every ACK.
    pub(super) fn schedule_probe(&mut self) {
        let r = &self.recovery;
        let may = self.config.tlp
            && r.rack.is_some()
            && r.episode == Episode::None
            && r.tlp.end.is_none()
            && r.scoreboard.is_empty()
            && self.snd.max > self.snd.una
            && !matches!(self.state, State::SynSent | State::SynReceived);
        let probe = may.then(|| {
            let wait = self.rtt.srtt().map_or(FIRST_PROBE, |srtt| {
                // A FIN makes no second segment.
                let one = self.snd.max.min(self.buffer.end()).saturating_sub(self.snd.una) <= self.snd.mss();
                srtt * 2 + if one { self.config.tlp_ack_delay } else { Duration::ZERO }
            });
            let probe = self.now + wait;
            self.timers.retransmission.map_or(probe, |rto| rto.min(probe))
        });
        self.timers.set(Rare::Probe, probe);
    }

    /// Section 7.3: the probe goes now, and the retransmission timer starts again behind it.
    pub(super) fn on_probe_timeout(&mut self) {
        self.note(|| FlowNote::Timeout { timer: Timer::TailLossProbe, backoff: 0 });
        self.recovery.tlp.pending = true;
        self.timers.retransmission = Some(self.now + self.rtt.rto());
    }

    /// Section 7.4: did the probe repair a loss that nothing else told of?
    pub(super) fn on_ack_of_probe(&mut self, dsack: bool) {
        let tlp = &mut self.recovery.tlp;
        let Some(end) = tlp.end.map(NonZeroU64::get) else { return };
        if self.snd.una < end {
            return;
        }
        if !tlp.again || dsack {
            tlp.end = None;
        } else if self.snd.una > end {
            tlp.end = None;
            if self.recovery.episode == Episode::None {
                let in_flight_bytes = self.flight();
                self.controller.on_loss(&Lost { now: self.now, in_flight_bytes, repeated: false });
                self.remember_first_loss();
                self.note_window(WindowCause::Loss);
            }
        }
    }

    /// A segment leaves.
    pub(super) fn rack_sends(&mut self, start: u64, end: u64, again: bool) {
        let (now, stamp) = (self.now, self.timestamp_now());
        if let Some(rack) = self.recovery.rack.as_deref_mut() {
            rack.on_sent(start, end, now, stamp, again);
            if !again {
                self.schedule_probe();
            }
        }
    }

    /// The retransmission timer expired. Section 6.3: the first segment is lost, and what left longer
    /// ago than a round trip; the rest is still believed to be out. False: nothing is known any more.
    pub(super) fn rack_times_out(&mut self) -> bool {
        self.timers.set(Rare::Reordering, None);
        let (srtt, una) = (self.rtt.srtt().unwrap_or(FIRST_PROBE), self.snd.una);
        let Some(rack) = self.recovery.rack.as_deref_mut() else { return false };
        if self.recovery.scoreboard.unsacked_from(una).0 > una {
            rack.forget(); // a peer that SACKs what it does not acknowledge has reneged
            return false;
        }
        let window = rack.reordering_window(true, self.rtt.min_rtt().unwrap_or(srtt), srtt);
        rack.on_timeout(self.now, window, srtt);
        true
    }
}

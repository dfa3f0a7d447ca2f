//! Loss detection and recovery episodes: fast retransmit and recovery of RFC 5681 and RFC 6582
//! without SACK, of RFC 6675 with it. The controller only hears of their beginning and end.

use super::connection::TcpConnection;
use super::detection::Tlp;
use super::prr::{Progress, Prr};
use super::rack::Rack;
use super::scoreboard::Scoreboard;
use super::timers::Rare;
use super::undo::Undo;
use crate::base::note::{Phase, SendCause, WindowCause};
use crate::transport::congestion::controller::{Controller, Lost, RecoveryEnds};

/// What is being repaired.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Episode {
    /// Nothing.
    #[default]
    None,
    /// RFC 5681 or RFC 6582 fast recovery.
    Classic,
    /// RFC 6675.
    Sack,
    /// After a retransmission timeout, until what was out then is acknowledged.
    Loss,
}

/// What every acknowledgment and every departing segment asks for comes first, as far as into `scoreboard`,
/// and what repairs need up to `partial_acks`.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Recovery {
    pub(super) dup_acks: u32,
    /// Retransmission timeouts in a row without progress.
    pub(super) timeouts: u32,
    pub(super) episode: Episode,
    /// SND.UNA is to be sent again at once, whatever the windows say.
    pub(super) resend: Option<SendCause>,
    rescued: bool,
    /// Bytes that limited transmit sent: not part of FlightSize when a loss is found.
    pub(super) limited_bytes: u32,
    pub(super) scoreboard: Scoreboard,
    /// One past the highest number sent when the last episode began. It starts below the first
    /// data byte, so that even that one can be retransmitted fast (RFC 6582 section 3.2).
    pub(super) recover: u64,
    /// What classic recovery adds to the controller's window.
    pub(super) inflation: i64,
    /// Set during a recovery that PRR governs.
    pub(super) prr: Option<Box<Prr>>,
    partial_acks: u32,
    pub(super) tlp: Tlp,
    /// Set if losses are found by time.
    pub(super) rack: Option<Box<Rack>>,
    pub(super) undo: Option<Box<Undo>>,
    /// What duplicate ACKs say has arrived, a segment each: for PRR without SACK.
    pub(super) dup_bytes: u64,
    /// What was SACKed, and what was out and not SACKed, before the ACK in hand.
    pub(super) sacked_before: u64,
    pub(super) out_before: u64,
    /// The most that was out in the newest round trip, and where that ends: for growth without a cap.
    pub(super) most_out: (u64, u64),
}

impl Recovery {
    /// What repairs need of it, too.
    pub(super) const HOT_BYTES: usize = std::mem::offset_of!(Recovery, partial_acks);

    #[inline]
    pub(super) fn advance(&mut self, una: u64) {
        self.scoreboard.advance(una);
    }

    pub(super) fn phase(&self) -> Option<Phase> {
        match self.episode {
            Episode::None => None,
            Episode::Classic | Episode::Sack => Some(Phase::Recovery),
            Episode::Loss => Some(Phase::Loss),
        }
    }

    /// RFC 6582 section 3.2, step 3: of all partial ACKs only the first restarts the timer. That is the impatient
    /// variant; the other lets each do so (RFC 6298 section 5.3). Call before the ACK is acted on.
    pub(super) fn restarts_timer(&self, impatient: bool) -> bool {
        !impatient || self.episode != Episode::Classic || self.partial_acks == 0
    }
}

impl TcpConnection {
    /// True if nothing is at work that wants to know more of an ACK than how far it goes.
    #[inline]
    pub(super) fn looks_at_cumulative_acks_only(&self) -> bool {
        let r = &self.recovery;
        !self.config.watches_repairs()
            || (r.rack.is_none() && r.prr.is_none() && r.undo.is_none() && r.tlp.end.is_none())
    }

    /// True if all that may leave is new, within the controller's window.
    #[inline]
    pub(super) fn repairs_nothing(&self) -> bool {
        let r = &self.recovery;
        r.episode == Episode::None
            && r.resend.is_none()
            && r.dup_acks == 0
            && r.scoreboard.is_empty()
            && (!self.config.watches_repairs() || (!r.tlp.pending && r.rack.is_none() && r.prr.is_none()))
    }

    pub(super) fn on_duplicate_ack(&mut self) {
        let smss = self.snd.mss();
        self.recovery.dup_acks += 1;
        match self.recovery.episode {
            Episode::Classic => {
                match self.recovery.prr.as_ref().map(|prr| prr.believes(smss)) {
                    // RFC 5681 section 3.2, step 4.
                    None => self.recovery.inflation += smss as i64,
                    // No more can have arrived than is out, without the hole.
                    Some(_) if self.recovery.dup_bytes + 2 * smss > self.flight() => {}
                    Some(believed) => {
                        self.recovery.dup_bytes += smss;
                        self.prr_step(if believed { smss } else { 0 }, false);
                    }
                }
                self.note_window(WindowCause::DuplicateAck);
            }
            Episode::Sack => {}
            _ if self.recovery.rack.is_some() => {} // time decides
            Episode::None | Episode::Loss if self.rcv.sack => {
                let lost = self.recovery.scoreboard.lost_edge(smss) > self.snd.una;
                if (self.recovery.dup_acks >= 3 || lost) && self.snd.una >= self.recovery.recover {
                    self.begin_recovery(Episode::Sack);
                }
            }
            Episode::None | Episode::Loss => {
                // RFC 6582 section 3.2, step 2; Reno has no such memory.
                let forgetful = self.controller.recovery_ends() == RecoveryEnds::FirstNewAck;
                if self.recovery.dup_acks == 3 && (forgetful || self.snd.una > self.recovery.recover) {
                    self.begin_recovery(Episode::Classic);
                }
            }
        }
    }

    pub(super) fn begin_recovery(&mut self, episode: Episode) {
        let out = self.flight().saturating_sub(u64::from(self.recovery.limited_bytes));
        let in_flight_bytes = if self.config.ssthresh_of_cwnd { self.controller.window() } else { out };
        self.controller.on_loss(&Lost { now: self.now, in_flight_bytes, repeated: false });
        self.remember_first_loss();
        let r = &mut self.recovery;
        r.episode = episode;
        r.recover = self.snd.max;
        r.limited_bytes = 0;
        // The three segments that the duplicate ACKs say have left (RFC 5681 section 3.2, step 3).
        r.inflation = if episode == Episode::Classic { 3 * self.snd.mss() as i64 } else { 0 };
        r.partial_acks = 0;
        r.rescued = false;
        r.resend = Some(SendCause::FastRetransmit);
        r.scoreboard.begin_recovery();
        r.tlp.end = None;
        self.timers.set(Rare::Probe, None);
        // RACK names what is lost; that need not be the first.
        let first = self.recovery.rack.as_deref().map(|rack| rack.first_lost().map(|l| l.0));
        if first.is_some_and(|lost| lost != Some(self.snd.una)) {
            self.recovery.resend = None;
        }
        if self.config.prr {
            let without_sack = episode == Episode::Classic;
            let recover_flight = if without_sack { self.flight() } else { self.recovery.out_before };
            self.recovery.prr = Some(Box::new(Prr::new(recover_flight)));
            if without_sack {
                let smss = self.snd.mss();
                (self.recovery.inflation, self.recovery.dup_bytes) = (0, 3 * smss);
                self.prr_step(smss, false);
            }
        }
        self.remember_for_undo();
        self.note_window(WindowCause::Loss);
    }

    /// The window has been reduced for what is out already.
    fn repairing_one_window(&self) -> bool {
        matches!(self.recovery.episode, Episode::Classic | Episode::Sack) && self.snd.una < self.recovery.recover
    }

    pub(super) fn remember_first_loss(&mut self) {
        if self.seldom.stats.ssthresh_after_first_loss_bytes.is_none() {
            self.seldom.stats.ssthresh_after_first_loss_bytes = self.controller.ssthresh();
        }
    }

    /// RFC 6582 section 3.2, step 3.
    pub(super) fn on_ack_in_classic_recovery(&mut self, acked: u64) {
        let full = self.snd.una >= self.recovery.recover;
        if full || self.controller.recovery_ends() == RecoveryEnds::FirstNewAck {
            return self.end_recovery();
        }
        self.recovery.partial_acks += 1;
        self.recovery.resend = Some(SendCause::Recovery);
        if self.recovery.prr.is_some() {
            // RFC 9937 section 6.2: DeliveredData is the change in SND.UNA less what duplicate ACKs told of; the hole itself told of
            // nothing. That the ACK is partial says that there is another: it is not safe.
            let told = acked.saturating_sub(self.snd.mss()).min(self.recovery.dup_bytes);
            self.recovery.dup_bytes -= told;
            self.prr_step(acked - told, false);
            return self.note_window(WindowCause::PartialAck);
        }
        let add_back = if acked >= self.snd.mss() { self.snd.mss() } else { 0 };
        self.recovery.inflation += add_back as i64 - acked as i64;
        self.note_window(WindowCause::PartialAck);
    }

    /// RFC 6675 section 5, steps A and B.
    pub(super) fn on_ack_in_sack_recovery(&mut self) {
        if self.snd.una >= self.recovery.recover {
            return self.end_recovery();
        }
        self.note_window(WindowCause::PartialAck);
    }

    fn end_recovery(&mut self) {
        let r = &mut self.recovery;
        r.episode = Episode::None;
        r.inflation = 0;
        r.dup_acks = 0;
        r.resend = None;
        // PRR leaves no burst to be avoided (RFC 9937): cwnd becomes ssthresh.
        let spread = r.prr.take().is_some();
        if let Some(rack) = r.rack.as_deref_mut() {
            rack.on_recovered();
        }
        let limit = self.controller.ssthresh().filter(|_| spread).unwrap_or(0);
        self.controller.on_recovered(self.flight().max(limit));
        self.note_window(WindowCause::Recovered);
    }

    /// The retransmission timer expired with data out (RFC 5681 section 3.1, RFC 6582 step 4).
    pub(super) fn on_loss_timeout(&mut self) {
        // "No more than" equation 4: what the peer holds already is not in flight. A long recovery
        // heaps that up, and ssthresh would rise.
        let out = self.flight().saturating_sub(self.recovery.scoreboard.sacked());
        let (in_flight_bytes, repeated) = match self.config.ssthresh_of_cwnd {
            true => (self.controller.window(), self.recovery.timeouts > 1 || self.repairing_one_window()),
            false => (out, self.recovery.timeouts > 1),
        };
        self.controller.on_timeout(&Lost { now: self.now, in_flight_bytes, repeated });
        self.remember_first_loss();
        let r = &mut self.recovery;
        r.episode = Episode::Loss;
        r.recover = self.snd.max;
        r.dup_acks = 0;
        r.inflation = 0;
        r.limited_bytes = 0;
        r.resend = Some(SendCause::Timeout);
        (r.prr, r.tlp.end) = (None, None);
        if !self.rack_times_out() {
            // The peer may have let go of what it SACKed (RFC 2018 section 8): all goes anew.
            self.recovery.scoreboard.clear();
            self.snd.nxt = self.snd.una;
        }
        self.remember_for_undo();
        self.departed.timed = None;
        self.departed.cwnd_limited_until = self.snd.max;
    }

    /// PRR's step after an ACK that delivered so many bytes.
    pub(super) fn prr_step(&mut self, delivered: u64, safe: bool) {
        let (pipe, smss, window) = (self.pipe(), self.snd.mss(), self.controller.window());
        if let Some(prr) = &mut self.recovery.prr {
            prr.on_ack(Progress { delivered, safe }, pipe, window, smss);
        }
    }

    /// RFC 6675 section 4, NextSeg: what to send next in SACK recovery, as first byte, one past
    /// the last, and whether it was sent before. `new_until` is how far new data may go.
    pub(super) fn next_seg(&mut self, new_until: u64) -> Option<(u64, u64, bool)> {
        let smss = self.snd.mss();
        let board = &self.recovery.scoreboard;
        let by_time = self.recovery.rack.is_some();
        // Rule 1: what is lost.
        if let Some((start, lost_end)) = self.recovery.rack.as_deref().and_then(Rack::first_lost) {
            return Some((start, self.segment_end(start, lost_end), true));
        }
        if !by_time && let Some((start, hole_end)) = board.next_hole(board.lost_edge(smss)) {
            let end = self.segment_end(start, hole_end);
            self.recovery.scoreboard.retransmitted(end);
            return Some((start, end, true));
        }
        // Rule 2: new data.
        let nxt = self.snd.nxt;
        if new_until > nxt {
            return Some((nxt, self.segment_end(nxt, new_until), false));
        }
        if by_time {
            return None; // what is not lost by time may still arrive
        }
        // Rule 3: any hole below what is SACKed.
        if let Some((start, hole_end)) = board.next_hole(board.highest()) {
            let end = self.segment_end(start, hole_end);
            self.recovery.scoreboard.retransmitted(end);
            return Some((start, end, true));
        }
        let r = &mut self.recovery;
        // Rule 4: once per recovery, the very last segment; HighRxt stays.
        if !r.rescued && r.scoreboard.highest() < self.snd.max {
            r.rescued = true;
            // "One segment of up to SMSS octets": a FIN in it is none of them.
            let data_end = self.snd.max.min(self.buffer.end());
            let start = data_end.saturating_sub(smss).max(r.scoreboard.highest());
            return Some((start, self.snd.max, true));
        }
        None
    }
}

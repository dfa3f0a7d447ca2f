//! Arriving acknowledgments and windows (RFC 9293 section 3.10.7.4, fifth; RFC 5681).

use super::connection::TcpConnection;
use super::recovery::Episode;
use super::scoreboard::Fresh;
use super::seq;
use super::timers::Rare;
use crate::base::note::{Phase, WindowCause};
use crate::base::time::Duration;
use crate::transport::congestion::controller::{Acked, Controller};
use crate::transport::stream::StreamEvent;
use crate::wire::tcp::TcpSegment;

impl TcpConnection {
    /// False: the segment is to be dropped.
    pub(super) fn on_ack(&mut self, start: i64, s: &TcpSegment) -> bool {
        let ack = seq::expand(self.snd.iss, self.snd.una, s.ack);
        let probed = self.snd.max as i64 + i64::from(self.snd.probe_byte);
        if ack > probed || ack < self.snd.una as i64 - self.snd.max_wnd() as i64 {
            self.answer_out_of_window(s); // RFC 5961 section 5.2
            return false;
        }
        self.rcv.unheard_probes = 0;
        let old_una = self.snd.una;
        let same_window = s.window == self.snd.last_window_field;
        if ack >= old_una as i64 {
            self.take_window(start, ack as u64, s.window);
        }
        if !self.rcv.sack {
            if ack > old_una as i64 {
                self.on_new_ack(ack as u64, s);
                self.consider_undo(s, true, None);
            } else if ack == old_una as i64 && self.snd.max > old_una && same_window {
                // RFC 5681 section 2.
                if s.payload.is_empty() && !s.flags.syn && !s.flags.fin {
                    self.on_duplicate_ack();
                }
            }
            return true;
        }
        self.on_ack_with_sack(ack, s);
        true
    }

    /// The same with SACK, where news counts instead of repetition (RFC 6675 section 2).
    pub(super) fn on_ack_with_sack(&mut self, ack: i64, s: &TcpSegment) {
        let (old_una, old_sacked) = (self.snd.una, self.recovery.scoreboard.sacked());
        let advanced = ack > old_una as i64;
        if s.options.sack.is_empty() && !advanced {
            return;
        }
        let watched = !self.looks_at_cumulative_acks_only();
        if s.options.sack.is_empty() && !watched {
            return self.on_plain_new_ack(ack as u64, s);
        }
        (self.recovery.sacked_before, self.recovery.out_before) =
            (old_sacked, self.flight().saturating_sub(old_sacked));
        // Below it all is lost by count; with RACK time decides instead.
        let by_count = self.recovery.prr.is_some() && self.recovery.rack.is_none();
        let edge = by_count.then(|| self.recovery.scoreboard.lost_edge(self.snd.mss()));
        let mut fresh = Fresh::new();
        self.take_sack_blocks(s, &mut fresh);
        if advanced {
            self.on_new_ack(ack as u64, s);
        }
        // Nobody who begins to watch now asks for it: nothing has been repeated yet.
        let dsack = if watched { self.told_twice(s, ack, old_una) } else { None };
        self.rack_takes(&fresh, old_una, s, dsack.is_some());
        if !advanced && !fresh.is_empty() && self.snd.max > self.snd.una {
            self.on_duplicate_ack();
        }
        if self.looks_at_cumulative_acks_only() {
            return;
        }
        self.on_ack_of_probe(dsack.is_some());
        let found = self.detect_losses();
        self.consider_undo(s, advanced, dsack);
        if self.recovery.prr.is_some() {
            let worse =
                found || edge.is_some_and(|e| self.recovery.scoreboard.lost_edge(self.snd.mss()) > e.max(self.snd.una));
            let delivered = (self.snd.una + self.recovery.scoreboard.sacked()) - (old_una + old_sacked);
            self.prr_step(delivered, advanced && !worse);
            self.note_window(if advanced { WindowCause::PartialAck } else { WindowCause::DuplicateAck });
        }
        if self.recovery.rack.is_some() {
            self.schedule_probe();
        }
    }

    /// Only newer segments move the window (RFC 9293 section 3.10.7.4).
    pub(super) fn take_window(&mut self, start: i64, ack: u64, field: u16) {
        let start = start.max(0) as u64;
        if self.snd.wl1 < start || (self.snd.wl1 == start && self.snd.wl2 <= ack) {
            self.snd.set_window(field, self.snd.scale);
            (self.snd.wl1, self.snd.wl2) = (start, ack);
            // Only a persist timer that ran made probes.
            if self.snd.wnd() > 0 && self.timers.any_rare() {
                self.timers.set(Rare::Persist, None);
                self.seldom.probes = 0;
            }
        }
    }

    /// Blocks outside what is out are not believed.
    fn take_sack_blocks(&mut self, s: &TcpSegment, fresh: &mut Fresh) {
        let (iss, una, max) = (self.snd.iss, self.snd.una, self.snd.max as i64);
        for &(left, right) in s.options.sack.iter() {
            let (left, right) = (seq::expand(iss, una, left), seq::expand(iss, una, right));
            if left < right && left > una as i64 && right <= max {
                self.recovery.scoreboard.sack(left as u64, right as u64, fresh);
            }
        }
    }

    /// The first block may tell of data that arrived twice (RFC 2883 section 4): below the ACK, or inside the
    /// second one.
    fn told_twice(&self, s: &TcpSegment, ack: i64, old_una: u64) -> Option<(i64, i64)> {
        let expand = |n: u32| seq::expand(self.snd.iss, old_una, n);
        let mut blocks = s.options.sack.iter().map(|&(left, right)| (expand(left), expand(right)));
        let (first, second) = (blocks.next()?, blocks.next());
        let within = second.is_some_and(|s| s.0 <= first.0 && first.1 <= s.1);
        (first.0 < first.1 && (first.1 <= ack || within)).then_some(first)
    }

    /// One that nobody wants to know more of than how far it goes.
    pub(super) fn on_plain_new_ack(&mut self, ack: u64, s: &TcpSegment) {
        if self.config.uncapped_growth {
            self.recovery.sacked_before = self.recovery.scoreboard.sacked();
        }
        self.on_new_ack(ack, s);
    }

    fn on_new_ack(&mut self, ack: u64, s: &TcpSegment) {
        let (old_una, flight) = (self.snd.una, self.flight());
        let acked = ack - old_una;
        self.snd.una = ack;
        self.snd.nxt = self.snd.nxt.max(ack);
        self.snd.max = self.snd.max.max(ack); // the byte of a window probe was taken
        self.snd.probe_byte = false;
        self.recovery.advance(ack);
        self.recovery.timeouts = 0;
        self.recovery.limited_bytes = 0;

        // A FIN is acknowledged like a byte but is none.
        let end = self.buffer.end();
        let bytes = ack.min(end) - old_una.min(end);
        if bytes > 0 {
            self.departed.last_acked = Some(self.now);
        }
        self.buffer.release(ack);
        // HyStart++ wants a sample from every ACK; the estimator takes one a round trip.
        let rtt = self.measure(ack, flight, s).or_else(|| self.echoed_rtt(s));

        // RFC 6298 section 5.2 and 5.3; the timer restarts below where recovery allows it.
        let restart = self.recovery.restarts_timer(self.config.impatient);
        if self.snd.una == self.snd.max {
            self.timers.retransmission = None;
            self.timers.set(Rare::User, None);
        } else {
            if restart {
                self.timers.retransmission = Some(self.now + self.rtt.rto());
            }
            self.start_user_timer();
        }

        match self.recovery.episode {
            Episode::Classic => self.on_ack_in_classic_recovery(acked),
            Episode::Sack => self.on_ack_in_sack_recovery(),
            Episode::None | Episode::Loss => {
                let after_timeout = self.recovery.episode == Episode::Loss;
                self.recovery.dup_acks = 0;
                if bytes > 0 {
                    self.controller.on_ack(&Acked {
                        now: self.now,
                        bytes: self.growth_bytes(bytes, acked),
                        in_flight_bytes: flight,
                        cwnd_limited: old_una < self.departed.cwnd_limited_until || self.half_used_in_slow_start(),
                        rtt,
                        srtt: self.rtt.srtt(),
                        after_timeout,
                    });
                }
                if after_timeout && self.snd.una >= self.recovery.recover {
                    self.recovery.episode = Episode::None;
                }
                self.note_window(WindowCause::Ack);
            }
        }
        self.tell_application(ack);
        if self.snd.fin_queued && ack == end + 1 {
            self.on_fin_acked();
        }
    }

    /// What the window may grow for: Linux counts a byte when it is delivered, which may be when it
    /// is SACKed.
    fn growth_bytes(&self, bytes: u64, acked: u64) -> u64 {
        if !self.config.uncapped_growth || !self.rcv.sack {
            return bytes;
        }
        let (before, now) = (self.recovery.sacked_before, self.recovery.scoreboard.sacked());
        (acked + now).saturating_sub(before).min(bytes + now)
    }

    /// In slow start Linux lets cwnd grow to twice what was out.
    fn half_used_in_slow_start(&self) -> bool {
        self.config.uncapped_growth
            && self.controller.phase() == Phase::SlowStart
            && self.controller.window() < 2 * self.recovery.most_out.0
    }

    fn tell_application(&mut self, ack: u64) {
        if self.snd.want_write && self.buffer.invites_writing() {
            self.snd.want_write = false;
            self.events.push(StreamEvent::Writable);
        }
        if self.snd.tell_acknowledged && ack >= self.buffer.end() {
            self.snd.tell_acknowledged = false;
            self.events.push(StreamEvent::Acknowledged);
        }
    }

    /// A round-trip sample: exact from the timed segment, or, where Karn's rule forbids that,
    /// from the echoed timestamp (RFC 6298 section 3, RFC 7323 section 4.1).
    fn measure(&mut self, ack: u64, flight: u64, s: &TcpSegment) -> Option<Duration> {
        let (sample, samples_per_rtt) = match self.departed.timed {
            Some((end, at)) if ack >= end => {
                self.departed.timed = None;
                (self.now.since(at), 1)
            }
            _ if self.config.rtt_every_ack => (self.echoed_rtt(s)?, 1),
            Some(_) => return None,
            // Every ACK brings an echo: together they weigh as much as one (RFC 7323 appendix G).
            None => (self.echoed_rtt(s)?, flight.div_ceil(2 * self.snd.mss())),
        };
        self.take_rtt_sample(sample, samples_per_rtt);
        Some(sample)
    }

    /// What the echoed timestamp says.
    fn echoed_rtt(&self, s: &TcpSegment) -> Option<Duration> {
        let (_, echo) = s.options.timestamps.filter(|_| self.timestamps.on)?;
        let elapsed_ms = self.timestamp_now().wrapping_sub(echo);
        // Rounded up to a whole tick, so that the smallest RTT is never too small.
        (elapsed_ms < 1 << 31).then(|| Duration::from_millis(u64::from(elapsed_ms) + 1))
    }

    pub(super) fn take_rtt_sample(&mut self, sample: Duration, samples_per_rtt: u64) {
        self.rtt.sample_weighted(sample, samples_per_rtt);
    }

    /// The timestamp clock: milliseconds, from an offset of this connection's.
    pub(super) fn timestamp_now(&self) -> u32 {
        ((self.now.as_nanos() / 1_000_000) as u32).wrapping_add(self.timestamps.offset)
    }
}

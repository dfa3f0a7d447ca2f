//! Arriving acknowledgments and windows (RFC 9293 section 3.10.7.4, fifth; RFC 5681).

use super::connection::TcpConnection;
use super::recovery::Episode;
use super::seq;
use crate::base::note::WindowCause;
use crate::base::time::Duration;
use crate::transport::congestion::controller::Acked;
use crate::transport::stream::StreamEvent;
use crate::wire::tcp::TcpSegment;

impl TcpConnection {
    /// False: the segment is to be dropped.
    pub(super) fn on_ack(&mut self, start: i64, s: &TcpSegment) -> bool {
        let ack = seq::expand(self.snd.iss, self.snd.una, s.ack);
        if ack > self.snd.max as i64 || ack < self.snd.una as i64 - self.snd.max_wnd as i64 {
            self.challenge(); // RFC 5961 section 5.2
            return false;
        }
        let old_una = self.snd.una;
        let same_window = s.window == self.snd.last_window_field;
        if ack >= old_una as i64 {
            self.take_window(start, ack as u64, s.window);
        }
        let news = self.rcv.sack && self.take_sack_blocks(s);
        if ack > old_una as i64 {
            self.on_new_ack(ack as u64, s);
        } else if ack == old_una as i64 && self.snd.max > self.snd.una {
            // RFC 5681 section 2; with SACK, news counts instead (RFC 6675 section 2).
            let bare = s.payload.is_empty() && !s.flags.syn && !s.flags.fin;
            if if self.rcv.sack { news } else { bare && same_window } {
                self.on_duplicate_ack();
            }
        }
        true
    }

    /// Only newer segments move the window (RFC 9293 section 3.10.7.4).
    fn take_window(&mut self, start: i64, ack: u64, field: u16) {
        let start = start.max(0) as u64;
        if self.snd.wl1 < start || (self.snd.wl1 == start && self.snd.wl2 <= ack) {
            self.snd.wnd = u64::from(field) << self.snd.scale;
            self.snd.max_wnd = self.snd.max_wnd.max(self.snd.wnd);
            (self.snd.wl1, self.snd.wl2) = (start, ack);
            self.snd.last_window_field = field;
            if self.snd.wnd > 0 {
                (self.timers.persist, self.snd.probes) = (None, 0);
            }
        }
    }

    /// Blocks outside what is out are not believed.
    fn take_sack_blocks(&mut self, s: &TcpSegment) -> bool {
        let mut news = false;
        for &(left, right) in &s.options.sack {
            let left = seq::expand(self.snd.iss, self.snd.una, left);
            let right = seq::expand(self.snd.iss, self.snd.una, right);
            if left < right && left > self.snd.una as i64 && right <= self.snd.max as i64 {
                news |= self.recovery.scoreboard.sack(left as u64, right as u64);
            }
        }
        news
    }

    fn on_new_ack(&mut self, ack: u64, s: &TcpSegment) {
        let (old_una, flight) = (self.snd.una, self.flight());
        let acked = ack - old_una;
        self.snd.una = ack;
        self.snd.nxt = self.snd.nxt.max(ack);
        self.recovery.advance(ack);
        self.recovery.timeouts = 0;
        self.recovery.limited_bytes = 0;

        // A FIN is acknowledged like a byte but is none.
        let end = self.snd.buffer.end();
        let bytes = ack.min(end) - old_una.min(end);
        self.stats.bytes_acked += bytes;
        if bytes > 0 {
            self.stats.last_acked = Some(self.now);
        }
        self.snd.buffer.release(ack);
        let rtt = self.measure(ack, s);

        // RFC 6298 section 5.2 and 5.3; the timer restarts below where recovery allows it.
        let restart = self.recovery.restarts_timer();
        if self.snd.una == self.snd.max {
            self.timers.retransmission = None;
        } else if restart {
            self.timers.retransmission = Some(self.now + self.rtt.rto());
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
                        bytes,
                        in_flight_bytes: flight,
                        cwnd_limited: old_una < self.snd.cwnd_limited_until,
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

    fn tell_application(&mut self, ack: u64) {
        if self.snd.want_write && self.snd.buffer.invites_writing() {
            self.snd.want_write = false;
            self.events.push_back(StreamEvent::Writable);
        }
        if self.snd.tell_acknowledged && ack >= self.snd.buffer.end() {
            self.snd.tell_acknowledged = false;
            self.events.push_back(StreamEvent::Acknowledged);
        }
    }

    /// A round-trip sample: exact from the timed segment, or, where Karn's rule forbids that,
    /// from the echoed timestamp (RFC 6298 section 3, RFC 7323 section 4.1).
    fn measure(&mut self, ack: u64, s: &TcpSegment) -> Option<Duration> {
        let sample = match self.snd.timed {
            Some((end, at)) if ack >= end => {
                self.snd.timed = None;
                Some(self.now.since(at))
            }
            Some(_) => None,
            None => s.options.timestamps.filter(|_| self.timestamps.on).and_then(|(_, echo)| {
                let elapsed_ms = self.timestamp_now().wrapping_sub(echo);
                // Rounded up to a whole tick, so that the smallest RTT is never too small.
                (elapsed_ms < 1 << 31).then(|| Duration::from_millis(u64::from(elapsed_ms) + 1))
            }),
        }?;
        self.take_rtt_sample(sample);
        Some(sample)
    }

    pub(super) fn take_rtt_sample(&mut self, sample: Duration) {
        self.rtt.sample(sample);
        self.stats.srtt = self.rtt.srtt();
        self.stats.min_rtt = self.rtt.min_rtt();
    }

    /// The timestamp clock: milliseconds, from an offset of this connection's.
    pub(super) fn timestamp_now(&self) -> u32 {
        ((self.now.as_nanos() / 1_000_000) as u32).wrapping_add(self.timestamps.offset)
    }
}

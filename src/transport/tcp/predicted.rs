//! Header prediction (Van Jacobson): nearly every segment is data within the window, or acknowledges some of
//! what is out, or is the next full one to leave while nothing is being repaired. Those go straight
//! through. Whatever is unusual in the least is left to `receive`, `ack` and `send`, which would do the
//! same to all; a test runs both ways side by side.

use super::connection::TcpConnection;
use super::parts::NO_FIN;
use super::seq;
use super::state::State;
use super::timers::Rare;
use crate::base::note::{FlowNote, SendCause};
use crate::transport::congestion::controller::Controller;
use crate::transport::connection::Filled;
use crate::wire::tcp::TcpSegment;

/// A segment that was to be expected.
struct Expected {
    start: u64,
    ack: u64,
    stamp: Option<(u32, u32)>,
    /// Of its acknowledgment only how far it goes counts.
    only_cumulative: bool,
}

impl TcpConnection {
    /// Takes an arriving segment that was to be expected; false: it was not, and nothing is done yet.
    #[inline]
    pub(super) fn take_predicted(&mut self, s: &mut TcpSegment) -> bool {
        #[cfg(test)]
        if self.never_predicts {
            return false;
        }
        let Some(Expected { start, ack, stamp, only_cumulative }) = self.expected(s) else { return false };
        self.rcv.heard = self.now;
        if let Some((value, _)) = stamp.filter(|_| start <= self.timestamps.last_ack_sent) {
            (self.timestamps.recent, self.timestamps.recent_at) = (value, self.now);
        }
        self.rcv.unheard_probes = 0;
        self.take_window(start as i64, ack, s.window);
        if !only_cumulative {
            self.on_ack_with_sack(ack as i64, s);
        } else if ack > self.snd.una {
            self.on_plain_new_ack(ack, s);
        }
        let bytes = s.payload.len() as u64;
        if bytes == 0 {
            return true;
        }
        if start > self.rcv.nxt || self.rcv.ahead {
            self.place(start, std::mem::take(&mut s.payload));
            return true;
        }
        match self.rcv.discarding {
            true => self.discard(bytes), // it stays in its place, until that is used again
            false => self.deliver(std::mem::take(&mut s.payload)),
        }
        self.note(|| FlowNote::Delivered { bytes });
        self.schedule_ack(false);
        true
    }

    /// Data that fits the window, or none, and an acknowledgment of what is out.
    #[inline]
    fn expected(&self, s: &TcpSegment) -> Option<Expected> {
        let (flags, len) = (s.flags, s.payload.len() as u64);
        // Before RCV.NXT and SND.UNA these are very large numbers.
        let ahead = u64::from(s.seq.wrapping_sub(seq::wire(self.rcv.irs, self.rcv.nxt)));
        let newly = u64::from(s.ack.wrapping_sub(seq::wire(self.snd.iss, self.snd.una)));
        let plain = self.state == State::Established
            && flags.ack
            && !(flags.syn | flags.fin | flags.rst)
            && newly <= self.snd.max - self.snd.una;
        if !plain {
            return None;
        }
        let stamp = match s.options.timestamps.filter(|_| self.timestamps.on) {
            Some((value, _)) if seq::before(value, self.timestamps.recent) => return None,
            None if self.timestamps.on => return None,
            stamp => stamp,
        };
        let start = self.rcv.nxt + ahead;
        let fits = match len {
            0 => ahead == 0,
            _ => start + len <= self.rcv.edge && !self.rcv.shut && self.rcv.fin_at == NO_FIN,
        };
        let only_cumulative = s.options.sack.is_empty() && self.looks_at_cumulative_acks_only();
        // Without SACK an acknowledgment again, and no data, is a duplicate.
        let ack_fits = self.rcv.sack || (only_cumulative && newly + len > 0);
        (fits && ack_fits).then_some(Expected { start, ack: self.snd.una + newly, stamp, only_cumulative })
    }

    /// Makes the next segment, if it is a full one of new data or an acknowledgment only, and says what
    /// has become of its place. `None`: it is unusual, and nothing is done yet.
    #[inline]
    pub(super) fn fill_predicted(&mut self, s: &mut TcpSegment) -> Option<Filled> {
        #[cfg(test)]
        if self.never_predicts {
            return None;
        }
        let plain = self.state == State::Established
            && self.rst_pending.is_none()
            && !(self.snd.probe_pending | self.snd.keep_alive_pending)
            && self.snd.nxt == self.snd.max
            && self.repairs_nothing();
        if !plain {
            return None;
        }
        debug_assert_eq!(self.cwnd(), self.controller.window());
        let (start, written) = (self.snd.nxt, self.buffer.end());
        if start < written {
            let smss = self.snd.mss();
            let may_end = written.min(self.snd.una + self.snd.wnd() + 1);
            let idle = start == self.snd.una;
            if self.rcv.ahead
                || start + smss >= may_end
                || (idle && self.now.since(self.departed.last_sent) > self.rtt.rto())
            {
                return None;
            }
            let room = self.snd.una + self.controller.window();
            if start + smss <= room {
                let end = start + smss;
                self.send_plain(s, start, end);
                // Is it cwnd that holds the next one?
                let last = end + smss < may_end && end + smss > room;
                if last {
                    self.departed.cwnd_limited_until = end;
                }
                return Some(if last { Filled::Last } else { Filled::Segment });
            }
            self.departed.cwnd_limited_until = start;
        }
        if !self.rcv.ack_now {
            return Some(Filled::Nothing);
        }
        self.make_segment(s, start, bytes::Bytes::new());
        Some(Filled::Last)
    }

    /// New data that ends before the last byte written.
    #[inline]
    fn send_plain(&mut self, s: &mut TcpSegment, start: u64, end: u64) {
        let payload = self.buffer.slice(start, end - start);
        self.make_segment(s, start, payload);
        self.departed.timed.get_or_insert((end, self.now));
        self.departed.segments_sent += 1;
        self.note(|| FlowNote::SegmentSent { offset: start - 1, bytes: (end - start) as u32, cause: SendCause::New });
        (self.snd.nxt, self.snd.max) = (end, end);
        self.measure_flight();
        self.departed.last_sent = self.now;
        if self.timers.retransmission.is_none() {
            self.start_user_timer();
            self.timers.retransmission = Some(self.now + self.rtt.rto()); // RFC 6298 section 5.1
        }
        self.timers.set(Rare::Persist, None);
    }
}

//! What was sent and waits for its acknowledgment.

use std::collections::VecDeque;

use crate::base::time::{Duration, Instant};

/// A packet this far below the largest acknowledged one is lost.
const PACKET_THRESHOLD: u32 = 3;

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Out,
    Lost,
    Acked,
}

/// One ack-eliciting transmission.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) pn: u32,
    pub(super) at: Instant,
    pub(super) offset: u64,
    pub(super) len: u32,
    pub(super) fin: bool,
    /// The retransmission timer watches over it: data, FIN, SYN, and the first probe.
    pub(super) guarded: bool,
    pub(super) fate: Fate,
    /// So many packets from it on are acknowledged; perhaps more. Behind a hole, every
    /// acknowledgment names the same packets again.
    pub(super) acked_run: u32,
}

impl Sent {
    pub(super) fn end(&self) -> u64 {
        self.offset + u64::from(self.len)
    }
}

/// Transmissions in order of packet number.
#[derive(Debug, Default)]
pub(super) struct SentLog {
    packets: VecDeque<Sent>,
    in_flight_bytes: u64,
    guarded_out: u32,
    largest_acked: Option<u32>,
    // None of this many packets at the front is out.
    settled: usize,
}

impl SentLog {
    /// Payload bytes out: neither acknowledged nor lost.
    pub(super) fn in_flight_bytes(&self) -> u64 {
        self.in_flight_bytes
    }

    /// Packets out that the retransmission timer watches over.
    pub(super) fn guarded_out(&self) -> u32 {
        self.guarded_out
    }

    pub(super) fn push(&mut self, sent: Sent) {
        self.in_flight_bytes += u64::from(sent.len);
        self.guarded_out += u32::from(sent.guarded);
        self.packets.push_back(sent);
    }

    fn settle(&mut self, i: usize, fate: Fate) {
        let p = &mut self.packets[i];
        if p.fate == Fate::Out {
            self.in_flight_bytes -= u64::from(p.len);
            self.guarded_out -= u32::from(p.guarded);
        }
        p.fate = fate;
    }

    /// Notes that `pn` was acknowledged, whether or not it was ack-eliciting.
    pub(super) fn saw_acked(&mut self, pn: u32) {
        self.largest_acked = Some(self.largest_acked.map_or(pn, |l| l.max(pn)));
    }

    /// Where the packets `first..=last` stand.
    pub(super) fn span(&self, first: u32, last: u32) -> std::ops::Range<usize> {
        self.place(first)..self.place(last.saturating_add(1))
    }

    /// How many packets have a number below `pn`.
    fn place(&self, pn: u32) -> usize {
        let Some(front) = self.packets.front().filter(|p| p.pn < pn) else { return 0 };
        // Only what elicits no acknowledgment, and one number in 500, is missing here.
        let mut at = self.packets.len().min((pn - front.pn) as usize);
        for _ in 0..4 {
            if self.packets[at - 1].pn < pn {
                return at;
            }
            at -= 1;
        }
        self.packets.partition_point(|p| p.pn < pn)
    }

    /// Takes the first packet that is not acknowledged off a span.
    pub(super) fn next_unacked(&mut self, span: &mut std::ops::Range<usize>) -> Option<usize> {
        let from = span.start;
        let mut i = from;
        while i < span.end && self.packets[i].fate == Fate::Acked {
            i += self.packets[i].acked_run.max(1) as usize;
        }
        if i > from {
            self.packets[from].acked_run = (i - from) as u32;
        }
        span.start = i + 1;
        (i < span.end).then_some(i)
    }

    /// The packet at `i`.
    pub(super) fn get(&self, i: usize) -> Sent {
        self.packets[i]
    }

    /// Marks the packet at `i` acknowledged; gives it as it was, unless it already was.
    pub(super) fn acknowledge(&mut self, i: usize) -> Option<Sent> {
        let before = self.packets[i];
        if before.fate == Fate::Acked {
            return None;
        }
        self.settle(i, Fate::Acked);
        Some(before)
    }

    /// The first packet, if it is data that is out, and both the range and the cumulative acknowledgment say that
    /// it arrived: acknowledged now.
    #[inline]
    pub(super) fn pop_named(&mut self, first: u32, last: u32, ack: u64) -> Option<Sent> {
        let p = *self.packets.front()?;
        let named = (first..=last).contains(&p.pn) && p.end() <= ack;
        if !named || p.fate != Fate::Out || p.len == 0 || p.fin {
            return None;
        }
        self.forget_first(Fate::Acked);
        Some(p)
    }

    #[inline]
    fn forget_first(&mut self, fate: Fate) {
        self.settle(0, fate);
        self.packets.pop_front();
        self.settled = self.settled.saturating_sub(1);
    }

    /// Whether there are packets with this number or a lower one.
    #[inline]
    pub(super) fn reaches_down_to(&self, pn: u32) -> bool {
        self.packets.front().is_some_and(|front| front.pn <= pn)
    }

    /// The first packet, if the cumulative acknowledgment covers it: acknowledged now. The
    /// receiver names packet numbers only while they matter to it, so `ack` counts too.
    pub(super) fn pop_covered(&mut self, ack: u64) -> Option<Sent> {
        let p = *self.packets.front()?;
        let end = p.end() + u64::from(p.fin);
        let covered = (p.len > 0 || p.fin) && end <= ack;
        if p.fate == Fate::Out && !covered || p.fate == Fate::Lost && !covered && p.len > 0 {
            return None;
        }
        self.forget_first(if covered { Fate::Acked } else { p.fate });
        Some(p)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Whether a packet that is out was overtaken by one that is acknowledged.
    pub(super) fn is_overtaken(&mut self) -> bool {
        // Both ways to be lost grow with the number, so the first packet out decides.
        while self.packets.get(self.settled).is_some_and(|p| p.fate != Fate::Out) {
            self.settled += 1;
        }
        self.packets.get(self.settled).is_some_and(|p| self.largest_acked.is_some_and(|largest| p.pn < largest))
    }

    /// The next packet that is lost by now: three numbers below the largest acknowledged, or sent
    /// at least `patience` ago and below it. If there is none: when the next would be.
    pub(super) fn next_lost(&mut self, now: Instant, patience: Duration) -> Result<Sent, Option<Instant>> {
        let largest = self.largest_acked.filter(|_| self.is_overtaken()).ok_or(None)?;
        let p = self.packets[self.settled];
        let due = p.at + patience;
        if p.pn + PACKET_THRESHOLD > largest && due > now {
            return Err(Some(due));
        }
        self.settle(self.settled, Fate::Lost);
        Ok(p)
    }

    /// Gives up everything out, lowest number first.
    pub(super) fn lose_all(&mut self, mut lost: impl FnMut(Sent)) {
        for i in 0..self.packets.len() {
            let p = self.packets[i];
            if p.fate == Fate::Out {
                self.settle(i, Fate::Lost);
                lost(p);
            }
        }
    }

    /// Forgets every packet: go-back-N and stop-and-wait start anew from the acknowledgment.
    pub(super) fn clear(&mut self) {
        self.packets.clear();
        self.settled = 0;
        self.in_flight_bytes = 0;
        self.guarded_out = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(n: u32) -> SentLog {
        let mut log = SentLog::default();
        for pn in 0..n {
            let at = Instant::from_nanos(u64::from(pn));
            let offset = u64::from(pn) * 100;
            log.push(Sent { pn, at, offset, len: 100, fin: false, guarded: true, fate: Fate::Out, acked_run: 0 });
        }
        log
    }

    fn lost(log: &mut SentLog, now: Instant, patience: Duration) -> Vec<u32> {
        std::iter::from_fn(|| log.next_lost(now, patience).ok()).map(|p| p.pn).collect()
    }

    #[test]
    fn a_span_skips_what_is_acknowledged_whatever_was_asked_before() {
        let mut log = log(12);
        for i in [1, 2, 3, 7] {
            log.acknowledge(i);
        }
        let left = |log: &mut SentLog, mut span: std::ops::Range<usize>| -> Vec<usize> {
            std::iter::from_fn(|| log.next_unacked(&mut span)).collect()
        };
        assert_eq!(left(&mut log, 1..9), [4, 5, 6, 8]);
        log.acknowledge(4);
        assert_eq!(left(&mut log, 0..9), [0, 5, 6, 8]);
        assert_eq!(left(&mut log, 2..4), [0; 0]);
        log.acknowledge(0);
        assert!(log.pop_covered(100).is_some());
        assert_eq!(left(&mut log, 0..8), [4, 5, 7]);
    }

    #[test]
    fn rudp_16_packet_threshold() {
        for (acked, expected) in [(2, vec![]), (3, vec![0]), (4, vec![0, 1]), (5, vec![0, 1, 2])] {
            let mut log = log(10);
            let i = log.span(acked, acked).start;
            assert_eq!(log.acknowledge(i).map(|p| p.pn), Some(acked));
            log.saw_acked(acked);
            assert_eq!(lost(&mut log, Instant::ZERO, Duration::from_secs(1)), expected);
            assert_eq!(log.in_flight_bytes(), 900 - 100 * expected.len() as u64);
        }
    }

    #[test]
    fn rudp_17_time_threshold() {
        let ms = Duration::from_millis;
        let mut log = log(2);
        log.acknowledge(1);
        log.saw_acked(1);
        let at = |d| Instant::ZERO + d;
        assert_eq!(log.next_lost(at(ms(80)), ms(90)).err(), Some(Some(at(ms(90)))));
        assert_eq!(lost(&mut log, at(ms(90)), ms(90)), [0]);
    }

    /// Settles what `first..=last` and `ack` name, with the short way or without; says in which order.
    fn settle_all(log: &mut SentLog, (first, last): (u32, u32), ack: u64, short: bool) -> Vec<u32> {
        let mut settled = Vec::new();
        while short && let Some(p) = log.pop_named(first, last, ack) {
            settled.push(p.pn);
        }
        if log.reaches_down_to(last) {
            let mut span = log.span(first, last);
            while let Some(i) = log.next_unacked(&mut span) {
                settled.extend(log.acknowledge(i).map(|p| p.pn));
            }
        }
        log.saw_acked(last);
        while let Some(p) = log.pop_covered(ack) {
            settled.extend((p.fate == Fate::Out).then_some(p.pn));
        }
        settled
    }

    proptest::proptest! {
        #[test]
        fn the_short_way_settles_the_same_packets(
            kinds in proptest::collection::vec(0u8..12, 1..30),
            acks in proptest::collection::vec((0u32..30, 0u32..12, 0u64..32, proptest::bool::ANY), 1..8),
        ) {
            let mut log = SentLog::default();
            for (pn, kind) in (0u32..).zip(&kinds) {
                let (at, fate) = (Instant::from_nanos(u64::from(pn)), Fate::Out);
                let (len, fin) = (if *kind < 10 { 1 } else { 0 }, *kind == 10);
                let offset = if *kind == 9 { u64::from(pn / 2) } else { u64::from(pn) };
                log.push(Sent { pn, at, offset, len, fin, guarded: len > 0, fate, acked_run: 0 });
            }
            let mut plain = SentLog { packets: log.packets.clone(), ..log };
            for (first, more, ack, loses) in acks {
                let span = (first, first + more);
                let ways = [(&mut log, true), (&mut plain, false)];
                let [a, b] = ways.map(|(log, short)| {
                    let settled = settle_all(log, span, ack, short);
                    let lost = if loses { lost(log, Instant::ZERO, Duration::from_secs(1)) } else { Vec::new() };
                    let left: Vec<_> = log.packets.iter().map(|p| (p.pn, p.fate)).collect();
                    (settled, lost, left, log.in_flight_bytes(), log.guarded_out())
                });
                proptest::prop_assert_eq!(a, b);
            }
        }

        #[test]
        fn places_agree_with_a_walk(
            gaps in proptest::collection::vec(1u32..9, 0..60), from in 0u32..300, len in 0u32..40,
        ) {
            let mut log = SentLog::default();
            let mut pn = 100;
            for gap in gaps {
                pn += if gap < 7 { 1 } else { gap };
                let (at, offset, fate) = (Instant::ZERO, 0, Fate::Out);
                log.push(Sent { pn, at, offset, len: 1, fin: false, guarded: true, fate, acked_run: 0 });
            }
            let walk = |wanted: &dyn Fn(u32) -> bool| log.packets.iter().take_while(|p| wanted(p.pn)).count();
            let (first, last) = (from, from + len);
            proptest::prop_assert_eq!(log.span(first, last), walk(&|pn| pn < first)..walk(&|pn| pn <= last));
        }
    }
}

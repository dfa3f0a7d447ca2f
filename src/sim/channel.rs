//! One direction of a link: a queue, a transmitter, a wire.
//!
//! The arrival of a packet is known when its transmission starts, and transmissions start lazily:
//! whenever the channel is looked at, `advance` starts those that were due meanwhile.
//! So a packet costs one event per hop, its arrival.
//!
//! A packet that need not wait, on a wire that always takes the same time and loses nothing, touches
//! only its first cache line; everything else stands behind it.
//! What can be counted from other figures is not counted: see [`Channel::report`].

use super::delay::DelaySettings;
use super::loss::model::LossModel;
use super::queue::buffer::Buffer;
use super::queue::discipline::Queue;
use super::transmitter::{Pace, Transmitter};
use super::wire::{Flying, Wire};
use crate::base::ids::{NodeId, PortId};
use crate::base::note::{Depth, DropCause, Note, Place, Sink};
use crate::base::prefetch::prefetch_first;
use crate::base::report::LinkReport;
use crate::base::rng::Rng;
use crate::base::time::{Duration, Instant};
use crate::base::units::Rate;
use crate::node::outbox::Outbox;
use crate::wire::packet::Packet;

/// What a channel is made from.
pub struct ChannelSetup {
    /// Bits of IP packets per second; `None`: unlimited.
    pub rate: Option<Rate>,
    /// Its wire.
    pub delay: DelaySettings,
    /// Its queue.
    pub queue: Buffer,
    /// Its loss model, if any.
    pub loss: Option<Box<dyn LossModel>>,
    /// The stream that jitter draws from.
    pub jitter: Rng,
}

/// One direction of a link: one cache line, and behind it the rest.
#[repr(C, align(64))]
pub struct Channel {
    to: (NodeId, PortId),
    pub(super) transmitter: Transmitter,
    // The next packet to arrive; most wires of a large network carry one at most.
    first: Option<Flying>,
    // Of a plain wire, in ns.
    delay: u32,
    care: Care,
    // Behind the first packet others are on their way.
    more: bool,
    // The queue holds packets.
    pub(super) waiting: bool,
    // It leads to a node that keeps what it gets.
    to_host: bool,
    pub(super) rest: Rest,
}

/// What has to be looked at for every packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Care {
    /// Nothing: neither loss, jitter nor overtaking, the delay is what it always was, and the link is up.
    Plain,
    /// The queue must see the time of each departure.
    Departures,
    /// All of it: `Rest` knows.
    Full,
}

/// What a channel needs besides when several packets are on their way or one waits, first and in two
/// cache lines; then what it needs when one is lost or delayed by chance, and when faults come.
#[repr(C, align(64))]
pub(super) struct Rest {
    // Behind the first packet.
    wire: Wire,
    pub(super) queue: Buffer,
    max_queue_packets: u32,
    // The queue, or a wire that reorders, must see the time of each departure.
    sees_departures: bool,
    pub(super) down: bool,
    // Packets that left later might arrive sooner.
    pub(super) delay_changed: bool,
    pub(super) pace: Pace,
    pub(super) delay: DelaySettings,
    pub(super) loss: Option<Box<dyn LossModel>>,
    jitter: Rng,
    dropped_queue: u64,
    dropped_loss: u64,
    // Packets, and their bytes, that were transmitted and lost.
    lost: u64,
    lost_bytes: u64,
}

/// The part of a channel that every packet needs.
const HOT_BYTES: usize = 64;
/// The part of the rest that a second one needs.
const REST_HOT_BYTES: usize = 128;

/// What comes out of a channel at an event.
pub enum Arrival {
    /// Nothing: only a transmission began.
    None,
    /// A packet was lost on the wire.
    Lost,
    /// A packet.
    Packet(Box<Packet>),
}

/// What a packet that was handed over changes of a channel's next event.
pub enum News {
    /// Nothing.
    None,
    /// There was none, and now there is this one.
    First(Instant),
    /// It is another one.
    Other,
}

/// Where a channel says what happens: notes go to the run's watcher, the boxes of lost packets back
/// to those that make new ones.
pub struct Watch<'a, S> {
    /// Now.
    pub at: Instant,
    /// What the channel is called.
    pub place: Place,
    /// Takes notes.
    pub sink: &'a mut S,
    /// Takes boxes.
    pub outbox: &'a mut Outbox,
}

impl<S: Sink> Watch<'_, S> {
    /// No closure, because only a function can be told to be inlined: then a sink knows the kind of note.
    #[inline(always)]
    fn note(&mut self, note: Note) {
        self.sink.note(self.at, self.place, &note);
    }
}

impl Channel {
    /// An idle channel to a port of a node, which may be one that only forwards.
    pub fn new(to: (NodeId, PortId), only_forwards: bool, setup: ChannelSetup) -> Self {
        let ChannelSetup { rate, delay, queue, loss, jitter } = setup;
        let (transmitter, pace) = Transmitter::new(rate);
        let mut new = Channel {
            to,
            transmitter,
            first: None,
            delay: 0,
            care: Care::Full,
            more: false,
            waiting: false,
            to_host: !only_forwards,
            rest: Rest {
                wire: Wire::default(),
                queue,
                max_queue_packets: 0,
                pace,
                sees_departures: false,
                down: false,
                delay_changed: false,
                delay,
                loss,
                jitter,
                dropped_queue: 0,
                dropped_loss: 0,
                lost: 0,
                lost_bytes: 0,
            },
        };
        new.look_again();
        new
    }

    /// Draws what every packet asks for from the settings, after any of them changed.
    pub(super) fn look_again(&mut self) {
        let rest = &mut self.rest;
        let (delay, as_ever) = (u32::try_from(rest.delay.base.as_nanos()), !rest.down && !rest.delay_changed);
        let plain = as_ever && rest.loss.is_none() && rest.delay.is_constant() && delay.is_ok();
        self.delay = delay.unwrap_or(0);
        rest.sees_departures = rest.delay.reorder || rest.queue.needs_departure_time();
        self.care = match plain {
            true if rest.sees_departures => Care::Departures,
            true => Care::Plain,
            false => Care::Full,
        };
    }

    /// Whether the wire takes the same time for every packet, and none is lost.
    #[inline]
    fn is_plain(&self) -> bool {
        self.care != Care::Full
    }

    /// Whether what waits here must be looked at when it leaves.
    #[inline]
    fn sees_departures(&self) -> bool {
        match self.care {
            Care::Plain => false,
            Care::Departures => true,
            Care::Full => self.rest.sees_departures,
        }
    }

    /// When something happens here next.
    #[inline]
    pub fn next_event(&self) -> Option<Instant> {
        let arrival = self.first.as_ref().map(|first| first.at);
        if self.waiting && self.sees_departures() {
            let departure = self.transmitter.free_at();
            return Some(arrival.map_or(departure, |at| at.min(departure)));
        }
        arrival
    }

    /// A node hands a packet over.
    #[inline(always)]
    pub fn send<S: Sink>(&mut self, now: Instant, packet: Box<Packet>, watch: &mut Watch<'_, S>) -> News {
        if !self.is_plain() || self.waiting || self.transmitter.free_at() > now {
            return self.send_with_care(now, packet, watch);
        }
        let bytes = packet.wire_bytes();
        watch.note(Note::PacketSent { packet: packet.id, bytes, queue: Depth::default() });
        let pace = &mut self.rest.pace;
        self.transmitter.start_anew(now, pace);
        let at = self.transmitter.take(bytes, pace) + Duration::from_nanos(u64::from(self.delay));
        let was_empty = self.first.is_none();
        self.put_last(at, packet);
        if was_empty { News::First(at) } else { News::None }
    }

    /// Puts a packet on the wire that arrives no earlier than those before it.
    #[inline]
    fn put_last(&mut self, at: Instant, packet: Box<Packet>) {
        let flying = Flying { at, packet };
        if self.first.is_none() {
            self.first = Some(flying);
        } else {
            self.more = true;
            self.rest.wire.put_last(flying);
        }
    }

    /// The next packet, if it has arrived by `now`.
    #[inline]
    pub(super) fn take(&mut self, now: Instant) -> Option<Box<Packet>> {
        let arrived = self.first.take_if(|first| first.at <= now)?;
        if self.more {
            self.first = self.rest.wire.take();
            if let Some(first) = &self.first {
                first.packet.prefetch_header();
            }
            self.more = !self.rest.wire.is_empty();
        }
        Some(arrived.packet)
    }

    #[inline(never)]
    fn send_with_care<S: Sink>(&mut self, now: Instant, packet: Box<Packet>, watch: &mut Watch<'_, S>) -> News {
        let before = self.next_event();
        self.send_or_drop(now, packet, watch);
        if self.next_event() == before { News::None } else { News::Other }
    }

    fn send_or_drop<S: Sink>(&mut self, now: Instant, mut packet: Box<Packet>, watch: &mut Watch<'_, S>) {
        if self.waiting {
            self.advance(now, watch);
        }
        let plain = self.is_plain();
        let rest = &mut self.rest;
        let (id, bytes) = (packet.id, packet.wire_bytes());
        if !plain {
            // The model counts every packet that it is handed, whatever becomes of it.
            packet.doomed = rest.loss.as_mut().is_some_and(|loss| loss.loses(packet.kind()));
            if rest.down {
                return self.drop(packet, DropCause::LinkDown, watch);
            }
        }
        if self.transmitter.free_at() <= now && !self.waiting {
            // A full queue cannot refuse what need not wait.
            self.transmitter.start_anew(now, &mut rest.pace);
            self.transmit(packet);
        } else if let Err((packet, cause)) = rest.queue.enqueue(now, packet) {
            return self.drop(packet, cause, watch);
        } else {
            let waiting = rest.queue.depth().packets;
            rest.max_queue_packets = rest.max_queue_packets.max(waiting);
            self.waiting = waiting > 0;
        }
        watch.note(Note::PacketSent { packet: id, bytes, queue: self.rest.queue.depth() });
    }

    /// Where it leads to.
    #[inline]
    pub fn to(&self) -> (NodeId, PortId) {
        self.to
    }

    /// Whether it leads to a node that does not only forward.
    #[inline]
    pub(super) fn leads_to_host(&self) -> bool {
        self.to_host
    }

    /// Whether more than one packet is on its way.
    #[inline]
    pub(super) fn carries_several(&self) -> bool {
        self.more
    }

    /// The next three packets to arrive, if there are as many.
    #[inline]
    pub(super) fn upcoming(&self) -> Option<[&Packet; 3]> {
        let first = self.first.as_ref().filter(|_| self.more)?;
        let [second, third] = self.rest.wire.upcoming()?;
        Some([&first.packet, second, third])
    }

    /// Asks the memory for what two packets in a row will touch, in steps from 0.
    #[inline]
    pub(super) fn prefetch(&self, step: usize) {
        match step {
            0 => prefetch_first(self, HOT_BYTES),
            _ => prefetch_first(&self.rest, REST_HOT_BYTES),
        }
    }

    /// The time of [`Channel::next_event`] has come.
    #[inline]
    pub fn handle_event<S: Sink>(&mut self, now: Instant, watch: &mut Watch<'_, S>) -> Arrival {
        let arrived = if self.waiting { self.take_and_advance(now, watch) } else { self.take(now) };
        let Some(packet) = arrived else { return Arrival::None };
        if packet.doomed {
            self.lose(packet, DropCause::Loss, watch);
            return Arrival::Lost;
        }
        let queue = if self.waiting { self.rest.queue.depth() } else { Depth::default() };
        watch.note(Note::PacketDelivered { packet: packet.id, bytes: packet.wire_bytes(), queue });
        Arrival::Packet(packet)
    }

    /// What arrives now while others wait.
    #[inline(never)]
    fn take_and_advance<S: Sink>(&mut self, now: Instant, watch: &mut Watch<'_, S>) -> Option<Box<Packet>> {
        // What leaves the queue of a plain wire now arrives behind what is there already: it may find its place free.
        let arrived = if self.is_plain() { self.take(now) } else { None };
        self.advance(now, watch);
        arrived.or_else(|| self.take(now))
    }

    /// Starts every transmission that is due by `now`.
    #[inline]
    pub(super) fn advance<S: Sink>(&mut self, now: Instant, watch: &mut Watch<'_, S>) {
        while self.waiting && self.transmitter.free_at() <= now {
            let next = self.dequeue(self.transmitter.free_at(), watch);
            let Some(packet) = next else { return };
            self.transmit(packet);
        }
    }

    pub(super) fn dequeue<S: Sink>(&mut self, now: Instant, watch: &mut Watch<'_, S>) -> Option<Box<Packet>> {
        let next = self.rest.queue.dequeue(now, watch.outbox.refused());
        self.waiting = self.rest.queue.depth().packets > 0;
        if !watch.outbox.refused().is_empty() {
            self.drop_refused(watch);
        }
        next
    }

    /// Drops what the queue threw away on the way to its next packet.
    #[cold]
    pub(super) fn drop_refused<S: Sink>(&mut self, watch: &mut Watch<'_, S>) {
        let mut refused = std::mem::take(watch.outbox.refused());
        for (packet, cause) in refused.drain(..) {
            self.drop(packet, cause, watch);
        }
        *watch.outbox.refused() = refused;
    }

    /// The transmitter takes a packet when it is free; its arrival is now certain.
    fn transmit(&mut self, packet: Box<Packet>) {
        let sent = self.transmitter.take(packet.wire_bytes(), &mut self.rest.pace);
        if self.is_plain() {
            return self.put_last(sent + Duration::from_nanos(u64::from(self.delay)), packet);
        }
        let Rest { delay, jitter, wire, .. } = &mut self.rest;
        let at = sent + delay.draw(jitter);
        wire.put(&mut self.first, Flying { at, packet }, delay.reorder);
        self.more = !wire.is_empty();
    }

    /// A packet is lost that was transmitted.
    #[cold]
    pub(super) fn lose<S: Sink>(&mut self, packet: Box<Packet>, cause: DropCause, watch: &mut Watch<'_, S>) {
        self.rest.lost += 1;
        self.rest.lost_bytes += u64::from(packet.wire_bytes());
        self.drop(packet, cause, watch);
    }

    #[inline(never)]
    pub(super) fn drop<S: Sink>(&mut self, packet: Box<Packet>, cause: DropCause, watch: &mut Watch<'_, S>) {
        match cause {
            DropCause::QueueFull | DropCause::QueueManaged => self.rest.dropped_queue += 1,
            _ => self.rest.dropped_loss += 1,
        }
        let (id, bytes, queue) = (packet.id, packet.wire_bytes(), self.rest.queue.depth());
        watch.note(Note::PacketDropped { packet: id, bytes, cause, queue });
        watch.outbox.recycle(packet);
    }

    /// Its figures.
    pub fn report(&self) -> LinkReport {
        let Rest { dropped_queue, dropped_loss, max_queue_packets, lost, lost_bytes, .. } = self.rest;
        let waiting = u64::from(self.rest.queue.depth().packets);
        let (transmitter, pace) = (&self.transmitter, &self.rest.pace);
        let flying = || self.first.iter().chain(self.rest.wire.iter());
        let (started, on_wire) = (transmitter.packets(pace), flying().count() as u64);
        let bytes_on_wire: u64 = flying().map(|flying| u64::from(flying.packet.wire_bytes())).sum();
        LinkReport {
            // What it was handed waits, was thrown away before it was transmitted, or was transmitted.
            sent: waiting + (dropped_queue + dropped_loss - lost) + started,
            // And what was transmitted is on its way, was lost, or has arrived.
            delivered: started - lost - on_wire,
            dropped_queue,
            dropped_loss,
            in_transit: waiting + on_wire,
            busy: transmitter.busy(pace),
            bytes_delivered: transmitter.bytes() - lost_bytes - bytes_on_wire,
            max_queue_packets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::PacketId;
    use crate::base::rng::Seed;
    use crate::wire::packet::Hop;
    use std::collections::VecDeque;
    use std::mem::offset_of;
    use std::net::Ipv4Addr;

    /// Throws every second packet away when it comes to it.
    #[derive(Default)]
    struct Picky(VecDeque<Box<Packet>>);

    impl Queue for Picky {
        fn enqueue(&mut self, _: Instant, packet: Box<Packet>) -> Result<(), (Box<Packet>, DropCause)> {
            self.0.push_back(packet);
            Ok(())
        }
        fn dequeue(&mut self, _: Instant, dropped: &mut Vec<(Box<Packet>, DropCause)>) -> Option<Box<Packet>> {
            dropped.extend(self.0.pop_front().map(|packet| (packet, DropCause::QueueManaged)));
            self.0.pop_front()
        }
        fn depth(&self) -> Depth {
            Depth { packets: self.0.len() as u32, bytes: 0 }
        }
    }

    fn picky() -> Buffer {
        Buffer::from(Box::<Picky>::default() as Box<dyn Queue>)
    }

    /// The numbers of packets that were dropped.
    #[derive(Default)]
    struct Dropped(Vec<u32>);

    impl Sink for Dropped {
        fn note(&mut self, _: Instant, _: Place, note: &Note) {
            if let Note::PacketDropped { packet, .. } = note {
                self.0.push(packet.number);
            }
        }
    }

    #[test]
    fn what_a_queue_throws_away_is_dropped_then() {
        let delay = DelaySettings { base: Duration::from_millis(1), ..DelaySettings::default() };
        let setup = ChannelSetup {
            rate: Some(Rate(8_000)),
            delay,
            queue: picky(),
            loss: None,
            jitter: Seed(1).stream("jitter"),
        };
        let mut channel = Channel::new((NodeId(1), PortId(0)), false, setup);
        let (mut sink, mut outbox) = (Dropped::default(), Outbox::default());
        let mut watch = Watch { at: Instant::ZERO, place: Place(2), sink: &mut sink, outbox: &mut outbox };
        for number in 1..=7 {
            let (id, here) = (PacketId { origin: NodeId(0), number }, Ipv4Addr::UNSPECIFIED);
            let packet = Packet::new(id, here, here, Hop { from: here, to: here }, Default::default());
            channel.send(Instant::ZERO, Box::new(packet), &mut watch);
        }
        // Six wait. The first one arrives and the third one takes its place; the second one is gone.
        let mut arrived = Vec::new();
        let at = channel.next_event().unwrap();
        if let Arrival::Packet(packet) = channel.handle_event(at, &mut watch) {
            arrived.push(packet.id.number);
        }
        assert_eq!((arrived.as_slice(), &watch.sink.0[..]), (&[1][..], &[2][..]));
        // Of the four that move, the old queue throws two away, and the new one another.
        channel.set_queue(at, picky(), &mut watch);
        assert_eq!(watch.sink.0, [2, 4, 6]);
        while let Some(at) = channel.next_event() {
            if let Arrival::Packet(packet) = channel.handle_event(at, &mut watch) {
                arrived.push(packet.id.number);
            }
        }
        let report = channel.report();
        assert_eq!((arrived.as_slice(), &watch.sink.0[..]), (&[1, 3, 7][..], &[2, 4, 6, 5][..]));
        assert_eq!((report.sent, report.delivered, report.dropped_queue, report.in_transit), (7, 3, 4, 0));
    }

    #[test]
    fn what_every_packet_touches_is_one_cache_line() {
        assert_eq!((offset_of!(Channel, rest), align_of::<Channel>()), (64, 64));
        // And two if several are on their way, of which the second one is for those that wait.
        let second = offset_of!(Rest, queue) + size_of::<VecDeque<Box<Packet>>>();
        assert_eq!((align_of::<Rest>(), second), (64, 64));
        assert!(offset_of!(Rest, pace) <= REST_HOT_BYTES);
    }
}

//! One direction of a link: a queue, a transmitter, a wire.
//!
//! The arrival of a packet is known when its transmission starts, and transmissions start lazily:
//! whenever the channel is looked at, `advance` starts those that were due meanwhile.
//! So a packet costs one event per hop, its arrival.

use std::collections::VecDeque;

use super::delay::DelaySettings;
use super::loss::model::LossModel;
use super::queue::discipline::{Queue, Queued};
use crate::base::ids::{NodeId, PortId};
use crate::base::note::{Depth, DropCause, Note};
use crate::base::report::LinkReport;
use crate::base::rng::Rng;
use crate::base::time::{Duration, Instant, NANOS_PER_SEC};
use crate::base::units::Rate;
use crate::wire::packet::Packet;

/// What a channel is made from.
pub struct ChannelSetup {
    /// Bits of IP packets per second; `None`: unlimited.
    pub rate: Option<Rate>,
    /// Its wire.
    pub delay: DelaySettings,
    /// Its queue.
    pub queue: Box<dyn Queue>,
    /// Its loss model, if any.
    pub loss: Option<Box<dyn LossModel>>,
    /// The stream that jitter draws from.
    pub jitter: Rng,
}

/// One direction of a link.
pub struct Channel {
    to: (NodeId, PortId),
    setup: ChannelSetup,
    down: bool,
    /// What the scheduler holds for it; for the network.
    pub(super) armed: Option<Instant>,
    // What waits in the queue; asking the queue itself at each event would cost more.
    depth: Depth,
    // When the transmitter is free, and what is left of bits * 10^9 / rate.
    free_at: Instant,
    remainder: u64,
    // Packets being transmitted or on the wire, by time of arrival.
    wire: VecDeque<(Instant, Queued)>,
    // Packets that went wrong without an event of their own; scratch space.
    dropped: Vec<(Queued, DropCause)>,
    // What was lost here: boxes for the next packets.
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    waste: Vec<Box<Packet>>,
    report: LinkReport,
}

/// What comes out of a channel at an event.
pub struct Arrival {
    /// Where.
    pub to: (NodeId, PortId),
    /// What, unless the wire lost it.
    pub packet: Option<Box<Packet>>,
}

impl Channel {
    /// An idle channel to a port of a node.
    pub fn new(to: (NodeId, PortId), setup: ChannelSetup) -> Self {
        Channel {
            to,
            setup,
            down: false,
            armed: None,
            depth: Depth::default(),
            free_at: Instant::ZERO,
            remainder: 0,
            wire: VecDeque::new(),
            dropped: Vec::new(),
            waste: Vec::new(),
            report: LinkReport::default(),
        }
    }

    /// When something happens here next.
    pub fn next_event(&self) -> Option<Instant> {
        let arrival = self.wire.front().map(|(at, _)| *at);
        let waiting = self.depth.packets > 0;
        if waiting && (self.setup.delay.reorder || self.setup.queue.needs_departure_time()) {
            return Some(arrival.map_or(self.free_at, |at| at.min(self.free_at)));
        }
        arrival
    }

    /// A node hands a packet over.
    pub fn send(&mut self, now: Instant, packet: Box<Packet>, note: &mut impl FnMut(Note)) {
        self.advance(now, note);
        self.report.sent += 1;
        let bytes = packet.wire_bytes();
        let id = packet.id;
        // The model counts every packet that it is handed, whatever becomes of it.
        let doomed = self.setup.loss.as_mut().is_some_and(|loss| loss.loses(packet.kind()));
        let queued = Queued { packet, bytes, doomed };
        if self.down {
            return self.drop(queued, DropCause::LinkDown, note);
        }
        let idle = self.free_at <= now && self.depth.packets == 0;
        if idle {
            // A full queue cannot refuse what need not wait.
            (self.free_at, self.remainder) = (now, 0);
            self.transmit(queued);
        } else {
            if let Err((queued, cause)) = self.setup.queue.enqueue(now, queued) {
                return self.drop(queued, cause, note);
            }
            self.depth = self.setup.queue.depth();
        }
        let queue = self.depth;
        self.report.max_queue_packets = self.report.max_queue_packets.max(queue.packets);
        note(Note::PacketSent { packet: id, bytes, queue });
    }

    /// The time of [`Channel::next_event`] has come.
    pub fn handle_event(&mut self, now: Instant, note: &mut impl FnMut(Note)) -> Option<Arrival> {
        self.advance(now, note);
        if self.wire.front().is_none_or(|(at, _)| *at > now) {
            return None;
        }
        let (_, queued) = self.wire.pop_front()?;
        if queued.doomed {
            self.drop(queued, DropCause::Loss, note);
            return Some(Arrival { to: self.to, packet: None });
        }
        self.report.delivered += 1;
        self.report.bytes_delivered += u64::from(queued.bytes);
        note(Note::PacketDelivered { packet: queued.packet.id, bytes: queued.bytes, queue: self.depth });
        Some(Arrival { to: self.to, packet: Some(queued.packet) })
    }

    /// Starts every transmission that is due by `now`.
    fn advance(&mut self, now: Instant, note: &mut impl FnMut(Note)) {
        while self.free_at <= now && self.depth.packets > 0 {
            let next = self.setup.queue.dequeue(self.free_at, &mut self.dropped);
            self.depth = self.setup.queue.depth();
            if !self.dropped.is_empty() {
                for (queued, cause) in std::mem::take(&mut self.dropped) {
                    self.drop(queued, cause, note);
                }
            }
            let Some(queued) = next else { return };
            self.transmit(queued);
        }
    }

    /// The transmitter takes a packet at `free_at`; its arrival is now certain.
    fn transmit(&mut self, queued: Queued) {
        let busy = self.transmission_time(queued.bytes);
        self.free_at += busy;
        self.report.busy += busy;
        let mut at = self.free_at + self.setup.delay.draw(&mut self.setup.jitter);
        let last = self.wire.back().map(|(last, _)| *last);
        if !self.setup.delay.reorder {
            at = last.map_or(at, |last| at.max(last));
        }
        if last.is_none_or(|last| last <= at) {
            return self.wire.push_back((at, queued));
        }
        let place = self.wire.iter().rposition(|(other, _)| *other <= at).map_or(0, |i| i + 1);
        self.wire.insert(place, (at, queued));
    }

    /// How long the transmitter takes; what is left of the division goes to the next packet.
    fn transmission_time(&mut self, bytes: u32) -> Duration {
        let Some(Rate(rate)) = self.setup.rate else { return Duration::ZERO };
        let rate = rate.max(1);
        let bits = u64::from(bytes) * 8;
        // 64 bits hold this for every packet of less than 2 GB.
        if let Some(work) = bits.checked_mul(NANOS_PER_SEC).and_then(|work| work.checked_add(self.remainder)) {
            self.remainder = work % rate;
            return Duration::from_nanos(work / rate);
        }
        let work = u128::from(bits) * u128::from(NANOS_PER_SEC) + u128::from(self.remainder);
        self.remainder = (work % u128::from(rate)) as u64;
        Duration::from_nanos((work / u128::from(rate)).min(u128::from(u64::MAX)) as u64)
    }

    fn drop(&mut self, queued: Queued, cause: DropCause, note: &mut impl FnMut(Note)) {
        match cause {
            DropCause::QueueFull | DropCause::QueueManaged => self.report.dropped_queue += 1,
            _ => self.report.dropped_loss += 1,
        }
        let queue = self.depth;
        note(Note::PacketDropped { packet: queued.packet.id, bytes: queued.bytes, cause, queue });
        self.waste.push(queued.packet);
    }

    /// Whether [`Channel::take_waste`] has anything.
    #[inline]
    pub fn has_waste(&self) -> bool {
        !self.waste.is_empty()
    }

    /// The boxes of packets that were lost here since the last call.
    #[inline]
    pub fn take_waste(&mut self) -> std::vec::Drain<'_, Box<Packet>> {
        self.waste.drain(..)
    }

    /// Takes the link down or up. What is queued or on the wire when it goes down is lost.
    pub fn set_down(&mut self, now: Instant, down: bool, note: &mut impl FnMut(Note)) {
        self.advance(now, note);
        self.down = down;
        if !down {
            return;
        }
        for (_, queued) in std::mem::take(&mut self.wire) {
            self.drop(queued, DropCause::LinkDown, note);
        }
        while let Some(queued) = self.setup.queue.dequeue(now, &mut self.dropped) {
            self.depth = self.setup.queue.depth();
            self.drop(queued, DropCause::LinkDown, note);
        }
        self.free_at = now;
    }

    /// Changes the rate for transmissions that start from now on.
    pub fn set_rate(&mut self, now: Instant, rate: Option<Rate>, note: &mut impl FnMut(Note)) {
        self.advance(now, note);
        self.setup.rate = rate;
        self.remainder = 0;
    }

    /// Changes the delay of packets whose transmission starts from now on.
    pub fn set_delay(&mut self, now: Instant, delay: DelaySettings, note: &mut impl FnMut(Note)) {
        self.advance(now, note);
        self.setup.delay = delay;
    }

    /// Changes the loss model for packets handed over from now on.
    pub fn set_loss(&mut self, loss: Option<Box<dyn LossModel>>) {
        self.setup.loss = loss;
    }

    /// Puts another queue in place; what waits moves over as far as it fits.
    pub fn set_queue(&mut self, now: Instant, queue: Box<dyn Queue>, note: &mut impl FnMut(Note)) {
        self.advance(now, note);
        let mut old = std::mem::replace(&mut self.setup.queue, queue);
        while let Some(queued) = old.dequeue(now, &mut self.dropped) {
            let refused = self.setup.queue.enqueue(now, queued).err();
            self.depth = self.setup.queue.depth();
            if let Some((queued, cause)) = refused {
                self.drop(queued, cause, note);
            }
        }
        self.depth = self.setup.queue.depth();
    }

    /// Its figures.
    pub fn report(&self) -> LinkReport {
        let in_transit = self.wire.len() as u64 + u64::from(self.depth.packets);
        LinkReport { in_transit, ..self.report.clone() }
    }

    /// Its rate now.
    pub fn rate(&self) -> Option<Rate> {
        self.setup.rate
    }
}

//! What the fault timeline changes of a channel.

use super::channel::{Channel, Watch};
use super::delay::DelaySettings;
use super::loss::model::LossModel;
use super::queue::buffer::Buffer;
use super::queue::discipline::Queue;
use crate::base::note::{DropCause, Sink};
use crate::base::time::Instant;
use crate::base::units::Rate;

impl Channel {
    /// Takes the link down or up. What is queued or on the wire when it goes down is lost.
    pub fn set_down<S: Sink>(&mut self, now: Instant, down: bool, watch: &mut Watch<'_, S>) {
        self.advance(now, watch);
        self.rest.down = down;
        self.look_again();
        if !down {
            return;
        }
        while let Some(packet) = self.take(Instant::MAX) {
            self.lose(packet, DropCause::LinkDown, watch);
        }
        while let Some(packet) = self.dequeue(now, watch) {
            self.drop(packet, DropCause::LinkDown, watch);
        }
        self.transmitter.interrupt(now);
    }

    /// Changes the rate for transmissions that start from now on.
    pub fn set_rate<S: Sink>(&mut self, now: Instant, rate: Option<Rate>, watch: &mut Watch<'_, S>) {
        self.advance(now, watch);
        self.transmitter.set_rate(rate, &mut self.rest.pace);
    }

    /// Changes the delay of packets whose transmission starts from now on.
    pub fn set_delay<S: Sink>(&mut self, now: Instant, delay: DelaySettings, watch: &mut Watch<'_, S>) {
        self.advance(now, watch);
        self.rest.delay = delay;
        self.rest.delay_changed = true;
        self.look_again();
    }

    /// Changes the loss model for packets handed over from now on.
    pub fn set_loss(&mut self, loss: Option<Box<dyn LossModel>>) {
        self.rest.loss = loss;
        self.look_again();
    }

    /// Puts another queue in place; what waits moves over as far as it fits.
    pub fn set_queue<S: Sink>(&mut self, now: Instant, queue: Buffer, watch: &mut Watch<'_, S>) {
        self.advance(now, watch);
        let mut old = std::mem::replace(&mut self.rest.queue, queue);
        while let Some(packet) = old.dequeue(now, watch.outbox.refused()) {
            let refused = self.rest.queue.enqueue(now, packet).err();
            watch.outbox.refused().extend(refused);
            self.drop_refused(watch);
        }
        self.drop_refused(watch);
        self.waiting = self.rest.queue.depth().packets > 0;
        self.look_again();
    }
}

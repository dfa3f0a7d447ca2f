//! A controller with its window at hand: every segment asks for that, and only what the controller
//! is told can change it.

use super::controller::{Acked, Controller, Lost, RecoveryEnds};
use crate::base::note::Phase;

/// Any controller.
#[derive(Debug)]
pub struct Governor {
    window: u64,
    controller: Box<dyn Controller>,
}

impl From<Box<dyn Controller>> for Governor {
    fn from(controller: Box<dyn Controller>) -> Self {
        Governor { window: controller.window(), controller }
    }
}

impl Governor {
    fn tell(&mut self, what: impl FnOnce(&mut dyn Controller)) {
        what(&mut *self.controller);
        self.window = self.controller.window();
    }
}

impl Controller for Governor {
    fn on_ack(&mut self, ack: &Acked) {
        self.tell(|c| c.on_ack(ack));
    }
    fn on_loss(&mut self, loss: &Lost) {
        self.tell(|c| c.on_loss(loss));
    }
    fn on_timeout(&mut self, loss: &Lost) {
        self.tell(|c| c.on_timeout(loss));
    }
    fn on_recovered(&mut self, in_flight_bytes: u64) {
        self.tell(|c| c.on_recovered(in_flight_bytes));
    }
    fn on_idle(&mut self) {
        self.tell(|c| c.on_idle());
    }
    fn on_spurious(&mut self) {
        self.tell(|c| c.on_spurious());
    }
    #[inline]
    fn window(&self) -> u64 {
        self.window
    }
    fn ssthresh(&self) -> Option<u64> {
        self.controller.ssthresh()
    }
    fn phase(&self) -> Phase {
        self.controller.phase()
    }
    fn recovery_ends(&self) -> RecoveryEnds {
        self.controller.recovery_ends()
    }
}

//! Reno (RFC 5681): fast recovery ends on the first ACK of new data.

use super::controller::{Acked, Controller, ControllerEntry, Lost, RecoveryEnds};
use super::governor::Governor;
use super::window::{KEYS, RenoWindow};
use crate::base::note::Phase;

pub(super) const ENTRY: ControllerEntry = ControllerEntry {
    name: "reno",
    about: "Reno (RFC 5681); fast recovery ends on the first new ACK",
    keys: KEYS,
    build: |setup| Box::new(Reno(RenoWindow::new(setup))),
};

/// Its window is all there is.
#[derive(Clone, Debug)]
pub struct Reno(RenoWindow);

impl Controller for Reno {
    fn on_ack(&mut self, ack: &Acked) {
        self.0.grow(ack);
    }
    fn on_loss(&mut self, lost: &Lost) {
        self.0.on_loss(lost);
    }
    fn on_timeout(&mut self, lost: &Lost) {
        self.0.on_timeout(lost);
    }
    fn on_recovered(&mut self, _in_flight_bytes: u64) {
        if let Some(limit) = self.0.ssthresh() {
            self.0.set_cwnd(limit);
        }
    }
    fn on_idle(&mut self) {
        self.0.on_idle();
    }
    fn on_spurious(&mut self) {
        self.0.on_spurious();
    }
    fn window(&self) -> u64 {
        self.0.cwnd()
    }
    fn ssthresh(&self) -> Option<u64> {
        self.0.ssthresh()
    }
    fn phase(&self) -> Phase {
        self.0.phase()
    }
    fn recovery_ends(&self) -> RecoveryEnds {
        RecoveryEnds::FirstNewAck
    }
    fn unboxed(&self) -> Option<Governor> {
        Some(Governor::Reno(self.clone()))
    }
}

//! NewReno (RFC 6582): fast recovery lasts until everything sent before the loss is acknowledged,
//! one hole repaired per round trip.

use super::controller::{Acked, Controller, ControllerEntry, Lost};
use super::governor::Governor;
use super::window::{KEYS, RenoWindow};
use crate::base::note::Phase;

pub(super) const ENTRY: ControllerEntry = ControllerEntry {
    name: "newreno",
    about: "NewReno (RFC 6582); fast recovery ends when all that was out is acknowledged",
    keys: KEYS,
    build: |setup| Box::new(NewReno(RenoWindow::new(setup))),
};

/// Its window is all there is.
#[derive(Clone, Debug)]
pub struct NewReno(RenoWindow);

impl Controller for NewReno {
    fn on_ack(&mut self, ack: &Acked) {
        self.0.grow(ack);
    }
    fn on_loss(&mut self, lost: &Lost) {
        self.0.on_loss(lost);
    }
    fn on_timeout(&mut self, lost: &Lost) {
        self.0.on_timeout(lost);
    }
    /// RFC 6582 section 3.2 step 3, option 1: no burst when little is out.
    fn on_recovered(&mut self, in_flight_bytes: u64) {
        if let Some(limit) = self.0.ssthresh() {
            let gentle = in_flight_bytes.max(self.0.smss()) + self.0.smss();
            self.0.set_cwnd(limit.min(gentle));
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
    fn unboxed(&self) -> Option<Governor> {
        Some(Governor::NewReno(self.clone()))
    }
}

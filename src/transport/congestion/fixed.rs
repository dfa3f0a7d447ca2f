//! A window that never moves: to see what congestion control is for.

use super::controller::{Acked, Controller, ControllerEntry, Lost};
use crate::base::note::Phase;
use crate::base::schema::{Key, Kind, Need};

pub(super) const ENTRY: ControllerEntry = ControllerEntry {
    name: "fixed",
    about: "a constant window",
    keys: &[Key {
        name: "window",
        kind: Kind::Size,
        need: Need::Optional,
        about: "the window in bytes; the initial window if left out",
    }],
    build: |setup| {
        let window = setup.params.size("window").map_or(setup.initial_window, |s| s.0);
        Box::new(Fixed { window: window.max(setup.smss) })
    },
};

#[derive(Debug)]
struct Fixed {
    window: u64,
}

impl Controller for Fixed {
    fn on_ack(&mut self, _: &Acked) {}
    fn on_loss(&mut self, _: &Lost) {}
    fn on_timeout(&mut self, _: &Lost) {}
    fn on_recovered(&mut self, _: u64) {}
    fn on_idle(&mut self) {}
    fn window(&self) -> u64 {
        self.window
    }
    fn ssthresh(&self) -> Option<u64> {
        None
    }
    fn phase(&self) -> Phase {
        Phase::CongestionAvoidance
    }
}

//! A controller where its connection stands: every segment asks for its window, and nearly every
//! acknowledgment moves it.

use super::controller::{Acked, Controller, Lost, RecoveryEnds};
use super::newreno::NewReno;
use super::reno::Reno;
use crate::base::note::Phase;

/// Any controller. The most common ones stand in it and are called without a detour.
#[derive(Debug)]
pub enum Governor {
    /// RFC 6582.
    NewReno(NewReno),
    /// RFC 5681.
    Reno(Reno),
    /// Another, with its window at hand: only what it is told can change that.
    Other {
        /// Its window.
        window: u64,
        /// Itself.
        controller: Box<dyn Controller>,
    },
}

impl From<Box<dyn Controller>> for Governor {
    fn from(controller: Box<dyn Controller>) -> Self {
        controller.unboxed().unwrap_or_else(|| Governor::Other { window: controller.window(), controller })
    }
}

impl Governor {
    #[inline]
    fn tell(&mut self, what: impl Fn(&mut dyn Controller)) {
        match self {
            Governor::NewReno(c) => what(c),
            Governor::Reno(c) => what(c),
            Governor::Other { window, controller } => {
                what(&mut **controller);
                *window = controller.window();
            }
        }
    }

    fn controller(&self) -> &dyn Controller {
        match self {
            Governor::NewReno(c) => c,
            Governor::Reno(c) => c,
            Governor::Other { controller, .. } => &**controller,
        }
    }
}

impl Controller for Governor {
    #[inline]
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
        match self {
            Governor::NewReno(c) => c.window(),
            Governor::Reno(c) => c.window(),
            Governor::Other { window, .. } => *window,
        }
    }
    fn ssthresh(&self) -> Option<u64> {
        self.controller().ssthresh()
    }
    fn phase(&self) -> Phase {
        self.controller().phase()
    }
    fn recovery_ends(&self) -> RecoveryEnds {
        self.controller().recovery_ends()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_governor_fits_a_cache_line() {
        assert_eq!(size_of::<Governor>(), 64);
    }
}

//! CUBIC (RFC 9438): between losses the window follows a cubic curve of time, not of round trips.
//! Integers only: windows in bytes, time in microseconds, C = 2/5, beta = 7/10.

use super::ack_train::AckTrain;
use super::controller::{Acked, Controller, ControllerEntry, Lost, Setup};
use super::cube_root::cube_root;
use super::hystart::HyStart;
use crate::base::note::Phase;
use crate::base::schema::{Key, Kind, Need};
use crate::base::time::{Duration, Instant};

const fn switch(name: &'static str, about: &'static str) -> Key {
    Key { name, kind: Kind::Bool, need: Need::Default("true"), about }
}

pub(super) const ENTRY: ControllerEntry = ControllerEntry {
    name: "cubic",
    about: "CUBIC (RFC 9438), with HyStart++ (RFC 9406)",
    keys: &[
        switch("fast_convergence", "give way to newcomers by aiming lower after two losses in a row (section 4.7)"),
        Key {
            name: "as_linux",
            kind: Kind::Bool,
            need: Need::Optional,
            about: "as the Linux kernel has it: slow start ended by trains of ACKs, alpha = 9/17 for good, 5 % a round trip before there is a plateau; left out: with uncapped_growth",
        },
        switch("hystart", "leave the first slow start when round trips grow longer (HyStart++, RFC 9406)"),
    ],
    build: |setup| Box::new(Cubic::new(setup)),
};

/// A second, in the unit of the curve's time.
const SECOND: i128 = 1_000_000;
/// Beyond 1000 s the curve has long left any window: time stops there, so that nothing overflows.
const FAR: i128 = 1000 * SECOND;
/// No window is larger.
const MAX_WINDOW: u64 = 1 << 40;
/// W_est is kept in 1/65536 of a byte, because an ACK moves it by little.
const FINE: u128 = 1 << 16;

#[derive(Debug)]
struct Cubic {
    smss: u64,
    restart_window: u64,
    fast_convergence: bool,
    hystart: Option<HyStart>,
    uncapped: bool,
    as_linux: bool,
    train: Option<AckTrain>,
    now: State,
    /// As it was before the last reduction.
    before: Option<State>,
    last_ack: Option<Instant>,
}

/// What a reduction changes, and what a needless one gives back (section 4.9).
#[derive(Clone, Copy, Debug)]
struct State {
    cwnd: u64,
    ssthresh: Option<u64>,
    /// The window at the last loss, where the curve has its plateau; unknown at first and after a
    /// timeout.
    w_max: Option<u64>,
    /// The window just before the last reduction.
    cwnd_prior: u64,
    /// Since this congestion avoidance stage began.
    epoch: Option<Epoch>,
}

/// One stage of congestion avoidance.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    start: Instant,
    w_max: u64,
    /// K, in microseconds.
    k: i128,
    /// What Reno would have, in [`FINE`] parts of a byte (section 4.3).
    w_est: u128,
    /// What an ACK added beyond whole bytes, over cwnd.
    rest: u128,
}

impl Epoch {
    /// Equation 2, and section 4.8 where there is no plateau to return to.
    fn begin(now: Instant, cwnd: u64, w_max: Option<u64>, smss: u64) -> Epoch {
        let w_max = w_max.filter(|&w| w > cwnd).unwrap_or(cwnd);
        let cubed = u128::from(w_max - cwnd) * 5 * 10u128.pow(18) / (2 * u128::from(smss));
        let (k, w_est) = (i128::from(cube_root(cubed)), u128::from(cwnd) * FINE);
        Epoch { start: now, w_max, k, w_est, rest: 0 }
    }

    /// Equation 1: W_cubic after `t`, in bytes.
    fn w_cubic(&self, t: Duration, smss: u64) -> u64 {
        let d = (i128::from(t.as_micros()) - self.k).clamp(-FAR, FAR);
        let moved = 2 * i128::from(smss) * d.pow(3) / (5 * SECOND.pow(3));
        (i128::from(self.w_max) + moved).clamp(0, i128::from(MAX_WINDOW)) as u64
    }
}

impl Cubic {
    fn new(setup: &Setup) -> Cubic {
        let on = |key| setup.params.bool(key).unwrap_or(true);
        let (cwnd, ssthresh) = (setup.initial_window, None);
        let as_linux = setup.params.bool("as_linux").unwrap_or(setup.uncapped_growth);
        Cubic {
            smss: setup.smss,
            restart_window: setup.initial_window,
            fast_convergence: on("fast_convergence"),
            hystart: (on("hystart") && !as_linux).then(HyStart::new),
            uncapped: setup.uncapped_growth,
            as_linux,
            train: (on("hystart") && as_linux).then(AckTrain::default),
            now: State { cwnd, ssthresh, w_max: None, cwnd_prior: cwnd, epoch: None },
            before: None,
            last_ack: None,
        }
    }

    fn slow_start(&mut self, ack: &Acked) {
        if self.train.as_mut().is_some_and(|t| t.on_ack(ack, self.now.cwnd / self.smss)) {
            self.now.ssthresh = Some(self.now.cwnd);
            return self.avoid_congestion(ack);
        }
        // HyStart++ belongs to the first slow start only (RFC 9406 section 4.3).
        let mut first = self.hystart.as_mut().filter(|_| self.now.ssthresh.is_none());
        let over = first.as_mut().is_some_and(|h| h.on_ack(ack));
        if ack.cwnd_limited {
            let plain = if self.uncapped { ack.bytes } else { ack.bytes.min(self.smss) };
            let growth = first.map_or(plain, |h| h.growth(ack.bytes, self.smss));
            let limit = self.now.ssthresh.unwrap_or(MAX_WINDOW);
            self.now.cwnd = (self.now.cwnd + growth).min(limit.max(self.now.cwnd));
        }
        if over {
            self.now.ssthresh = Some(self.now.cwnd);
        }
    }

    /// Sections 4.2 to 4.5.
    fn avoid_congestion(&mut self, ack: &Acked) {
        let (smss, cwnd_prior, as_linux) = (self.smss, self.now.cwnd_prior, self.as_linux);
        let rtt = self.train.as_ref().and_then(AckTrain::min_rtt).or(ack.srtt).unwrap_or_default();
        let cwnd = self.now.cwnd;
        let w_max = self.now.w_max;
        let epoch = self.now.epoch.get_or_insert_with(|| Epoch::begin(ack.now, cwnd, w_max, smss));
        // Time in which cwnd did not hold the sender back is not time of the curve (section 5.8).
        // While it does, ACKs are no further apart than a round trip; what exceeds that was idle.
        let gap = self.last_ack.map_or(Duration::ZERO, |last| ack.now.since(last));
        let busy = if ack.cwnd_limited { ack.rtt.max(ack.srtt).unwrap_or(gap) } else { Duration::ZERO };
        epoch.start = (epoch.start + gap.saturating_sub(busy)).min(ack.now);
        if !ack.cwnd_limited {
            return;
        }
        // alpha = 3 (1 - beta) / (1 + beta) = 9/17, and 1 once the old window is reached again.
        let reached = !as_linux && epoch.w_est >= u128::from(cwnd_prior) * FINE;
        let (num, den) = if reached { (1, 1) } else { (9, 17) };
        epoch.w_est += FINE * num * u128::from(ack.bytes) * u128::from(smss) / (den * u128::from(cwnd));
        epoch.w_est = epoch.w_est.min(u128::from(MAX_WINDOW) * FINE);
        let t = ack.now.since(epoch.start);
        let w_est = (epoch.w_est / FINE) as u64;
        let friendly = if epoch.w_cubic(t, smss) < w_est { cwnd.max(w_est) } else { 0 };
        if friendly > 0 && !as_linux {
            self.now.cwnd = friendly; // the Reno-friendly region
            return;
        }
        let highest = (cwnd + cwnd / 2).min(MAX_WINDOW).max(cwnd);
        let least = if as_linux && w_max.is_none() { cwnd + cwnd / 20 } else { cwnd };
        let target = epoch.w_cubic(t + rtt, smss).clamp(least, highest);
        let sum = epoch.rest + u128::from(target - cwnd) * u128::from(ack.bytes);
        // Linux takes the faster of the two.
        self.now.cwnd = (cwnd + (sum / u128::from(cwnd)) as u64).min(highest).max(friendly);
        epoch.rest = sum % u128::from(cwnd);
    }

    /// Sections 4.6 and 4.7, but for cwnd.
    fn reduce(&mut self, lost: &Lost) {
        if lost.repeated {
            return;
        }
        let s = &mut self.now;
        self.before = Some(*s);
        let falls_short = self.fast_convergence && s.w_max.is_some_and(|w_max| s.cwnd < w_max);
        s.w_max = Some(if falls_short { s.cwnd * 17 / 20 } else { s.cwnd });
        s.cwnd_prior = s.cwnd;
        s.ssthresh = Some((lost.in_flight_bytes * 7 / 10).max(2 * self.smss));
        s.epoch = None;
    }
}

impl Controller for Cubic {
    fn on_ack(&mut self, ack: &Acked) {
        if let Some(train) = &mut self.train {
            train.measure(ack);
        }
        match self.phase() {
            Phase::SlowStart => self.slow_start(ack),
            _ => self.avoid_congestion(ack),
        }
        self.last_ack = Some(ack.now);
    }
    fn on_loss(&mut self, lost: &Lost) {
        self.reduce(lost);
        self.now.cwnd = self.now.ssthresh.unwrap_or(self.now.cwnd);
    }
    fn on_timeout(&mut self, lost: &Lost) {
        self.reduce(lost);
        // Section 4.8: the next stage makes its own plateau.
        (self.now.w_max, self.now.epoch) = (None, None);
        self.now.cwnd = self.smss;
    }
    /// No burst when little is out, as with NewReno (RFC 6582 section 3.2 step 3, option 1).
    fn on_recovered(&mut self, in_flight_bytes: u64) {
        if let Some(limit) = self.now.ssthresh {
            self.now.cwnd = limit.min(in_flight_bytes.max(self.smss) + self.smss);
        }
    }
    fn on_idle(&mut self) {
        self.now.cwnd = self.now.cwnd.min(self.restart_window);
    }
    /// Section 4.9.
    fn on_spurious(&mut self) {
        if let Some(before) = self.before.take() {
            let cwnd = before.cwnd.max(self.now.cwnd);
            self.now = State { cwnd, ..before };
        }
    }
    fn window(&self) -> u64 {
        self.now.cwnd
    }
    fn ssthresh(&self) -> Option<u64> {
        self.now.ssthresh
    }
    fn phase(&self) -> Phase {
        let s = &self.now;
        if s.ssthresh.is_none_or(|limit| s.cwnd < limit) { Phase::SlowStart } else { Phase::CongestionAvoidance }
    }
}

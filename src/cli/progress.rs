//! A bar for long runs: on a terminal only, and on standard error.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::observe::run::Progress;

/// A bar of this `length`, drawn after `template`; an invisible one where nobody looks.
pub(super) fn bar(length: u64, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// How far a run has come, for people who wait for it.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar that begins with `label`.
    pub(super) fn new(label: &str) -> Self {
        let bar = bar(1000, "{prefix} {wide_bar} {msg}");
        bar.set_prefix(label.to_owned());
        Bar(bar)
    }

    /// Moves the bar.
    pub(super) fn show(&self, p: Progress) {
        let share = u128::from(p.now.as_nanos()) * 1000 / u128::from(p.until.as_nanos().max(1));
        self.0.set_position(share as u64);
        self.0.set_message(format!("{:.1} of {} s, {} events", p.now.as_secs_f64(), p.until, p.events));
    }

    /// Takes the bar away.
    pub(super) fn done(self) {
        self.0.finish_and_clear();
    }
}

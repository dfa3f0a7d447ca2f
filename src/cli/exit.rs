//! Exit statuses and how each is told.

use std::io::Write as _;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exit {
    /// Everything as it should be.
    Good,
    /// An expectation or a fetch failed, or a replay differed.
    Failed,
    /// Bad input or usage.
    BadInput,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Good => ExitCode::SUCCESS,
            Exit::Failed => ExitCode::from(1),
            Exit::BadInput => ExitCode::from(2),
        }
    }
}

/// From now on a bug that is found at run time is told as what it is, and ends the process with
/// status 3.
pub(super) fn tell_internal_errors() {
    std::panic::set_hook(Box::new(|bug| {
        mention(format_args!("{bug}"));
        mention("error: this is an internal error of twinwire; please report it with the scenario and the seed");
        std::process::exit(3);
    }));
}

/// Writes results to standard output. A reader that has seen enough (`| head`) is no error.
pub(super) fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Writes a line for people to standard error. Nobody need read it: a closed pipe stops no download.
pub(super) fn mention(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Tells an error and where it leaves us.
pub(super) fn bad_input(message: impl std::fmt::Display) -> Exit {
    mention(format_args!("error: {message}"));
    Exit::BadInput
}

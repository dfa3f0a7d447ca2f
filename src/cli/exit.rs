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

//! Layer 10: the command line. Verbs, exit codes, progress.

mod args;
mod check;
mod diff;
mod exit;
mod list;
mod live;
mod plot;
mod run;
mod stopwatch;
mod verify;

pub use args::main;

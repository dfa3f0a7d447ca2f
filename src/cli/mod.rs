//! Layer 10: the command line. Verbs, exit codes, progress.

mod args;
mod check;
mod diff;
mod exit;
mod get;
mod huge_pages;
mod list;
mod live;
mod part_file;
mod plot;
mod progress;
mod replay;
mod run;
mod stopwatch;
mod twin;
mod verify;

pub use args::main;
pub use huge_pages::prefer as prefer_huge_pages;

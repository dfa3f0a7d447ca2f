//! What can be typed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use super::{check, diff, list, plot, run, verify};

/// A deterministic network simulator: same scenario and seed, same bytes out.
#[derive(Parser, Debug)]
#[command(
    name = "twinwire",
    version,
    after_help = "Exit status: 0 all expectations met; 1 an expectation or a fetch failed, or a replay differed; \
                  2 bad input or usage; 3 an internal error."
)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Run a scenario and print its summary
    Run(RunArgs),
    /// Check scenario files without running them: all errors at once
    Check {
        /// Scenario files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Redraw the plots of run folders from their files; several runs overlay
    Plot {
        /// Run folders
        #[arg(required = true)]
        folders: Vec<PathBuf>,
        /// Draw PNG pictures beside the SVG ones
        #[arg(long)]
        png: bool,
        /// Where the plots go; `plots` in the first folder if left out
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Replay the recorded runs (`*.lock` beside scenarios) and compare digests
    Verify {
        /// Scenario files or folders of them
        #[arg(default_value = "scenarios")]
        paths: Vec<PathBuf>,
        /// Record today's digests instead
        #[arg(long)]
        update: bool,
    },
    /// Show the first event in which two run folders differ
    Diff {
        /// One run folder
        a: PathBuf,
        /// The other
        b: PathBuf,
    },
    /// List everything a scenario can name: controllers, queues, loss models, roles, policies
    List,
    /// Print the JSON Schema of scenario files
    Schema,
    /// Print a commented scenario to start from
    New {
        /// What to call it
        name: String,
    },
}

/// How `run` goes about it.
#[derive(clap::Args, Debug)]
pub(super) struct RunArgs {
    /// The scenario file
    pub file: PathBuf,
    /// The seed; goes before the file's own
    #[arg(long)]
    pub seed: Option<u64>,
    /// Write the run folder here
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Replace an existing run folder
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Record nothing, not even the digest: the fastest run
    #[arg(long, conflicts_with = "out")]
    pub no_digest: bool,
    /// Set a value of the scenario: transport.tcp.sack=false
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Write packets.pcapng (not available yet)
    #[arg(long)]
    pub pcap: bool,
    /// Draw PNG pictures beside the SVG ones
    #[arg(long, requires = "out")]
    pub png: bool,
    /// What standard output holds
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What standard output holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// A summary for people
    Text,
    /// One JSON object and nothing else
    Json,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let exit = match Args::parse().verb {
        Verb::Run(args) => run::run(&args),
        Verb::Check { files } => check::check(&files),
        Verb::Plot { folders, png, out } => plot::plot(&folders, png, out.as_deref()),
        Verb::Verify { paths, update } => verify::verify(&paths, update),
        Verb::Diff { a, b } => diff::diff(&a, &b),
        Verb::List => list::list(),
        Verb::Schema => list::schema(),
        Verb::New { name } => list::new(&name),
    };
    exit.into()
}

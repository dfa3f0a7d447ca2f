//! What can be typed.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use super::{check, diff, exit, get, list, live, plot, run, twin, verify};

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
    /// Run a scenario on real sockets: all nodes here, or the named ones alone
    Live(LiveArgs),
    /// Run a scenario simulated and live, and show how far apart the two are
    #[command(
        after_help = "Every node runs in one process on loopback, with the same state machines and the same links \
                      as in the simulation. The table has a row for each flow: completion time, payload, goodput, \
                      repeated segments, timeouts and largest window of both runs, and the area between their \
                      curves over the area under the higher of them: 0 if they coincide, 1 if they have nothing in \
                      common. With --out DIR: DIR/twin.svg shows both runs on one plot, DIR/twin.json has the \
                      figures, and DIR/simulated and DIR/live are the run folders.\n\n\
                      Exit status: 0 both runs met all expectations and opened the same flows; 1 one did not; \
                      2 bad input, or a scenario that cannot run live."
    )]
    Twin(TwinArgs),
    /// Download a file by HTTP over RUDP or TCP: resolve, ask, follow the redirects, save
    Get(GetArgs),
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
    #[arg(required_unless_present = "replay")]
    pub file: Option<PathBuf>,
    /// Replay the run folder of a live run, and compare
    #[arg(long, value_name = "DIR", conflicts_with_all = ["file", "seed", "out", "sets", "pcap"])]
    pub replay: Option<PathBuf>,
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
    #[arg(long, conflicts_with_all = ["out", "ladder"])]
    pub no_digest: bool,
    /// Set a value of the scenario: transport.tcp.sack=false
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Draw the exchange of a flow, one line a segment: into ladder.txt of the run folder with --out, else after
    /// the summary
    #[arg(long, value_name = "FLOW")]
    pub ladder: Option<String>,
    /// Write packets.pcapng into the run folder, for Wireshark: each conversation as its client sees it, or, with
    /// --pcap=NODE, everything that passes this node
    #[arg(long, requires = "out", value_name = "NODE", num_args = 0..=1, require_equals = true)]
    pub pcap: Option<Option<String>>,
    /// Draw PNG pictures beside the SVG ones
    #[arg(long, requires = "out")]
    pub png: bool,
    /// What standard output holds
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How `live` goes about it.
#[derive(clap::Args, Debug)]
pub(super) struct LiveArgs {
    /// The scenario file
    pub file: PathBuf,
    /// Only this node lives here; may be given several times
    #[arg(long = "node", value_name = "NAME")]
    pub nodes: Vec<String>,
    /// Where a node lives, as ADDRESS:PORT; goes before the file's [live.NAME]
    #[arg(long = "bind", value_name = "NAME=ADDR:PORT")]
    pub binds: Vec<String>,
    /// Put what DHCP clients on interfaces get on these (needs root and iproute2), as apply_lease in
    /// [live.NAME] does; otherwise it is printed
    #[arg(long)]
    pub apply_lease: bool,
    /// End after this time: "10 s"
    #[arg(long = "for", value_name = "T")]
    pub lasting: Option<String>,
    /// The seed of links and hosts; left out, the links take the file's and the hosts a fresh one
    #[arg(long)]
    pub seed: Option<u64>,
    /// Write the run folder here
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Replace an existing run folder
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Draw PNG pictures beside the SVG ones
    #[arg(long, requires = "out")]
    pub png: bool,
    /// What standard output holds
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How `twin` goes about it.
#[derive(clap::Args, Debug)]
pub(super) struct TwinArgs {
    /// The scenario file
    pub file: PathBuf,
    /// The seed of both runs; goes before the file's own
    #[arg(long)]
    pub seed: Option<u64>,
    /// Write both run folders, twin.json and the plot here
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Replace an existing folder of twins
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Draw a PNG picture beside the SVG one
    #[arg(long, requires = "out")]
    pub png: bool,
    /// What standard output holds
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How `get` goes about it.
#[derive(clap::Args, Debug)]
pub(super) struct GetArgs {
    /// What to download: http://HOST[:PORT]/PATH
    pub url: String,
    /// What carries the requests
    #[arg(long, value_enum, default_value_t = Carrier::Tcp)]
    pub transport: Carrier,
    /// The DNS server to ask, as ADDRESS or ADDRESS:PORT; left out, the system's first
    #[arg(long, value_name = "ADDR")]
    pub dns: Option<String>,
    /// The file to write; left out, the last part of the URL's path
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Silence after which the download is given up
    #[arg(long, value_name = "T", default_value = "30 s")]
    pub timeout: String,
}

/// What can carry a download.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Carrier {
    /// The operating system's TCP
    Tcp,
    /// Our RUDP
    Rudp,
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
    exit::tell_internal_errors();
    let exit = match Args::parse().verb {
        Verb::Run(args) => run::run(&args),
        Verb::Check { files } => check::check(&files),
        Verb::Plot { folders, png, out } => plot::plot(&folders, png, out.as_deref()),
        Verb::Verify { paths, update } => verify::verify(&paths, update),
        Verb::Diff { a, b } => diff::diff(&a, &b),
        Verb::Live(args) => live::live(&args),
        Verb::Twin(args) => twin::twin(&args),
        Verb::Get(args) => get::get(&args),
        Verb::List => list::list(),
        Verb::Schema => list::schema(),
        Verb::New { name } => list::new(&name),
    };
    exit.into()
}

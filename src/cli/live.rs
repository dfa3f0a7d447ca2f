//! `twinwire live`.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::path::Path;

use super::args::{Format, LiveArgs};
use super::check::{name_of, read, tell};
use super::exit::{Exit, bad_input, mention, say};
use super::progress::Bar;
use super::run::finish_folder;
use crate::base::time::Duration;
use crate::base::units::parse_duration;
use crate::base::wall::WallClock;
use crate::live::entropy;
use crate::live::lease::LeaseNews;
use crate::live::limits::raise_file_limit;
use crate::node::addressing::Addressing;
use crate::observe::files::Files;
use crate::observe::live::{LiveRun, LiveRunError, Output, Watcher, live as run_live};
use crate::observe::run::Progress;
use crate::report::folder::RunFolder;
use crate::report::text;
use crate::scenario::live::LiveOptions;
use crate::scenario::resolve::resolved;

/// Links and timers that are later than this are not those of the scenario.
const TOO_LATE: Duration = Duration::from_millis(5);

/// Shows a person what happens.
struct Shown {
    bar: Bar,
    /// Standard output belongs to the summary.
    json: bool,
}

impl Watcher for Shown {
    fn remark(&mut self, text: &str) {
        mention(format_args!("note: {text}"));
    }

    fn ready(&mut self, node: &str, place: SocketAddrV4) {
        if self.json {
            mention(format_args!("ready {node} {place}"));
        } else {
            say(format_args!("ready {node} {place}"));
        }
    }

    fn lease(&mut self, LeaseNews { name, interface, addressing }: &LeaseNews) {
        let line = match addressing {
            Some(Addressing { address, prefix_len, gateway, dns }) => {
                let gateway = gateway.map(|g| format!(", router {g}")).unwrap_or_default();
                let dns = dns.iter().map(|d| format!(", DNS {d}")).collect::<String>();
                format!("lease {name} {address}/{prefix_len} on {interface}{gateway}{dns}")
            }
            None => format!("lease {name} none on {interface}"),
        };
        if self.json {
            mention(line);
        } else {
            say(line);
        }
    }

    fn progress(&mut self, progress: Progress) {
        self.bar.show(progress);
    }
}

/// Runs a scenario on real sockets.
pub(super) fn live(args: &LiveArgs) -> Exit {
    let options = match options(args) {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let lasting = match args.lasting.as_deref().map(parse_duration).transpose() {
        Ok(lasting) => lasting,
        Err(error) => return bad_input(format!("--for: {} ({})", error.message, error.help)),
    };
    let (source, plan) = match read(&args.file, &[], args.seed, false) {
        Ok(read) => read,
        Err(exit) => return exit,
    };
    let folder = match args.out.as_deref().map(|out| RunFolder::begin(out, args.force)).transpose() {
        Ok(folder) => folder,
        Err(error) => return bad_input(error),
    };
    let outputs = match outputs(folder.as_ref()) {
        Ok(outputs) => outputs,
        Err(exit) => return exit,
    };
    raise_file_limit();
    let mut shown = Shown { bar: Bar::new(""), json: args.format == Format::Json };
    let outcome = run_live(&plan, &name_of(&args.file), &options, lasting, outputs, &mut shown);
    shown.bar.done();
    let live = match outcome {
        Ok(live) => live,
        Err(LiveRunError::Scenario(mistakes)) => return tell(&source, &mistakes),
        Err(error) => return bad_input(error),
    };
    if let (Some(folder), Some(out)) = (folder, args.out.as_deref())
        && let Err(message) = keep(folder, out, &resolved(&source, &[], &plan, out), &live, args.png)
    {
        return bad_input(message);
    }
    let run = &live.run;
    match args.format {
        Format::Json => match run.summary.to_json() {
            Ok(json) => say(json.trim_end()),
            Err(error) => return bad_input(error),
        },
        Format::Text => say(text::render_live(&run.summary, Some(&plan.title)).trim_end()),
    }
    tell_live(&live);
    // A process of servers only has nothing that could be unmet by being told to end.
    let served = live.interrupted && !options.nodes.is_empty() && run.summary.fetches.is_empty();
    if served || (run.failures.is_empty() && run.summary.succeeded()) { Exit::Good } else { Exit::Failed }
}

/// Where a live run with this folder writes its events and its inputs.
pub(super) fn outputs(folder: Option<&RunFolder>) -> Result<(Option<Files>, Output), Exit> {
    let Some(folder) = folder else { return Ok((None, None)) };
    let files = folder.files().map_err(bad_input)?;
    let inputs = folder.writer("inputs.bin").map_err(bad_input)?;
    Ok((Some(files), Some(Box::new(inputs))))
}

/// Writes the rest of a live run's folder, and puts it at its place.
pub(super) fn keep(
    folder: RunFolder,
    out: &Path,
    scenario_toml: &str,
    live: &LiveRun,
    png: bool,
) -> Result<(), String> {
    if let Some(recording) = &live.recording {
        let text = serde_json::to_string_pretty(recording).map_err(|e| e.to_string())?;
        folder.write("live.json", text.as_bytes()).map_err(|e| e.to_string())?;
    }
    finish_folder(folder, out, scenario_toml, &live.run, png)
}

/// Says on standard error what a summary has no place for.
pub(super) fn tell_live(live: &LiveRun) {
    let LiveRun { run, lag, refused, too_large, interrupted, .. } = live;
    let (middle, most) = (lag.per_mille(500), lag.per_mille(990));
    if lag.count() > 0 {
        mention(format_args!(
            "wake-ups: {}, half within {middle} s, 99 % within {most} s, the latest {} s",
            lag.count(),
            lag.max()
        ));
    }
    if most > TOO_LATE {
        mention(format_args!(
            "note: this machine was too slow for the rates asked: links and timers were late by as much as that"
        ));
    }
    if *refused > 0 {
        mention(format_args!("note: the system had no room for {refused} datagrams"));
    }
    if *too_large > 0 {
        mention(format_args!(
            "note: {too_large} datagrams were larger than the way takes; lower payload in [transport.rudp]"
        ));
    }
    if *interrupted {
        mention(format_args!("note: ended by a signal; the figures are those up to then"));
    }
    for (node, why) in &run.failures {
        mention(format_args!("error: {node}: {why}"));
    }
}

fn options(args: &LiveArgs) -> Result<LiveOptions, Exit> {
    let mut binds = BTreeMap::new();
    for pair in &args.binds {
        let Some((node, place)) = pair.split_once('=').and_then(|(n, p)| Some((n, p.parse().ok()?))) else {
            return Err(bad_input(format!("--bind {pair}: write NODE=ADDRESS:PORT, such as appstore=10.9.0.2:8080")));
        };
        binds.insert(node.to_owned(), place);
    }
    let seed = match args.seed.map_or_else(entropy::seed, Ok) {
        Ok(seed) => seed,
        Err(error) => return Err(bad_input(format!("no randomness: {error}"))),
    };
    // The run sets the time of day.
    Ok(LiveOptions {
        nodes: args.nodes.clone(),
        binds,
        places: BTreeMap::new(),
        apply_leases: args.apply_lease,
        hardware: None,
        seed,
        wall: WallClock::SIMULATED,
    })
}

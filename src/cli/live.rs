//! `twinwire live`.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use super::args::{Format, LiveArgs};
use super::check::{name_of, read, tell};
use super::exit::{Exit, bad_input, say};
use super::progress::Bar;
use super::run::finish_folder;
use crate::base::units::parse_duration;
use crate::base::wall::WallClock;
use crate::live::entropy;
use crate::live::lease::LeaseNews;
use crate::node::addressing::Addressing;
use crate::observe::live::{LiveRun, LiveRunError, Watcher, live as run_live};
use crate::observe::run::Progress;
use crate::report::folder::RunFolder;
use crate::report::text;
use crate::scenario::live::LiveOptions;
use crate::scenario::resolve::resolved;

/// Shows a person what happens.
struct Shown {
    bar: Bar,
    /// Standard output belongs to the summary.
    json: bool,
}

impl Watcher for Shown {
    fn remark(&mut self, text: &str) {
        eprintln!("note: {text}");
    }

    fn ready(&mut self, node: &str, place: SocketAddrV4) {
        if self.json {
            eprintln!("ready {node} {place}");
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
            eprintln!("{line}");
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
    let events = match folder.as_ref().map(|f| f.writer("events.jsonl")).transpose() {
        Ok(writer) => writer.map(|w| Box::new(w) as Box<dyn std::io::Write>),
        Err(error) => return bad_input(error),
    };
    let inputs = match folder.as_ref().map(|f| f.writer("inputs.bin")).transpose() {
        Ok(writer) => writer.map(|w| Box::new(w) as Box<dyn std::io::Write>),
        Err(error) => return bad_input(error),
    };
    let mut shown = Shown { bar: Bar::new(""), json: args.format == Format::Json };
    let outcome = run_live(&plan, &name_of(&args.file), &options, lasting, (events, inputs), &mut shown);
    shown.bar.done();
    let LiveRun { run, lag, refused, interrupted, recording } = match outcome {
        Ok(run) => run,
        Err(LiveRunError::Scenario(mistakes)) => return tell(&source, &mistakes),
        Err(error) => return bad_input(error),
    };
    if let (Some(folder), Some(recording)) = (&folder, &recording) {
        let written = serde_json::to_string_pretty(recording).map_err(|e| e.to_string());
        if let Err(error) =
            written.and_then(|text| folder.write("live.json", text.as_bytes()).map_err(|e| e.to_string()))
        {
            return bad_input(error);
        }
    }
    if let (Some(folder), Some(out)) = (folder, args.out.as_deref())
        && let Err(message) = finish_folder(folder, out, &resolved(&source, &[], &plan, out), &run, args.png)
    {
        return bad_input(message);
    }
    match args.format {
        Format::Json => match run.summary.to_json() {
            Ok(json) => say(json.trim_end()),
            Err(error) => return bad_input(error),
        },
        Format::Text => say(text::render(&run.summary, Some(&plan.title)).trim_end()),
    }
    let (middle, most) = (lag.per_mille(500), lag.per_mille(990));
    eprintln!("wake-ups: {}, half within {middle} s, 99 % within {most} s, the latest {} s", lag.count(), lag.max());
    if refused > 0 {
        eprintln!("note: the system had no room for {refused} datagrams");
    }
    if interrupted {
        eprintln!("note: ended by a signal; the figures are those up to then");
    }
    for (node, why) in &run.failures {
        eprintln!("error: {node}: {why}");
    }
    // A process of servers only has nothing that could be unmet by being told to end.
    let served = interrupted && !options.nodes.is_empty() && run.summary.fetches.is_empty();
    if served || (run.failures.is_empty() && run.summary.succeeded()) { Exit::Good } else { Exit::Failed }
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

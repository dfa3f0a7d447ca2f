//! `twinwire twin`: one scenario in both worlds.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddrV4;
use std::path::Path;
use std::sync::Arc;

use super::args::{Format, TwinArgs};
use super::check::{name_of, read, tell};
use super::exit::{Exit, bad_input, mention, say};
use super::live::{keep, outputs, tell_live};
use super::progress::Bar;
use super::run::finish_folder;
use crate::base::wall::WallClock;
use crate::live::limits::raise_file_limit;
use crate::observe::files::Files;
use crate::observe::live::{LiveRun, LiveRunError, Watcher, live as run_live};
use crate::observe::run::{Progress, Recording, Run, RunError, run_recording};
use crate::report::folder::RunFolder;
use crate::report::plots::output::{png, svg};
use crate::report::plots::twin::TwinFigure;
use crate::report::read::RunData;
use crate::report::twin::{Twin, World};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::live::LiveOptions;
use crate::scenario::plan::{Change, Plan};
use crate::scenario::resolve::resolved;
use crate::scenario::text::Source;

/// Nobody waits for single nodes here; only the bar goes on.
struct Quiet(Bar);

impl Watcher for Quiet {
    fn remark(&mut self, text: &str) {
        mention(format_args!("note: {text}"));
    }
    fn ready(&mut self, _node: &str, _place: SocketAddrV4) {}
    fn progress(&mut self, progress: Progress) {
        self.0.show(progress);
    }
}

/// Runs a scenario simulated and live, and compares.
pub(super) fn twin(args: &TwinArgs) -> Exit {
    match compare(args) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn compare(args: &TwinArgs) -> Result<Exit, Exit> {
    let (source, plan) = read(&args.file, &[], args.seed, false)?;
    // All of it is on loopback, whatever the file says of real places.
    let plan = Arc::new(Plan { live: BTreeMap::new(), ..Arc::unwrap_or_clone(plan) });
    let mistakes = cannot_live(&source, &plan);
    if !mistakes.is_empty() {
        return Err(tell(&source, &mistakes));
    }
    let name = name_of(&args.file);
    let folder = args.out.as_deref().map(|out| RunFolder::begin(out, args.force)).transpose().map_err(bad_input)?;
    let inside = |name: &str| folder.as_ref().map(|f| f.inside(name)).transpose().map_err(bad_input);
    let (simulated_folder, live_folder) = (inside("simulated")?, inside("live")?);

    let simulated = simulate(&source, &plan, &name, simulated_folder.as_ref())?;
    if simulated.summary.flows.is_empty() {
        return Err(bad_input("the simulated run opened no flow: there is nothing to compare"));
    }
    mention(format_args!("note: the live run takes real time: {} at most; Ctrl-C ends it", plan.until));
    let live = live(&source, &plan, &name, live_folder.as_ref())?;

    let data = |label: &str, run: &Run| match &run.series {
        Some(series) => RunData::of(label, &run.summary, series).map_err(bad_input),
        None => Ok(RunData::default()),
    };
    let (simulated_data, live_data) = (data("simulated", &simulated)?, data("live", &live.run)?);
    let twin = Twin::new(
        &World { summary: &simulated.summary, data: &simulated_data },
        &World { summary: &live.run.summary, data: &live_data },
    );
    let title = if plan.title.is_empty() { &name } else { &plan.title };
    let json = serde_json::to_string_pretty(&twin).map_err(bad_input)?;
    if let (Some(folder), Some(out), Some(mine), Some(theirs)) =
        (folder, args.out.as_deref(), simulated_folder, live_folder)
    {
        let at = |name: &str| out.join(name);
        let toml = |name: &str| resolved(&source, &[], &plan, &at(name));
        finish_folder(mine, &at("simulated"), &toml("simulated"), &simulated, false).map_err(bad_input)?;
        keep(theirs, &at("live"), &toml("live"), &live, false).map_err(bad_input)?;
        folder.write("twin.json", format!("{json}\n").as_bytes()).map_err(bad_input)?;
        if let Some(figure) = TwinFigure::new(title, &simulated_data, &live_data) {
            folder.write("twin.svg", svg(&figure).map_err(bad_input)?.as_bytes()).map_err(bad_input)?;
            if args.png {
                folder.write("twin.png", &png(&figure).map_err(bad_input)?).map_err(bad_input)?;
            }
        }
        folder.commit().map_err(bad_input)?;
        tell_files(out, args.png);
    }
    match args.format {
        Format::Json => say(json),
        Format::Text => say(twin.render(title).trim_end()),
    }
    tell_live(&live);
    Ok(verdict(&twin, &simulated, &live.run))
}

/// What no live run can do as the file says.
fn cannot_live(source: &Source, plan: &Plan) -> Vec<Diagnostic> {
    let crash = plan.events.iter().find(|event| matches!(event.change, Change::Node(..)));
    let Some(event) = crash else { return Vec::new() };
    let word = "crashed";
    let span = source.text.find(word).map_or(0..0, |at| at..at + word.len());
    let message = format!("`{}` cannot be played on real sockets: nodes do not crash in a live run", event.text);
    vec![Diagnostic::error(span, message).help("let the link to that node go down instead: set = { down = true }")]
}

fn simulate(source: &Source, plan: &Arc<Plan>, name: &str, folder: Option<&RunFolder>) -> Result<Run, Exit> {
    let files = match folder {
        Some(folder) => folder.files().map_err(bad_input)?,
        None => Files::events(io::sink()),
    };
    let bar = Bar::new("simulated");
    let run = run_recording(plan, name, Recording::Full(files), &mut |p| bar.show(p));
    bar.done();
    run.map_err(|error| match error {
        RunError::Scenario(mistakes) => tell(source, &mistakes),
        RunError::Trace(error) => bad_input(error),
    })
}

fn live(source: &Source, plan: &Arc<Plan>, name: &str, folder: Option<&RunFolder>) -> Result<LiveRun, Exit> {
    let (files, inputs) = outputs(folder)?;
    // The hosts' seed too: these talk to nobody else.
    let options = LiveOptions {
        apply_leases: false,
        hardware: None,
        nodes: Vec::new(),
        binds: BTreeMap::new(),
        places: BTreeMap::new(),
        seed: plan.seed,
        wall: WallClock::SIMULATED,
    };
    let files = files.unwrap_or_else(|| Files::events(io::sink()));
    raise_file_limit();
    let mut watcher = Quiet(Bar::new("live"));
    let run = run_live(plan, name, &options, None, (Some(files), inputs), &mut watcher);
    watcher.0.done();
    run.map_err(|error| match error {
        LiveRunError::Scenario(mistakes) => tell(source, &mistakes),
        error => bad_input(error),
    })
}

fn tell_files(out: &Path, png: bool) {
    let also = if png { " and twin.png" } else { "" };
    mention(format_args!("wrote {}: twin.svg{also}, twin.json, simulated/, live/", out.display()));
}

/// Says what went wrong in either world.
fn verdict(twin: &Twin, simulated: &Run, live: &Run) -> Exit {
    let mut good = true;
    for (world, run) in [("simulated", simulated), ("live", live)] {
        good &= run.failures.is_empty() && run.summary.succeeded();
        for expectation in run.summary.expect.iter().filter(|e| !e.met) {
            mention(format_args!("error: {world}: not met: {} (it is {})", expectation.that, expectation.value));
        }
        for fetch in run.summary.fetches.iter().filter(|f| !f.completed()) {
            let why = fetch.error.as_deref().unwrap_or("not complete");
            mention(format_args!("error: {world}: {}: {}: {why}", fetch.node, fetch.url));
        }
        if world == "simulated" {
            run.failures.iter().for_each(|(node, why)| mention(format_args!("error: {world}: {node}: {why}")));
        }
    }
    for (flow, world) in twin.unpaired() {
        good = false;
        mention(format_args!("error: {flow} was not opened in the {world} run"));
    }
    if good { Exit::Good } else { Exit::Failed }
}

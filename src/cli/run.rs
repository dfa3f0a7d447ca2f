//! `twinwire run`.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{Format, RunArgs};
use super::check::{name_of, read, tell};
use super::exit::{Exit, bad_input, say};
use super::plot;
use super::stopwatch::Stopwatch;
use crate::observe::run::{Progress, Recording, Run, RunError, run_recording};
use crate::report::folder::RunFolder;
use crate::report::text;
use crate::scenario::plan::Plan;
use crate::scenario::text::Source;

/// Runs a scenario, writes its folder and prints its summary.
pub(super) fn run(args: &RunArgs) -> Exit {
    if args.pcap {
        return bad_input("--pcap is not available yet: packet captures come in a later version");
    }
    let mut sets = Vec::new();
    for pair in &args.sets {
        match pair.split_once('=') {
            Some((path, value)) => sets.push((path.trim().to_owned(), value.trim().to_owned())),
            None => return bad_input(format!("--set {pair}: write PATH=VALUE, such as transport.tcp.sack=false")),
        }
    }
    let (source, plan) = match read(&args.file, &sets, args.seed, false) {
        Ok(read) => read,
        Err(exit) => return exit,
    };
    let folder = match args.out.as_deref().map(|out| RunFolder::begin(out, args.force)).transpose() {
        Ok(folder) => folder,
        Err(error) => return bad_input(error),
    };
    let clock = Stopwatch::start();
    let run = match simulate(&source, &plan, args, folder.as_ref()) {
        Ok(run) => run,
        Err(exit) => return exit,
    };
    if let (Some(folder), Some(out)) = (folder, args.out.as_deref())
        && let Err(message) = finish_folder(folder, out, &source, &run, args.png)
    {
        return bad_input(message);
    }
    match args.format {
        Format::Json => match run.summary.to_json() {
            Ok(json) => say(json.trim_end()),
            Err(error) => return bad_input(error),
        },
        Format::Text => {
            say(text::render(&run.summary, Some(&plan.title)).trim_end());
            tell_timing(&clock, &run);
        }
    }
    for (node, why) in &run.failures {
        eprintln!("error: {node}: {why}");
    }
    if run.failures.is_empty() && run.summary.succeeded() { Exit::Good } else { Exit::Failed }
}

fn simulate(source: &Source, plan: &Arc<Plan>, args: &RunArgs, folder: Option<&RunFolder>) -> Result<Run, Exit> {
    let recording = match folder.map(|f| f.writer("events.jsonl")).transpose() {
        Ok(Some(writer)) => Recording::Full(Box::new(writer)),
        Ok(None) if args.no_digest => Recording::Nothing,
        Ok(None) => Recording::Digest,
        Err(error) => return Err(bad_input(error)),
    };
    let bar = progress_bar();
    let run = run_recording(plan, &name_of(&args.file), recording, &mut |p| show_progress(&bar, p));
    bar.finish_and_clear();
    run.map_err(|error| match error {
        RunError::Scenario(mistakes) => tell(source, &mistakes),
        RunError::Trace(error) => bad_input(error),
    })
}

fn finish_folder(folder: RunFolder, out: &Path, source: &Source, run: &Run, png: bool) -> Result<(), String> {
    let Some(series) = &run.series else { return Ok(()) };
    folder.fill(&source.text, &run.summary, series).map_err(|e| e.to_string())?;
    folder.commit().map_err(|e| e.to_string())?;
    if png {
        plot::draw(&[out.to_owned()], true, None).map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn show_progress(bar: &ProgressBar, p: Progress) {
    let share = u128::from(p.now.as_nanos()) * 1000 / u128::from(p.until.as_nanos().max(1));
    bar.set_position(share as u64);
    bar.set_message(format!("{:.1} of {} virtual s, {} events", p.now.as_secs_f64(), p.until, p.events));
}

fn tell_timing(clock: &Stopwatch, run: &Run) {
    let wall = clock.wall_s();
    let hops = run.summary.packet_hops as f64;
    match clock.cpu_s() {
        Some(cpu) => {
            eprintln!("{wall:.3} s wall, {cpu:.3} s CPU, {:.2} million packet-hops per CPU second", hops / cpu / 1e6);
        }
        None => eprintln!("{wall:.3} s wall, {:.2} million packet-hops per second", hops / wall / 1e6),
    }
}

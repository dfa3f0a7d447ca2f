//! `twinwire run`.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::args::{Format, RunArgs};
use super::check::{name_of, read, tell};
use super::exit::{Exit, bad_input, mention, say};
use super::progress::Bar;
use super::stopwatch::Stopwatch;
use super::{huge_pages, plot, replay};
use crate::observe::capture::Point;
use crate::observe::run::{Extras, Recording, Run, RunError, capture_point, run_with};
use crate::report::folder::RunFolder;
use crate::report::text;
use crate::scenario::nearest::nearest;
use crate::scenario::plan::Plan;
use crate::scenario::resolve::resolved;
use crate::scenario::text::Source;

/// Runs a scenario, writes its folder and prints its summary.
pub(super) fn run(args: &RunArgs) -> Exit {
    huge_pages::prefer();
    if args.ladder.is_some() && args.format == Format::Json && args.out.is_none() {
        return bad_input("--ladder with --format json needs --out DIR: standard output is one JSON object only");
    }
    let mut sets = Vec::new();
    for pair in &args.sets {
        match pair.split_once('=') {
            Some((path, value)) => sets.push((path.trim().to_owned(), value.trim().to_owned())),
            None => return bad_input(format!("--set {pair}: write PATH=VALUE, such as transport.tcp.sack=false")),
        }
    }
    if let Some(folder) = &args.replay {
        return replay::replay(folder, args.format);
    }
    let Some(file) = &args.file else { return bad_input("name a scenario file") };
    let (source, plan) = match read(file, &sets, args.seed, true) {
        Ok(read) => read,
        Err(exit) => return exit,
    };
    let folder = match args.out.as_deref().map(|out| RunFolder::begin(out, args.force)).transpose() {
        Ok(folder) => folder,
        Err(error) => return bad_input(error),
    };
    let clock = Stopwatch::start();
    let run = match simulate(&source, &plan, &name_of(file), args, folder.as_ref()) {
        Ok(run) => run,
        Err(exit) => return exit,
    };
    let ladder = match ladder_of(&run, args.ladder.as_deref()) {
        Ok(ladder) => ladder,
        Err(message) => return bad_input(message),
    };
    if let (Some(folder), Some(text)) = (&folder, &ladder)
        && let Err(error) = folder.write("ladder.txt", text.as_bytes())
    {
        return bad_input(error);
    }
    if let (Some(folder), Some(out)) = (folder, args.out.as_deref())
        && let Err(message) = finish_folder(folder, out, &resolved(&source, &sets, &plan, out), &run, args.png)
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
            if let (Some(text), None) = (&ladder, &args.out) {
                say(format_args!("\n{}", text.trim_end()));
            }
            tell_timing(&clock, &run);
        }
    }
    for (node, why) in &run.failures {
        mention(format_args!("error: {node}: {why}"));
    }
    if run.failures.is_empty() && run.summary.succeeded() { Exit::Good } else { Exit::Failed }
}

/// The ladder's text, or the mend for a flow that was never opened.
fn ladder_of(run: &Run, wanted: Option<&str>) -> Result<Option<String>, String> {
    let (Some(ladder), Some(wanted)) = (&run.ladder, wanted) else { return Ok(None) };
    if ladder.found() {
        return Ok(Some(ladder.render()));
    }
    let mend = match (nearest(wanted, ladder.flows()), ladder.flows().next()) {
        (Some(right), _) => format!("did you mean `{right}`?"),
        (None, None) => "this run opened no flow".to_owned(),
        (None, Some(_)) => format!("there are {}", ladder.flows().take(10).collect::<Vec<_>>().join(", ")),
    };
    Err(format!("--ladder {wanted}: no flow has this name; {mend}"))
}

fn simulate(
    source: &Source,
    plan: &Arc<Plan>,
    name: &str,
    args: &RunArgs,
    folder: Option<&RunFolder>,
) -> Result<Run, Exit> {
    let recording = match folder.map(RunFolder::files).transpose() {
        Ok(Some(files)) => Recording::Full(files),
        Ok(None) if args.no_digest => Recording::Nothing,
        Ok(None) => Recording::Digest,
        Err(error) => return Err(bad_input(error)),
    };
    let capture = match (folder, &args.pcap) {
        (Some(folder), Some(node)) => Some(capture(plan, node.as_deref(), folder)?),
        _ => None,
    };
    let bar = Bar::new(name);
    let extras = Extras { ladder: args.ladder.as_deref(), capture };
    let run = run_with(plan, name, recording, extras, &mut |p| bar.show(p));
    bar.done();
    run.map_err(|error| match error {
        RunError::Scenario(mistakes) => tell(source, &mistakes),
        RunError::Trace(error) => bad_input(error),
    })
}

/// Where to capture, and into what.
fn capture(plan: &Plan, node: Option<&str>, folder: &RunFolder) -> Result<(Point, Box<dyn Write>), Exit> {
    let Some(point) = capture_point(plan, node) else {
        let names = || plan.nodes.iter().map(|n| &*n.name);
        let wanted = node.unwrap_or_default();
        let mend = match nearest(wanted, names()) {
            Some(right) => format!("did you mean `{right}`?"),
            None => format!("there are {}", names().take(10).collect::<Vec<_>>().join(", ")),
        };
        return Err(bad_input(format!("--pcap={wanted}: no node has this name; {mend}")));
    };
    let writer = folder.writer("packets.pcapng").map_err(bad_input)?;
    Ok((point, Box::new(writer)))
}

pub(super) fn finish_folder(folder: RunFolder, out: &Path, scenario: &str, run: &Run, png: bool) -> Result<(), String> {
    let Some(series) = &run.series else { return Ok(()) };
    folder.fill(scenario, &run.summary, series).map_err(|e| e.to_string())?;
    folder.commit().map_err(|e| e.to_string())?;
    if png {
        plot::draw(&[out.to_owned()], true, None).map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn tell_timing(clock: &Stopwatch, run: &Run) {
    let wall = clock.wall_s();
    let per_second = |time: f64| text::si(run.summary.packet_hops as f64 / time.max(1e-9)).trim_end().to_owned();
    match clock.cpu_s() {
        Some(cpu) => {
            mention(format_args!("{wall:.3} s wall, {cpu:.3} s CPU, {} packet-hops per CPU second", per_second(cpu)))
        }
        None => mention(format_args!("{wall:.3} s wall, {} packet-hops per second", per_second(wall))),
    }
}

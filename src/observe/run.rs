//! One whole run: a plan in, a summary out. The face of the simulator for Rust programs.

use std::io::{self, Write};
use std::sync::Arc;

use thiserror::Error;

use super::capture::Point;
use super::digest::DigestResult;
use super::files::Files;
use super::ladder::Ladder;
use super::places::Places;
use super::recorder::Recorder;
use super::series::Series;
use super::summary::{ExpectSummary, LinkOutcome, RunOutcome, Summary};
use crate::base::ids::{Direction, NodeId};
use crate::base::note::{Nobody, Place, Sink};
use crate::base::report::{LinkReport, NodeReport};
use crate::base::time::Instant;
use crate::base::units::Rate;
use crate::node::node::Status;
use crate::scenario::build::{build, place_names};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::plan::{NodeKind, Plan};

/// What a run came to.
#[derive(Debug)]
pub struct Run {
    /// The plain figures.
    pub summary: Summary,
    /// The digest with its prints; empty if nothing was recorded.
    pub digest: DigestResult,
    /// The series of the plots, if events were recorded.
    pub series: Option<Series>,
    /// The ladder, if one was asked for.
    pub ladder: Option<Ladder>,
    /// Nodes that could not do their work, and why.
    pub failures: Vec<(String, String)>,
}

/// Why there was no run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The plan cannot be built.
    #[error("the scenario cannot be built")]
    Scenario(Vec<Diagnostic>),
    /// The trace or the capture could not be written.
    #[error("cannot write what was recorded: {0}")]
    Trace(#[from] io::Error),
}

/// What is kept of a run beside its plain figures.
pub enum Recording {
    /// Nothing: the fastest run. The summary's digest is `None`.
    Nothing,
    /// The digest.
    Digest,
    /// The digest, the series of the plots, and every record, written to these files.
    Full(Files),
}

/// What is watched beside the records. It changes nothing of the run, nor of its digest.
#[derive(Default)]
pub struct Extras<'a> {
    /// The name of a flow whose ladder is drawn.
    pub ladder: Option<&'a str>,
    /// Which packets are captured, and where they go as pcapng.
    pub capture: Option<(Point, Box<dyn Write>)>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Virtual time now.
    pub now: Instant,
    /// When it ends at the latest.
    pub until: Instant,
    /// Events so far.
    pub events: u64,
}

/// Events between two calls of the progress function.
const PROGRESS_EVERY: u64 = 1 << 16;

/// Runs a plan to its end. With `files`, every record is written there and the series are kept; the
/// digest is made in any case.
///
/// # Errors
/// When a role cannot be made, or the trace not written.
pub fn run(
    plan: &Arc<Plan>,
    name: &str,
    files: Option<Files>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Run, RunError> {
    run_recording(plan, name, files.map_or(Recording::Digest, Recording::Full), progress)
}

/// Runs a plan to its end and keeps what `recording` says. What is kept changes nothing else of
/// the run.
///
/// # Errors
/// When a role cannot be made, or the trace not written.
pub fn run_recording(
    plan: &Arc<Plan>,
    name: &str,
    recording: Recording,
    progress: &mut dyn FnMut(Progress),
) -> Result<Run, RunError> {
    run_with(plan, name, recording, Extras::default(), progress)
}

/// Like [`run_recording`], and watches what `extras` ask for; they bring the digest with them.
///
/// # Errors
/// When a role cannot be made, or the trace or the capture not written.
pub fn run_with(
    plan: &Arc<Plan>,
    name: &str,
    recording: Recording,
    extras: Extras<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Run, RunError> {
    let places = || places_of(plan);
    let mut recorder = match recording {
        Recording::Nothing if extras.ladder.is_none() && extras.capture.is_none() => None,
        Recording::Nothing | Recording::Digest => Some(Recorder::digest_only(places())),
        Recording::Full(files) => Some(Recorder::full(places(), files)),
    };
    if let Some(flow) = extras.ladder {
        recorder = recorder.map(|recorder| recorder.with_ladder(&places(), flow));
    }
    if let Some((point, packets)) = extras.capture {
        recorder = recorder.map(|recorder| recorder.with_capture(&places(), point, packets));
    }
    let (outcome, failures) = match &mut recorder {
        None => simulate(plan, name, Nobody, progress)?.0,
        Some(recorder) => match recorder.digest_alone() {
            // In the network itself it is nearer than behind a pointer.
            Some(digest) => {
                let (ended, sink) = simulate(plan, name, std::mem::take(digest), progress)?;
                *digest = sink;
                ended
            }
            None => match recorder.whole_alone() {
                Some(whole) => simulate(plan, name, whole, progress)?.0,
                None => simulate(plan, name, recorder, progress)?.0,
            },
        },
    };
    Ok(finish(plan, recorder, outcome, failures)?)
}

/// Sums a run up and asks its expectations.
pub(super) fn finish(
    plan: &Plan,
    mut recorder: Option<Recorder>,
    mut outcome: RunOutcome,
    failures: Failures,
) -> io::Result<Run> {
    let ladder = recorder.as_mut().and_then(Recorder::take_ladder);
    let (digest, series) = recorder.map(Recorder::finish).transpose()?.unwrap_or_default();
    outcome.digest = Some(digest.hex.clone()).filter(|hex| !hex.is_empty());
    let mut summary = Summary::new(&outcome);
    drop(outcome);
    if !plan.expects.is_empty() {
        let figures = summary.figures(&|list| plan.expects.iter().any(|expectation| expectation.asks_for(list)))?;
        let results = plan.expects.iter().map(|expectation| expectation.evaluate(&figures));
        summary.expect = results.map(|r| ExpectSummary { that: r.that, met: r.met, value: r.value }).collect();
    }
    Ok(Run { summary, digest, series, ladder, failures })
}

/// The names of all places of a plan.
pub fn places_of(plan: &Plan) -> Places {
    let (names, nodes) = place_names(plan);
    Places { names, nodes }
}

/// Runs a plan to its end under another watcher's eyes.
///
/// # Errors
/// When a role cannot be made.
pub fn watch(plan: &Arc<Plan>, sink: &mut dyn Sink, progress: &mut dyn FnMut(Progress)) -> Result<(), RunError> {
    simulate(plan, "", sink, progress).map(|_| ())
}

/// Where to capture: at a node, or at every host.
pub fn capture_point(plan: &Plan, node: Option<&str>) -> Option<Point> {
    let places = || (0..).map(Place).zip(&plan.nodes);
    match node {
        Some(name) => places().find(|(_, n)| &*n.name == name).map(|(place, _)| Point::Node(place)),
        None => {
            let hosts = places().filter(|(_, n)| n.kind == NodeKind::Host);
            Some(Point::Clients(hosts.map(|(place, _)| place).collect()))
        }
    }
}

pub(super) type Failures = Vec<(String, String)>;

fn simulate<S: Sink>(
    plan: &Arc<Plan>,
    name: &str,
    sink: S,
    progress: &mut dyn FnMut(Progress),
) -> Result<((RunOutcome, Failures), S), RunError> {
    let mut network = build(plan, sink).map_err(RunError::Scenario)?;
    let until = Instant::ZERO + plan.until;
    network.start();
    // A scenario without flows and fetches runs to its end; with them, until they are done.
    let has_work = network.is_busy();
    while network.step(until) {
        if has_work && !network.is_busy() && network.is_settled() {
            break;
        }
        if network.events().is_multiple_of(PROGRESS_EVERY) {
            progress(Progress { now: network.now(), until, events: network.events() });
        }
    }
    if !has_work || network.is_busy() {
        network.idle_until(until);
    }
    let mut outcome = RunOutcome {
        scenario: name.to_owned(),
        seed: plan.seed,
        r#virtual: network.now(),
        events: network.events(),
        packet_hops: network.packet_hops(),
        ..RunOutcome::default()
    };
    let (node_reports, link_reports, sink) = network.into_parts();
    outcome.links = links(plan, link_reports);
    outcome.nodes.reserve_exact(plan.nodes.len());
    let mut failures = Vec::new();
    for (node, (report, status)) in plan.nodes.iter().zip(node_reports) {
        if let Status::Failed(why) = status {
            failures.push((node.name.to_string(), why));
        }
        outcome.nodes.push((node.name.clone(), report));
    }
    Ok(((outcome, failures), sink))
}

/// Names the figures of link directions.
pub(super) fn links(plan: &Plan, reports: impl IntoIterator<Item = LinkReport>) -> Vec<LinkOutcome> {
    let named = |(index, report): (usize, LinkReport)| {
        let link = &plan.links[index / 2];
        let direction = [Direction::Forward, Direction::Reverse][index % 2];
        let rate = link.channels[index % 2].rate.unwrap_or(Rate(0));
        LinkOutcome { name: link.name.clone(), direction, rate, report }
    };
    reports.into_iter().enumerate().map(named).collect()
}

/// The figures of hosts, as far as they know them, and what they could not do.
pub(super) fn outcome(plan: &Plan, name: &str, nodes: Vec<(NodeId, NodeReport, Status)>) -> (RunOutcome, Failures) {
    let mut failures = Vec::new();
    let mut reports: Vec<_> = plan.nodes.iter().map(|n| (n.name.clone(), NodeReport::default())).collect();
    for (id, report, status) in nodes {
        let slot = &mut reports[id.0 as usize];
        slot.1 = report;
        if let Status::Failed(why) = status {
            failures.push((slot.0.to_string(), why));
        }
    }
    let outcome = RunOutcome { scenario: name.to_owned(), seed: plan.seed, nodes: reports, ..RunOutcome::default() };
    (outcome, failures)
}

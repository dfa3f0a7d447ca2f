//! One whole live run: a plan in, real sockets, a summary out.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use thiserror::Error;

use super::files::Files;
use super::places::Places;
use super::recorder::Recorder;
use super::recording::Recording;
use super::run::{Progress, Run, finish, links, outcome};
use crate::base::note::{Place, Sink};
use crate::base::time::{Duration, Instant};
use crate::live::LiveError;
use crate::live::clock::Clock;
use crate::live::driver::Driver;
use crate::live::journal::Journal;
use crate::live::lag::Lag;
use crate::live::lease::LeaseNews;
use crate::scenario::build::place_names;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::live::{LiveOptions, LiveSetup, live as set_up};
use crate::scenario::medium::tap;
use crate::scenario::plan::{NodeKind, Plan};

/// What a live run came to.
#[derive(Debug)]
pub struct LiveRun {
    /// The same as of a simulated run.
    pub run: Run,
    /// How late the driver was.
    pub lag: Lag,
    /// Datagrams that the system had no room for.
    pub refused: u64,
    /// Datagrams larger than their way takes.
    pub too_large: u64,
    /// Somebody ended it.
    pub interrupted: bool,
    /// What a replay must know, if inputs were written down.
    pub recording: Option<Recording>,
}

/// Why there was no live run.
#[derive(Debug, Error)]
pub enum LiveRunError {
    /// The plan cannot live.
    #[error("the scenario cannot be built")]
    Scenario(Vec<Diagnostic>),
    /// The sockets refused.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The trace could not be written.
    #[error("cannot write the trace: {0}")]
    Trace(#[from] io::Error),
}

/// What a live run tells while it goes on.
pub trait Watcher {
    /// Something a person should know before it begins.
    fn remark(&mut self, text: &str);
    /// A node serves, or has begun.
    fn ready(&mut self, node: &str, place: SocketAddrV4);
    /// A client on an interface has another lease, or none any more.
    fn lease(&mut self, _news: &LeaseNews) {}
    /// How far it is.
    fn progress(&mut self, progress: Progress);
}

/// Where something is written down, if anywhere.
pub type Output = Option<Box<dyn Write>>;

/// Time between two calls of [`Watcher::progress`].
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Runs hosts on real sockets until their work is done, `lasting` has passed, or a signal comes.
/// Events and inputs are written down where files for them are given; without, there is no digest.
///
/// # Errors
/// When a role cannot be made, a socket not be had, or the trace not written.
pub fn live(
    plan: &Arc<Plan>,
    name: &str,
    options: &LiveOptions,
    lasting: Option<Duration>,
    (files, inputs): (Option<Files>, Output),
    watcher: &mut dyn Watcher,
) -> Result<LiveRun, LiveRunError> {
    let (names, count) = place_names(plan);
    let places = Places { names, nodes: count };
    // A replay has hosts only, so that only they are in the digest.
    let host = |place: &usize| plan.nodes.get(*place).is_some_and(|n| n.kind == NodeKind::Host);
    let hosts = (0..places.names.len()).filter(host).map(|place| Place(place as u32)).collect();
    let mut recorder = files.map(|files| Recorder::full(places, files).digesting(hosts));
    let (mut tap, noted) = tap();
    let tap = recorder.as_ref().map(|_| (&mut tap, noted));
    let options = &LiveOptions { wall: Clock::start().wall(), ..options.clone() };
    let LiveSetup { nodes, map, medium, services, places: homes, remarks, leases, hardware } =
        set_up(plan, options, tap).map_err(LiveRunError::Scenario)?;
    remarks.iter().for_each(|remark| watcher.remark(remark));
    let here: Vec<usize> = nodes.iter().map(|n| n.id.0 as usize).collect();
    let watched = recorder.is_some();
    // Only now: the hash of a large file is no part of a download. Dates are behind by as much.
    let clock = Clock::start();
    let mut driver =
        Driver::new(clock, nodes, map, medium, recorder.as_mut().map(|recorder| recorder as &mut dyn Sink))?;
    if let Some(inputs) = inputs {
        driver.record(Journal::new(inputs));
    }
    *driver.leases() = leases;
    if watched {
        driver.sample_windows();
    }
    driver.start()?;
    for &index in &here {
        let nowhere = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let place = services.iter().find(|(id, _)| id.0 as usize == index).map_or(nowhere, |(_, place)| *place);
        watcher.ready(&plan.nodes[index].name, place);
    }
    let has_work = driver.is_busy();
    // A server of a scenario whose clients are elsewhere serves until it is told to end.
    let until = match lasting {
        Some(time) => Instant::ZERO + time,
        None if has_work || options.nodes.is_empty() => Instant::ZERO + plan.until,
        None => Instant::MAX,
    };
    let mut next_progress = Instant::ZERO;
    while driver.now() < until && !driver.interrupted() {
        driver.step(until.min(driver.now() + PROGRESS_EVERY.max(until.since(driver.now()) / 1000)))?;
        while let Some(news) = driver.leases().poll_news() {
            watcher.lease(&news);
        }
        if has_work && !driver.is_busy() && driver.is_settled() {
            break;
        }
        if driver.now() >= next_progress {
            next_progress = driver.now() + PROGRESS_EVERY;
            watcher.progress(Progress { now: driver.now(), until, events: driver.events() });
        }
    }
    let (lag, interrupted) = (driver.lag().clone(), driver.interrupted());
    let (refused, too_large) = (driver.refused(), driver.too_large());
    let (link_reports, packet_hops) = driver.link_reports();
    let (mut figures, failures) = outcome(plan, name, driver.node_reports());
    (figures.r#virtual, figures.events, figures.packet_hops) = (driver.now(), driver.events(), packet_hops);
    figures.links = links(plan, link_reports);
    let journal = driver.take_journal();
    drop(driver);
    let outputs = journal.map(Journal::finish).transpose()?;
    // What is expected of the whole is not asked of some of its servers.
    let serves = !has_work && !options.nodes.is_empty();
    let asked = if serves { Plan { expects: Vec::new(), ..(**plan).clone() } } else { (**plan).clone() };
    let run = finish(&asked, recorder, figures, failures)?;
    let recording = outputs.map(|outputs| Recording {
        schema: 1,
        nodes: options.nodes.clone(),
        binds: options.binds.clone(),
        places: homes,
        hardware,
        seed: options.seed,
        link_seed: plan.seed,
        zero_nanos: options.wall.unix_nanos(Instant::ZERO),
        digest: run.digest.hex.clone(),
        outputs,
    });
    Ok(LiveRun { run, lag, refused, too_large, interrupted, recording })
}

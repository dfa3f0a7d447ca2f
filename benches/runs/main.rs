//! Whole runs: `cargo bench --bench runs`.
//!
//! Each case runs in a process of its own, so that its peak memory is its own. Times are processor
//! time, which a busy machine disturbs less than the clock on the wall.
//!
//! `-- --only tcp-sack` runs the cases whose name has that in it, `--record none|digest|full`
//! chooses one way of recording, `--print NAME` prints the scenario of a case instead, and
//! `--list` names them. `--flows N` measures a dumbbell of another size.
//!
//! `-- --growth` fails if a hop among 10,000 flows takes more than 2.5 times its time among 10.
//! `-- --long 1000000000` makes a run of so many packet-hops and fails if its memory grows.

mod cases;
mod checks;
mod process;

use std::io::Write;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use cases::Case;
use twinwire::base::note::Nobody;
use twinwire::observe::run::{Progress, Recording, Run, run_recording};
use twinwire::report::folder::RunFolder;
use twinwire::scenario::build::build;
use twinwire::scenario::load::load;
use twinwire::scenario::plan::Plan;
use twinwire::scenario::text::Source;

const RECORDINGS: [&str; 3] = ["none", "digest", "full"];
/// A short case is repeated until it took so long.
const LEAST_CPU_NS: u64 = 500_000_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let value = |key: &str| args.iter().position(|a| a == key).and_then(|i| args.get(i + 1)).map(String::as_str);
    // As the command does.
    twinwire::cli::prefer_huge_pages();
    let mut all = cases::all();
    if let Some(flows) = value("--flows").and_then(|n| n.parse().ok()) {
        all = cases::KINDS.map(|kind| cases::sized(kind, flows)).into();
    }
    if args.iter().any(|a| a == "--growth") {
        return checks::growth();
    }
    if let Some(hops) = value("--long") {
        return hops.parse().map_or(ExitCode::FAILURE, |hops| checks::long(hops, value("--record").unwrap_or("none")));
    }
    if args.iter().any(|a| a == "--list") {
        all.iter().for_each(|c| println!("{}", c.name));
        return ExitCode::SUCCESS;
    }
    let find = |name: &str| all.iter().find(|c| c.name == name).cloned().or_else(|| parse_sized(name));
    if let Some(name) = value("--print") {
        return find(name).map_or(ExitCode::FAILURE, |c| {
            print!("{}", c.text);
            ExitCode::SUCCESS
        });
    }
    if let (Some(name), Some(recording)) = (value("--case"), value("--record")) {
        return find(name).map_or(ExitCode::FAILURE, |c| measure(&c, recording));
    }
    let (only, recording) = (value("--only").unwrap_or(""), value("--record"));
    println!(
        "| case | recording | M hops / user CPU s | M events / CPU s | virtual s / CPU s | M hops | peak MB | kB / flow | start-up ms |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|--:|");
    for case in all.iter().filter(|c| c.name.contains(only)) {
        // The dearer ways of recording are measured where the others are cheap.
        let ways = if case.flows == 10 || case.flows == 10_000 { &RECORDINGS[..] } else { &RECORDINGS[..1] };
        for way in ways.iter().filter(|w| recording.is_none_or(|r| r == **w)) {
            let me = std::env::current_exe().expect("this program has a path");
            let status = Command::new(me).args(["--case", &case.name, "--record", way]).status();
            if !status.is_ok_and(|s| s.success()) {
                eprintln!("{} with {way}: failed", case.name);
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn parse_sized(name: &str) -> Option<Case> {
    let (kind, flows) = name.rsplit_once('-')?;
    Some(cases::sized(cases::KINDS.into_iter().find(|k| *k == kind)?, flows.parse().ok()?))
}

fn read(case: &Case) -> Arc<Plan> {
    let loaded = load(&Source::new(format!("{}.toml", case.name), case.text.clone()), &[]);
    Arc::new(loaded.plan.unwrap_or_else(|| panic!("{}: {:?}", case.name, loaded.diagnostics)))
}

fn once(case: &Case, plan: &Arc<Plan>, recording: &str, progress: &mut dyn FnMut(Progress)) -> Run {
    let mut quick = |recording| run_recording(plan, &case.name, recording, progress).expect("a run");
    match recording {
        "none" => quick(Recording::Nothing),
        "digest" => quick(Recording::Digest),
        "full" => {
            // The whole folder, plots and page included; dropped uncommitted, it leaves nothing.
            let target = std::env::temp_dir().join(format!("twinwire-bench-{}", std::process::id()));
            let folder = RunFolder::begin(&target, false).expect("a folder");
            let run = quick(Recording::Full(folder.files().expect("files")));
            folder.fill(&case.text, &run.summary, run.series.as_ref().expect("series")).expect("a folder");
            run
        }
        other => panic!("--record {other}: none, digest or full"),
    }
}

/// One line of the table, from a process of its own.
fn measure(case: &Case, recording: &str) -> ExitCode {
    // The median, because now and then the system takes long to find pages of 2 MiB.
    let mut startups_ms = [0.0; 3];
    for startup_ms in &mut startups_ms {
        let start = process::cpu_ns();
        let mut network = build(&read(case), Nobody).expect("a network");
        network.start();
        drop(network);
        *startup_ms = (process::cpu_ns() - start) as f64 / 1e6;
    }
    startups_ms.sort_by(f64::total_cmp);
    let (plan, startup_ms) = (read(case), startups_ms[1]);
    let base_kb = process::memory_kb("VmRSS");
    let (before, ticks) = (process::cpu_ns(), process::ticks());
    let (mut hops, mut events, mut virtual_s) = (0, 0, 0.0);
    while process::cpu_ns() - before < LEAST_CPU_NS {
        let run = once(case, &plan, recording, &mut |_| {});
        hops += run.summary.packet_hops;
        events += run.summary.events;
        virtual_s += run.summary.virtual_s;
    }
    let cpu = (process::cpu_ns() - before) as f64 / 1e9;
    let user = cpu * process::user_share(ticks, process::ticks());
    let peak = process::memory_kb("VmHWM");
    println!(
        "| {} | {recording} | {:.2} | {:.2} | {:.1} | {:.2} | {:.1} | {:.1} | {startup_ms:.1} |",
        case.name,
        hops as f64 / 1e6 / user,
        events as f64 / 1e6 / cpu,
        virtual_s / cpu,
        hops as f64 / 1e6,
        peak as f64 / 1024.0,
        peak.saturating_sub(base_kb.min(peak)) as f64 / case.flows as f64,
    );
    let _ = std::io::stdout().flush();
    ExitCode::SUCCESS
}

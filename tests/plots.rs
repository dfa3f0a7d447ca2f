//! The plots that the README shows are those that the scenarios draw.

use std::path::Path;
use std::sync::Arc;

use twinwire::observe::run::run;
use twinwire::report::folder::RunFolder;
use twinwire::scenario::load::load;
use twinwire::scenario::text::Source;

/// Redraws a scenario's plots and holds them against `plots/`.
fn redraw(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = Source::read(&root.join(format!("scenarios/{name}.toml"))).expect("readable");
    let plan = Arc::new(load(&source, &[]).plan.expect("valid"));
    let out = std::env::temp_dir().join(format!("twinwire-plots-{}-{name}", std::process::id()));
    let folder = RunFolder::begin(&out, true).expect("a folder");
    let files = folder.files().expect("files");
    let done = run(&plan, name, Some(files), &mut |_| {}).expect("a run");
    folder.fill(&source.text, &done.summary, &done.series.expect("series")).expect("files");
    folder.commit().expect("a run folder");
    for plot in ["cwnd.svg", "throughput.svg", "queue.svg"] {
        let drawn = std::fs::read_to_string(out.join("plots").join(plot)).expect("drawn");
        let kept = std::fs::read_to_string(root.join("plots").join(name).join(plot)).expect("kept");
        assert!(drawn == kept, "plots/{name}/{plot} is not what the scenario draws: copy it anew");
    }
    std::fs::remove_dir_all(&out).expect("removed");
}

#[test]
fn plots_of_reno_sawtooth() {
    redraw("reno-sawtooth");
}

#[test]
fn plots_of_link_failure() {
    redraw("link-failure");
}

#[test]
fn plots_of_storage_rudp() {
    redraw("storage-rudp");
}

#[test]
fn plots_of_storage_tcp() {
    redraw("storage-tcp");
}

#[test]
fn plots_of_dumbbell() {
    redraw("dumbbell");
}

#[test]
fn plots_of_stop_and_wait_vs_selective_repeat() {
    redraw("stop-and-wait-vs-selective-repeat");
}

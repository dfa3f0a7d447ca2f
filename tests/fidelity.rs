//! Our transport beside Linux, ns-3 and the textbook: every cell of `docs/fidelity.md`, and the laws.

#[path = "../examples/fidelity/cells.rs"]
mod cells;
#[path = "../examples/fidelity/ours.rs"]
mod ours;
#[path = "../examples/fidelity/reasons.rs"]
mod reasons;
#[path = "../examples/fidelity/reference.rs"]
mod reference;

use std::collections::BTreeSet;
use std::path::Path;

use twinwire::prelude::Scenario;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every cell is within its tolerance or has a reason; every reason is needed.
#[test]
fn every_cell_is_met_or_has_its_reason() {
    let rows = cells::compare(root()).expect("every case runs");
    let mut needed = BTreeSet::new();
    let mut compared = 0;
    for row in &rows {
        for cell in &row.cells {
            compared += 1;
            if cell.met {
                continue;
            }
            let setting = cells::SETTINGS[row.setting].name;
            let what = format!(
                "{setting}, {}: {} {}, {} has {} (tolerance {})",
                row.case, cell.figure, cell.ours, cell.against, cell.theirs, cell.tolerance
            );
            needed.insert(reasons::reason(row, cell).unwrap_or_else(|| panic!("{what}")));
        }
    }
    assert!(compared > 250, "only {compared} cells were compared");
    for (i, reason) in reasons::REASONS.iter().enumerate() {
        assert!(needed.contains(&i), "no cell needs this reason any more: {}", reason.text);
    }
}

/// The textbook's single drop, to the segment: RFC 5681 equation 4 and RFC 6582.
#[test]
fn one_lost_segment_halves_the_window_once() {
    let run = ours::run_case(root(), "drop100", &[]).expect("it runs");
    assert_eq!((run.retransmits, run.timeouts, run.ssthresh), (1.0, 0.0, Some(54.0)));
    // Congestion avoidance: one segment a round trip of some 102 ms (AIMD), a little less with equation 3.
    let after: Vec<&ours::Point> = run.windows.iter().filter(|p| !p.repairing && p.time_s > 0.72).collect();
    let (first, last) = (after.first().expect("rows"), after.last().expect("rows"));
    let slope = (last.cwnd - first.cwnd) / ((last.time_s - first.time_s) / 0.102);
    assert!((0.9..=1.0).contains(&slope), "{slope} segments a round trip");
}

/// The expectations of every short scenario of `scenarios/fidelity` hold.
#[test]
fn every_scenario_meets_its_expectations() {
    let (mut seen, mut broken) = (0, Vec::new());
    for entry in std::fs::read_dir(root().join("scenarios/fidelity")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let run = Scenario::read(&path).expect("readable").run().expect("it runs");
        assert!(!run.summary.expect.is_empty(), "{} expects nothing", path.display());
        for e in &run.summary.expect {
            if !e.met {
                broken.push(format!("{}: {} (it is {})", path.display(), e.that, e.value));
            }
        }
        seen += 1;
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(seen >= 13, "{seen}");
}

//! Our transport beside Linux, ns-3 and the textbook: every cell of `docs/fidelity.md`, and the laws.

#[path = "../examples/fidelity/cells.rs"]
mod cells;
#[path = "../examples/fidelity/laws.rs"]
mod laws;
#[path = "../examples/fidelity/ours.rs"]
mod ours;
#[path = "../examples/fidelity/overrun.rs"]
mod overrun;
#[path = "../examples/fidelity/reasons.rs"]
mod reasons;
#[path = "../examples/fidelity/reference.rs"]
mod reference;
#[path = "../examples/fidelity/stacks.rs"]
mod stacks;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use twinwire::prelude::Scenario;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the page's tables compare; run once for all tests.
fn tables() -> &'static [cells::Row] {
    static ROWS: OnceLock<Vec<cells::Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let tables = cells::compare(root(), &cells::settings()).expect("every case runs");
        tables.into_iter().flatten().collect()
    })
}

/// Every cell is within its tolerance, or has a reason that explains as much; every reason is needed.
#[test]
fn every_cell_is_met_or_has_its_reason() {
    let variants = cells::compare_ns3(root()).expect("every case runs");
    let (mut needed, mut unexplained, mut compared) = (BTreeSet::new(), Vec::new(), 0);
    for row in tables().iter().chain(&variants) {
        compared += row.cells.len();
        for cell in row.cells.iter().filter(|cell| !cell.met) {
            match reasons::reason(row, cell) {
                Some(i) => drop(needed.insert(i)),
                None => unexplained.push(format!(
                    "{:?}, {}: {:?} {}, theirs {} (tolerance {})",
                    row.stack, row.case, cell.figure, cell.ours, cell.theirs, cell.tolerance
                )),
            }
        }
    }
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    assert!(compared > 1200, "only {compared} cells were compared");
    for (i, reason) in reasons::REASONS.iter().enumerate() {
        assert!(needed.contains(&i), "no cell needs this reason any more: {}", reason.text);
    }
}

/// Beside Linux and the textbook's NewReno, nothing needs a reason but the few cells that stand here.
#[test]
fn the_kernel_and_the_textbook_are_met() {
    let mut apart = Vec::new();
    for row in tables() {
        if matches!(row.stack, stacks::Stack::Linux(_) | stacks::Stack::Textbook("newreno", _)) {
            let unmet = row.cells.iter().filter(|cell| !cell.met);
            apart.extend(unmet.map(|cell| (row.stack.column(), row.case, cell.figure)));
        }
    }
    let ssthresh = cells::Figure::Ssthresh;
    let expected = [
        ("Linux", "overflow_q50", cells::Figure::Window),
        ("Linux", "drop100", ssthresh),
        ("Linux", "drop100_105", ssthresh),
        ("Linux", "drop100_102", ssthresh),
    ];
    assert_eq!(apart, expected);
}

/// The textbook's single drop, to the segment: RFC 5681 equation 4 and RFC 6582.
#[test]
fn one_lost_segment_halves_the_window_once() {
    let run = ours::run_case(root(), "drop100", &[], false).expect("it runs");
    assert_eq!((run.retransmits, run.timeouts, run.ssthresh), (1.0, 0.0, Some(54.0)));
}

/// A queue that slow start overruns, by each way of repair: who needs the timer, and who does not.
#[test]
fn the_overrun_queue_is_repaired_in_every_way() {
    let runs = overrun::run_all(root()).expect("it runs");
    let counts: Vec<(&str, f64, f64)> =
        overrun::WAYS.iter().zip(&runs).map(|(way, f)| (way.name, f.retransmits, f.timeouts)).collect();
    assert_eq!((counts[0].0, counts[0].2), ("Reno", 1.0));
    assert_eq!((counts[1].0, counts[1].2), ("NewReno, impatient", 3.0));
    assert_eq!(counts[2], ("NewReno, slow but steady", 127.0, 0.0));
    assert_eq!((counts[3].0, counts[3].2), ("SACK", 1.0));
    assert_eq!(counts[4], ("SACK, RACK, PRR", 127.0, 0.0));
    // As the textbook has it, to the tenth of a millisecond.
    assert!((runs[2].complete_ms - 13_647.1).abs() < 0.1, "{}", runs[2].complete_ms);
}

/// The law of Mathis and PFTK, from 3 % of loss down to 0.01 %, inside the band of ns-3: one seed each here, ten of them,
/// and the other tables, in the example.
#[test]
fn goodput_under_random_loss_is_inside_the_band() {
    let [sack, _, _, no_sack] = &laws::TABLES;
    let mut points = laws::sweep(root(), sack, 0.001.., 1, 300).expect("it runs");
    points.extend(laws::sweep(root(), no_sack, 0.003.., 1, 300).expect("it runs"));
    // The small rates take many segments: shorter runs, whose start weighs more.
    points.extend(laws::sweep(root(), sack, ..0.001, 1, 90).expect("it runs"));
    assert_eq!(points.len(), 9);
    for point in &points {
        assert!(point.met(), "{point:?}");
    }
    // And the goodput falls as 1 / sqrt(p) where timeouts are rare.
    let at = |loss| points.iter().find(|p| p.loss == loss).expect("a point").ours;
    let slope = at(0.001) / at(0.003) / (0.003f64 / 0.001).sqrt();
    assert!((0.9..=1.15).contains(&slope), "{slope}");
}

/// The expectations of every scenario of `scenarios/fidelity` hold.
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
    assert!(seen >= 14, "{seen}");
}

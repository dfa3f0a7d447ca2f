//! The comparison: each figure of each case, against each of the others, with its tolerance.

use std::path::Path;

use super::ours::{Figures, Point, run_case};
use super::reference::{Ns3, linux, ns3, textbook};

/// The cases, as `scenarios/fidelity` and the reference call them.
pub(crate) const CASES: [&str; 10] = [
    "noloss",
    "noloss_iw3",
    "drop100",
    "drop100_105",
    "drop100_102",
    "overflow_q50",
    "tail_1of200",
    "ackloss3",
    "synlost",
    "reorder2",
];

/// A way to set up both ends.
pub(crate) struct Setting {
    pub name: &'static str,
    #[allow(dead_code, reason = "the page tells it")]
    pub about: &'static str,
    pub sets: &'static [(&'static str, &'static str)],
    /// Completion against Linux, in percent.
    linux_percent: f64,
    ns3: Ns3,
    textbook: Option<&'static str>,
}

const CLASSIC: Ns3 = Ns3 { cc: "TcpNewReno", recovery: "TcpClassicRecovery", sack: "0", delack: "1", min_rto: "1" };

/// The settings that are compared.
pub(crate) const SETTINGS: [Setting; 4] = [
    Setting {
        name: "newreno",
        about: "no SACK, every segment acknowledged, minimum RTO 1 s",
        sets: &[],
        linux_percent: 2.0,
        ns3: CLASSIC,
        textbook: Some("1000"),
    },
    Setting {
        name: "newreno, RTO 200 ms",
        about: "the same with Linux's minimum RTO",
        sets: &[("transport.tcp.min_rto", "200 ms")],
        linux_percent: 2.0,
        ns3: Ns3 { min_rto: "0.2", ..CLASSIC },
        textbook: Some("200"),
    },
    Setting {
        name: "sack",
        about: "SACK, every segment acknowledged, minimum RTO 200 ms",
        sets: &[("transport.tcp.sack", "true"), ("transport.tcp.min_rto", "200 ms")],
        linux_percent: 2.0,
        ns3: Ns3 { sack: "1", min_rto: "0.2", ..CLASSIC },
        textbook: None,
    },
    Setting {
        name: "sack_def",
        about: "SACK and delayed ACKs, minimum RTO 200 ms",
        sets: &[
            ("transport.tcp.sack", "true"),
            ("transport.tcp.delayed_ack", "true"),
            ("transport.tcp.min_rto", "200 ms"),
        ],
        linux_percent: 2.0,
        ns3: Ns3 { sack: "1", delack: "2", min_rto: "0.2", ..CLASSIC },
        textbook: None,
    },
];

/// One comparison.
pub(crate) struct Cell {
    pub figure: &'static str,
    pub against: &'static str,
    pub ours: f64,
    pub theirs: f64,
    /// Most that the two may differ.
    #[allow(dead_code, reason = "the test tells it")]
    pub tolerance: f64,
    pub met: bool,
}

/// A case in a setting, with everybody's figures.
pub(crate) struct Row {
    pub setting: usize,
    pub case: &'static str,
    pub ours: Figures,
    pub linux: Option<Figures>,
    pub ns3: Option<Figures>,
    pub textbook: Option<Figures>,
    pub cells: Vec<Cell>,
}

/// Runs every case in every setting and compares.
pub(crate) fn compare(root: &Path) -> Result<Vec<Row>, String> {
    let data = root.join("tests/data/reference");
    let mut rows = Vec::new();
    for (index, setting) in SETTINGS.iter().enumerate() {
        for case in CASES {
            let ours = run_case(root, case, setting.sets).map_err(|e| format!("{case}, {}: {e}", setting.name))?;
            // The kernel's minimum RTO is 200 ms in all its settings.
            let linux_name = setting.name.split(',').next().unwrap_or_default();
            let rto_matters = matches!(case, "tail_1of200" | "synlost");
            let same_rto = index != 0 || !rto_matters;
            let linux = linux(&data, linux_name, case)?.filter(|_| same_rto);
            let ns3 = ns3(&data, case, setting.ns3)?;
            let textbook = setting.textbook.map(|rto| textbook(&data, case, rto)).transpose()?.flatten();
            let mut row = Row { setting: index, case, ours, linux, ns3, textbook, cells: Vec::new() };
            row.fill(setting);
            rows.push(row);
        }
    }
    Ok(rows)
}

impl Row {
    fn fill(&mut self, setting: &Setting) {
        let others = [
            ("Linux", &self.linux, setting.linux_percent),
            ("ns-3", &self.ns3, 0.2),
            ("textbook", &self.textbook, 0.2),
        ];
        for (against, theirs, percent) in others {
            let Some(theirs) = theirs else { continue };
            let mut cell = |figure, ours: f64, theirs: f64, tolerance: f64| {
                let met = (ours - theirs).abs() <= tolerance;
                self.cells.push(Cell { figure, against, ours, theirs, tolerance, met });
            };
            cell("completion (ms)", self.ours.complete_ms, theirs.complete_ms, theirs.complete_ms * percent / 100.0);
            cell("retransmissions", self.ours.retransmits, theirs.retransmits, 0.0);
            cell("timeouts", self.ours.timeouts, theirs.timeouts, 0.0);
            if let (Some(a), Some(b)) = (self.ours.ssthresh, theirs.ssthresh) {
                cell("ssthresh", a, b, 0.0);
            }
            if let Some((a, b)) = farthest(&self.ours.windows, &theirs.windows) {
                cell("window, where farthest apart", a, b, 2.0);
            }
        }
    }
}

/// The two windows at the moment, outside of repairs, at which they differ most.
///
/// A trace of the kernel is a few tenths of a millisecond late (it is a real machine), so that a window that grows
/// meanwhile may be the one before or after: the nearest within 2.5 ms counts.
fn farthest(ours: &[Point], theirs: &[Point]) -> Option<(f64, f64)> {
    let slack = 0.0025;
    let pairs = theirs.iter().filter(|p| !p.repairing).filter_map(|p| {
        let before = ours.iter().rev().find(|o| o.time_s <= p.time_s - slack);
        let near = ours.iter().filter(|o| (o.time_s - p.time_s).abs() < slack);
        let near: Vec<&Point> = before.into_iter().chain(near).collect();
        if near.iter().any(|o| o.repairing) {
            return None;
        }
        let gap = |o: &&&Point| ((o.cwnd - p.cwnd).abs() * 1e6) as u64;
        near.iter().min_by_key(gap).map(|o| (o.cwnd, p.cwnd))
    });
    pairs.max_by_key(|(a, b)| ((a - b).abs() * 1e6) as u64)
}

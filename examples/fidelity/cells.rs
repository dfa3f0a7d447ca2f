//! The comparison: each figure of each case against each of the others, with its tolerance. What we run for a column is
//! set up as that column's stack is.

use std::path::Path;

use super::ours::{Figures, Point, run_case};
use super::reference::{linux_is_steady, theirs};
use super::stacks::{Ns3, Stack};

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

/// Some of the others that did the same work in the same way: a table of the page.
pub(crate) struct Setting {
    #[allow(dead_code, reason = "the page tells it")]
    pub name: &'static str,
    #[allow(dead_code, reason = "the page tells it")]
    pub about: &'static str,
    pub stacks: Vec<Stack>,
}

/// The tables: Linux, ns-3's TcpNewReno with classic recovery, and the textbook side by side. All the variants of ns-3
/// have a table of their own behind them.
pub(crate) fn settings() -> Vec<Setting> {
    let ns3 = |sack, delayed, slow_rto| Stack::Ns3(Ns3 { linux_reno: false, prr: false, sack, delayed, slow_rto });
    let setting = |name, about, stacks| Setting { name, about, stacks };
    vec![
        setting(
            "newreno",
            "no SACK, every segment acknowledged",
            vec![Stack::Linux("newreno"), ns3(false, false, true), Stack::Textbook("newreno", "1000")],
        ),
        setting(
            "newreno, RTO 200 ms",
            "the same with a minimum RTO of 200 ms",
            vec![ns3(false, false, false), Stack::Textbook("newreno", "200")],
        ),
        setting(
            "reno",
            "fast recovery that ends on the first new ACK, no SACK, every segment acknowledged, minimum RTO 1 s",
            vec![Stack::Textbook("reno", "1000")],
        ),
        setting(
            "sack",
            "SACK, every segment acknowledged; Linux has RACK and PRR on, and so have we beside it",
            vec![Stack::Linux("sack"), ns3(true, false, false)],
        ),
        setting(
            "sack_def",
            "SACK and delayed ACKs; Linux as it comes, with TLP and undo",
            vec![Stack::Linux("sack_def"), ns3(true, true, false)],
        ),
    ]
}

/// One comparison.
pub(crate) struct Cell {
    pub figure: Figure,
    pub ours: f64,
    pub theirs: f64,
    /// Most that the two may differ.
    pub tolerance: f64,
    pub met: bool,
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Figure {
    /// In milliseconds, to the last ACK at the sender.
    Completion,
    /// In milliseconds, to the last byte at the receiver.
    Arrival,
    Retransmissions,
    Timeouts,
    /// After the first loss, in whole segments.
    Ssthresh,
    /// In segments, where the two are farthest apart.
    Window,
}

/// A case, ours and another's.
pub(crate) struct Row {
    pub stack: Stack,
    pub case: &'static str,
    pub ours: Figures,
    pub theirs: Figures,
    pub cells: Vec<Cell>,
}

/// Runs a case as a stack does it, and compares; `None` if the reference has no such run.
pub(crate) fn compare_one(root: &Path, stack: &Stack, case: &'static str) -> Result<Option<Row>, String> {
    let data = root.join("tests/data/reference");
    let Some(theirs) = theirs(&data, stack, case)? else { return Ok(None) };
    let traced = is_delayed(stack) || !theirs.windows.is_empty();
    let ours = run_case(root, case, &stack.sets(case), traced).map_err(|e| format!("{case}, {stack:?}: {e}"))?;
    let steady = match stack {
        Stack::Linux(setting) => linux_is_steady(&data, setting, case)?,
        _ => true,
    };
    let mut row = Row { stack: stack.clone(), case, ours, theirs, cells: Vec::new() };
    row.fill(steady);
    Ok(Some(row))
}

/// Every case of every table: one list a setting.
pub(crate) fn compare(root: &Path, settings: &[Setting]) -> Result<Vec<Vec<Row>>, String> {
    let rows = |setting: &Setting| {
        let each = CASES.iter().flat_map(|case| setting.stacks.iter().map(move |stack| (*case, stack)));
        each.filter_map(|(case, stack)| compare_one(root, stack, case).transpose()).collect()
    };
    settings.iter().map(rows).collect()
}

/// Every case in every variant of ns-3.
pub(crate) fn compare_ns3(root: &Path) -> Result<Vec<Row>, String> {
    let each = Ns3::all().flat_map(|variant| CASES.iter().map(move |case| (Stack::Ns3(variant), *case)));
    each.filter_map(|(stack, case)| compare_one(root, &stack, case).transpose()).collect()
}

/// With delayed ACKs ns-3 holds the very last one back for 200 ms, for no FIN comes with the last data; with ours it does.
/// What is compared then is when the last byte arrives.
fn is_delayed(stack: &Stack) -> bool {
    matches!(stack, Stack::Ns3(Ns3 { delayed: true, .. }))
}

impl Row {
    fn fill(&mut self, steady: bool) {
        let linux = matches!(self.stack, Stack::Linux(_));
        let delayed = is_delayed(&self.stack);
        let (a, b) = (&self.ours, &self.theirs);
        let late = linux && (b.timeouts > 0.0 || self.case == "tail_1of200");
        // The kernel's timers fire on a tick of a wheel, up to 40 ms late.
        let wheel = if late { 40.0 } else { 0.0 };
        let time = |theirs: f64| theirs * if linux { 0.02 } else { 0.002 } + wheel;
        let mut cells = Vec::new();
        let mut cell = |figure, ours: f64, theirs: f64, tolerance: f64| {
            let met = (ours - theirs).abs() <= tolerance;
            cells.push(Cell { figure, ours, theirs, tolerance, met });
        };
        match (a.arrive_ms, b.arrive_ms) {
            (Some(ours), Some(theirs)) if delayed => cell(Figure::Arrival, ours, theirs, time(theirs)),
            _ => cell(Figure::Completion, a.complete_ms, b.complete_ms, time(b.complete_ms)),
        }
        // Where the kernel's own three runs differ in what the queue lost, so may ours by one segment.
        cell(Figure::Retransmissions, a.retransmits, b.retransmits, if steady { 0.0 } else { 1.0 });
        cell(Figure::Timeouts, a.timeouts, b.timeouts, 0.0);
        if let (Some(ours), Some(theirs)) = (a.ssthresh, b.ssthresh) {
            cell(Figure::Ssthresh, ours, theirs, 0.0);
        }
        let theirs: Vec<Point> = if late { early(a, b) } else { b.windows.clone() };
        if let Some((ours, theirs)) = farthest(&a.windows, &theirs, linux) {
            cell(Figure::Window, ours, theirs, 2.0);
        }
        self.cells = cells;
    }
}

/// Their trace without the lateness of their timer, which shifts all that follows our own timeout (a lost SYN: all).
fn early(ours: &Figures, theirs: &Figures) -> Vec<Point> {
    let shift = (theirs.complete_ms - ours.complete_ms) / 1000.0;
    let timeout = ours.windows.iter().find(|p| p.cwnd <= 1.0).map_or(0.0, |p| p.time_s);
    let back = |p: &Point| Point { time_s: if p.time_s > timeout { p.time_s - shift } else { p.time_s }, ..p.clone() };
    theirs.windows.iter().map(back).collect()
}

/// The two windows at the moment at which they differ most: with PRR on both sides at any moment, otherwise outside of
/// repairs, in which classic recovery inflates the window as a means of book-keeping.
///
/// A trace of the kernel is a few tenths of a millisecond late (it is a real machine), so that a window that grows
/// meanwhile may be the one before or after: the nearest within 2.5 ms counts.
fn farthest(ours: &[Point], theirs: &[Point], in_repairs: bool) -> Option<(f64, f64)> {
    let slack = 0.0025;
    let pairs = theirs.iter().filter(|p| in_repairs || !p.repairing).filter_map(|p| {
        let before = ours.iter().rev().find(|o| o.time_s <= p.time_s - slack);
        let near = ours.iter().filter(|o| (o.time_s - p.time_s).abs() < slack);
        let near: Vec<&Point> = before.into_iter().chain(near).collect();
        if !in_repairs && near.iter().any(|o| o.repairing) {
            return None;
        }
        let gap = |o: &&&Point| ((o.cwnd - p.cwnd).abs() * 1e6) as u64;
        near.iter().min_by_key(gap).map(|o| (o.cwnd, p.cwnd))
    });
    pairs.max_by_key(|(a, b)| ((a - b).abs() * 1e6) as u64)
}

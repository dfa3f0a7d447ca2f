//! Our own runs of the reference's cases.

use std::cell::RefCell;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

use twinwire::observe::files::Files;
use twinwire::observe::run::{Recording, run_recording};
use twinwire::prelude::Scenario;

/// Bytes of a segment in every case.
pub(crate) const MSS: f64 = 1448.0;

/// The window from a moment on.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub time_s: f64,
    /// In segments.
    pub cwnd: f64,
    /// True while a loss is being repaired.
    pub repairing: bool,
}

/// What one run came to, ours or another's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// From the first SYN to the last ACK at the sender.
    pub complete_ms: f64,
    /// From the first SYN to the last byte at the receiver; `None` where it is not known.
    pub arrive_ms: Option<f64>,
    pub retransmits: f64,
    pub timeouts: f64,
    /// In segments; `None` without a loss.
    pub ssthresh: Option<f64>,
    pub windows: Vec<Point>,
}

/// A trace that can be read afterwards.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs a case with `sets` on top of its file. Untraced, it is faster and knows neither windows nor arrival.
pub(crate) fn run_case(root: &Path, case: &str, sets: &[(&str, &str)], traced: bool) -> Result<Figures, String> {
    let path = root.join(format!("scenarios/fidelity/{case}.toml"));
    let mut scenario = Scenario::read(path).map_err(|e| e.to_string())?;
    for (key, value) in sets {
        scenario = scenario.set(key, value);
    }
    let plan = scenario.plan().map_err(|e| e.to_string())?;
    let trace = Shared::default();
    let recording = if traced { Recording::Full(Files::events(trace.clone())) } else { Recording::Nothing };
    let done = run_recording(&plan, case, recording, &mut |_| {}).map_err(|e| e.to_string())?;
    let flow = done.summary.flows.first().ok_or("no flow")?;
    let (start, end) = (flow.start_s.ok_or("no start")?, flow.end_s.ok_or("no end")?);
    let mut csv = Vec::new();
    if let Some(series) = &done.series {
        series.write_cwnd(&mut csv, |_, _| {}).map_err(|e| e.to_string())?;
    }
    Ok(Figures {
        complete_ms: (end - start) * 1000.0,
        arrive_ms: last_delivery(&trace.0.borrow()).map(|at| (at - start) * 1000.0),
        retransmits: flow.retransmits as f64,
        timeouts: flow.timeouts as f64,
        // The kernel counts whole segments.
        ssthresh: flow.ssthresh_after_first_loss_bytes.map(|b| (b as f64 / MSS).floor()),
        windows: windows(&csv)?,
    })
}

/// When the receiver's application got the last byte, from the trace.
fn last_delivery(trace: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(trace).ok()?;
    let line = text.lines().rev().find(|line| line.contains("\"what\":\"delivered\""))?;
    line.strip_prefix("{\"time_s\":")?.split(',').next()?.parse().ok()
}

/// Reads our `cwnd.csv`. Causes say where a repair begins and ends.
fn windows(csv: &[u8]) -> Result<Vec<Point>, String> {
    let mut reader = csv::Reader::from_reader(csv);
    let mut repairing = false;
    let mut points = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|e| e.to_string())?;
        match &row[2] {
            "loss" => repairing = true,
            "recovered" | "rto" | "undo" => repairing = false,
            _ => {}
        }
        let number = |i: usize| row[i].parse::<f64>().map_err(|e| e.to_string());
        points.push(Point { time_s: number(0)?, cwnd: number(3)? / MSS, repairing });
    }
    Ok(points)
}

//! Windows over one another: ours, and the other's that ours was set up like.

use std::path::Path;

use twinwire::report::plots::figure::{Figure, Line, stairs};
use twinwire::report::plots::output::{png, svg};

use super::cells::Row;
use super::ours::Point;
use super::stacks::Stack;

/// Cases whose windows say something, once for each of the others that has a trace.
const SHOWN: [&str; 6] = ["noloss", "drop100", "drop100_105", "drop100_102", "overflow_q50", "ackloss3"];

/// Draws the first trace of each case beside each of the others, and says their names.
pub(crate) fn draw_all(tables: &[Vec<Row>], dir: &Path, with_png: bool) -> Result<Vec<String>, String> {
    std::fs::create_dir_all(dir).map_err(|e| e.to_string())?;
    let mut names = Vec::new();
    for case in SHOWN {
        for row in tables.iter().flatten().filter(|row| row.case == case && !row.theirs.windows.is_empty()) {
            let name = format!("{case}-{}", slug(&row.stack));
            // ns-3's traces are the same whatever the minimum RTO.
            if names.contains(&name) || matches!(row.stack, Stack::Linux("sack_def")) {
                continue;
            }
            let path = dir.join(&name);
            let figure = figure(row);
            std::fs::write(path.with_extension("svg"), svg(&figure).map_err(|e| e.to_string())?)
                .map_err(|e| e.to_string())?;
            if with_png {
                std::fs::write(path.with_extension("png"), png(&figure).map_err(|e| e.to_string())?)
                    .map_err(|e| e.to_string())?;
            }
            names.push(name);
        }
    }
    Ok(names)
}

fn slug(stack: &Stack) -> String {
    match stack {
        Stack::Linux(setting) => format!("linux-{setting}"),
        Stack::Ns3(variant) => format!("ns3-{}", if variant.sack { "sack" } else { "newreno" }),
        Stack::Textbook(variant, _) => format!("textbook-{variant}"),
    }
}

fn figure(row: &Row) -> Figure {
    let linux = matches!(row.stack, Stack::Linux(_));
    // Classic recovery inflates the window by every duplicate ACK; that is bookkeeping, no window. The line breaks.
    // Linux, and we beside it, have PRR, whose window is one.
    let line = |name: &str, colour: usize, dashed: bool, points: &[Point]| -> Vec<Line> {
        let spans = points.split(|p| p.repairing && !linux).filter(|span| !span.is_empty());
        let draw = |(i, span): (usize, &[Point])| Line {
            label: (i == 0).then(|| name.to_owned()),
            colour: Some(colour),
            dashed,
            points: stairs(span.iter().map(|p| (p.time_s, p.cwnd))),
        };
        spans.enumerate().map(draw).collect()
    };
    let (theirs, how) = match row.stack {
        Stack::Linux("newreno") => ("Linux 6.18", "no SACK, PRR"),
        Stack::Linux(_) => ("Linux 6.18", "SACK, RACK, PRR"),
        Stack::Ns3(v) if v.sack => ("ns-3", "SACK, classic recovery; no window is drawn in recovery"),
        _ => ("ns-3", "no SACK, classic recovery; no window is drawn in recovery"),
    };
    let lines = [line("twinwire", 0, false, &row.ours.windows), line(theirs, 1, true, &row.theirs.windows)];
    Figure {
        title: format!("{}: congestion window beside {theirs}", row.case),
        subtitle: format!("NewReno, every segment acknowledged, {how}"),
        y_label: "cwnd (segments)".to_owned(),
        lines: lines.into_iter().flatten().collect(),
        marks: Vec::new(),
    }
}

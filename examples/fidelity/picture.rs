//! Windows over one another: ours, and the other's that ours was set up like.

use std::path::Path;

use twinwire::report::plots::figure::{Figure, Line, Marks, Shape, stairs};
use twinwire::report::plots::output::{png, svg};

use super::cells::Row;
use super::ours::Point;
use super::stacks::Stack;

/// The traces that say something of their own, by case and stack.
const SHOWN: [(&str, &str); 11] = [
    ("noloss", "linux-newreno"),
    ("drop100", "linux-newreno"),
    ("drop100", "linux-sack"),
    ("drop100", "ns3-newreno"),
    ("drop100", "ns3-sack"),
    ("drop100_105", "linux-newreno"),
    ("drop100_102", "linux-newreno"),
    ("drop100_102", "ns3-newreno"),
    ("overflow_q50", "linux-newreno"),
    ("overflow_q50", "linux-sack"),
    ("ackloss3", "linux-newreno"),
];

/// Draws them, and says their names.
pub(crate) fn draw_all(tables: &[Vec<Row>], dir: &Path, with_png: bool) -> Result<Vec<String>, String> {
    std::fs::create_dir_all(dir).map_err(|e| e.to_string())?;
    let draw = |(case, stack): (&str, &str)| {
        let shown = |row: &&Row| row.case == case && slug(&row.stack) == stack && !row.theirs.windows.is_empty();
        let row = tables.iter().flatten().find(shown).ok_or_else(|| format!("no trace of {case}, {stack}"))?;
        let (name, figure) = (format!("{case}-{stack}"), figure(row));
        let path = dir.join(&name);
        std::fs::write(path.with_extension("svg"), svg(&figure).map_err(|e| e.to_string())?)
            .map_err(|e| e.to_string())?;
        if with_png {
            std::fs::write(path.with_extension("png"), png(&figure).map_err(|e| e.to_string())?)
                .map_err(|e| e.to_string())?;
        }
        Ok(name)
    };
    SHOWN.into_iter().map(draw).collect()
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
    let spans = row.ours.windows.split(|p| p.repairing && !linux).filter(|span| !span.is_empty());
    let line = |(i, span): (usize, &[Point])| Line {
        label: (i == 0).then(|| "twinwire".to_owned()),
        colour: Some(0),
        dashed: false,
        points: stairs(span.iter().map(|p| (p.time_s, p.cwnd))),
    };
    let (theirs, how) = match row.stack {
        Stack::Linux("newreno") => ("Linux 6.18", "no SACK, PRR"),
        Stack::Linux(_) => ("Linux 6.18", "SACK, RACK, PRR"),
        Stack::Ns3(v) if v.sack => ("ns-3", "SACK, classic recovery; in recovery neither is drawn"),
        _ => ("ns-3", "no SACK, classic recovery; in recovery neither is drawn"),
    };
    let seen = row.theirs.windows.iter().filter(|p| linux || !p.repairing);
    Figure {
        title: format!("{}: congestion window beside {theirs}", row.case),
        subtitle: format!("NewReno, every segment acknowledged, {how}"),
        y_label: "cwnd (segments)".to_owned(),
        lines: spans.enumerate().map(line).collect(),
        marks: vec![Marks {
            label: format!("{theirs}, samples"),
            shape: Shape::Dot(1),
            points: seen.map(|p| (p.time_s, p.cwnd)).collect(),
        }],
        crowd: None,
    }
}

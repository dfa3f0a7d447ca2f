//! Windows over one another: ours, Linux's and ns-3's.

use std::path::Path;

use twinwire::report::plots::figure::{Figure, Line, stairs};
use twinwire::report::plots::output::{png, svg};

use super::cells::Row;
use super::ours::Point;

/// Draws each case of the first setting that somebody else's trace is there for.
pub(crate) fn draw_all(rows: &[Row], dir: &Path, with_png: bool) -> Result<(), String> {
    std::fs::create_dir_all(dir).map_err(|e| e.to_string())?;
    for row in rows.iter().filter(|row| row.setting == 0) {
        let Some(figure) = figure(row) else { continue };
        let path = dir.join(row.case);
        let text = svg(&figure).map_err(|e| e.to_string())?;
        std::fs::write(path.with_extension("svg"), text).map_err(|e| e.to_string())?;
        if with_png {
            let bytes = png(&figure).map_err(|e| e.to_string())?;
            std::fs::write(path.with_extension("png"), bytes).map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

fn figure(row: &Row) -> Option<Figure> {
    // Classic recovery inflates the window by every duplicate ACK; that is bookkeeping, no window. The line breaks.
    let line = |name: &str, colour: usize, points: &[Point]| -> Vec<Line> {
        let spans = points.split(|p| p.repairing && name != "Linux").filter(|span| !span.is_empty());
        let draw = |(i, span): (usize, &[Point])| Line {
            label: (i == 0).then(|| name.to_owned()),
            colour: Some(colour),
            dashed: false,
            points: stairs(span.iter().map(|p| (p.time_s, p.cwnd))),
        };
        spans.enumerate().map(draw).collect()
    };
    let theirs = |run: &Option<super::ours::Figures>| run.as_ref().map(|f| f.windows.clone()).unwrap_or_default();
    let (linux, ns3) = (theirs(&row.linux), theirs(&row.ns3));
    if linux.is_empty() && ns3.is_empty() {
        return None;
    }
    let lines = [line("ns-3", 2, &ns3), line("Linux", 1, &linux), line("twinwire", 0, &row.ours.windows)];
    Some(Figure {
        title: format!("Congestion window: {}", row.case),
        subtitle: if ns3.is_empty() {
            "NewReno without SACK, every segment acknowledged; in fast recovery only Linux shows a window".to_owned()
        } else {
            "NewReno without SACK, every segment acknowledged; ns-3 lies under ours; in fast recovery only Linux shows a window".to_owned()
        },
        y_label: "cwnd (segments)".to_owned(),
        lines: lines.into_iter().flatten().collect(),
        marks: Vec::new(),
    })
}

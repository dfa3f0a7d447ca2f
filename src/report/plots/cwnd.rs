//! Congestion window of each flow over time, its threshold dashed, its losses and timeouts marked.

use super::figure::{Figure, Line, Marks, Shape, label, legend, prefix, stairs, subtitle};
use crate::base::note::WindowCause;
use crate::base::order::natural;
use crate::report::read::{CwndPoint, RunData};

/// Of more flows than this the thresholds would be a thicket.
const MAX_THRESHOLDS: usize = 4;

/// Makes the figure.
pub fn figure(runs: &[RunData]) -> Option<Figure> {
    let mut flows: Vec<(String, &[CwndPoint])> = runs
        .iter()
        .flat_map(|run| run.cwnd.iter().map(|(flow, rows)| (label(runs, run, flow), rows.as_slice())))
        .collect();
    flows.sort_by(|a, b| natural(&a.0, &b.0));
    let max = flows.iter().flat_map(|(_, rows)| rows.iter()).map(|r| r.cwnd_bytes).reduce(f64::max)?;
    let (unit, letter) = prefix(max);

    let mut windows = Vec::new();
    let mut thresholds = Vec::new();
    let mut losses = Vec::new();
    let mut timeouts = Vec::new();
    let labels = legend(flows.iter().map(|(label, _)| label.clone()).collect());
    for ((_, rows), (label, colour)) in flows.iter().zip(labels) {
        let points = stairs(rows.iter().map(|r| (r.time_s, r.cwnd_bytes / unit)));
        windows.push(Line { label, colour, dashed: false, points });
        // Thresholds and marks of a grey line would hide more than they show.
        if colour.is_none() {
            continue;
        }
        let few = flows.len() <= MAX_THRESHOLDS;
        for span in rows.split(|r| r.ssthresh_bytes.is_none()).filter(|span| few && !span.is_empty()) {
            // An initial threshold far above every window would only flatten the figure.
            let visible = span.iter().filter_map(|r| r.ssthresh_bytes.map(|s| (r.time_s, s)));
            let points = stairs(visible.filter(|(_, s)| *s <= max * 1.2).map(|(x, s)| (x, s / unit)));
            if points.len() > 1 {
                thresholds.push(Line { label: None, colour, dashed: true, points });
            }
        }
        // A cut is marked where the window was before it.
        for pair in rows.windows(2) {
            let mark = (pair[1].time_s, pair[0].cwnd_bytes / unit);
            if pair[1].cause == WindowCause::Loss.word() {
                losses.push(mark);
            } else if pair[1].cause == WindowCause::Timeout.word() {
                timeouts.push(mark);
            }
        }
    }
    if let Some(first) = thresholds.first_mut() {
        first.label = Some("ssthresh".to_owned());
    }
    let mut marks = Vec::new();
    for (name, shape, points) in
        [("loss found", Shape::Cross, losses), ("retransmission timeout", Shape::Triangle, timeouts)]
    {
        if !points.is_empty() {
            marks.push(Marks { label: name.to_owned(), shape, points });
        }
    }
    windows.append(&mut thresholds);
    let figure = Figure {
        title: "Congestion window".to_owned(),
        subtitle: subtitle(runs),
        y_label: format!("cwnd ({letter}B)"),
        lines: windows,
        marks,
        crowd: None,
    };
    Some(figure.gathered())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rows: &[(f64, &str, f64, Option<f64>)]) -> RunData {
        let points = rows.iter().map(|&(time_s, cause, cwnd_bytes, ssthresh_bytes)| CwndPoint {
            time_s,
            cause: cause.to_owned().into(),
            cwnd_bytes,
            ssthresh_bytes,
        });
        let mut run = RunData { scenario: "bulk".to_owned(), seed: 7, ..RunData::default() };
        run.cwnd.insert("bulk".to_owned(), points.collect());
        run
    }

    #[test]
    fn marks_stand_where_the_window_was_before_the_cut() {
        let data = run(&[
            (0.0, "start", 14_480.0, None),
            (1.0, "ack", 28_960.0, None),
            (2.0, "loss", 14_480.0, Some(14_480.0)),
            (3.0, "rto", 1_448.0, Some(7_240.0)),
        ]);
        let figure = figure(&[data]).unwrap();
        assert_eq!(figure.y_label, "cwnd (kB)");
        assert_eq!(figure.marks[0].points, [(2.0, 28.96)]);
        assert_eq!(figure.marks[1].points, [(3.0, 14.48)]);
        assert_eq!(figure.lines[1].points, [(2.0, 14.48), (3.0, 14.48), (3.0, 7.24)]);
    }

    #[test]
    fn a_run_without_flows_has_no_figure() {
        assert_eq!(figure(&[RunData::default()]), None);
    }
}

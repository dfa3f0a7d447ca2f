//! Goodput of each flow over time.

use super::figure::{Figure, Line, Points, label, legend, prefix, subtitle};
use crate::base::order::natural;
use crate::report::read::RunData;

/// Makes the figure.
pub fn figure(runs: &[RunData]) -> Option<Figure> {
    let max = runs.iter().flat_map(|r| r.throughput.values().flatten()).map(|p| p.1).reduce(f64::max)?;
    let (unit, letter) = prefix(max);
    let mut flows: Vec<(String, f64, &Points)> = Vec::new();
    for run in runs {
        let width = bin_width(run);
        flows.extend(run.throughput.iter().map(|(flow, bins)| (label(runs, run, flow), width, bins)));
    }
    flows.sort_by(|a, b| natural(&a.0, &b.0));
    let labels = legend(flows.iter().map(|(label, ..)| label.clone()).collect());
    let lines = flows.into_iter().zip(labels).map(|((_, width, bins), (label, colour))| {
        // Each bin is a plateau as wide as itself.
        let points = bins.iter().flat_map(|&(x, bps)| [(x, bps / unit), (x + width, bps / unit)]).collect();
        Line { label, colour, dashed: false, points }
    });
    let lines = lines.collect();
    let figure = Figure {
        title: "Goodput".to_owned(),
        subtitle: subtitle(runs),
        y_label: format!("goodput ({letter}bit/s)"),
        lines,
        marks: Vec::new(),
        crowd: None,
    };
    Some(figure.gathered())
}

/// The width of a run's bins: the least distance between two of one flow; 1 ms if there are none.
pub(super) fn bin_width(run: &RunData) -> f64 {
    let distances = run.throughput.values().flat_map(|bins| bins.windows(2).map(|w| w[1].0 - w[0].0));
    distances.filter(|d| *d > 0.0).reduce(f64::min).unwrap_or(0.001)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bin_is_a_plateau() {
        let mut run = RunData::default();
        run.throughput.insert("bulk".to_owned(), vec![(0.0, 4e6), (0.5, 8e6)]);
        let figure = figure(&[run]).unwrap();
        assert_eq!(figure.y_label, "goodput (Mbit/s)");
        assert_eq!(figure.lines[0].points, [(0.0, 4.0), (0.5, 4.0), (0.5, 8.0), (1.0, 8.0)]);
    }
}

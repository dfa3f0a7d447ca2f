//! Goodput of each flow over time.

use super::figure::{Figure, Line, label, legend, prefix, subtitle};
use crate::report::read::RunData;

/// Makes the figure.
pub fn figure(runs: &[RunData]) -> Option<Figure> {
    let max = runs.iter().flat_map(|r| r.throughput.values().flatten()).map(|p| p.1).reduce(f64::max)?;
    let (unit, letter) = prefix(max);
    let names = runs.iter().flat_map(|run| run.throughput.keys().map(|flow| label(runs, run, flow)));
    let labels = legend(names.collect());
    let flows = runs.iter().flat_map(|run| {
        let width = bin_width(run);
        run.throughput.values().map(move |bins| (width, bins))
    });
    let lines = flows
        .zip(labels)
        .enumerate()
        .map(|(colour, ((width, bins), label))| {
            // Each bin is a plateau as wide as itself.
            let points = bins.iter().flat_map(|&(x, bps)| [(x, bps / unit), (x + width, bps / unit)]).collect();
            Line { label, colour, dashed: false, points }
        })
        .collect();
    Some(Figure {
        title: "Goodput".to_owned(),
        subtitle: subtitle(runs),
        y_label: format!("goodput ({letter}bit/s)"),
        lines,
        marks: Vec::new(),
    })
}

/// The width of a run's bins: the least distance between two of one flow; 1 ms if there are none.
fn bin_width(run: &RunData) -> f64 {
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

//! Length of the queues over time: those of the link directions that ever had one.

use super::figure::{Figure, Line, MAX_NAMED, Points, label, stairs, subtitle};
use crate::report::read::RunData;

/// Makes the figure. Where many queues were used, the longest are shown.
pub fn figure(runs: &[RunData]) -> Option<Figure> {
    let mut queues: Vec<(String, f64, &Points)> = Vec::new();
    for run in runs {
        for (name, points) in &run.queue {
            let longest = points.iter().map(|p| p.1).fold(0.0, f64::max);
            if longest > 0.0 {
                queues.push((label(runs, run, name), longest, points));
            }
        }
    }
    if queues.is_empty() {
        return None;
    }
    queues.sort_by(|a, b| b.1.total_cmp(&a.1));
    let all = queues.len();
    queues.truncate(MAX_NAMED);
    let mut subtitle = subtitle(runs);
    if all > queues.len() {
        subtitle.push_str(&format!("; the {} longest of {all} queues", queues.len()));
    }
    let lines = queues
        .into_iter()
        .enumerate()
        .map(|(colour, (name, _, points))| Line {
            label: Some(name),
            colour,
            dashed: false,
            points: stairs(points.iter().copied()),
        })
        .collect();
    Some(Figure {
        title: "Queue length".to_owned(),
        subtitle,
        y_label: "queue (packets)".to_owned(),
        lines,
        marks: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_queues_are_shown_and_empty_ones_are_not() {
        let mut run = RunData { scenario: "s".to_owned(), ..RunData::default() };
        for i in 0..12 {
            run.queue.insert(format!("q{i}"), vec![(0.0, f64::from(i)), (1.0, 0.0)]);
        }
        let figure = figure(&[run]).unwrap();
        assert_eq!(figure.lines.len(), 8);
        assert_eq!(figure.lines[0].label.as_deref(), Some("q11"));
        assert_eq!(figure.subtitle, "s, seed 0; the 8 longest of 11 queues");
    }
}

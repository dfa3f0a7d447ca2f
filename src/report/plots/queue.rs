//! Length of the queues over time: those of the link directions that ever had one worth showing.

use super::figure::{Figure, Line, MAX_NAMED, Points, label, stairs, subtitle};
use crate::report::read::RunData;

/// Of the longest queue's length; shorter ones would creep along the axis, and fill the legend.
const LEAST: f64 = 0.2;

/// How many of these queues are shown, of which each is as long as the one before it, or shorter.
pub fn shown(longest: &[f64]) -> usize {
    let least = longest.first().map_or(0.0, |most| most * LEAST);
    longest.iter().take(MAX_NAMED).take_while(|length| **length >= least).count()
}

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
    let lengths: Vec<f64> = queues.iter().map(|(_, longest, _)| *longest).collect();
    let (named, others) = lengths.split_at(shown(&lengths));
    queues.truncate(named.len());
    let mut subtitle = subtitle(runs);
    if let Some(most) = others.first() {
        let s = |number: f64| if number == 1.0 { "" } else { "s" };
        let count = others.len();
        let (queues, packets) = (s(count as f64), s(*most));
        subtitle.push_str(&format!("; {count} more queue{queues}, never above {most} packet{packets}"));
    }
    let lines = queues
        .into_iter()
        .enumerate()
        .map(|(colour, (name, _, points))| Line {
            label: Some(name),
            colour: Some(colour),
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
        crowd: None,
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
        assert_eq!(figure.lines.len(), 7);
        assert_eq!(figure.lines[0].label.as_deref(), Some("q11"));
        assert_eq!(figure.subtitle, "s, seed 0; 4 more queues, never above 4 packets");
    }

    #[test]
    fn queues_that_would_creep_along_the_axis_are_counted() {
        assert_eq!(shown(&[350.0, 70.0, 69.0, 9.0, 1.0]), 2);
        assert_eq!(shown(&[]), 0);
        let mut run = RunData { scenario: "s".to_owned(), ..RunData::default() };
        for (name, length) in [("access", 1.0), ("bottleneck", 350.0)] {
            run.queue.insert(name.to_owned(), vec![(0.0, length), (1.0, 0.0)]);
        }
        let figure = figure(&[run]).unwrap();
        assert_eq!(figure.lines.len(), 1);
        assert_eq!(figure.subtitle, "s, seed 0; 1 more queue, never above 1 packet");
    }
}

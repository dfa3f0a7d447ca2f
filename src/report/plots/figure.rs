//! What a plot shows, before anything is drawn.

use crate::report::read::RunData;

/// Makes a figure of one or more runs; `None` if they have nothing to show.
pub type Plot = fn(&[RunData]) -> Option<Figure>;

/// At most this many lines have an entry in the legend, or a threshold of their own.
pub const MAX_NAMED: usize = 8;

/// Seconds, and the figure's unit.
pub type Points = Vec<(f64, f64)>;

/// A figure with a time axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// In bold at the top.
    pub title: String,
    /// Below the title.
    pub subtitle: String,
    /// What the vertical axis shows, with its unit.
    pub y_label: String,
    /// The lines, drawn in order.
    pub lines: Vec<Line>,
    /// Marks on top of the lines.
    pub marks: Vec<Marks>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its entry in the legend, if it has one.
    pub label: Option<String>,
    /// Rank in the palette.
    pub colour: usize,
    /// Solid or dashed.
    pub dashed: bool,
    /// Where it goes.
    pub points: Points,
}

/// Marks of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Marks {
    /// Their entry in the legend.
    pub label: String,
    /// How they look.
    pub shape: Shape,
    /// Where they stand.
    pub points: Points,
}

/// How a mark looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A diagonal cross.
    Cross,
    /// A filled triangle.
    Triangle,
}

/// Scales bytes or bits for people: the divisor and the prefix for a largest value of `max`.
pub fn prefix(max: f64) -> (f64, &'static str) {
    match max {
        m if m >= 2e9 => (1e9, "G"),
        m if m >= 2e6 => (1e6, "M"),
        m if m >= 2e3 => (1e3, "k"),
        _ => (1.0, ""),
    }
}

/// The label of a line: with several runs, the run's name goes first.
pub fn label(runs: &[RunData], run: &RunData, name: &str) -> String {
    match runs.len() {
        1 => name.to_owned(),
        _ => format!("{}: {name}", run.label),
    }
}

/// `storage, seed 7`, or the names of the runs that are overlaid.
pub fn subtitle(runs: &[RunData]) -> String {
    match runs {
        [run] => format!("{}, seed {}", run.scenario, run.seed),
        _ => runs.iter().map(|r| r.label.as_str()).collect::<Vec<_>>().join(", "),
    }
}

/// Names the lines for the legend: all of them, or the first few and how many more there are.
/// `labels` come in the order of the lines.
pub fn legend(labels: Vec<String>) -> Vec<Option<String>> {
    let count = labels.len();
    let named = if count <= MAX_NAMED { count } else { MAX_NAMED - 1 };
    labels
        .into_iter()
        .enumerate()
        .map(|(i, label)| match i {
            i if i < named => Some(label),
            i if i == named => Some(format!("and {} more", count - named)),
            _ => None,
        })
        .collect()
}

/// Turns points into stairs: each value holds until the next.
pub fn stairs(points: impl IntoIterator<Item = (f64, f64)>) -> Points {
    let mut out: Points = Vec::new();
    for (x, y) in points {
        match out.last() {
            Some(&(_, before)) if before == y => out.push((x, y)),
            Some(&(_, before)) => out.extend([(x, before), (x, y)]),
            None => out.push((x, y)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stairs_hold_each_value_until_the_next() {
        assert_eq!(stairs([(0.0, 1.0), (1.0, 3.0)]), [(0.0, 1.0), (1.0, 1.0), (1.0, 3.0)]);
    }

    #[test]
    fn a_long_legend_says_how_many_it_leaves_out() {
        let labels = |n: usize| legend((0..n).map(|i| i.to_string()).collect());
        assert_eq!(labels(8)[7].as_deref(), Some("7"));
        assert_eq!(labels(100)[7].as_deref(), Some("and 93 more"));
        assert_eq!(labels(100)[8], None);
    }
}

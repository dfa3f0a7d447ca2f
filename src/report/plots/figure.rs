//! What a plot shows, before anything is drawn.

use super::crowd::Crowd;
use super::style::PALETTE;
use crate::report::read::RunData;

/// Makes a figure of one or more runs; `None` if they have nothing to show.
pub type Plot = fn(&[RunData]) -> Option<Figure>;

/// At most this many lines have a colour and an entry in the legend: the palette has no more.
pub const MAX_NAMED: usize = PALETTE.len();

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
    /// Behind the lines: very many grey ones.
    pub crowd: Option<Crowd>,
}

impl Figure {
    /// The same with a crowd in the place of the grey lines, if they are too many.
    pub fn gathered(mut self) -> Self {
        let (end, _) = self.ends();
        self.crowd = Crowd::gather(&mut self.lines, end);
        self
    }

    /// The latest and the highest point.
    pub fn ends(&self) -> (f64, f64) {
        let marks = self.marks.iter().flat_map(|m| &m.points);
        let points = self.lines.iter().flat_map(|l| &l.points).chain(marks);
        let crowd = self.crowd.iter().flat_map(|crowd| &crowd.cells).map(|cell| (cell.time.1, cell.range.1));
        points.copied().chain(crowd).fold((0.0, 0.0), |(x, y): (f64, f64), point| (x.max(point.0), y.max(point.1)))
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its entry in the legend, if it has one.
    pub label: Option<String>,
    /// Rank in the palette; `None` for a line that only stands for itself and the others without
    /// a name, in grey and behind all that have one.
    pub colour: Option<usize>,
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
    /// A dot in the colour of this rank: samples of a line that is not ours to draw.
    Dot(usize),
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

/// An entry of the legend and a colour for each of `labels`: for all of them, or for the first few,
/// after which one grey entry says how many more there are.
pub fn legend(labels: Vec<String>) -> Vec<(Option<String>, Option<usize>)> {
    let count = labels.len();
    let named = if count <= MAX_NAMED { count } else { MAX_NAMED - 1 };
    labels
        .into_iter()
        .enumerate()
        .map(|(i, label)| match i {
            i if i < named => (Some(label), Some(i)),
            i if i == named => (Some(format!("and {} more", count - named)), None),
            _ => (None, None),
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
        assert_eq!(labels(7)[6], (Some("6".to_owned()), Some(6)));
        assert_eq!(labels(100)[6], (Some("and 94 more".to_owned()), None));
        assert_eq!(labels(100)[7], (None, None));
    }
}

//! Many lines as one picture. A hundred grey lines over each other show no more than where there are some: their
//! range, their middle half and their median say it better, and take a hundredth of the room.

use plotters::prelude::*;

use super::canvas::{Chart, DrawError, draw_piecewise, failed};
use super::figure::{Line, Points};
use super::style::{AXIS, GRID, MUTED};

/// More grey lines than this become a crowd.
pub const MOST_LINES: usize = 40;
/// The time axis has so many cells, of four columns each ([`crate::report::thin::COLUMNS`]).
const CELLS: usize = 400;

/// Lines that stand for themselves no longer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crowd {
    /// How many there are.
    pub lines: usize,
    /// The cells of time in which there are some, in order.
    pub cells: Vec<Cell>,
}

/// Where the lines are in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Its beginning and its end.
    pub time: (f64, f64),
    /// The lowest and the highest point of any line in it.
    pub range: (f64, f64),
    /// The quartiles in the middle of it, of the lines that are there then.
    pub quartiles: Option<[f64; 3]>,
}

impl Crowd {
    /// Takes the grey ones out of `lines` and puts a crowd in their place, if they are that many; `end` is that of the
    /// time axis.
    pub fn gather(lines: &mut Vec<Line>, end: f64) -> Option<Crowd> {
        let grey = lines.iter().filter(|line| line.colour.is_none()).count();
        if grey <= MOST_LINES || end <= 0.0 {
            return None;
        }
        let mut walks: Vec<Walk<'_>> = lines
            .iter()
            .filter(|line| line.colour.is_none())
            .map(|line| Walk { points: &line.points, passed: 0 })
            .collect();
        let width = end / CELLS as f64;
        let cells = (0..CELLS).filter_map(|cell| Cell::of(&mut walks, width, cell)).collect();
        lines.retain(|line| line.colour.is_some());
        Some(Crowd { lines: grey, cells })
    }

    /// Its highest point.
    pub fn highest(&self) -> f64 {
        self.cells.iter().map(|cell| cell.range.1).fold(0.0, f64::max)
    }

    /// Draws it.
    pub(super) fn draw<DB: DrawingBackend>(
        &self,
        chart: &mut Chart<'_, DB>,
        scale: i32,
        piecewise: bool,
    ) -> Result<(), DrawError> {
        let halves: Vec<(Cell, [f64; 3])> =
            self.cells.iter().filter_map(|cell| Some((*cell, cell.quartiles?))).collect();
        for run in self.cells.chunk_by(|a, b| a.time.1 == b.time.0) {
            let area = area(run.iter().map(|cell| (cell.time, cell.range)));
            chart.draw_series([Polygon::new(area, GRID.filled())]).map_err(failed)?;
        }
        for run in halves.chunk_by(|(a, _), (b, _)| a.time.1 == b.time.0) {
            let area = area(run.iter().map(|(cell, [low, _, high])| (cell.time, (*low, *high))));
            chart.draw_series([Polygon::new(area, MUTED.filled())]).map_err(failed)?;
        }
        for run in halves.chunk_by(|(a, _), (b, _)| a.time.1 == b.time.0) {
            let points: Points = run.iter().flat_map(|(c, [_, m, _])| [(c.time.0, *m), (c.time.1, *m)]).collect();
            if piecewise {
                draw_piecewise(chart, &points, AXIS, 3 * scale / 2)?;
            } else {
                let stroke = AXIS.stroke_width((3 * scale / 2) as u32);
                chart.draw_series(LineSeries::new(points, stroke)).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// The outline of an area between two stairs.
fn area(steps: impl DoubleEndedIterator<Item = ((f64, f64), (f64, f64))> + Clone) -> Points {
    let upper = steps.clone().flat_map(|((from, to), (_, high))| [(from, high), (to, high)]);
    upper.chain(steps.rev().flat_map(|((from, to), (low, _))| [(to, low), (from, low)])).collect()
}

impl Cell {
    /// The cell of this number, of this width; `None` if no line is there.
    fn of(walks: &mut [Walk<'_>], width: f64, number: usize) -> Option<Cell> {
        let time = (width * number as f64, width * (number + 1) as f64);
        let middle = width * (number as f64 + 0.5);
        let (mut range, mut values) = ((f64::INFINITY, f64::NEG_INFINITY), Vec::new());
        for walk in walks {
            // A line goes on with the value that it had.
            if let Some(value) = walk.value(time.0) {
                range = (range.0.min(value), range.1.max(value));
            }
            let mut value = walk.value(middle);
            while let Some((at, there)) = walk.points.get(walk.passed).filter(|point| point.0 < time.1) {
                range = (range.0.min(*there), range.1.max(*there));
                walk.passed += 1;
                if *at <= middle {
                    value = walk.value(middle);
                }
            }
            values.extend(value);
        }
        (range.0 <= range.1).then(|| Cell { time, range, quartiles: quartiles(values) })
    }
}

/// A line on its way through time.
struct Walk<'a> {
    points: &'a [(f64, f64)],
    // So many of its points are behind.
    passed: usize,
}

impl Walk<'_> {
    /// The value at a time, which is that of the last point behind; `None` before the first and beyond the last point.
    fn value(&self, at: f64) -> Option<f64> {
        let (_, value) = self.points.get(self.passed.checked_sub(1)?)?;
        self.points.last().filter(|last| at <= last.0).map(|_| *value)
    }
}

/// Of an even count of values the upper one of the two in the middle.
fn quartiles(mut values: Vec<f64>) -> Option<[f64; 3]> {
    let count = values.len();
    let mut at = |rank: usize| Some(*values.select_nth_unstable_by(rank, f64::total_cmp).1);
    if count == 0 {
        return None;
    }
    Some([at(count / 4)?, at(count / 2)?, at((count * 3 / 4).min(count - 1))?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plots::figure::stairs;

    fn grey(points: Points) -> Line {
        Line { label: None, colour: None, dashed: false, points }
    }

    /// Line i holds i until 2 s, then 10 i until 4 s.
    fn hundred() -> Vec<Line> {
        let rise = |i: u32| stairs([(0.0, f64::from(i)), (2.0, f64::from(10 * i)), (4.0, f64::from(10 * i))]);
        (1..=100).map(|i| grey(rise(i))).collect()
    }

    #[test]
    fn a_crowd_says_where_its_lines_are() {
        let mut lines = hundred();
        lines.push(Line { colour: Some(0), ..grey(vec![(0.0, 1.0)]) });
        let crowd = Crowd::gather(&mut lines, 4.0).unwrap();
        assert_eq!((crowd.lines, lines.len(), crowd.cells.len(), crowd.highest()), (100, 1, CELLS, 1000.0));
        let cell = |at: f64| *crowd.cells.iter().find(|cell| cell.time.0 <= at && at < cell.time.1).unwrap();
        assert_eq!((cell(1.0).range, cell(1.0).quartiles), ((1.0, 100.0), Some([26.0, 51.0, 76.0])));
        assert_eq!((cell(3.0).range, cell(3.0).quartiles), ((10.0, 1000.0), Some([260.0, 510.0, 760.0])));
        // At the step both are in the range.
        assert_eq!(cell(2.0).range, (1.0, 1000.0));
    }

    #[test]
    fn few_lines_stay_lines_and_ended_lines_count_no_more() {
        let mut few = hundred().split_off(60);
        assert_eq!((Crowd::gather(&mut few, 4.0), few.len()), (None, 40));
        let mut lines = hundred();
        lines[50..].iter_mut().for_each(|line| line.points.truncate(1));
        let crowd = Crowd::gather(&mut lines, 4.0).unwrap();
        assert_eq!(crowd.cells[0].range, (1.0, 100.0));
        assert_eq!((crowd.cells[1].range, crowd.cells[1].quartiles), ((1.0, 50.0), Some([13.0, 26.0, 38.0])));
    }

    #[test]
    fn between_lines_there_may_be_nothing() {
        let early = (0..50).map(|i| grey(vec![(0.0, f64::from(i)), (1.0, f64::from(i))]));
        let late = (0..50).map(|i| grey(vec![(3.0, f64::from(i)), (4.0, f64::from(i))]));
        let crowd = Crowd::gather(&mut early.chain(late).collect(), 4.0).unwrap();
        assert!(crowd.cells.iter().all(|cell| cell.time.0 <= 1.0 || cell.time.1 > 3.0));
        assert_eq!(crowd.cells.chunk_by(|a, b| a.time.1 == b.time.0).count(), 2);
    }
}

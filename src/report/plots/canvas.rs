//! Draws a figure. One drawing serves SVG and PNG, each at a whole multiple of the real size:
//! the plotting library knows only whole pixels, and at 1x they show.

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::figure::{Figure, Line, Shape};
use super::style::{AXIS, FAMILY, GRID, INK, MUTED, SIZE, colour, register_fonts};
use crate::report::thin::COLUMNS;

/// A figure could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw the figure: {0}")]
pub struct DrawError(pub String);

pub(super) fn failed(why: impl std::fmt::Display) -> DrawError {
    DrawError(why.to_string())
}

pub(super) type Area<DB> = DrawingArea<DB, Shift>;
pub(super) type Chart<'a, DB> = ChartContext<'a, DB, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Something that can be drawn, as SVG and as PNG.
pub trait Picture {
    /// Its real width and height.
    fn size(&self) -> (u32, u32);
    /// Draws it on `root`, `scale` times as large as its real size. `piecewise` draws lines segment by
    /// segment with round joints: the library's bitmaps lose pixels where a line turns back.
    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, scale: i32, piecewise: bool) -> Result<(), DrawError>;
}

impl Picture for Figure {
    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, scale: i32, piecewise: bool) -> Result<(), DrawError> {
        draw_head(root, &self.title, &self.subtitle, scale)?;
        let lines = self.lines.iter().filter_map(|l| {
            // A dashed line's entry speaks for the dashed lines of every colour.
            let colour = if l.dashed { AXIS } else { colour(l.colour) };
            Some((l.label.as_deref()?, Sample::Line { colour, dashed: l.dashed }))
        });
        let marks = self.marks.iter().map(|m| (m.label.as_str(), Sample::Mark(m.shape)));
        let count = self.crowd.as_ref().map(|crowd| format!("and {} more", crowd.lines));
        let crowd = count.iter().flat_map(|count| {
            let median = Sample::Line { colour: AXIS, dashed: false };
            [(count.as_str(), Sample::Band(GRID)), ("middle half", Sample::Band(MUTED)), ("median", median)]
        });
        let top = draw_legend(root, lines.chain(crowd).chain(marks), scale)?;
        let (_, plot) = root.split_vertically(top);
        let (x_max, y_max) = limits(self);
        let mut chart = draw_axes(&plot, (x_max, y_max), &self.y_label, scale)?;
        if let Some(crowd) = &self.crowd {
            crowd.draw(&mut chart, scale, piecewise)?;
        }
        draw_lines(&mut chart, &self.lines, x_max, scale, piecewise)?;
        draw_marks(&mut chart, self, scale)?;
        root.present().map_err(failed)
    }
}

/// An empty page with a title.
pub(super) fn draw_head<DB: DrawingBackend>(
    root: &Area<DB>,
    title: &str,
    subtitle: &str,
    scale: i32,
) -> Result<(), DrawError> {
    if !register_fonts() {
        return Err(failed("the bundled font is unreadable"));
    }
    root.fill(&WHITE).map_err(failed)?;
    // Not `.style(..)`, which keeps the outlines of the regular font.
    let style = FontDesc::new(FontFamily::Name(FAMILY), f64::from(20 * scale), FontStyle::Bold).color(&INK);
    root.draw(&Text::new(title.to_owned(), (24 * scale, 18 * scale), style)).map_err(failed)?;
    let style = (FAMILY, 13 * scale).into_font().color(&AXIS);
    root.draw(&Text::new(subtitle.to_owned(), (24 * scale, 44 * scale), style)).map_err(failed)
}

/// Axes from zero to these ends.
pub(super) fn draw_axes<'a, DB: DrawingBackend + 'a>(
    plot: &'a Area<DB>,
    (x_max, y_max): (f64, f64),
    y_label: &str,
    scale: i32,
) -> Result<Chart<'a, DB>, DrawError> {
    let mut chart = ChartBuilder::on(plot)
        .margin_top(10 * scale)
        .margin_right(28 * scale)
        .margin_bottom(12 * scale)
        .margin_left(20 * scale)
        .x_label_area_size(42 * scale)
        .y_label_area_size(58 * scale)
        .build_cartesian_2d(0.0..x_max, 0.0..y_max)
        .map_err(failed)?;
    let label = (FAMILY, 12 * scale).into_font().color(&AXIS);
    let axis_title = (FAMILY, 13 * scale).into_font().color(&INK);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(11)
        .y_labels(8)
        .x_desc("time (s)")
        .y_desc(y_label)
        .label_style(label)
        .axis_desc_style(axis_title)
        .axis_style(AXIS.stroke_width(scale as u32))
        .bold_line_style(GRID.stroke_width(scale as u32))
        .light_line_style(TRANSPARENT)
        .set_all_tick_mark_size(4 * scale)
        .x_label_formatter(&|x| tick(*x))
        .y_label_formatter(&|y| tick(*y))
        .draw()
        .map_err(failed)?;
    Ok(chart)
}

/// Lines, those without a name behind the others.
pub(super) fn draw_lines<DB: DrawingBackend>(
    chart: &mut Chart<'_, DB>,
    lines: &[Line],
    x_max: f64,
    scale: i32,
    piecewise: bool,
) -> Result<(), DrawError> {
    let (grey, named): (Vec<_>, Vec<_>) = lines.iter().partition(|l| l.colour.is_none());
    for line in grey.into_iter().chain(named) {
        let points = thin(&line.points, x_max / COLUMNS);
        let width = if line.colour.is_some() { 2 * scale } else { scale };
        let colour = colour(line.colour);
        if line.dashed {
            let style = colour.stroke_width((width * 3 / 4).max(1) as u32);
            chart.draw_series(DashedLineSeries::new(points, 6 * scale, 4 * scale, style)).map_err(failed)?;
        } else if piecewise {
            draw_piecewise(chart, &points, colour, width)?;
        } else {
            chart.draw_series(LineSeries::new(points, colour.stroke_width(width as u32))).map_err(failed)?;
        }
    }
    Ok(())
}

pub(super) fn draw_piecewise<DB: DrawingBackend>(
    chart: &mut Chart<'_, DB>,
    points: &[(f64, f64)],
    colour: RGBColor,
    width: i32,
) -> Result<(), DrawError> {
    let stroke = colour.stroke_width(width as u32);
    chart.draw_series(points.windows(2).map(|pair| PathElement::new(pair, stroke))).map_err(failed)?;
    chart.draw_series(points.iter().map(|p| Circle::new(*p, width / 2, colour.filled()))).map_err(failed)?;
    Ok(())
}

fn draw_marks<DB: DrawingBackend>(chart: &mut Chart<'_, DB>, figure: &Figure, scale: i32) -> Result<(), DrawError> {
    for marks in &figure.marks {
        let points = marks.points.iter().copied();
        match marks.shape {
            Shape::Cross => {
                // Many large crosses would hide the lines.
                let (reach, width) = if marks.points.len() > 60 { (2, 1) } else { (4, 3 * scale / 2) };
                let style = INK.stroke_width(width.max(scale) as u32);
                chart.draw_series(points.map(|p| Cross::new(p, reach * scale, style))).map_err(failed)?;
            }
            Shape::Triangle => {
                chart.draw_series(points.map(|p| TriangleMarker::new(p, 6 * scale, INK.filled()))).map_err(failed)?;
            }
            Shape::Dot(rank) => {
                let style = colour(Some(rank)).filled();
                chart.draw_series(points.map(|p| Circle::new(p, 2 * scale, style))).map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// What stands before an entry of the legend.
#[derive(Clone)]
pub(super) enum Sample {
    Line {
        colour: RGBColor,
        dashed: bool,
    },
    Mark(Shape),
    /// A wide pale line.
    Band(RGBColor),
}

/// Draws the legend in rows below the subtitle, where it hides nothing; returns where it ends.
pub(super) fn draw_legend<'a, DB: DrawingBackend>(
    root: &Area<DB>,
    entries: impl Iterator<Item = (&'a str, Sample)>,
    scale: i32,
) -> Result<i32, DrawError> {
    let style = (FAMILY, 12 * scale).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
    let right = (SIZE.0 as i32 - 24) * scale;
    let (mut x, mut y) = (24 * scale, 74 * scale);
    for (label, sample) in entries {
        let (text_width, _) = root.estimate_text_size(label, &style).map_err(failed)?;
        let width = 32 * scale + text_width as i32;
        if x + width > right && x > 24 * scale {
            (x, y) = (24 * scale, y + 20 * scale);
        }
        let middle = (x + 12 * scale, y);
        match sample {
            Sample::Line { colour, dashed } => {
                let spans: &[(i32, i32)] = if dashed { &[(0, 6), (9, 15), (18, 24)] } else { &[(0, 24)] };
                for (from, to) in spans {
                    let path = vec![(x + from * scale, y), (x + to * scale, y)];
                    let stroke = colour.stroke_width((if dashed { 3 * scale / 2 } else { 3 * scale }) as u32);
                    root.draw(&PathElement::new(path, stroke)).map_err(failed)?;
                }
            }
            Sample::Band(colour) => {
                let path = vec![(x, y), (x + 24 * scale, y)];
                root.draw(&PathElement::new(path, colour.stroke_width(7 * scale as u32))).map_err(failed)?;
            }
            Sample::Mark(Shape::Cross) => {
                let stroke = INK.stroke_width((3 * scale / 2) as u32);
                root.draw(&Cross::new(middle, 4 * scale, stroke)).map_err(failed)?;
            }
            Sample::Mark(Shape::Triangle) => {
                root.draw(&TriangleMarker::new(middle, 6 * scale, INK.filled())).map_err(failed)?;
            }
            Sample::Mark(Shape::Dot(rank)) => {
                root.draw(&Circle::new(middle, 3 * scale, colour(Some(rank)).filled())).map_err(failed)?;
            }
        }
        // The font's box is taller below its letters than above them: one pixel down centres them.
        root.draw(&Text::new(label.to_owned(), (x + 32 * scale, y + scale), style.clone())).map_err(failed)?;
        x += width + 24 * scale;
    }
    Ok(y + 12 * scale)
}

/// The ends of the axes: all data, and some air above.
fn limits(figure: &Figure) -> (f64, f64) {
    let (x, y) = figure.ends();
    (if x > 0.0 { x } else { 1.0 }, if y > 0.0 { y * 1.08 } else { 1.0 })
}

/// A number at an axis, without needless zeros.
fn tick(value: f64) -> String {
    let text = format!("{value:.4}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

/// Leaves out points that no eye can tell apart: in each column of `width` the first, the lowest,
/// the highest and the last stay.
pub(super) fn thin(points: &[(f64, f64)], width: f64) -> Vec<(f64, f64)> {
    let mut out = Vec::new();
    // Times are never negative, so that leaving out what is behind the point is rounding down.
    let column_of = |point: &(f64, f64)| (point.0 / width) as u64;
    let mut rest = points;
    while let Some(first) = rest.first() {
        let here = column_of(first);
        let (mut lowest, mut highest, mut length) = (0, 0, 1);
        while let Some(point) = rest.get(length).filter(|point| column_of(point) == here) {
            if point.1 < rest[lowest].1 {
                lowest = length;
            }
            if point.1 >= rest[highest].1 {
                highest = length;
            }
            length += 1;
        }
        let mut keep = [0, lowest, highest, length - 1];
        keep.sort();
        let different = keep.chunk_by(|a, b| a == b).map(|same| rest[same[0]]);
        out.extend(different);
        rest = &rest[length..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_extremes_of_each_column() {
        let points: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(i) / 1000.0, f64::from(i % 10))).collect();
        let thinned = thin(&points, 1.0);
        assert_eq!(thinned, [(0.0, 0.0), (0.099, 9.0)]);
        assert_eq!(thin(&points, 0.000_1).len(), 100);
        assert!(thin(&[], 1.0).is_empty());
    }

    #[test]
    fn ticks_have_no_needless_zeros() {
        assert_eq!([tick(0.0), tick(2.5), tick(10.0), tick(-0.000_001)], ["0", "2.5", "10", "0"]);
    }
}

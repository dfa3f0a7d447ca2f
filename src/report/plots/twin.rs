//! One scenario in two worlds: windows above, goodput below. The live run is a wide pale band and the
//! simulated one a line of the same colour: where they agree, the line lies in its band.

use plotters::prelude::{DrawingBackend, LineSeries, RGBColor};
use plotters::style::Color as _;

use super::canvas::{
    Area, Chart, DrawError, Picture, Sample, draw_axes, draw_head, draw_legend, draw_lines, draw_piecewise, failed,
    thin,
};
use super::figure::{Line, Points, legend, prefix, stairs};
use super::style::{AXIS, SIZE, colour};
use super::throughput::bin_width;
use crate::base::order::natural;
use crate::report::read::RunData;
use crate::report::thin::COLUMNS;

/// Its width and height.
const TWIN_SIZE: (u32, u32) = (SIZE.0, 800);
/// How much of a band's colour is left; the rest is paper.
const BAND_STRENGTH: f64 = 0.32;

/// Both runs of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct TwinFigure {
    title: String,
    subtitle: String,
    /// Names of flows, each with its colour.
    flows: Vec<(Option<String>, Option<usize>)>,
    panels: Vec<Panel>,
}

/// One kind of curve.
#[derive(Clone, Debug, PartialEq)]
struct Panel {
    y_label: String,
    simulated: Vec<Line>,
    live: Vec<Line>,
}

impl TwinFigure {
    /// The curves of both runs; `None` if there are none. A flow has one colour, whichever run it is in.
    pub fn new(title: &str, simulated: &RunData, live: &RunData) -> Option<Self> {
        let runs = [simulated, live];
        let mut names: Vec<&String> =
            runs.iter().flat_map(|run| run.cwnd.keys().chain(run.throughput.keys())).collect();
        names.sort_by(|a, b| natural(a, b));
        names.dedup();
        let flows = legend(names.iter().map(|name| (*name).clone()).collect());
        let windows = |run: &RunData, flow: &str| {
            run.cwnd.get(flow).map(|rows| stairs(rows.iter().map(|row| (row.time_s, row.cwnd_bytes))))
        };
        let goodput = |run: &RunData, flow: &str| {
            let width = bin_width(run);
            // From nothing to nothing.
            run.throughput.get(flow).map(|bins| {
                let ends = (bins.first().map(|b| (b.0, 0.0)), bins.last().map(|b| (b.0 + width, 0.0)));
                let plateaus = bins.iter().flat_map(|&(x, bps)| [(x, bps), (x + width, bps)]);
                ends.0.into_iter().chain(plateaus).chain(ends.1).collect()
            })
        };
        let panel = |label: &str, unit: &str, curve: &dyn Fn(&RunData, &str) -> Option<Points>| {
            let curves = |run: &RunData| -> Vec<(usize, Points)> {
                names.iter().enumerate().filter_map(|(i, name)| Some((i, curve(run, name)?))).collect()
            };
            let (simulated, live) = (curves(simulated), curves(live));
            let max = simulated.iter().chain(&live).flat_map(|(_, points)| points).map(|p| p.1).reduce(f64::max)?;
            let (size, letter) = prefix(max);
            let lines = |curves: Vec<(usize, Points)>| {
                let line = |(i, points): (usize, Points)| Line {
                    label: None,
                    colour: flows[i].1,
                    dashed: false,
                    points: points.into_iter().map(|(x, y)| (x, y / size)).collect(),
                };
                curves.into_iter().map(line).collect()
            };
            let y_label = format!("{label} ({letter}{unit})");
            Some(Panel { y_label, simulated: lines(simulated), live: lines(live) })
        };
        let panels = [panel("congestion window", "B", &windows), panel("goodput", "bit/s", &goodput)];
        let panels: Vec<Panel> = panels.into_iter().flatten().collect();
        let subtitle = format!("{}, seed {}: the simulated run over the live one", simulated.scenario, simulated.seed);
        (!panels.is_empty()).then(|| TwinFigure { title: title.to_owned(), subtitle, flows, panels })
    }

    /// The end of the time axis, the same for all panels.
    fn x_max(&self) -> f64 {
        let lines = self.panels.iter().flat_map(|p| p.simulated.iter().chain(&p.live));
        lines.flat_map(|line| &line.points).map(|p| p.0).reduce(f64::max).filter(|x| *x > 0.0).unwrap_or(1.0)
    }
}

impl Panel {
    fn y_max(&self) -> f64 {
        let points = self.simulated.iter().chain(&self.live).flat_map(|line| &line.points);
        points.map(|p| p.1).reduce(f64::max).filter(|y| *y > 0.0).map_or(1.0, |y| y * 1.08)
    }
}

impl Picture for TwinFigure {
    fn size(&self) -> (u32, u32) {
        TWIN_SIZE
    }

    fn draw<DB: DrawingBackend>(&self, root: &Area<DB>, scale: i32, piecewise: bool) -> Result<(), DrawError> {
        draw_head(root, &self.title, &self.subtitle, scale)?;
        let line = |(label, rank): &(Option<String>, Option<usize>)| {
            label.clone().map(|label| (label, Sample::Line { colour: colour(*rank), dashed: false }))
        };
        let entries: Vec<(String, Sample)> = self.flows.iter().filter_map(line).collect();
        let worlds = [("simulated", Sample::Line { colour: AXIS, dashed: false }), ("live", Sample::Band(pale(AXIS)))];
        let entries = entries.iter().map(|(label, sample)| (label.as_str(), sample.clone()));
        let top = draw_legend(root, worlds.into_iter().chain(entries), scale)?;
        let (_, rest) = root.split_vertically(top);
        let x_max = self.x_max();
        for (panel, area) in self.panels.iter().zip(rest.split_evenly((self.panels.len(), 1))) {
            let mut chart = draw_axes(&area, (x_max, panel.y_max()), &panel.y_label, scale)?;
            for line in &panel.live {
                draw_band(&mut chart, line, x_max, scale, piecewise)?;
            }
            draw_lines(&mut chart, &panel.simulated, x_max, scale, piecewise)?;
        }
        root.present().map_err(failed)
    }
}

fn draw_band<DB: DrawingBackend>(
    chart: &mut Chart<'_, DB>,
    line: &Line,
    x_max: f64,
    scale: i32,
    piecewise: bool,
) -> Result<(), DrawError> {
    let (points, colour) = (thin(&line.points, x_max / COLUMNS), pale(colour(line.colour)));
    let width = if line.colour.is_some() { 7 * scale } else { 3 * scale };
    if piecewise {
        return draw_piecewise(chart, &points, colour, width);
    }
    chart.draw_series(LineSeries::new(points, colour.stroke_width(width as u32))).map(drop).map_err(failed)
}

/// The colour on paper, as if it were that much thinner: without transparency, which would show where a
/// band crosses itself.
fn pale(RGBColor(r, g, b): RGBColor) -> RGBColor {
    let mix = |c: u8| (f64::from(c) * BAND_STRENGTH + 255.0 * (1.0 - BAND_STRENGTH)).round() as u8;
    RGBColor(mix(r), mix(g), mix(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plots::output::svg;
    use crate::report::read::CwndPoint;

    fn run(flows: &[&str], cwnd_bytes: f64) -> RunData {
        let mut run = RunData { scenario: "s".to_owned(), seed: 7, ..RunData::default() };
        for flow in flows {
            let point =
                |time_s, cwnd_bytes| CwndPoint { time_s, cause: "ack".into(), cwnd_bytes, ssthresh_bytes: None };
            run.cwnd.insert((*flow).to_owned(), vec![point(0.0, cwnd_bytes), point(1.0, 2.0 * cwnd_bytes)]);
            run.throughput.insert((*flow).to_owned(), vec![(0.0, 1e6), (0.5, 2e6)]);
        }
        run
    }

    #[test]
    fn a_flow_has_one_colour_and_one_unit_in_both_worlds() {
        let figure = TwinFigure::new("A title", &run(&["a", "c"], 10_000.0), &run(&["b", "c"], 3_000_000.0)).unwrap();
        let names: Vec<_> = figure.flows.iter().map(|(name, _)| name.as_deref().unwrap()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let colours = |lines: &[Line]| lines.iter().map(|l| l.colour.unwrap()).collect::<Vec<_>>();
        let windows = &figure.panels[0];
        assert_eq!((colours(&windows.simulated), colours(&windows.live)), (vec![0, 2], vec![1, 2]));
        assert_eq!(windows.y_label, "congestion window (MB)");
        assert_eq!(windows.live[0].points, [(0.0, 3.0), (1.0, 3.0), (1.0, 6.0)]);
        assert_eq!(figure.panels[1].simulated[0].points.first(), Some(&(0.0, 0.0)));
        let text = svg(&figure).unwrap();
        assert!(text.contains("height=\"800\"") && text.contains("A title") && text.contains("simulated"));
        assert_eq!(TwinFigure::new("", &RunData::default(), &RunData::default()), None);
    }
}

//! How far a live run is from its simulated twin, flow by flow, in figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::read::RunData;
use super::text::{si, table};
use crate::observe::summary::{FlowSummary, Summary};

/// Both runs of one scenario: `twin.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    /// Version of this format: 1.
    pub schema: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The seed of the links, and of the simulated hosts.
    pub seed: u64,
    /// What each figure means.
    pub meaning: BTreeMap<String, String>,
    /// Flows, in the order in which the simulated run opened them; those of the live run alone behind.
    pub flows: Vec<FlowTwin>,
}

/// One flow in both worlds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowTwin {
    /// Its name in both runs.
    pub name: String,
    /// `tcp` or `rudp`.
    pub transport: String,
    /// Whether the scenario's links applied to it in the live run too: not to the system's TCP.
    pub links_applied: bool,
    /// Its simulated figures; `None` if it was not opened there.
    pub simulated: Option<Side>,
    /// Its live figures; `None` if it was not opened there.
    pub live: Option<Side>,
    /// Distance of the congestion windows, from 0 to 1; `None` without both curves.
    pub cwnd_area: Option<f64>,
    /// Distance of the goodput curves, from 0 to 1; `None` without both curves.
    pub goodput_area: Option<f64>,
}

/// One flow in one world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// From the first SYN to the acknowledgment of the last byte.
    pub completion_s: Option<f64>,
    /// Payload delivered to the receiving application.
    pub bytes: u64,
    /// Payload over completion time.
    pub goodput_bps: u64,
    /// Data segments sent again.
    pub retransmits: u64,
    /// Expiries of the retransmission timer.
    pub timeouts: u64,
    /// The largest congestion window; `None` without a curve.
    pub peak_cwnd_bytes: Option<u64>,
}

const MEANING: &[(&str, &str)] = &[
    ("completion_s", "seconds from the first SYN to the acknowledgment of the last byte at the sender"),
    ("bytes", "payload delivered to the receiving application"),
    ("goodput_bps", "payload in bits over completion time"),
    ("retransmits", "data segments sent again, for whatever reason"),
    ("timeouts", "expiries of the retransmission timer"),
    ("peak_cwnd_bytes", "the largest congestion window"),
    (
        "cwnd_area",
        "area between both curves over the area under the higher of them, each curve from its flow's first SYN on: \
         0 if they coincide, 1 if they have nothing in common; null where one of them has fewer than 5 points",
    ),
    ("goodput_area", "the same of the goodput curves; their bins alone make a few hundredths"),
    ("links_applied", "false for the system's TCP: the scenario's loss, delay and rate do not reach it in a live run"),
];

/// Fewer points than these are no curve.
const MIN_POINTS: usize = 5;

/// A run's summary and its curves.
pub struct World<'a> {
    /// The figures.
    pub summary: &'a Summary,
    /// The curves.
    pub data: &'a RunData,
}

impl World<'_> {
    fn flow(&self, name: &str) -> Option<&FlowSummary> {
        self.summary.flows.iter().find(|flow| &*flow.name == name)
    }

    fn side(&self, name: &str) -> Option<Side> {
        let flow = self.flow(name)?;
        let peak = self.data.cwnd.get(name).and_then(|rows| rows.iter().map(|r| r.cwnd_bytes).reduce(f64::max));
        Some(Side {
            completion_s: flow.start_s.zip(flow.end_s).map(|(start, end)| end - start),
            bytes: flow.bytes,
            goodput_bps: flow.goodput_bps,
            retransmits: flow.retransmits,
            timeouts: flow.timeouts,
            peak_cwnd_bytes: peak.map(|bytes| bytes as u64),
        })
    }

    /// The window of a flow, from its first SYN to its end, after which there is none.
    fn windows(&self, name: &str) -> Option<Steps> {
        let (flow, rows) = (self.flow(name)?, self.data.cwnd.get(name)?);
        if rows.len() < MIN_POINTS {
            return None;
        }
        let start = flow.start_s?;
        let end = flow.end_s.or_else(|| rows.last().map(|row| row.time_s))?;
        let inside = rows.iter().filter(|row| row.time_s <= end);
        let mut steps: Steps = inside.map(|row| (row.time_s - start, row.cwnd_bytes)).collect();
        steps.push((end - start, 0.0));
        Some(steps)
    }

    /// The goodput of a flow, from its first SYN on.
    fn goodput(&self, name: &str) -> Option<Steps> {
        let (start, bins) = (self.flow(name)?.start_s?, self.data.throughput.get(name)?);
        if bins.len() < MIN_POINTS {
            return None;
        }
        let width = bins.windows(2).map(|pair| pair[1].0 - pair[0].0).reduce(f64::min).unwrap_or(0.001);
        let mut steps: Steps = bins.iter().map(|&(at, bps)| (at - start, bps)).collect();
        steps.push((bins.last()?.0 - start + width, 0.0));
        Some(steps)
    }
}

/// A curve of stairs: from each time on, the value; nothing before the first.
type Steps = Vec<(f64, f64)>;

/// The area between two curves over the area under the higher of them.
fn area(a: &Steps, b: &Steps) -> Option<f64> {
    let mut times: Vec<f64> = a.iter().chain(b).map(|step| step.0).collect();
    times.sort_by(f64::total_cmp);
    let (mut between, mut under) = (0.0, 0.0);
    let (mut i, mut j) = (0, 0);
    for pair in times.windows(2) {
        let at = |steps: &Steps, i: &mut usize| {
            while *i < steps.len() && steps[*i].0 <= pair[0] {
                *i += 1;
            }
            i.checked_sub(1).map_or(0.0, |before| steps[before].1)
        };
        let (x, y, width) = (at(a, &mut i), at(b, &mut j), pair[1] - pair[0]);
        between += (x - y).abs() * width;
        under += x.max(y) * width;
    }
    (under > 0.0).then(|| between / under)
}

impl Twin {
    /// Compares both runs, flow by flow.
    pub fn new(simulated: &World<'_>, live: &World<'_>) -> Self {
        let mut names: Vec<&str> = simulated.summary.flows.iter().map(|flow| &*flow.name).collect();
        let more = live.summary.flows.iter().map(|flow| &*flow.name).filter(|name| simulated.flow(name).is_none());
        names.extend(more);
        let both = |a: Option<Steps>, b: Option<Steps>| area(&a?, &b?);
        let flow = |name: &str| {
            let transport = simulated.flow(name).or_else(|| live.flow(name)).map_or("", |flow| &*flow.transport);
            FlowTwin {
                name: name.to_owned(),
                transport: transport.to_owned(),
                links_applied: transport != "tcp",
                simulated: simulated.side(name),
                live: live.side(name),
                cwnd_area: both(simulated.windows(name), live.windows(name)),
                goodput_area: both(simulated.goodput(name), live.goodput(name)),
            }
        };
        Twin {
            schema: 1,
            scenario: simulated.summary.scenario.clone(),
            seed: simulated.summary.seed,
            meaning: MEANING.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
            flows: names.into_iter().map(flow).collect(),
        }
    }

    /// Flows that were opened in one world only.
    pub fn unpaired(&self) -> impl Iterator<Item = (&str, &str)> {
        self.flows.iter().filter_map(|flow| match (&flow.simulated, &flow.live) {
            (Some(_), None) => Some((flow.name.as_str(), "live")),
            (None, Some(_)) => Some((flow.name.as_str(), "simulated")),
            _ => None,
        })
    }

    /// The figures for people: of each pair, the simulated one stands first.
    pub fn render(&self, title: &str) -> String {
        let mut out = format!("{title}\n  seed {}; of each pair the first is simulated, the second live\n", self.seed);
        let heads =
            ["flow", "<transport", "seconds", "payload B", "goodput bit/s", "resent", "timeouts", "peak cwnd B"];
        let heads: Vec<&str> = heads.into_iter().chain(["cwnd area", "goodput area"]).collect();
        let row = |flow: &FlowTwin| {
            let sides = [&flow.simulated, &flow.live];
            let pair = |show: &dyn Fn(&Side) -> String| {
                sides.map(|side| side.as_ref().map_or("-".to_owned(), show)).join(" | ")
            };
            let area = |area: Option<f64>| area.map_or("-".to_owned(), |a| format!("{a:.3}"));
            vec![
                flow.name.clone(),
                if flow.links_applied { flow.transport.clone() } else { format!("{}*", flow.transport) },
                pair(&|s| s.completion_s.map_or("-".to_owned(), |t| format!("{t:.3}"))),
                pair(&|s| s.bytes.to_string()),
                pair(&|s| si(s.goodput_bps as f64).trim_end().to_owned()),
                pair(&|s| s.retransmits.to_string()),
                pair(&|s| s.timeouts.to_string()),
                pair(&|s| s.peak_cwnd_bytes.map_or("-".to_owned(), |b| si(b as f64).trim_end().to_owned())),
                area(flow.cwnd_area),
                area(flow.goodput_area),
            ]
        };
        table(&mut out, &heads, self.flows.iter(), row);
        out.push_str(
            "\n  area: between both curves, over the area under the higher: 0 they coincide, 1 nothing in common\n",
        );
        if self.flows.iter().any(|flow| !flow.links_applied) {
            out.push_str("  *: the system's own TCP in the live run, which the scenario's links do not reach\n");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_a_share_from_none_to_all() {
        let steps = |points: &[(f64, f64)]| points.to_vec();
        let flat = steps(&[(0.0, 10.0), (4.0, 0.0)]);
        assert_eq!(area(&flat, &flat), Some(0.0));
        assert_eq!(area(&flat, &steps(&[(0.0, 5.0), (4.0, 0.0)])), Some(0.5));
        // The same for half as long.
        assert_eq!(area(&flat, &steps(&[(0.0, 10.0), (2.0, 0.0)])), Some(0.5));
        // One after the other.
        assert_eq!(area(&flat, &steps(&[(4.0, 10.0), (8.0, 0.0)])), Some(1.0));
        assert_eq!(area(&steps(&[(0.0, 0.0)]), &steps(&[(0.0, 0.0)])), None);
    }
}

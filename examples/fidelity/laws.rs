//! Throughput under random loss, beside the formulas of Mathis and PFTK and inside the band of ns-3.

use std::ops::RangeBounds;
use std::path::Path;

use twinwire::observe::run::{Recording, run_recording};
use twinwire::prelude::Scenario;

use super::reference::{number, rows};

/// A table of ns-3's, and how our end is set up for it.
pub(crate) struct LossTable {
    file: &'static str,
    #[allow(dead_code, reason = "the page tells it")]
    pub about: &'static str,
    sets: &'static [(&'static str, &'static str)],
    /// Segments that an ACK stands for.
    per_ack: f64,
    /// How many segments ns-3's estimate of what is out lacks of FlightSize when it halves it.
    lacks: f64,
}

const DELAYED: [(&str, &str); 3] =
    [("transport.tcp.delayed_ack", "true"), ("transport.tcp.ack_delay", "200 ms"), ("transport.tcp.quick_acks", "1")];

/// All of ns-3's tables under random loss: 100 Mbit/s, RTT 50 ms, 300 s, TcpNewReno.
pub(crate) const TABLES: [LossTable; 4] = [
    LossTable {
        file: "loss_classic_sackon_delack1.csv",
        about: "SACK, every segment acknowledged (`law_loss.toml` as it is)",
        sets: &[],
        per_ack: 1.0,
        lacks: 2.0,
    },
    LossTable {
        file: "loss_prr_sackon_delack1.csv",
        about: "the same with PRR",
        sets: &[("transport.tcp.prr", "true")],
        per_ack: 1.0,
        lacks: 2.0,
    },
    LossTable {
        file: "loss_classic_sackon_delack2.csv",
        about: "SACK, delayed ACKs",
        sets: &DELAYED,
        per_ack: 2.0,
        lacks: 2.0,
    },
    LossTable {
        file: "loss_classic_sackoff_delack2.csv",
        about: "no SACK, delayed ACKs",
        sets: &[DELAYED[0], DELAYED[1], DELAYED[2], ("transport.tcp.sack", "false")],
        per_ack: 2.0,
        lacks: 1.0,
    },
];

/// One rate of loss: goodput in Mbit/s, the start included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub loss: f64,
    /// Mean of our seeds.
    pub ours: f64,
    /// Mean of ns-3's seeds, for a run as long as ours.
    #[allow(dead_code, reason = "the page tells it")]
    pub ns3: f64,
    /// What ours may be.
    pub band: (f64, f64),
    #[allow(dead_code, reason = "the page tells it")]
    pub mathis: f64,
    #[allow(dead_code, reason = "the page tells it")]
    pub pftk: f64,
    /// Per run of 300 s.
    #[allow(dead_code, reason = "the page tells it")]
    pub timeouts: (f64, f64),
}

impl Point {
    pub(crate) fn met(&self) -> bool {
        (self.band.0..=self.band.1).contains(&self.ours)
    }
}

/// Goodput of `scenarios/fidelity/law_loss.toml` at the rates of a table within `rates`: so many seeds of so many seconds.
pub(crate) fn sweep(
    root: &Path,
    table: &LossTable,
    rates: impl RangeBounds<f64>,
    seeds: u64,
    seconds: u64,
) -> Result<Vec<Point>, String> {
    let reference = rows(&root.join("tests/data/reference/ns3").join(table.file))?;
    let base = Scenario::read(root.join("scenarios/fidelity/law_loss.toml")).map_err(|e| e.to_string())?;
    let base = table.sets.iter().fold(base, |s, (key, value)| s.set(key, value));
    let base = base.set("flow.x.for", &format!("{seconds} s")).set("until", &format!("{} s", seconds + 10));
    let mut points = Vec::new();
    for row in &reference {
        let field = |key: &str| number(row, key).ok_or_else(|| format!("no {key}"));
        let loss = field("p")?;
        if !rates.contains(&loss) {
            continue;
        }
        let (mut sum, mut timeouts) = (0.0, 0.0);
        for seed in 1..=seeds {
            let value = format!("{{ forward = \"{} %\", reverse = \"0 %\" }}", loss * 100.0);
            let plan = base.clone().set("link.wire.loss", &value).seed(seed).plan().map_err(|e| e.to_string())?;
            let run = run_recording(&plan, "law_loss", Recording::Nothing, &mut |_| {}).map_err(|e| e.to_string())?;
            let flow = run.summary.flows.first().ok_or("no flow")?;
            sum += flow.goodput_bps as f64 / 1e6;
            timeouts += flow.timeouts as f64 * 300.0 / seconds as f64;
        }
        let (n, whole, steady) = (seeds as f64, field("goodput_whole_run_mbps")?, field("goodput_mbps")?);
        // What the slow start at the beginning brings weighs more in a shorter run.
        let ns3 = steady + (whole - steady) * 300.0 / seconds as f64;
        let (ci, their_seeds) = (field("ci95_mbps")?, field("seeds")?);
        let deviation = ci * their_seeds.sqrt() / 2.26;
        let slack = ci + 3.0 * deviation * (300.0 / seconds as f64 / n).sqrt();
        points.push(Point {
            loss,
            ours: sum / n,
            ns3,
            band: (ns3 - slack, ns3 * table.gain(loss) + slack),
            mathis: field("mathis_mbps")?,
            pftk: field("pftk_throughput_mbps")?,
            timeouts: (timeouts / n, field("rtos_per_run")?),
        });
    }
    Ok(points)
}

impl LossTable {
    /// How much faster a saw between W/2 and W is than one between (W - lacks)/2 and W, if one segment in 1/p is lost:
    /// the area under a tooth is `per_ack` (W + lacks)/2 (3W - lacks)/4 = 1/p.
    fn gain(&self, loss: f64) -> f64 {
        let mean = |lacks: f64| {
            let (a, b) = (3.0, 2.0 * lacks);
            let c = -(lacks * lacks + 8.0 / (self.per_ack * loss));
            let peak = (-b + (b * b - 4.0 * a * c).sqrt()) / (2.0 * a);
            (3.0 * peak - lacks) / 4.0
        };
        mean(0.0) / mean(self.lacks)
    }
}

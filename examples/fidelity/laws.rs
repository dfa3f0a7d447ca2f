//! Throughput under random loss, beside the formulas of Mathis and PFTK and inside the band of ns-3.

use std::path::Path;

use twinwire::prelude::Scenario;

use super::reference::{number, rows};

/// Seeds of each point.
const SEEDS: u64 = 3;

/// One rate of loss.
pub(crate) struct Point {
    pub loss: f64,
    /// Mean goodput, Mbit/s.
    pub ours: f64,
    pub ns3: f64,
    pub mathis: f64,
    pub pftk: f64,
    pub met: bool,
}

/// What ours may differ from ns-3's mean, as a share: three of its seeds vary by so much.
pub(crate) const BAND: f64 = 0.12;

/// Goodput of `scenarios/fidelity/law_loss.toml` at each rate of ns-3's table.
pub(crate) fn sweep(root: &Path) -> Result<Vec<Point>, String> {
    let table = rows(&root.join("tests/data/reference/ns3/loss_classic_sackon_delack1.csv"))?;
    let base = Scenario::read(root.join("scenarios/fidelity/law_loss.toml")).map_err(|e| e.to_string())?;
    let mut points = Vec::new();
    for row in &table {
        let field = |key: &str| number(row, key).ok_or_else(|| format!("no {key}"));
        let loss = field("p")?;
        let mut sum = 0.0;
        for seed in 1..=SEEDS {
            let percent = format!("{} %", loss * 100.0);
            let value = format!("{{ forward = \"{percent}\", reverse = \"0 %\" }}");
            let scenario = base.clone().set("link.wire.loss", &value).seed(seed);
            let run = scenario.run().map_err(|e| e.to_string())?;
            sum += run.summary.flows.first().ok_or("no flow")?.goodput_bps as f64;
        }
        let (ours, ns3) = (sum / SEEDS as f64 / 1e6, field("goodput_whole_run_mbps")?);
        let met = (ours / ns3 - 1.0).abs() <= BAND;
        points.push(Point {
            loss,
            ours,
            ns3,
            mathis: field("mathis_mbps")?,
            pftk: field("pftk_throughput_mbps")?,
            met,
        });
    }
    Ok(points)
}

/// The page's part on the laws.
pub(crate) fn describe(out: &mut String, sweep: &[Point]) {
    let _ = (out, sweep);
}

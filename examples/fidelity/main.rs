//! Ours beside Linux, ns-3 and the textbook. `cargo run --release --example fidelity` runs every case and the laws, and
//! writes `docs/fidelity.md` and `plots/fidelity/*.svg`; with `--png`, pictures too.

mod cells;
mod laws;
mod ours;
mod overrun;
mod page;
mod picture;
mod reasons;
mod reference;
mod stacks;

use std::path::Path;

fn main() -> Result<(), String> {
    let png = std::env::args().any(|arg| arg == "--png");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let settings = cells::settings();
    let tables = cells::compare(root, &settings)?;
    let ns3 = cells::compare_ns3(root)?;
    let pictures = picture::draw_all(&tables, &root.join("plots/fidelity"), png)?;
    let sweep = |table: &laws::LossTable| laws::sweep(root, table, .., 10, 300);
    let sweeps = laws::TABLES.iter().map(sweep).collect::<Result<Vec<_>, _>>()?;
    let overrun = overrun::run_all(root)?;
    let found = page::Found {
        settings: &settings,
        tables: &tables,
        ns3: &ns3,
        sweeps: &sweeps,
        overrun: &overrun,
        pictures: &pictures,
    };
    std::fs::write(root.join("docs/fidelity.md"), page::page(&found)).map_err(|e| e.to_string())?;
    let cells = || tables.iter().flatten().chain(&ns3).flat_map(|row| row.cells.iter().map(move |cell| (row, cell)));
    let differ = cells().filter(|(_, c)| !c.met).count();
    let unexplained = cells().filter(|(row, c)| !c.met && reasons::reason(row, c).is_none()).count();
    println!("{} cells, {differ} differ, {unexplained} of them without a reason", cells().count());
    let outside = sweeps.iter().flatten().filter(|point| !point.met()).count();
    println!("{} rates of loss, {outside} outside of the band", sweeps.iter().flatten().count());
    println!("written: docs/fidelity.md, plots/fidelity");
    match (unexplained, outside) {
        (0, 0) => Ok(()),
        _ => Err("some figures differ without a reason".to_owned()),
    }
}

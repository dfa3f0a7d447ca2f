//! Ours beside Linux, ns-3 and the textbook. `cargo run --release --example fidelity` runs every case and the laws, and
//! writes `docs/fidelity.md` and `plots/fidelity/*.svg`; with `--png`, pictures too.

mod cells;
mod laws;
mod ours;
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
    let sweep = laws::sweep(root)?;
    let found = page::Found { settings: &settings, tables: &tables, ns3: &ns3, sweep: &sweep, pictures: &pictures };
    std::fs::write(root.join("docs/fidelity.md"), page::page(&found)).map_err(|e| e.to_string())?;
    let cells = || tables.iter().flatten().chain(&ns3).flat_map(|row| row.cells.iter().map(move |cell| (row, cell)));
    let differ = cells().filter(|(_, c)| !c.met).count();
    let unexplained = cells().filter(|(row, c)| !c.met && reasons::reason(row, c).is_none()).count();
    println!("{} cells, {differ} differ, {unexplained} of them without a reason", cells().count());
    println!("written: docs/fidelity.md, plots/fidelity");
    if unexplained > 0 { Err("some cells differ without a reason".to_owned()) } else { Ok(()) }
}

//! Ours beside Linux, ns-3 and the textbook: `cargo run --release --example fidelity` prints the table.

mod cells;
mod ours;
mod reference;

use std::path::Path;

fn main() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for row in cells::compare(root)? {
        for c in &row.cells {
            println!(
                "{:20} {:14} {:9} {:28} {:>10.3} {:>10.3} ±{:.3} {}",
                cells::SETTINGS[row.setting].name,
                row.case,
                c.against,
                c.figure,
                c.ours,
                c.theirs,
                c.tolerance,
                if c.met { "" } else { "NOT MET" }
            );
        }
    }
    Ok(())
}

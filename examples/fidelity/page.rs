//! The page: `docs/fidelity.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::cells::{CASES, Cell, Figure, Row, Setting};
use super::laws::{Point, TABLES};
use super::ours::Figures;
use super::overrun::WAYS;
use super::reasons::{REASONS, reason};
use super::stacks::Stack;

const HEAD: &str = include_str!("head.md");
const LAWS: &str = include_str!("laws.md");
const TRY: &str = include_str!("try.md");

/// Everything that was found.
pub(crate) struct Found<'a> {
    pub settings: &'a [Setting],
    pub tables: &'a [Vec<Row>],
    pub ns3: &'a [Row],
    /// A list for each table of `laws`.
    pub sweeps: &'a [Vec<Point>],
    /// For each of `overrun::WAYS`.
    pub overrun: &'a [Figures],
    /// Names of the pictures.
    pub pictures: &'a [String],
}

/// Makes the page.
pub(crate) fn page(found: &Found<'_>) -> String {
    let mut out = HEAD.to_owned();
    for (setting, rows) in found.settings.iter().zip(found.tables) {
        table(&mut out, setting, rows);
    }
    let _ = writeln!(out, "\n## Windows over one another\n");
    for name in found.pictures {
        let _ = writeln!(out, "![Windows of {name}](../plots/fidelity/{name}.svg)\n");
    }
    variants(&mut out, found.ns3);
    let _ = writeln!(out, "\n## Why\n");
    for (i, r) in REASONS.iter().enumerate() {
        let _ = writeln!(out, "{}. {}", i + 1, r.text);
    }
    overrun(&mut out, found.overrun);
    laws(&mut out, found.sweeps);
    out.push_str(TRY);
    out
}

const LABELS: [(Figure, &str); 6] = [
    (Figure::Completion, "completion, ms"),
    (Figure::Arrival, "last byte arrives, ms"),
    (Figure::Retransmissions, "retransmissions"),
    (Figure::Timeouts, "timeouts"),
    (Figure::Ssthresh, "ssthresh after the loss"),
    (Figure::Window, "window, where farthest apart"),
];

/// Two columns for each of the others: ours, set up as they are, and theirs with the tolerance.
fn table(out: &mut String, setting: &Setting, rows: &[Row]) {
    let columns: Vec<&str> = setting.stacks.iter().map(Stack::column).collect();
    let _ = writeln!(out, "\n## {}: {}\n", setting.name, setting.about);
    let heads: String = columns.iter().map(|c| format!(" twinwire | {c} |")).collect();
    let _ = writeln!(out, "| case | figure |{heads}\n|---|---|{}", "--:|--:|".repeat(columns.len()));
    for case in CASES {
        let mut name = case;
        for (figure, label) in LABELS {
            let cell = |column: &&str| {
                let row = rows.iter().find(|r| r.case == case && r.stack.column() == *column)?;
                row.cells.iter().find(|c| c.figure == figure).map(|cell| pair(row, cell))
            };
            let cells: Vec<Option<String>> = columns.iter().map(cell).collect();
            if cells.iter().any(Option::is_some) {
                let cells: String = cells.into_iter().map(|c| c.unwrap_or_else(|| " - | - |".to_owned())).collect();
                let _ = writeln!(out, "| {name} | {label} |{cells}");
                name = "";
            }
        }
    }
}

fn pair(row: &Row, cell: &Cell) -> String {
    let tolerance = if cell.tolerance > 0.0 { format!(" ± {}", short(cell.tolerance)) } else { String::new() };
    let theirs = format!("{}{tolerance}", short(cell.theirs));
    match (cell.met, reason(row, cell)) {
        (true, _) => format!(" {} | {theirs} |", short(cell.ours)),
        (false, Some(i)) => format!(" **{}** ({}) | {theirs} |", short(cell.ours), i + 1),
        (false, None) => format!(" **{}** (no reason known) | {theirs} |", short(cell.ours)),
    }
}

fn short(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// All variants of ns-3: how many cells each has, and how those that differ are explained.
fn variants(out: &mut String, rows: &[Row]) {
    let _ = writeln!(
        out,
        "## All variants of ns-3\n\nTcpNewReno and TcpLinuxReno, with classic recovery and PRR, with and without SACK, with an ACK for every segment \
         and for every second, with a minimum RTO of 1 s and of 200 ms: thirty-two, each in every case that it was run in, ours set up alike. Cells \
         outside of their tolerance, by reason:\n\n| variant | cells | met | not met, by reason |\n|---|--:|--:|---|"
    );
    let mut by_variant: BTreeMap<usize, (String, usize, BTreeMap<usize, usize>)> = BTreeMap::new();
    for row in rows {
        let Stack::Ns3(variant) = row.stack else { continue };
        let place = super::stacks::Ns3::all().position(|v| v == variant).unwrap_or_default();
        let entry = by_variant.entry(place).or_insert_with(|| (variant.name(), 0, BTreeMap::new()));
        entry.1 += row.cells.len();
        for cell in row.cells.iter().filter(|cell| !cell.met) {
            // Reason 0 is none.
            *entry.2.entry(reason(row, cell).map_or(0, |i| i + 1)).or_default() += 1;
        }
    }
    for (name, cells, unmet) in by_variant.values() {
        let why: Vec<String> = unmet.iter().map(|(i, n)| format!("{n} by ({i})")).collect();
        let met = cells - unmet.values().sum::<usize>();
        let _ = writeln!(out, "| {name} | {cells} | {met} | {} |", why.join(", "));
    }
}

fn laws(out: &mut String, sweeps: &[Vec<Point>]) {
    out.push_str(LAWS);
    for (table, points) in TABLES.iter().zip(sweeps) {
        let _ = writeln!(
            out,
            "\n### {}\n\n| loss | twinwire | ns-3 | band | Mathis | PFTK | timeouts | ns-3's |\n|--:|--:|--:|--:|--:|--:|--:|--:|",
            table.about
        );
        for p in points {
            let ours = if p.met() { format!("{:.2}", p.ours) } else { format!("**{:.2}**", p.ours) };
            let (low, high) = p.band;
            let _ = writeln!(
                out,
                "| {} | {ours} | {:.2} | {low:.2} to {high:.2} | {:.2} | {:.2} | {:.1} | {:.1} |",
                p.loss, p.ns3, p.mathis, p.pftk, p.timeouts.0, p.timeouts.1
            );
        }
    }
}

fn overrun(out: &mut String, figures: &[Figures]) {
    let _ = writeln!(
        out,
        "\n## A queue overrun, in five ways\n\n`overflow_q50`, minimum RTO 1 s: some 127 of 260 segments are lost at once, every other one.\n\n\
         | repaired by | ms | retransmissions | timeouts | why |\n|---|--:|--:|--:|---|"
    );
    for (way, f) in WAYS.iter().zip(figures) {
        let ms = f.complete_ms;
        let _ = writeln!(out, "| {} | {ms:.1} | {} | {} | {} |", way.name, f.retransmits, f.timeouts, way.why);
    }
}

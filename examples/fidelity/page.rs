//! The page: `docs/fidelity.md`.

use std::fmt::Write as _;

use super::cells::{Row, SETTINGS};
use super::laws::{BAND, Point};
use super::ours::Figures;
use super::reasons::{REASONS, reason};

const HEAD: &str = "\
# Beside Linux, ns-3 and the textbook

Made by `cargo run --release --example fidelity`; do not edit. `cargo test --test fidelity` holds every cell.

One flow over one link of 10 Mbit/s and 50 ms each way; 1000 segments of 1448 bytes (200 in `tail_1of200`), initial window 10. The cases are
the files of `scenarios/fidelity`; what the others did is in `tests/data/reference` (Linux 6.18, ns-3 3.37, and RFC 5681 and 6582 computed by
the letter). Completion may differ from Linux by 2 %, from ns-3 and the textbook by 0.2 %; retransmissions, timeouts and ssthresh (in whole
segments) by nothing; the window, compared at every moment of the other's trace that is outside a repair on both sides, by 2 segments. A figure in
**bold** differs by more, and the number behind it is its reason below.

Not compared: ns-3 with PRR, whose window without SACK never falls. `reorder2` has no run of Linux or of the textbook to hold it against.
";

/// Makes the page.
pub(crate) fn page(rows: &[Row], sweep: &[Point]) -> String {
    let mut out = HEAD.to_owned();
    for (index, setting) in SETTINGS.iter().enumerate() {
        let _ = writeln!(out, "\n## {}: {}\n", setting.name, setting.about);
        let _ = writeln!(out, "| case | figure | twinwire | Linux | ns-3 | textbook |\n|---|---|--:|--:|--:|--:|");
        for row in rows.iter().filter(|row| row.setting == index) {
            case(&mut out, row);
        }
        if index == 0 {
            pictures(&mut out, rows);
        }
    }
    let _ = writeln!(out, "\n## Why\n");
    for (i, r) in REASONS.iter().enumerate() {
        let _ = writeln!(out, "{}. {}", i + 1, r.text);
    }
    laws(&mut out, sweep);
    out
}

type Get = fn(&Figures) -> Option<f64>;

fn case(out: &mut String, row: &Row) {
    let figures: [(&str, &str, Get); 4] = [
        ("completion (ms)", "completion, ms", |f| Some(f.complete_ms)),
        ("retransmissions", "retransmissions", |f| Some(f.retransmits)),
        ("timeouts", "timeouts", |f| Some(f.timeouts)),
        ("ssthresh", "ssthresh after the loss, segments", |f| f.ssthresh),
    ];
    let mut name = row.case;
    let mut line = |label: &str, ours: String, others: [String; 3]| {
        let _ = writeln!(out, "| {name} | {label} | {ours} | {} |", others.join(" | "));
        name = "";
    };
    for (figure, label, get) in figures {
        let Some(ours) = get(&row.ours) else { continue };
        let theirs = |against: &str, f: &Option<Figures>| match f.as_ref().and_then(get) {
            None => "-".to_owned(),
            Some(value) => marked(row, figure, against, short(value)),
        };
        let others =
            [("Linux", &row.linux), ("ns-3", &row.ns3), ("textbook", &row.textbook)].map(|(a, f)| theirs(a, f));
        line(label, short(ours), others);
    }
    let figure = "window, where farthest apart";
    let gap = |against: &str| {
        let cell = row.cells.iter().find(|c| c.figure == figure && c.against == against);
        cell.map_or("-".to_owned(), |c| {
            marked(row, figure, against, format!("{} apart", short((c.ours - c.theirs).abs())))
        })
    };
    let gaps = ["Linux", "ns-3", "textbook"].map(gap);
    if gaps.iter().any(|gap| gap != "-") {
        line("window, at most", String::new(), gaps);
    }
}

fn marked(row: &Row, figure: &str, against: &str, value: String) -> String {
    match row.cells.iter().find(|c| c.figure == figure && c.against == against && !c.met) {
        None => value,
        Some(cell) => match reason(row, cell) {
            Some(i) => format!("**{value}** ({})", i + 1),
            None => format!("**{value}** (no reason known)"),
        },
    }
}

fn short(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn pictures(out: &mut String, rows: &[Row]) {
    let _ = writeln!(out);
    for row in rows.iter().filter(|r| r.setting == 0 && r.linux.as_ref().is_some_and(|l| !l.windows.is_empty())) {
        let _ = writeln!(out, "![Windows of {0}](../plots/fidelity/{0}.svg)\n", row.case);
    }
}

fn laws(out: &mut String, sweep: &[Point]) {
    let _ = writeln!(
        out,
        "\n## Laws\n\nGoodput of `law_loss.toml` (100 Mbit/s, RTT 50 ms, SACK, every segment acknowledged; mean of three seeds of 120 s), in Mbit/s, beside \
         ns-3 (ten seeds of 300 s, the start included) and the formulas. Met: within {:.0} % of ns-3.\n\n| loss | twinwire | ns-3 | Mathis | PFTK | met |\n|--:|--:|--:|--:|--:|---|",
        BAND * 100.0
    );
    for p in sweep {
        let met = if p.met { "yes" } else { "**no**" };
        let _ =
            writeln!(out, "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {met} |", p.loss, p.ours, p.ns3, p.mathis, p.pftk);
    }
    let _ = writeln!(
        out,
        "\nWhere it says no, ours is faster than ns-3 and has no reason yet: ours is not held to this band by a test. The shorter run has more \
         of its slow start in it."
    );
    let _ = writeln!(
        out,
        "\nThe other laws are scenarios whose expectations say them: `law_fairness.toml` (Jain's index of ten equal Reno flows over 120 s is at least 0.95; no \
         packet is lost from the books), `law_utilisation.toml` (a queue of one BDP keeps the bottleneck 95 % busy). That congestion avoidance adds one segment a \
         round trip is asserted in `tests/fidelity.rs`."
    );
}

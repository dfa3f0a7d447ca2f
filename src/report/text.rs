//! The summary for people: what `twinwire run` prints.

use std::fmt::Write as _;

use crate::observe::summary::{FetchSummary, FlowSummary, LeaseSummary, LinkSummary, Summary};

/// At most this many rows of a table are printed; how many are left out is said below it.
const MAX_ROWS: usize = 20;

/// The summary as aligned plain text. `title` is the scenario's, if it has one.
pub fn render(summary: &Summary, title: Option<&str>) -> String {
    render_by(summary, title, "virtual")
}

/// Like [`render`], for a live run.
pub fn render_live(summary: &Summary, title: Option<&str>) -> String {
    render_by(summary, title, "wall")
}

fn render_by(summary: &Summary, title: Option<&str>, clock: &str) -> String {
    let mut out = String::new();
    out.push_str(title.filter(|t| !t.is_empty()).unwrap_or(&summary.scenario));
    out.push('\n');
    line(
        &mut out,
        format!(
            "seed {}, {} s of {clock} time, {} events, {} packet hops",
            summary.seed,
            seconds(Some(summary.virtual_s)),
            grouped(summary.events),
            grouped(summary.packet_hops)
        ),
    );
    line(&mut out, format!("digest {}", summary.digest.as_deref().unwrap_or("none: nothing was recorded")));
    fetches(&mut out, &summary.fetches);
    flows(&mut out, &summary.flows);
    links(&mut out, &summary.links);
    if !summary.leases.is_empty() {
        let row = |l: &LeaseSummary| {
            let (obtained, renewals) = (seconds(Some(l.obtained_s)), l.renewals.to_string());
            vec![l.node.to_string(), l.address.clone(), l.server.clone(), obtained, renewals]
        };
        let heads = ["lease", "<address", "<server", "obtained s", "renewals"];
        table(&mut out, &heads, summary.leases.iter(), row);
    }
    if !summary.expect.is_empty() {
        out.push_str("\nexpectations\n");
        for e in &summary.expect {
            let value = if e.met { String::new() } else { format!("   (it is {})", e.value) };
            line(&mut out, format!("{} {}{value}", mark(e.met), e.that));
        }
    }
    out
}

fn fetches(out: &mut String, fetches: &[FetchSummary]) {
    if fetches.is_empty() {
        return;
    }
    out.push_str("\nfetches\n");
    for f in fetches.iter().take(MAX_ROWS) {
        let took = f.start_s.zip(f.end_s).map(|(start, end)| end - start);
        let status = if f.status == 0 { "no answer".to_owned() } else { f.status.to_string() };
        line(out, format!("{} {}: {}", mark(f.completed()), f.node, f.url));
        for redirect in &f.redirects {
            line(out, format!("    redirected to {redirect}"));
        }
        let whole = match (f.status, f.intact) {
            (200..300, true) => ", intact",
            (200..300, false) => ", not intact",
            _ => "",
        };
        line(out, format!("    {status}, {}B in {} s{whole}", si(f.bytes as f64), seconds(took)));
        if let Some(error) = &f.error {
            line(out, format!("    {error}"));
        }
    }
    left_out(out, fetches.len());
}

fn flows(out: &mut String, flows: &[FlowSummary]) {
    let heads = [
        "flow",
        "<transport",
        "payload B",
        "start s",
        "end s",
        "goodput",
        "segments",
        "resent",
        "fast",
        "timeouts",
        "min RTT ms",
    ];
    let row = |f: &FlowSummary| {
        vec![
            f.name.to_string(),
            format!("{}/{}", f.transport, f.congestion),
            grouped(f.bytes),
            seconds(f.start_s),
            seconds(f.end_s),
            format!("{}bit/s", si(f.goodput_bps as f64)),
            f.segments_sent.to_string(),
            f.retransmits.to_string(),
            f.fast_retransmits.to_string(),
            f.timeouts.to_string(),
            f.min_rtt_s.map_or("-".to_owned(), |s| format!("{:.1}", s * 1e3)),
        ]
    };
    table(out, &heads, flows.iter(), row);
}

fn links(out: &mut String, links: &[LinkSummary]) {
    let heads = ["link", "<direction", "sent", "delivered", "queue drops", "lost", "max queue", "used"];
    let row = |l: &LinkSummary| {
        vec![
            l.name.to_string(),
            l.direction.to_string(),
            l.sent.to_string(),
            l.delivered.to_string(),
            l.dropped_queue.to_string(),
            l.dropped_loss.to_string(),
            l.max_queue_packets.to_string(),
            format!("{:.1} %", l.utilisation * 100.0),
        ]
    };
    table(out, &heads, links.iter().filter(|l| l.sent > 0), row);
}

/// Prints a row of each item under the heads; a head that begins with `<` (and the first) is left-aligned.
pub(super) fn table<T>(
    out: &mut String,
    heads: &[&str],
    mut items: impl Iterator<Item = T>,
    row: impl Fn(T) -> Vec<String>,
) {
    let rows: Vec<Vec<String>> = items.by_ref().take(MAX_ROWS).map(row).collect();
    if rows.is_empty() {
        return;
    }
    // What is not shown is not written.
    let total = rows.len() + items.count();
    let left: Vec<bool> = heads.iter().enumerate().map(|(i, h)| i == 0 || h.starts_with('<')).collect();
    let head: Vec<String> = heads.iter().map(|h| h.trim_start_matches('<').to_owned()).collect();
    let shown: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let width = |i: usize| shown.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    out.push('\n');
    for row in &shown {
        let cells = row.iter().zip(&widths).zip(&left).map(|((cell, &width), left)| match left {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        line(out, cells.collect::<Vec<_>>().join("  "));
    }
    left_out(out, total);
}

fn left_out(out: &mut String, total: usize) {
    if total > MAX_ROWS {
        line(out, format!("... and {} more", total - MAX_ROWS));
    }
}

/// One indented line.
fn line(out: &mut String, text: String) {
    let _ = writeln!(out, "  {}", text.trim_end());
}

const fn mark(good: bool) -> &'static str {
    if good { "✓" } else { "✗" }
}

/// Seconds to the millisecond.
fn seconds(s: Option<f64>) -> String {
    s.map_or("-".to_owned(), |s| format!("{s:.3}"))
}

/// Three significant digits and an SI prefix: `8.90 M`.
pub fn si(value: f64) -> String {
    let steps = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    match steps.iter().find(|(size, _)| value >= *size) {
        Some((size, letter)) => {
            let scaled = value / size;
            let digits = if scaled >= 100.0 { 0 } else { 1 + usize::from(scaled < 10.0) };
            format!("{scaled:.digits$} {letter}")
        }
        None => format!("{value:.0} "),
    }
}

/// Thousands apart: `5 000 000`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::summary::ExpectSummary;

    #[test]
    fn numbers_for_people() {
        assert_eq!([si(8_900_000.0), si(95_000.0), si(12.0)], ["8.90 M", "95.0 k", "12 "]);
        assert_eq!([grouped(5_000_000), grouped(100)], ["5 000 000", "100"]);
    }

    #[test]
    fn a_summary_is_short_and_aligned() {
        let link = |name: &str, sent: u64| LinkSummary {
            name: name.into(),
            direction: "forward".into(),
            sent,
            delivered: sent,
            dropped_queue: 0,
            dropped_loss: 0,
            utilisation: 0.1,
            rate_bps: 1,
            bytes_delivered: 0,
            max_queue_packets: 3,
            in_transit: 0,
        };
        let summary = Summary {
            schema: 1,
            scenario: "storage".to_owned(),
            seed: 7,
            digest: Some("ab".to_owned()),
            virtual_s: 4.71,
            events: 31_240,
            packet_hops: 30_110,
            flows: Vec::new(),
            fetches: vec![FetchSummary {
                node: "phone".into(),
                url: "http://appstore.example/a.mp4".into(),
                status: 200,
                redirects: vec!["http://10.0.2.2/a.mp4".into()],
                bytes: 5_000_000,
                sha256: None,
                intact: true,
                start_s: Some(0.0),
                end_s: Some(4.7),
                error: None,
            }],
            links: vec![link("gateway--appstore", 12), link("idle", 0)],
            leases: Vec::new(),
            expect: vec![ExpectSummary { that: "drops == 1".to_owned(), met: false, value: "0".to_owned() }],
        };
        let expected = "\
A phone joins
  seed 7, 4.710 s of virtual time, 31 240 events, 30 110 packet hops
  digest ab

fetches
  ✓ phone: http://appstore.example/a.mp4
      redirected to http://10.0.2.2/a.mp4
      200, 5.00 MB in 4.700 s, intact

  link               direction  sent  delivered  queue drops  lost  max queue    used
  gateway--appstore  forward      12         12            0     0          3  10.0 %

expectations
  ✗ drops == 1   (it is 0)
";
        assert_eq!(render(&summary, Some("A phone joins")), expected);
    }
}

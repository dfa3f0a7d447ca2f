//! What others measured, from `tests/data/reference`.

use std::collections::BTreeMap;
use std::path::Path;

use super::ours::{Figures, MSS, Point};
use super::stacks::{Ns3, Stack};

pub(crate) type Rows = Vec<BTreeMap<String, String>>;

/// A CSV file as rows of named fields.
pub(crate) fn rows(path: &Path) -> Result<Rows, String> {
    let failed = |e: csv::Error| format!("{}: {e}", path.display());
    csv::Reader::from_path(path).map_err(failed)?.deserialize().map(|row| row.map_err(failed)).collect()
}

/// The row whose fields are these.
fn find<'a>(rows: &'a Rows, wanted: &[(&str, &str)]) -> Option<&'a BTreeMap<String, String>> {
    rows.iter().find(|row| wanted.iter().all(|(key, value)| row.get(*key).map(String::as_str) == Some(*value)))
}

/// A number of a row, if it has that number.
pub(crate) fn number(row: &BTreeMap<String, String>, key: &str) -> Option<f64> {
    row.get(key)?.parse::<f64>().ok().filter(|n| n.is_finite())
}

/// What a stack did in a case; `None` if nobody measured it.
pub(crate) fn theirs(data: &Path, stack: &Stack, case: &str) -> Result<Option<Figures>, String> {
    match stack {
        Stack::Linux(setting) => linux(data, setting, case),
        Stack::Ns3(variant) => ns3(data, case, *variant),
        Stack::Textbook(variant, min_rto) => textbook(data, case, variant, min_rto),
    }
}

fn linux(data: &Path, setting: &str, case: &str) -> Result<Option<Figures>, String> {
    let rows = rows(&data.join("linux/summary.csv"))?;
    let Some(row) = find(&rows, &[("config", setting), ("case", case)]) else { return Ok(None) };
    let trace = data.join(format!("linux/cwnd_{setting}_{case}.csv"));
    Ok(Some(Figures {
        complete_ms: number(row, "complete_ms").ok_or("complete_ms")?,
        arrive_ms: None,
        retransmits: number(row, "retrans").ok_or("retrans")?,
        timeouts: number(row, "rto").ok_or("rto")?,
        ssthresh: number(row, "ssthresh_after"),
        windows: if trace.exists() { linux_windows(&trace)? } else { Vec::new() },
    }))
}

/// Whether the three runs of the kernel sent the same segments in the same order.
pub(crate) fn linux_is_steady(data: &Path, setting: &str, case: &str) -> Result<bool, String> {
    let rows = rows(&data.join("linux/summary.csv"))?;
    let row = find(&rows, &[("config", setting), ("case", case)]);
    Ok(row.and_then(|row| row.get("same_order")).is_some_and(|order| order == "3/3"))
}

fn linux_windows(path: &Path) -> Result<Vec<Point>, String> {
    let point = |row: &BTreeMap<String, String>| {
        let state = number(row, "state")?;
        Some(Point { time_s: number(row, "t_ms")? / 1000.0, cwnd: number(row, "cwnd")?, repairing: state >= 2.0 })
    };
    Ok(rows(path)?.iter().filter_map(point).collect())
}

fn ns3(data: &Path, case: &str, variant: Ns3) -> Result<Option<Figures>, String> {
    let rows = rows(&data.join("ns3/summary.csv"))?;
    // Those of 0 segments sent without end for 20 s.
    let size = if case == "tail_1of200" { "200" } else { "1000" };
    let mut wanted = vec![("case", case), ("segments", size)];
    wanted.extend(variant.fields());
    let Some(row) = find(&rows, &wanted) else { return Ok(None) };
    let seconds = |key| number(row, key).filter(|s| *s > 0.0);
    let Some(complete_s) = seconds("done_ack_s") else { return Ok(None) };
    let sack = if variant.sack { "sack" } else { "classic" };
    let trace = data.join(format!("ns3/cwnd_{sack}_{case}.csv"));
    // It counts a SYN sent again neither as a retransmission nor as a timeout.
    let syns = number(row, "syns").unwrap_or(1.0);
    let timeouts = number(row, "rtos").ok_or("rtos")?;
    // The traces are of a minimum RTO of 1 s, which without a timeout says nothing.
    let like = !variant.linux_reno && !variant.prr && !variant.delayed && (variant.slow_rto || timeouts == 0.0);
    let traced = like && trace.exists();
    Ok(Some(Figures {
        complete_ms: complete_s * 1000.0,
        arrive_ms: seconds("done_rx_s").map(|s| s * 1000.0),
        retransmits: number(row, "retransmits").ok_or("retransmits")?,
        timeouts: timeouts + syns - 1.0,
        ssthresh: number(row, "ssthresh_first").map(|bytes| (bytes / MSS).floor()),
        windows: if traced { ns3_windows(&trace)? } else { Vec::new() },
    }))
}

fn ns3_windows(path: &Path) -> Result<Vec<Point>, String> {
    let point = |row: &BTreeMap<String, String>| {
        let repairing = row.get("state").is_some_and(|s| s == "RECOVERY");
        Some(Point { time_s: number(row, "time_s")?, cwnd: number(row, "cwnd_bytes")? / MSS, repairing })
    };
    Ok(rows(path)?.iter().filter_map(point).collect())
}

/// RFC 5681 and 6582 by the letter, every segment acknowledged, no SACK.
fn textbook(data: &Path, case: &str, variant: &str, min_rto_ms: &str) -> Result<Option<Figures>, String> {
    let rows = rows(&data.join("linux/textbook.csv"))?;
    let wanted = [("variant", variant), ("rto_min_ms", min_rto_ms), ("case", case)];
    let Some(row) = find(&rows, &wanted) else { return Ok(None) };
    Ok(Some(Figures {
        complete_ms: number(row, "complete_ms").ok_or("complete_ms")?,
        arrive_ms: None,
        retransmits: number(row, "retrans").ok_or("retrans")?,
        // It does not count the SYN's.
        timeouts: number(row, "rto").ok_or("rto")? + if case == "synlost" { 1.0 } else { 0.0 },
        ssthresh: number(row, "ssthresh_first"),
        windows: Vec::new(),
    }))
}

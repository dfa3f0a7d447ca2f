//! What others measured, from `tests/data/reference`.

use std::collections::BTreeMap;
use std::path::Path;

use super::ours::{Figures, MSS, Point};

pub(crate) type Rows = Vec<BTreeMap<String, String>>;

/// A CSV file as rows of named fields.
pub(crate) fn rows(path: &Path) -> Result<Rows, String> {
    let failed = |e: csv::Error| format!("{}: {e}", path.display());
    csv::Reader::from_path(path).map_err(failed)?.deserialize().map(|row| row.map_err(failed)).collect()
}

/// The row whose fields are these.
pub(crate) fn find<'a>(rows: &'a Rows, wanted: &[(&str, &str)]) -> Option<&'a BTreeMap<String, String>> {
    rows.iter().find(|row| wanted.iter().all(|(key, value)| row.get(*key).map(String::as_str) == Some(*value)))
}

/// A number of a row, if it has that number.
pub(crate) fn number(row: &BTreeMap<String, String>, key: &str) -> Option<f64> {
    row.get(key)?.parse::<f64>().ok().filter(|n| n.is_finite())
}

/// Linux's run of a case.
pub(crate) fn linux(data: &Path, setting: &str, case: &str) -> Result<Option<Figures>, String> {
    let rows = rows(&data.join("linux/summary.csv"))?;
    let Some(row) = find(&rows, &[("config", setting), ("case", case)]) else { return Ok(None) };
    let trace = data.join(format!("linux/cwnd_{setting}_{case}.csv"));
    Ok(Some(Figures {
        complete_ms: number(row, "complete_ms").ok_or("complete_ms")?,
        retransmits: number(row, "retrans").ok_or("retrans")?,
        timeouts: number(row, "rto").ok_or("rto")?,
        ssthresh: number(row, "ssthresh_after"),
        windows: if trace.exists() { linux_windows(&trace)? } else { Vec::new() },
    }))
}

fn linux_windows(path: &Path) -> Result<Vec<Point>, String> {
    let point = |row: &BTreeMap<String, String>| {
        let state = number(row, "state")?;
        Some(Point { time_s: number(row, "t_ms")? / 1000.0, cwnd: number(row, "cwnd")?, repairing: state >= 2.0 })
    };
    Ok(rows(path)?.iter().filter_map(point).collect())
}

/// ns-3's run of a case with TcpNewReno and classic recovery, or with another variant.
pub(crate) fn ns3(data: &Path, case: &str, variant: Ns3) -> Result<Option<Figures>, String> {
    let rows = rows(&data.join("ns3/summary.csv"))?;
    let wanted = [
        ("case", case),
        ("cc", variant.cc),
        ("recovery", variant.recovery),
        ("sack", variant.sack),
        ("delack", variant.delack),
        ("min_rto_s", variant.min_rto),
    ];
    let Some(row) = find(&rows, &wanted) else { return Ok(None) };
    let Some(complete_s) = number(row, "done_ack_s").filter(|s| *s > 0.0) else { return Ok(None) };
    let trace = data.join(format!("ns3/cwnd_{case}.csv"));
    let traced = variant.sack == "0" && trace.exists();
    // It counts a SYN sent again neither as a retransmission nor as a timeout.
    let syns = number(row, "syns").unwrap_or(1.0);
    Ok(Some(Figures {
        complete_ms: complete_s * 1000.0,
        retransmits: number(row, "retransmits").ok_or("retransmits")?,
        timeouts: number(row, "rtos").ok_or("rtos")? + syns - 1.0,
        ssthresh: number(row, "ssthresh_first").map(|bytes| (bytes / MSS).floor()),
        windows: if traced { ns3_windows(&trace)? } else { Vec::new() },
    }))
}

/// Which of ns-3's runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ns3 {
    pub cc: &'static str,
    pub recovery: &'static str,
    pub sack: &'static str,
    pub delack: &'static str,
    pub min_rto: &'static str,
}

fn ns3_windows(path: &Path) -> Result<Vec<Point>, String> {
    let point = |row: &BTreeMap<String, String>| {
        let repairing = row.get("state").is_some_and(|s| s == "RECOVERY");
        Some(Point { time_s: number(row, "time_s")?, cwnd: number(row, "cwnd_bytes")? / MSS, repairing })
    };
    Ok(rows(path)?.iter().filter_map(point).collect())
}

/// The textbook's figures: RFC 5681 and 6582 by the letter, every segment acknowledged, no SACK.
pub(crate) fn textbook(data: &Path, case: &str, min_rto_ms: &str) -> Result<Option<Figures>, String> {
    let rows = rows(&data.join("linux/textbook.csv"))?;
    let wanted = [("variant", "newreno"), ("rto_min_ms", min_rto_ms), ("case", case)];
    let Some(row) = find(&rows, &wanted) else { return Ok(None) };
    Ok(Some(Figures {
        complete_ms: number(row, "complete_ms").ok_or("complete_ms")?,
        retransmits: number(row, "retrans").ok_or("retrans")?,
        // It does not count the SYN's.
        timeouts: number(row, "rto").ok_or("rto")? + if case == "synlost" { 1.0 } else { 0.0 },
        ssthresh: number(row, "ssthresh_first"),
        windows: Vec::new(),
    }))
}

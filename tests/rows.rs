//! Every row of the conformance list has a test named after it (`cargo test reno_16`), or stands in
//! ARCHITECTURE.md among the rows that were decided against.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Groups of rows: prefix, number of rows, what they come from.
const GROUPS: &[(&str, u32, &str)] = &[
    ("RENO", 28, "RFC 5681, 6928, 3042, 3465"),
    ("NR", 9, "RFC 6582"),
    ("SACK", 13, "RFC 2018, 2883, 6675"),
    ("PRR", 6, "RFC 9937"),
    ("RACK", 10, "RFC 8985"),
    ("RTO", 14, "RFC 6298"),
    ("TCP", 36, "RFC 9293: states and segments"),
    ("TCPF", 12, "RFC 9293: windows and timers"),
    ("TCPS", 7, "RFC 5961, 4987"),
    ("TSWS", 10, "RFC 7323"),
    ("CUBIC", 10, "RFC 9438, 9406"),
    ("BBR", 6, "draft-ietf-ccwg-bbr"),
    ("RUDP", 40, "docs/rudp.md"),
    ("DHCPC", 19, "RFC 2131: client"),
    ("DHCPS", 23, "RFC 2131: server"),
    ("DNSW", 9, "RFC 1035: wire format"),
    ("DNSR", 13, "RFC 1035: resolver"),
    ("DNSC", 12, "RFC 2308: cache"),
    ("DNSS", 9, "RFC 1035: server"),
    ("HTTP", 53, "RFC 9110, 9112"),
    ("SYS", 10, "across protocols"),
];

/// All Rust files below a folder.
fn sources(dir: &Path, out: &mut String) {
    for entry in fs::read_dir(dir).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push_str(&fs::read_to_string(path).expect("text"));
        }
    }
}

/// The rows that a test's name holds: `sys_09_dhcps_23_no_bytes...` and `tcp_12_13_resets` hold two.
fn rows_of(name: &str, out: &mut BTreeSet<String>) {
    let mut prefix = None;
    for part in name.split('_') {
        let known = GROUPS.iter().find(|(p, ..)| p.eq_ignore_ascii_case(part));
        let number = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        match (known, prefix) {
            (Some((p, ..)), _) => prefix = Some(*p),
            (None, Some(p)) if number => drop(out.insert(format!("{p}-{part}"))),
            _ => prefix = None,
        }
    }
}

#[test]
fn sys_10_every_row_has_a_test_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    for dir in ["src", "tests"] {
        sources(&root.join(dir), &mut text);
    }
    let mut tested = BTreeSet::new();
    for test in text.split("#[test]").skip(1) {
        let name = test.split("fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap_or_default();
        rows_of(name, &mut tested);
    }
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("text");
    let section = architecture.split("\n## ").find(|s| s.starts_with("Rows that were decided against")).expect("there");
    let all = || GROUPS.iter().flat_map(|(p, count, _)| (1..=*count).map(move |n| format!("{p}-{n:02}")));
    let without: Vec<String> = all().filter(|row| !tested.contains(row)).collect();
    let (reasoned, missing): (Vec<_>, Vec<_>) = without.iter().partition(|row| section.contains(row.as_str()));
    assert!(missing.is_empty(), "no test and no reason for {missing:?}");
    let stale: Vec<_> = all().filter(|row| section.contains(row.as_str()) && tested.contains(row)).collect();
    assert!(stale.is_empty(), "ARCHITECTURE.md still excuses {stale:?}");
    assert_eq!(all().count(), tested.intersection(&all().collect()).count() + reasoned.len());
}

#[test]
fn a_name_may_hold_several_rows() {
    let mut rows = BTreeSet::new();
    rows_of("tcp_12_13_resets_for_2_strangers_99", &mut rows);
    rows_of("sys_09_dhcps_23_dhcpc_17_no_bytes", &mut rows);
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    assert_eq!(rows, ["DHCPC-17", "DHCPS-23", "SYS-09", "TCP-12", "TCP-13"]);
}

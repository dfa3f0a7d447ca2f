//! What must hold whatever the machine: a hop does not grow dear with the number of flows, and
//! memory does not grow with the length of a run.

use std::process::ExitCode;

use super::cases::{Case, dumbbell, sized};
use super::{once, process, read};

/// Most that a hop may take at N = 10,000, in its time at N = 10.
const MOST_GROWTH: f64 = 2.5;
/// Memory at the end of a long run, in its memory after the first tenth.
const MOST_MEMORY: f64 = 1.1;
/// The heap is made of such pages: that one more was touched is no growth. A byte lost in every 500 hops of 10^9 is.
const PAGE_KB: u64 = 2048;
/// Packet-hops of the dumbbell in one virtual second, once the bottleneck is full.
const HOPS_PER_SECOND: u64 = 37_000;

/// User nanoseconds per packet-hop, the median of three.
fn ns_per_hop(flows: usize) -> f64 {
    let case = sized("tcp-sack", flows);
    let plan = read(&case);
    let mut figures: Vec<f64> = (0..3)
        .map(|_| {
            let (cpu, ticks) = (process::cpu_ns(), process::ticks());
            let hops = once(&case, &plan, "none", &mut |_| {}).summary.packet_hops;
            (process::cpu_ns() - cpu) as f64 * process::user_share(ticks, process::ticks()) / hops as f64
        })
        .collect();
    figures.sort_by(f64::total_cmp);
    figures[1]
}

pub(crate) fn growth() -> ExitCode {
    let (few, many) = (ns_per_hop(10), ns_per_hop(10_000));
    let growth = many / few;
    println!("{few:.0} ns per packet-hop at N = 10, {many:.0} at N = 10,000: {growth:.2} times, at most {MOST_GROWTH}");
    if growth <= MOST_GROWTH { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

pub(crate) fn long(hops: u64, recording: &str) -> ExitCode {
    let seconds = hops / HOPS_PER_SECOND + 1;
    let case = Case { name: "long".to_owned(), text: dumbbell(10, "tcp", true, seconds), flows: 10 };
    let plan = read(&case);
    let (start, mut tenths) = (process::cpu_ns(), Vec::new());
    let run = once(&case, &plan, recording, &mut |progress| {
        let tenth = progress.now.as_nanos() / (progress.until.as_nanos() / 10).max(1);
        if tenth > tenths.len() as u64 {
            // Not the program's own pages, of which some come late.
            let kb = process::memory_kb("RssAnon");
            println!("{tenth:>3}0 %: {:>6.1} M events, {kb} kB", progress.events as f64 / 1e6);
            tenths.push(kb);
        }
    });
    let cpu = (process::cpu_ns() - start) as f64 / 1e9;
    let (hops, peak) = (run.summary.packet_hops, process::memory_kb("VmHWM"));
    println!("{:.1} M packet-hops in {cpu:.1} s of CPU, peak {peak} kB, the program included", hops as f64 / 1e6);
    let most = tenths.iter().max().copied().unwrap_or(0);
    let steady = tenths.first().is_some_and(|first| most as f64 <= *first as f64 * MOST_MEMORY + PAGE_KB as f64);
    if steady {
        return ExitCode::SUCCESS;
    }
    println!(
        "memory GREW: at most {MOST_MEMORY} times what it was after a tenth of the run, and a page of {PAGE_KB} kB"
    );
    ExitCode::FAILURE
}

//! Once a run is under way, a packet costs no allocation; writes and losses cost a few.

use std::alloc::System;
use std::sync::{Arc, Mutex};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use twinwire::base::note::Nobody;
use twinwire::base::time::{Duration, Instant};
use twinwire::scenario::build::build;
use twinwire::scenario::load::load;
use twinwire::scenario::text::Source;

#[path = "../benches/runs/cases.rs"]
#[allow(dead_code, reason = "shared with the benchmark")]
mod cases;

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;
// The allocator counts for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// Allocations and packet-hops between two virtual seconds.
fn count(text: &str, sets: &[(&str, &str)], from_s: u64, to_s: u64) -> (usize, u64) {
    let sets: Vec<_> = sets.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    let plan = load(&Source::new("case.toml", text), &sets).plan.expect("valid");
    let mut network = build(&Arc::new(plan), Nobody).expect("a network");
    network.start();
    let at = |s| Instant::ZERO + Duration::from_secs(s);
    while network.step(at(from_s)) {}
    let (region, hops) = (Region::new(GLOBAL), network.packet_hops());
    while network.step(at(to_s)) {}
    let change = region.change();
    (change.allocations + change.reallocations, network.packet_hops() - hops)
}

#[test]
fn a_steady_flow_allocates_less_than_once_in_a_thousand_hops() {
    let _alone = ALONE.lock().expect("no other test failed");
    // The window is the receiver's, and the queue holds it: nothing is lost. What is left are segments
    // that span two writes of the application, one in seven hundred.
    let text = cases::dumbbell(2, "tcp", true, 60);
    let (allocations, hops) = count(&text, &[("transport.tcp.receive_buffer", "256 KiB")], 3, 8);
    assert!(hops > 100_000, "{hops} packet-hops");
    assert!(allocations as u64 * 1000 <= hops, "{allocations} allocations in {hops} packet-hops");
}

#[test]
fn a_steady_rudp_flow_allocates_less_than_once_in_a_thousand_hops() {
    let _alone = ALONE.lock().expect("no other test failed");
    let text = cases::dumbbell(2, "rudp", true, 60);
    let (allocations, hops) = count(&text, &[("transport.rudp.receive_buffer", "256 KiB")], 3, 8);
    assert!(hops > 100_000, "{hops} packet-hops");
    assert!(allocations as u64 * 1000 <= hops, "{allocations} allocations in {hops} packet-hops");
}

#[test]
fn losses_allocate_for_their_own_repair_only() {
    let _alone = ALONE.lock().expect("no other test failed");
    for (transport, sack) in [("tcp", true), ("tcp", false), ("rudp", true)] {
        let (allocations, hops) = count(&cases::dumbbell(10, transport, sack, 60), &[], 3, 8);
        assert!(hops > 100_000, "{hops} packet-hops");
        let most = hops / 100;
        assert!(allocations as u64 <= most, "{transport}: {allocations} allocations in {hops} packet-hops");
    }
}

#[test]
fn with_many_flows_a_packet_costs_no_allocation_either() {
    let _alone = ALONE.lock().expect("no other test failed");
    for (transport, flows, from_s) in [("tcp", 100, 5), ("rudp", 100, 5), ("tcp", 1000, 20), ("rudp", 1000, 20)] {
        let (allocations, hops) = count(&cases::dumbbell(flows, transport, true, 60), &[], from_s, from_s + 5);
        assert!(hops > 100_000, "{hops} packet-hops");
        // Rings still grow now and then, where a flow's window never was as large.
        let most = hops / 500;
        assert!(allocations as u64 <= most, "{flows} {transport}: {allocations} allocations in {hops} packet-hops");
    }
}

#[test]
fn the_scenario_of_the_instruction_gate_is_the_benchmark_s() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/dumbbell-10.toml");
    assert_eq!(std::fs::read_to_string(file).expect("readable"), cases::dumbbell(10, "tcp", true, 60));
}

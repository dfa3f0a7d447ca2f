//! Whole runs: the books of random networks balance, one packet takes the time it must, and the
//! summaries of small runs stay as they are.

use twinwire::base::rng::{Rng, Seed};
use twinwire::prelude::*;
use twinwire::report::text;

/// A random tree of routers with hosts at its leaves, random links, and flows between the hosts.
fn random_network(rng: &mut Rng) -> Scenario {
    let pick = |rng: &mut Rng, words: &[&'static str]| words[rng.below(words.len() as u64) as usize];
    let mut s = Scenario::new("A random network").set("until", "20 s");
    let (routers, hosts) = (1 + rng.below(4), 2 + rng.below(4));
    for profile in 0..3 {
        let rate = pick(rng, &["1 Mbit/s", "10 Mbit/s", "100 Mbit/s"]);
        let delay = pick(
            rng,
            &["1 ms", "{ base = '10 ms', jitter = '2 ms' }", "{ base = '5 ms', jitter = '4 ms', reorder = true }"],
        );
        let loss = pick(rng, &["0 %", "1 %", "5 %", "{ model = 'every', of = 'data', nth = 50 }"]);
        let queue = pick(rng, &["10 pkt", "100 pkt", "20 kB", "50 ms"]);
        let keys = [("rate", rate), ("delay", delay), ("loss", loss), ("queue", queue)];
        s = s.link(&format!("l{profile}"), &keys);
    }
    for r in 0..routers {
        s = s.node(&format!("r{r}"), "router", &[]);
        if r > 0 {
            let (up, link) = (rng.below(r), format!("l{}", rng.below(3)));
            s = s.connect(&format!("r{r}"), &format!("r{up}"), &[("link", &link)]);
        }
    }
    let mut failing = String::new();
    for h in 0..hosts {
        let (up, link) = (rng.below(routers), format!("l{}", rng.below(3)));
        if h == 0 {
            failing = format!("h0--r{up}");
        }
        s = s.node(&format!("h{h}"), "host", &[]).connect(&format!("h{h}"), &format!("r{up}"), &[("link", &link)]);
    }
    for f in 0..3 {
        let (from, step) = (rng.below(hosts), 1 + rng.below(hosts - 1));
        let to = (from + step) % hosts;
        let (name, transport) = (format!("f{f}"), pick(rng, &["tcp", "rudp"]));
        let keys = [("name", name.as_str()), ("transport", transport), ("size", "300 kB")];
        s = s.flow(&format!("h{from}"), &format!("h{to}"), &keys);
    }
    // A failure in mid-flight loses packets of its own.
    s.event("500 ms", &[("link", &failing), ("for", "300 ms"), ("set", "{ down = true }")])
}

#[test]
fn sys_05_what_is_sent_is_delivered_dropped_or_on_its_way() {
    let (mut finished, mut lost) = (0, 0);
    for seed in 0..24 {
        let mut rng = Seed(seed).stream("networks");
        let scenario = random_network(&mut rng).seed(seed);
        let run = scenario.run().unwrap_or_else(|refused| panic!("seed {seed}: {refused}"));
        for l in &run.summary.links {
            let accounted = l.delivered + l.dropped_queue + l.dropped_loss + l.in_transit;
            assert_eq!(l.sent, accounted, "seed {seed}: {} {}", l.name, l.direction);
            lost += l.dropped_queue + l.dropped_loss;
        }
        for f in &run.summary.flows {
            assert!(f.bytes <= 300_000, "seed {seed}: {} delivered more than was sent", f.name);
            assert!(f.retransmits <= f.segments_sent);
            finished += u32::from(f.bytes == 300_000);
        }
    }
    // The networks are neither ideal nor broken.
    assert!(lost > 500 && finished > 36, "{lost} lost, {finished} of 72 flows finished");
}

#[test]
fn sys_04_a_packet_takes_its_time_on_the_link() {
    // A 1250-byte packet at 10 Mbit/s: 1 ms of transmission, and 10 ms of wire. The SYN takes
    // 10.048 ms (60 bytes), its answer as long, the data 11 ms, and the ACK of 52 bytes 10.0416 ms.
    let run = Scenario::new("One packet")
        .link("wire", &[("rate", "10 Mbit/s"), ("delay", "10 ms")])
        .node("a", "host", &[])
        .node("b", "host", &[])
        .connect("a", "b", &[("link", "wire")])
        .flow("a", "b", &[("name", "one"), ("transport", "tcp"), ("size", "1198 B")])
        .set("transport.tcp.delayed_ack", "false")
        .run()
        .unwrap_or_else(|refused| panic!("{refused}"));
    let flow = &run.summary.flows[0];
    assert_eq!((flow.bytes, flow.segments_sent), (1198, 1));
    let expected = 0.010_048 + 0.010_048 + 0.011 + 0.010_041_6;
    let took = flow.end_s.zip(flow.start_s).map(|(end, start)| end - start).expect("a finished flow");
    assert!((took - expected).abs() < 1e-6, "{took} s, not {expected}");
}

#[test]
fn two_users_on_a_switch() {
    let run = Scenario::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/runs/two-users.toml"))
        .and_then(|s| s.run())
        .unwrap_or_else(|refused| panic!("{refused}"));
    assert!(run.summary.succeeded());
    insta::assert_snapshot!(text::render(&run.summary, Some("Two users on a switch")));
}

#[test]
fn a_ring_takes_the_short_way_round() {
    let run = Scenario::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/runs/ring.toml"))
        .and_then(|s| s.run())
        .unwrap_or_else(|refused| panic!("{refused}"));
    assert!(run.summary.succeeded());
    insta::assert_snapshot!(text::render(&run.summary, Some("A ring of four routers")));
}

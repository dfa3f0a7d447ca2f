//! Ladders of whole runs, and by them: loss by number hits exactly the packet that it names.

use twinwire::observe::run::{Extras, Recording, run, run_with};
use twinwire::prelude::Scenario;

fn scenario(transport: &str, forward: &str, reverse: &str) -> Scenario {
    Scenario::parse(&format!(
        r#"
        until = "120 s"
        [transport.tcp]
        delayed_ack = false
        [link.wire]
        rate  = "10 Mbit/s"
        delay = "50 ms"
        queue = "100 pkt"
        loss  = {{ forward = {forward}, reverse = {reverse} }}
        [node.a]
        role = "host"
        [node.b]
        role = "host"
        [[connect]]
        between = ["a", "b"]
        link    = "wire"
        [[flow]]
        name      = "x"
        from      = "a"
        to        = "b"
        transport = "{transport}"
        size      = "40 kB"
        "#
    ))
}

fn ladder(scenario: &Scenario) -> String {
    let plan = scenario.plan().expect("valid");
    let done = run_with(&plan, "ladder", Recording::Digest, Extras { ladder: Some("x"), capture: None }, &mut |_| {})
        .expect("a run");
    let plain = run(&plan, "ladder", None, &mut |_| {}).expect("a run");
    assert_eq!(done.digest.hex, plain.digest.hex, "drawing changes nothing");
    assert_eq!(done.summary.flows[0].bytes, 40_000, "all arrives in the end");
    done.ladder.expect("a ladder").render()
}

/// The numbers of the segments of this kind and direction that were lost, counted from 1, and how many there were.
fn lost(ladder: &str, of: &str, forward: bool) -> (Vec<u64>, u64) {
    let (mut numbers, mut count) = (Vec::new(), 0);
    for line in ladder.lines().skip(2) {
        let to_right = line.contains("--> ") || line.contains("-----X") || line.contains("------ - -");
        let segment = to_right || line.contains(" <--") || line.contains("X-----") || line.contains("- - ------");
        let data = line.contains(" (");
        let kind = match of {
            "data" => data,
            "ack" => !data,
            "syn" => line.contains("SYN"),
            "fin" => line.contains("FIN"),
            _ => true,
        };
        if segment && to_right == forward && kind {
            count += 1;
            if line.contains("LOST: loss") {
                numbers.push(count);
            }
        }
    }
    (numbers, count)
}

#[test]
fn loss_by_list_hits_exactly_the_packets_it_names() {
    // The last of each list is a retransmission, or comes after one.
    let forward: [(&str, &[u64]); 5] =
        [("data", &[3, 15, 40]), ("ack", &[1]), ("syn", &[1, 2]), ("fin", &[1]), ("any", &[1, 5, 9])];
    let reverse: [(&str, &[u64]); 4] = [("ack", &[2, 3, 11]), ("syn", &[1]), ("fin", &[1]), ("any", &[1, 4, 20])];
    for transport in ["tcp", "rudp"] {
        for (is_forward, cases) in [(true, &forward[..]), (false, &reverse[..])] {
            for (of, drop) in cases {
                let model = format!(r#"{{ model = "list", of = "{of}", drop = {drop:?} }}"#);
                let none = r#""0 %""#.to_owned();
                let (there, back) = if is_forward { (model, none) } else { (none, model) };
                let text = ladder(&scenario(transport, &there, &back));
                let (numbers, count) = lost(&text, of, is_forward);
                let reached: Vec<u64> = drop.iter().copied().filter(|n| *n <= count).collect();
                assert!(!reached.is_empty());
                assert_eq!(numbers, reached, "{transport}, {of}, forward {is_forward}\n{text}");
            }
        }
    }
}

#[test]
fn loss_of_every_nth_counts_only_its_kind() {
    for transport in ["tcp", "rudp"] {
        for (of, is_forward, nth) in [("data", true, 7), ("any", true, 9), ("ack", false, 3)] {
            let model = format!(r#"{{ model = "every", of = "{of}", nth = {nth} }}"#);
            let none = r#""0 %""#.to_owned();
            let (there, back) = if is_forward { (model, none) } else { (none, model) };
            let text = ladder(&scenario(transport, &there, &back));
            let (numbers, count) = lost(&text, of, is_forward);
            let expected: Vec<u64> = (1..=count).filter(|n| n % nth == 0).collect();
            assert!(expected.len() > 1);
            assert_eq!(numbers, expected, "{transport}, {of}\n{text}");
        }
    }
}

#[test]
fn a_lost_segment_on_a_ladder() {
    for transport in ["tcp", "rudp"] {
        let model = r#"{ model = "list", of = "data", drop = [3] }"#;
        insta::assert_snapshot!(format!("lost_segment_{transport}"), ladder(&scenario(transport, model, r#""0 %""#)));
    }
}

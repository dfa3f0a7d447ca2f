//! The variations of `docs/fidelity.md`, "Try it", each worked out by hand round by round: what the page says is run.

use twinwire::prelude::Scenario;

const PAGE: &str = include_str!("../docs/fidelity.md");

/// Splits `a="1 kB" b=[7,9]` at the blanks outside of quotes and brackets.
fn sets(cell: &str) -> Vec<(String, String)> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for c in cell.trim().chars() {
        quoted ^= c == '"';
        match c {
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(c),
        }
    }
    let pair = |word: String| {
        let (key, value) = word.split_once('=').expect("key=value");
        (key.to_owned(), value.to_owned())
    };
    words.into_iter().filter(|word| !word.is_empty()).map(pair).collect()
}

#[test]
fn the_pages_variations_come_out_as_computed_by_hand() {
    let table = PAGE.split("## Try it").nth(1).expect("the part").lines().filter(|line| line.starts_with("| flow."));
    let base =
        Scenario::read(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/fidelity/one_flow.toml")).expect("a file");
    let mut tried = 0;
    for line in table {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [keys, ms, again, timeouts, ssthresh, _] = cells[..] else { panic!("{line}") };
        let scenario = sets(keys).iter().fold(base.clone(), |s, (key, value)| s.set(key, value));
        let run = scenario.run().unwrap_or_else(|e| panic!("{line}: {e}"));
        let flow = &run.summary.flows[0];
        let took = (flow.end_s.expect("an end") - flow.start_s.expect("a start")) * 1000.0;
        let number = |cell: &str| cell.parse::<u64>().unwrap_or_else(|e| panic!("{cell}: {e}"));
        assert!((took - number(ms) as f64).abs() < 0.1, "{line}: {took} ms");
        assert_eq!((flow.retransmits, flow.timeouts), (number(again), number(timeouts)), "{line}");
        let wanted = (ssthresh != "-").then(|| number(ssthresh));
        assert_eq!(flow.ssthresh_after_first_loss_bytes, wanted, "{line}");
        tried += 1;
    }
    assert!(tried >= 15, "{tried} lines");
}

//! Same scenario and seed, same bytes out.

use std::path::Path;
use std::sync::Arc;

use twinwire::observe::lock::Lock;
use twinwire::observe::run::{Run, run};
use twinwire::scenario::load::load;
use twinwire::scenario::text::Source;

fn replay(name: &str, text: impl Fn(String) -> String, sets: &[(&str, &str)]) -> Run {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.toml"));
    let source = Source::read(&path).expect("readable");
    let source = Source::new(path, text(source.text));
    let sets: Vec<_> = sets.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    let plan = load(&source, &sets).plan.expect("valid");
    run(&Arc::new(plan), name, None, &mut |_| {}).expect("a run")
}

#[test]
fn sys_01_the_same_run_has_the_same_digest_and_another_seed_another() {
    let same = |seed| replay("storage-tcp", |t| t, &[("seed", seed)]).digest.hex;
    assert_eq!(same("7"), same("7"));
    assert_ne!(same("7"), same("8"));
}

#[test]
fn encoding_and_decoding_every_packet_changes_nothing() {
    for name in ["storage-rudp", "storage-tcp"] {
        let (plain, wire) = (replay(name, |t| t, &[]), replay(name, |t| t, &[("sim.wire", "true")]));
        assert_eq!(plain.digest.hex, wire.digest.hex, "{name}");
    }
}

/// The storage scenario with so many more hosts, and its tables in another order.
fn with_bystanders(count: usize) -> Run {
    let text = |t: String| {
        let (head, tail) = t.split_once("[node.phone]").expect("a phone");
        let (nodes, rest) = tail.split_once("[node.dhcp]").expect("a server");
        format!(
            "{head}[node.aaa-bystander]\nrole = \"host\"\ncount = {count}\n[node.dhcp]{rest}\n[node.phone]{nodes}\n\
             [[connect]]\nbetween = [\"aaa-bystander[*]\", \"gateway\"]\nlink = \"wan\"\n"
        )
    };
    replay("storage-rudp", text, &[])
}

/// From a thousand nodes on a network looks ahead, from ten thousand on to routes, too (`sim/lookahead.rs`): nothing
/// may depend on it.
#[test]
fn bystanders_and_the_order_of_tables_change_no_one_elses_records() {
    let plain = replay("storage-rudp", |t| t, &[]);
    for count in [1, 1_000, 10_000] {
        let crowd = with_bystanders(count);
        for place in &plain.digest.per_place {
            assert!(crowd.digest.per_place.contains(place), "{} differs among {count}", place.name);
        }
    }
}

/// `verify` holds the same locks against a release build: so both builds run alike.
#[test]
fn a_debug_build_gives_the_recorded_digests() {
    for name in ["storage-rudp", "storage-tcp", "link-failure", "dhcp-renewal"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.lock"));
        let lock = Lock::parse(&std::fs::read_to_string(path).expect("readable")).expect("a lock");
        assert_eq!(replay(name, |t| t, &[]).digest.hex, lock.digest, "{name}");
    }
}

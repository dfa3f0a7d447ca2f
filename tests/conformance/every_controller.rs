//! What every controller must keep, and one picture of each: windows over an ideal bottleneck.

use std::fmt::Write;

use proptest::prelude::*;
use twinwire::base::time::{Duration, Instant};
use twinwire::transport::congestion::CONTROLLERS;
use twinwire::transport::congestion::controller::{Acked, Controller, Lost};

use crate::bench::{controller, ms};

const SMSS: u64 = 1000;
const INITIAL: u64 = 10 * SMSS;
/// Those that react to what happens.
const ADAPTIVE: [&str; 3] = ["reno", "newreno", "cubic"];

#[test]
fn the_list_is_complete() {
    let names: Vec<&str> = CONTROLLERS.names().filter(|n| *n != "fixed").collect();
    assert_eq!(names, ADAPTIVE);
}

/// What may befall a controller.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Ack { bytes: u64, limited: bool, rtt_ms: u64, after_ms: u64 },
    Loss { out: u64 },
    Timeout { out: u64, repeated: bool },
    Recovered { out: u64 },
    Idle,
    Spurious,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        20 => (0u64..200_000, any::<bool>(), 0u64..3000, 0u64..5000)
            .prop_map(|(bytes, limited, rtt_ms, after_ms)| Fate::Ack { bytes, limited, rtt_ms, after_ms }),
        2 => (0u64..1 << 41).prop_map(|out| Fate::Loss { out }),
        1 => (0u64..1 << 41, any::<bool>()).prop_map(|(out, repeated)| Fate::Timeout { out, repeated }),
        2 => (0u64..1 << 41).prop_map(|out| Fate::Recovered { out }),
        1 => Just(Fate::Idle),
        1 => Just(Fate::Spurious),
    ]
}

fn suffer(c: &mut Box<dyn Controller>, now: &mut Instant, fate: Fate) {
    match fate {
        Fate::Ack { bytes, limited, rtt_ms, after_ms } => {
            *now += ms(after_ms);
            let rtt = (rtt_ms > 0).then(|| ms(rtt_ms));
            let in_flight_bytes = c.window().max(bytes);
            let cwnd_limited = limited;
            c.on_ack(&Acked { now: *now, bytes, in_flight_bytes, cwnd_limited, rtt, srtt: rtt, after_timeout: false });
        }
        Fate::Loss { out } => c.on_loss(&Lost { now: *now, in_flight_bytes: out, repeated: false }),
        Fate::Timeout { out, repeated } => c.on_timeout(&Lost { now: *now, in_flight_bytes: out, repeated }),
        Fate::Recovered { out } => c.on_recovered(out),
        Fate::Idle => c.on_idle(),
        Fate::Spurious => c.on_spurious(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    /// Overflow would panic here: these are debug builds.
    #[test]
    fn every_controller_keeps_its_bounds(fates in prop::collection::vec(fate(), 1..200), counting: bool) {
        for entry in CONTROLLERS.entries {
            let mut c = controller(entry.name, SMSS, INITIAL, counting, &[]);
            let (mut now, mut reduced) = (Instant::ZERO, false);
            for &fate in &fates {
                let before = c.window();
                suffer(&mut c, &mut now, fate);
                let after = c.window();
                prop_assert!((SMSS..=1 << 42).contains(&after), "{}: {after} after {fate:?}", entry.name);
                // Without a reduction there is no second timeout of the same segment.
                reduced &= !matches!(fate, Fate::Spurious);
                reduced |= matches!(fate, Fate::Loss { .. } | Fate::Timeout { repeated: false, .. });
                match fate {
                    Fate::Ack { limited: false, .. } => prop_assert_eq!(before, after, "{}", entry.name),
                    // Nothing shrinks the window but losses, rest, and the end of recovery.
                    Fate::Ack { .. } => prop_assert!(after >= before, "{}", entry.name),
                    Fate::Idle => prop_assert!(after <= before, "{}", entry.name),
                    _ => {}
                }
                if reduced && matches!(fate, Fate::Loss { .. } | Fate::Timeout { .. }) && entry.name != "fixed" {
                    prop_assert!(c.ssthresh().is_some_and(|s| s >= 2 * SMSS), "{} {fate:?}", entry.name);
                }
                if let (Fate::Timeout { .. }, true) = (fate, ADAPTIVE.contains(&entry.name)) {
                    prop_assert_eq!(after, SMSS);
                }
            }
        }
    }

    /// Slow start at most doubles the window in a round trip, whatever the ACKs look like.
    #[test]
    fn every_controller_at_most_doubles(acks in prop::collection::vec(1u64..1500, 1..400)) {
        for name in ADAPTIVE {
            let mut c = controller(name, SMSS, INITIAL, false, &[]);
            let mut total = 0;
            for &bytes in &acks {
                total += bytes;
                let (now, rtt) = (Instant::ZERO + ms(100), Some(ms(100)));
                c.on_ack(&Acked { now, bytes, in_flight_bytes: c.window(), cwnd_limited: true, rtt, srtt: rtt, after_timeout: false });
                prop_assert!(c.window() <= INITIAL + total, "{name}");
            }
        }
    }
}

#[test]
fn a_needless_reduction_is_taken_back_by_all() {
    for name in ADAPTIVE {
        let mut c = controller(name, SMSS, INITIAL, false, &[]);
        c.on_loss(&Lost { now: Instant::ZERO, in_flight_bytes: INITIAL, repeated: false });
        assert!(c.window() < INITIAL, "{name}");
        c.on_spurious();
        assert_eq!((c.window(), c.ssthresh()), (INITIAL, None), "{name}");
    }
}

/// A flow over an ideal bottleneck of 60 segments in a round trip of 100 ms, with room for 30 more:
/// a window above both loses, once a round trip; the queue adds to the RTT.
const BDP: u64 = 60 * SMSS;
const BUFFER: u64 = 30 * SMSS;
const BASE: u64 = 100;
const ROUNDS: usize = 120;

/// The window at the begin of each round trip, and how often it was reduced.
fn rounds(name: &str) -> (Vec<u64>, usize) {
    let mut c = controller(name, SMSS, INITIAL, false, &[]);
    let (mut now, mut seen, mut losses) = (Instant::ZERO, Vec::new(), 0);
    for _ in 0..ROUNDS {
        let window = c.window();
        seen.push(window);
        let queued = window.min(BDP + BUFFER).saturating_sub(BDP);
        let rtt = Duration::from_micros(BASE * 1000 * (BDP + queued) / BDP);
        if window > BDP + BUFFER {
            // One reduction; recovery takes a round trip.
            losses += 1;
            c.on_loss(&Lost { now, in_flight_bytes: window, repeated: false });
            now += rtt;
            c.on_recovered(c.window());
            continue;
        }
        // The ACKs come spread over the round trip, the window growing with each.
        let acks = window / SMSS;
        let mut in_flight_bytes = window;
        for _ in 0..acks {
            now += rtt / acks;
            let rtt = Some(rtt);
            let cwnd_limited = true;
            c.on_ack(&Acked { now, bytes: SMSS, in_flight_bytes, cwnd_limited, rtt, srtt: rtt, after_timeout: false });
            in_flight_bytes = c.window();
        }
    }
    (seen, losses)
}

/// A plot that a person can read, and under it the numbers.
fn picture(windows: &[u64]) -> String {
    let mut out = String::new();
    for row in (0..20).rev() {
        let (low, high) = (row * 5 * SMSS, (row + 1) * 5 * SMSS);
        let mark = |w: &u64| if (low..high).contains(w) { '*' } else { ' ' };
        let line: String = windows.iter().map(mark).collect();
        let _ = writeln!(out, "{:>4} |{}", low / SMSS, line.trim_end());
    }
    let _ = writeln!(out, "     +{} round trips", "-".repeat(windows.len()));
    for ten in windows.chunks(10) {
        let _ = writeln!(out, "{}", ten.iter().map(u64::to_string).collect::<Vec<_>>().join(","));
    }
    out
}

#[test]
fn every_controller_over_an_ideal_bottleneck() {
    for name in ADAPTIVE {
        let (windows, losses) = rounds(name);
        insta::assert_snapshot!(name, format!("{losses} losses\n{}", picture(&windows)));
    }
    // What the pictures show, in numbers.
    let mean = |name: &str| rounds(name).0.iter().sum::<u64>() / ROUNDS as u64;
    assert!(mean("cubic") > mean("newreno"), "CUBIC keeps the path fuller");
    assert_eq!(rounds("fixed").0, [INITIAL; ROUNDS]);
}

//! Every congestion controller under RUDP: one packet lost, and what becomes of the window.

use twinwire::observe::summary::FlowSummary;
use twinwire::prelude::Scenario;

const PAYLOAD: u64 = 1152;
const PACKETS: u64 = 1000;

/// A thousand packets over 10 Mbit/s and 50 ms each way, of which the one with this number is lost.
fn flow(congestion: &str, lost: u64) -> FlowSummary {
    let text = format!(
        r#"
schema = 1
title = "RUDP under a controller"
seed = 1
until = "60 s"

[transport.rudp]
congestion = {congestion}
payload    = "{PAYLOAD} B"

[link.wire]
rate  = "10 Mbit/s"
delay = "50 ms"
queue = "1000 pkt"
loss  = {{ forward = {{ model = "list", of = "data", drop = [{lost}] }}, reverse = "0 %" }}

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
transport = "rudp"
size      = "{bytes} B"
"#,
        bytes = PACKETS * PAYLOAD
    );
    let run = Scenario::parse(&text).run().unwrap_or_else(|e| panic!("{congestion}: {e}"));
    let flow = run.summary.flows.into_iter().next().expect("a flow");
    assert_eq!((flow.bytes, flow.timeouts), (PACKETS * PAYLOAD, 0), "{congestion}");
    flow
}

fn took_ms(flow: &FlowSummary) -> f64 {
    (flow.end_s.expect("an end") - flow.start_s.expect("a start")) * 1000.0
}

#[test]
fn rudp_each_controller_reduces_by_its_own_rule() {
    // In slow start the window is 10 + 99 when packet 100 is found lost: 109 are out, or, HyStart++ having nothing to say
    // yet, as many with CUBIC. Three packets above it were needed to tell, and their ACKs grew nothing.
    let reduced = |name: &str| {
        let flow = flow(&format!("\"{name}\""), 100);
        assert_eq!((flow.congestion.as_str(), flow.retransmits), (name, 1));
        let bytes = flow.ssthresh_after_first_loss_bytes.expect("a loss");
        (bytes as f64 / PAYLOAD as f64, took_ms(&flow))
    };
    let (reno, newreno, cubic) = (reduced("reno"), reduced("newreno"), reduced("cubic"));
    let out = 2.0 * reno.0;
    assert!((108.0..=113.0).contains(&out), "{reno:?}");
    assert_eq!(reno.0, newreno.0);
    assert!((cubic.0 / out - 0.7).abs() < 0.01, "{cubic:?} of {out}");
    assert!(cubic.1 < reno.1, "CUBIC keeps more of the window, {cubic:?}, than Reno, {reno:?}");
}

#[test]
fn rudp_a_fixed_window_stays() {
    // Twenty packets a round trip, fifty times, losses or not. A round trip is 100 ms, a packet's time on the wire and
    // the wait of every second ACK for the next packet; opening takes one, the last ACK of all its delay.
    let congestion = format!("{{ controller = \"fixed\", window = \"{} B\" }}", 20 * PAYLOAD);
    for lost in [5000, 100] {
        let flow = flow(&congestion, lost);
        assert_eq!((flow.congestion.as_str(), flow.ssthresh_after_first_loss_bytes), ("fixed", None));
        assert_eq!(flow.retransmits, u64::from(lost == 100));
        let rounds = took_ms(&flow) / 103.0;
        assert!((50.5..=53.0).contains(&rounds), "{rounds} round trips, {lost}");
    }
}

#[test]
fn rudp_every_controller_in_every_mode_brings_all() {
    for congestion in ["reno", "newreno", "cubic", "fixed"] {
        for mode in ["selective-repeat", "go-back-n", "stop-and-wait"] {
            let mode_set = ("transport.rudp.mode", format!("\"{mode}\""));
            let until = ("until", "\"600 s\"".to_owned());
            let sets: Vec<(&str, &str)> = [&mode_set, &until].map(|(k, v)| (*k, v.as_str())).into();
            let flow = flow_lossy(congestion, &sets);
            assert_eq!(flow.bytes, 100 * PAYLOAD, "{congestion} {mode}");
            assert!(flow.end_s.is_some() && flow.retransmits > 0, "{congestion} {mode}");
        }
    }
}

/// A hundred packets, every seventh lost.
fn flow_lossy(congestion: &str, sets: &[(&str, &str)]) -> FlowSummary {
    let text = format!(
        r#"
schema = 1
title = "RUDP with losses"
seed = 1
until = "60 s"
[transport.rudp]
congestion = "{congestion}"
[link.wire]
rate  = "10 Mbit/s"
delay = "20 ms"
loss  = {{ forward = {{ model = "every", of = "data", nth = 7 }}, reverse = "0 %" }}
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
transport = "rudp"
size      = "{bytes} B"
"#,
        bytes = 100 * PAYLOAD
    );
    let scenario = sets.iter().fold(Scenario::parse(&text), |s, (key, value)| s.set(key, value));
    let run = scenario.run().unwrap_or_else(|e| panic!("{congestion} {sets:?}: {e}"));
    run.summary.flows.into_iter().next().expect("a flow")
}

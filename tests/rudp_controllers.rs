//! Every congestion controller under RUDP: one packet lost, and what becomes of the window.

use twinwire::observe::summary::FlowSummary;
use twinwire::prelude::Scenario;

const PAYLOAD: u64 = 1152;

/// One flow of so many packets over 10 Mbit/s, in a mode, with a delay each way and a loss model.
fn run(congestion: &str, mode: &str, packets: u64, delay: &str, loss: &str) -> FlowSummary {
    let text = format!(
        r#"
until = "600 s"
[transport.rudp]
congestion = {congestion}
mode       = "{mode}"
payload    = "{PAYLOAD} B"
[link.wire]
rate  = "10 Mbit/s"
delay = "{delay}"
queue = "1000 pkt"
loss  = {{ forward = {loss}, reverse = "0 %" }}
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
        bytes = packets * PAYLOAD
    );
    let run = Scenario::parse(&text).run().unwrap_or_else(|e| panic!("{congestion} {mode}: {e}"));
    let flow = run.summary.flows.into_iter().next().expect("a flow");
    assert_eq!(flow.bytes, packets * PAYLOAD, "{congestion} {mode}");
    flow
}

/// A thousand packets over 50 ms each way, of which the one with this number is lost.
fn flow(congestion: &str, lost: u64) -> FlowSummary {
    let loss = format!("{{ model = \"list\", of = \"data\", drop = [{lost}] }}");
    let flow = run(congestion, "selective-repeat", 1000, "50 ms", &loss);
    assert_eq!(flow.timeouts, 0, "{congestion}");
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
        assert_eq!((&*flow.congestion, flow.retransmits), (name, 1));
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
        assert_eq!((&*flow.congestion, flow.ssthresh_after_first_loss_bytes), ("fixed", None));
        assert_eq!(flow.retransmits, u64::from(lost == 100));
        let rounds = took_ms(&flow) / 103.0;
        assert!((50.5..=53.0).contains(&rounds), "{rounds} round trips, {lost}");
    }
}

#[test]
fn rudp_every_controller_in_every_mode_brings_all() {
    for congestion in ["reno", "newreno", "cubic", "fixed"] {
        for mode in ["selective-repeat", "go-back-n", "stop-and-wait"] {
            let every_seventh = "{ model = \"every\", of = \"data\", nth = 7 }";
            let flow = run(&format!("\"{congestion}\""), mode, 100, "20 ms", every_seventh);
            assert!(flow.end_s.is_some() && flow.retransmits > 0, "{congestion} {mode}");
        }
    }
}

//! `profile = "linux"` beside the Linux kernel. The figures were measured on Linux 6.18 (TCP_CONGESTION reno and
//! cubic, everything else as the kernel has it, every segment acknowledged, large buffers) over a link in user space that
//! drops data segments by number, repeats counted. One flow; the link's delay is in tenths of a millisecond, its
//! queue in packets. None of these patterns is in `tests/data/reference`.

use twinwire::observe::summary::FlowSummary;
use twinwire::prelude::Scenario;

/// Controller, segments, their size, Mbit/s, delay, queue, what is dropped ("e7": every 7th); then what
/// the kernel came to: retransmissions, timeouts, ssthresh after the first loss in segments (0: none), completion in
/// ms (0: not compared, because every n-th segment of a window that n fits is a matter of one packet's luck).
type Case = (&'static str, u64, u64, u64, u64, u64, &'static str, u64, u64, u64, u64);

#[rustfmt::skip]
const LINUX: &[Case] = &[
    ("reno", 1000, 1448, 10, 500, 1000, "", 0, 0, 0, 1629),
    ("reno", 1000, 1448, 10, 500, 1000, "1", 1, 0, 5, 4471),
    ("reno", 1000, 1448, 10, 500, 1000, "10", 1, 0, 9, 4090),
    ("reno", 1000, 1448, 10, 500, 1000, "11", 1, 0, 10, 4079),
    ("reno", 1000, 1448, 10, 500, 1000, "30", 1, 0, 19, 3396),
    ("reno", 1000, 1448, 10, 500, 1000, "100-104", 5, 0, 54, 2031),
    ("reno", 1000, 1448, 10, 500, 1000, "100,102,104,106,108", 5, 0, 54, 2030),
    ("reno", 1000, 1448, 10, 500, 1000, "100,500", 2, 0, 54, 2622),
    ("reno", 1000, 1448, 10, 500, 1000, "11-30", 20, 0, 10, 4733),
    ("reno", 1000, 1448, 10, 500, 1000, "1-10", 10, 0, 5, 4983),
    ("reno", 1000, 1448, 10, 500, 1000, "e50", 20, 0, 29, 12453),
    ("reno", 200, 1448, 10, 500, 1000, "200", 1, 0, 0, 1130),
    ("reno", 200, 1448, 10, 500, 1000, "199,200", 2, 0, 104, 1134),
    ("reno", 50, 1448, 10, 500, 1000, "46-50", 5, 0, 27, 1056),
    ("reno", 10, 1448, 10, 500, 1000, "10", 1, 0, 0, 651),
    ("reno", 10, 1448, 10, 500, 1000, "8-10", 3, 0, 8, 729),
    ("reno", 1, 1448, 10, 500, 1000, "1", 1, 0, 0, 530),
    ("reno", 1, 1448, 10, 500, 1000, "1-2", 2, 1, 5, 828),
    ("reno", 2, 1448, 10, 500, 1000, "1", 1, 0, 5, 335),
    ("reno", 4, 1448, 10, 500, 1000, "3", 1, 0, 5, 336),
    ("reno", 1000, 1448, 10, 500, 26, "", 41, 0, 65, 1879),
    ("reno", 1000, 1448, 10, 500, 36, "", 41, 0, 75, 1727),
    ("reno", 500, 1448, 10, 1500, 1000, "50", 1, 0, 29, 5141),
    ("reno", 500, 1448, 10, 1500, 1000, "50-54", 5, 0, 29, 5156),
    ("reno", 1000, 536, 10, 500, 1000, "100", 1, 0, 55, 1955),
    ("reno", 500, 8948, 100, 200, 1000, "60,61", 2, 0, 34, 664),
    ("reno", 1000, 1448, 10, 500, 1000, "100-153", 54, 0, 54, 2151),
    ("reno", 300, 1448, 10, 500, 1000, "e13", 24, 0, 11, 9085),
    ("reno", 400, 1448, 10, 500, 1000, "e17", 24, 0, 13, 11133),
    ("reno", 500, 1448, 10, 500, 1000, "e23", 22, 0, 16, 10242),
    ("reno", 800, 1448, 10, 500, 1000, "e67", 12, 0, 38, 7042),
    ("reno", 2000, 1448, 100, 25, 1000, "100-104", 5, 0, 54, 262),
    ("reno", 500, 1448, 10, 200, 1000, "50", 1, 0, 29, 758),
    ("reno", 1000, 1448, 50, 200, 1000, "200", 1, 0, 104, 533),
    ("reno", 1000, 1448, 50, 200, 1000, "200-220", 21, 0, 104, 547),
    ("reno", 200, 1448, 10, 500, 1000, "e7", 33, 0, 8, 0),
    ("reno", 500, 1448, 10, 500, 1000, "e20", 26, 0, 14, 0),
    ("reno", 1000, 1448, 10, 500, 1000, "100,211", 2, 0, 54, 2040),
    ("reno", 1000, 1448, 10, 500, 1000, "100-102,211,212", 5, 0, 54, 2048),
    ("cubic", 1000, 1448, 10, 500, 1000, "", 0, 0, 0, 1631),
    ("cubic", 1000, 1448, 10, 500, 1000, "1", 1, 0, 7, 5517),
    ("cubic", 1000, 1448, 10, 500, 1000, "10", 1, 0, 13, 4604),
    ("cubic", 1000, 1448, 10, 500, 1000, "30", 1, 0, 27, 3154),
    ("cubic", 1000, 1448, 10, 500, 1000, "100-104", 5, 0, 76, 1661),
    ("cubic", 1000, 1448, 10, 500, 1000, "100,500", 2, 0, 76, 1839),
    ("cubic", 1000, 1448, 10, 500, 1000, "11-30", 20, 0, 14, 5138),
    ("cubic", 1000, 1448, 10, 500, 1000, "1-10", 10, 0, 7, 6024),
    ("cubic", 10, 1448, 10, 500, 1000, "8-10", 3, 0, 11, 733),
    ("cubic", 500, 1448, 10, 1500, 1000, "50", 1, 0, 41, 3940),
    ("cubic", 1000, 536, 10, 500, 1000, "100", 1, 0, 77, 1558),
    ("cubic", 1000, 1448, 10, 500, 1000, "100-153", 54, 0, 76, 1790),
    ("cubic", 1000, 1448, 50, 200, 1000, "200-220", 21, 0, 146, 477),
    ("cubic", 500, 1448, 10, 500, 15, "", 21, 0, 48, 1353),
    ("cubic", 200, 1448, 10, 500, 1000, "e7", 33, 0, 11, 0),
    ("cubic", 500, 1448, 10, 500, 1000, "e20", 26, 0, 20, 0),
    ("cubic", 800, 1448, 10, 500, 1000, "e67", 12, 0, 53, 5400),
    ("cubic", 1000, 1448, 10, 500, 1000, "100,211", 2, 0, 76, 1671),
];

fn ours(case: &Case) -> FlowSummary {
    let &(congestion, segments, mss, rate, delay, queue, drop, ..) = case;
    let loss = match drop.strip_prefix('e') {
        Some(nth) => format!("{{ model = \"every\", of = \"data\", nth = {nth} }}"),
        None => {
            let parts = drop.split(',').filter(|part| !part.is_empty());
            let numbers = parts.flat_map(|part| {
                let (first, last) = part.split_once('-').unwrap_or((part, part));
                first.parse::<u64>().expect("a number")..=last.parse().expect("a number")
            });
            format!("{{ model = \"list\", of = \"data\", drop = {:?} }}", numbers.collect::<Vec<_>>())
        }
    };
    let loss = if drop.is_empty() { "\"0 %\"".to_owned() } else { loss };
    let text = format!(
        r#"
schema = 1
title = "Beside the kernel"
seed = 1
until = "60 s"

[transport.tcp]
profile     = "linux"
congestion  = "{congestion}"
mss         = "{mss} B"
delayed_ack = false

[link.wire]
rate  = "{rate} Mbit/s"
delay = "{us} us"
queue = "{queue} pkt"
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
transport = "tcp"
size      = "{bytes} B"
"#,
        us = delay * 100,
        bytes = segments * mss
    );
    let run = Scenario::parse(&text).run().unwrap_or_else(|e| panic!("{case:?}: {e}"));
    run.summary.flows.into_iter().next().expect("a flow")
}

#[test]
fn profile_linux_does_what_the_kernel_does() {
    let mut wrong = Vec::new();
    for case in LINUX {
        let &(.., retransmits, timeouts, ssthresh, complete) = case;
        let flow = ours(case);
        let (start, end) = flow.start_s.zip(flow.end_s).expect("it completed");
        let (ms, linux) = (1000.0 * (end - start), complete as f64);
        let found = flow.ssthresh_after_first_loss_bytes.unwrap_or(0) / case.2;
        // The kernel's timers fire up to 40 ms late, and its ACKs leave a moment after the segment came.
        let same = (flow.retransmits, flow.timeouts) == (retransmits, timeouts)
            && found.abs_diff(ssthresh) <= 1
            && (complete == 0 || (ms - linux).abs() <= (0.02 * linux).max(45.0));
        if !same {
            let ours = (flow.retransmits, flow.timeouts, found, ms.round());
            wrong.push(format!("{case:?}: ours {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

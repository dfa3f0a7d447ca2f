//! A scenario to start from.

/// A commented scenario with this title. It runs as it is.
pub fn new(name: &str) -> String {
    let title: String = name.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
    TEXT.replace("TITLE", &title)
}

const TEXT: &str = r#"schema = 1
title  = "TITLE"
seed   = 1                       # the same seed gives the same run, bit for bit
until  = "60 s"                  # virtual time; the run ends earlier once all is done

[transport.tcp]                  # defaults of every TCP connection
congestion = "newreno"           # `twinwire list` shows them all

[link.access]                    # a link profile, for [[connect]] to use
rate  = "100 Mbit/s"
delay = "1 ms"
[link.bottleneck]
rate  = "10 Mbit/s"
delay = "20 ms"
queue = "1 BDP"                  # or "100 pkt", "64 kB", "20 ms"
# loss = "0.5 %"                 # or { model = "gilbert-elliott", enter = "1 %", leave = "30 %" }

[node.sender]
role  = "host"
count = 2                        # sender[0] and sender[1]
[node.receiver]
role  = "host"
count = 2
[node.left]
role = "router"
[node.right]
role = "router"

[[connect]]
between = ["sender[*]", "left"]  # one wire for each of the group
link    = "access"
[[connect]]
between = ["left", "right"]      # named left--right
link    = "bottleneck"
[[connect]]
between = ["right", "receiver[*]"]
link    = "access"

[[flow]]
name  = "bulk"                   # bulk[0] and bulk[1]
from  = "sender[*]"
to    = "receiver[*]"
size  = "5 MB"                   # or for = "30 s"
start = { at = "0 s", every = "100 ms" }

# [[event]]                      # something breaks, and mends
# at   = "5 s"
# for  = "1 s"
# link = "left--right"
# set  = { down = true }

[[expect]]                       # a run whose expectation fails exits 1
that = "flow.completed == 2"
[[expect]]
that = "jain(flow.goodput) >= 0.8"
"#;

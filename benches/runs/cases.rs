//! The scenarios that are measured, made in code: texts that `twinwire run` takes too.

use std::fmt::Write;

/// N senders and N receivers at 1 Gbit/s and 1 ms each; between them 100 Mbit/s, 20 ms one way and
/// 350 packets. Flow i starts at i * 10 ms.
pub(crate) fn dumbbell(flows: usize, transport: &str, sack: bool, seconds: u64) -> String {
    let end = if flows > 1 { "[*]" } else { "[0]" };
    format!(
        r#"# {flows} flows share a bottleneck.
schema = 1
title  = "Dumbbell, {flows} {transport} flows"
seed   = 1
until  = "{seconds} s"

[transport.tcp]
congestion  = "newreno"
mss         = "1448 B"
delayed_ack = true
sack        = {sack}
[transport.rudp]
congestion  = "newreno"

[link.access]
rate  = "1 Gbit/s"
delay = "1 ms"
[link.bottleneck]
rate  = "100 Mbit/s"
delay = "20 ms"
queue = "350 pkt"

[node.sender]
role  = "host"
count = {flows}
[node.receiver]
role  = "host"
count = {flows}
[node.left]
role = "router"
[node.right]
role = "router"

[[connect]]
between = ["sender{end}", "left"]
link    = "access"
[[connect]]
between = ["left", "right"]
link    = "bottleneck"
[[connect]]
between = ["right", "receiver{end}"]
link    = "access"

[[flow]]
name      = "bulk"
from      = "sender{end}"
to        = "receiver{end}"
transport = "{transport}"
for       = "{seconds} s"
start     = {{ at = "0 s", every = "10 ms" }}
"#
    )
}

/// Users in a hundred groups, one group every 200 ms, each fetching 100 kB: a name, a redirect, a
/// download.
pub(crate) fn storage(users: usize, transport: &str) -> String {
    let mut text = format!(
        r#"# {users} users fetch a file each.
schema = 1
title  = "Storage, {users} users over {transport}"
seed   = 1
until  = "300 s"

[link.access]
rate  = "100 Mbit/s"
delay = "5 ms"
[link.backbone]
rate  = "10 Gbit/s"
delay = "2 ms"
queue = "1000 pkt"

[node.gateway]
role = "router"
[node.dns]
role = "dns-server"
zone = {{ "appstore.example" = "@appstore" }}
[node.appstore]
role   = "app-store"
policy = "by-type"
routes = [{{ match = "*.pdf", to = ["pdf-storage"] }}]
[node.pdf-storage]
role  = "storage"
files = {{ "testP2.pdf" = "100 kB" }}

[[connect]]
between = ["dns", "gateway"]
link    = "backbone"
[[connect]]
between = ["appstore", "gateway"]
link    = "backbone"
[[connect]]
between = ["pdf-storage", "gateway"]
link    = "backbone"
"#
    );
    let groups = users.min(100);
    for group in 0..groups {
        let count = users / groups;
        let (member, at) = (if count > 1 { "[*]" } else { "[0]" }, group * 200);
        let _ = write!(
            text,
            r#"
[node.user-{group}]
role      = "user"
count     = {count}
transport = "{transport}"
fetch     = [{{ url = "http://appstore.example/testP2.pdf", at = "{at} ms" }}]
[[connect]]
between = ["user-{group}{member}", "gateway"]
link    = "access"
"#
        );
    }
    text
}

/// Two flows through a chain of routers, half of it each: a packet lives for 64 hops.
pub(crate) fn chain(routers: usize, transport: &str, seconds: u64) -> String {
    let mut text = format!(
        r#"# A chain of {routers} routers, two flows over half of it each.
schema = 1
title  = "Chain of {routers} routers"
seed   = 1
until  = "{seconds} s"

[link.wire]
rate  = "100 Mbit/s"
delay = "200 us"

[node.sender]
role  = "host"
count = 2
[node.receiver]
role  = "host"
count = 2
[node.router]
role  = "router"
count = {routers}

[[connect]]
between = ["sender[0]", "router[0]"]
link    = "wire"
[[connect]]
between = ["router[{middle}]", "receiver[0]"]
link    = "wire"
[[connect]]
between = ["sender[1]", "router[{middle}]"]
link    = "wire"
[[connect]]
between = ["router[{last}]", "receiver[1]"]
link    = "wire"

[[flow]]
name      = "bulk"
from      = "sender[*]"
to        = "receiver[*]"
transport = "{transport}"
for       = "{seconds} s"
"#,
        middle = routers / 2,
        last = routers - 1
    );
    for next in 1..routers {
        let _ =
            write!(text, "\n[[connect]]\nbetween = [\"router[{}]\", \"router[{next}]\"]\nlink = \"wire\"\n", next - 1);
    }
    text
}

/// One row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What it is called, and asked for by.
    pub(crate) name: String,
    /// The scenario.
    pub(crate) text: String,
    /// Flows, or users.
    pub(crate) flows: usize,
}

fn case(name: impl Into<String>, flows: usize, text: String) -> Case {
    Case { name: name.into(), text, flows }
}

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for flows in [1, 10, 100, 1000, 10_000] {
        cases.push(case(format!("tcp-sack-{flows}"), flows, dumbbell(flows, "tcp", true, 60)));
    }
    for flows in [1, 10, 100, 1000, 10_000] {
        cases.push(case(format!("tcp-nosack-{flows}"), flows, dumbbell(flows, "tcp", false, 60)));
    }
    for flows in [1, 10, 100, 1000, 10_000] {
        cases.push(case(format!("rudp-{flows}"), flows, dumbbell(flows, "rudp", true, 60)));
    }
    cases.push(case("storage-tcp-10000", 10_000, storage(10_000, "tcp")));
    cases.push(case("storage-rudp-10000", 10_000, storage(10_000, "rudp")));
    cases.push(case("chain-100", 2, chain(100, "tcp", 10)));
    cases
}

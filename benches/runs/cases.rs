//! The scenarios that are measured, made in code: texts that `twinwire run` takes too.

use std::fmt::Write;

/// A wire of a link profile between two nodes or groups.
fn wire(a: &str, b: &str, link: &str) -> String {
    format!("[[connect]]\nbetween = [\"{a}\", \"{b}\"]\nlink    = \"{link}\"\n")
}

/// N senders and N receivers at 1 Gbit/s and 1 ms each; between them 100 Mbit/s, 20 ms one way and
/// 350 packets. Flow i starts at i * 10 ms.
pub(crate) fn dumbbell(flows: usize, transport: &str, sack: bool, seconds: u64) -> String {
    let end = if flows > 1 { "[*]" } else { "[0]" };
    let wires = [
        wire(&format!("sender{end}"), "left", "access"),
        wire("left", "right", "bottleneck"),
        wire("right", &format!("receiver{end}"), "access"),
    ]
    .concat();
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

{wires}
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

"#
    );
    ["dns", "appstore", "pdf-storage"].iter().for_each(|server| text += &wire(server, "gateway", "backbone"));
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
{wire}"#,
            wire = wire(&format!("user-{group}{member}"), "gateway", "access")
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

[[flow]]
name      = "bulk"
from      = "sender[*]"
to        = "receiver[*]"
transport = "{transport}"
for       = "{seconds} s"

"#
    );
    let router = |n: usize| format!("router[{n}]");
    let (middle, last) = (router(routers / 2), router(routers - 1));
    let ends = [("sender[0]", "router[0]"), (&middle, "receiver[0]"), ("sender[1]", &middle), (&last, "receiver[1]")];
    ends.iter().for_each(|(a, b)| text += &wire(a, b, "wire"));
    (1..routers).for_each(|next| text += &wire(&router(next - 1), &router(next), "wire"));
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

/// The dumbbells, by transport and, for TCP, SACK on or off.
pub(crate) const KINDS: [&str; 3] = ["tcp-sack", "tcp-nosack", "rudp"];

/// A dumbbell of any size.
pub(crate) fn sized(kind: &str, flows: usize) -> Case {
    let transport = if kind == "rudp" { "rudp" } else { "tcp" };
    case(format!("{kind}-{flows}"), flows, dumbbell(flows, transport, kind != "tcp-nosack", 60))
}

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let sizes = [1, 10, 100, 1000, 10_000];
    let mut cases: Vec<Case> = KINDS.iter().flat_map(|kind| sizes.map(|flows| sized(kind, flows))).collect();
    cases.push(case("storage-tcp-10000", 10_000, storage(10_000, "tcp")));
    cases.push(case("storage-rudp-10000", 10_000, storage(10_000, "rudp")));
    cases.push(case("chain-100", 2, chain(100, "tcp", 10)));
    cases
}

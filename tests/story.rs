//! The whole story (SYS-03): a lease, names, a redirect, two downloads, while the lease is renewed.

use std::net::Ipv4Addr;
use std::sync::Arc;

use twinwire::base::note::Nobody;
use twinwire::base::report::NodeReport;
use twinwire::base::time::Instant;
use twinwire::scenario::build::build;
use twinwire::scenario::load::load;
use twinwire::scenario::text::Source;

fn run(text: String) -> Vec<NodeReport> {
    let loaded = load(&Source::new("test.toml", text), &[]);
    let plan = loaded.plan.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
    let until = Instant::ZERO + plan.until;
    let mut network = build(&Arc::new(plan), Nobody).unwrap();
    network.start();
    while network.is_busy() && network.step(until) {}
    network.node_reports().into_iter().map(|(report, _)| report).collect()
}

fn connect(pairs: &[(&str, &str)], link: &str) -> String {
    pairs.iter().map(|(a, b)| format!("[[connect]]\nbetween = [\"{a}\", \"{b}\"]\nlink = \"{link}\"\n")).collect()
}

fn story(transport: &str, loss: u32, lease: &str, more: &str) -> NodeReport {
    let text = format!(
        r#"
schema = 1
seed = 11
until = "20000 s"
[link.lan]
rate = "100 Mbit/s"
delay = "1 ms"
[link.wan]
rate = "10 Mbit/s"
delay = "10 ms"
loss = "{loss} %"
[node.phone]
role = "user"
address = "dhcp"
transport = "{transport}"
timeout = "19000 s"
retries = 100
fetch = [{{ url = "http://shop.example/film.mp4" }}, {{ url = "http://appstore.example/paper.pdf" }}]
[node.dhcp]
role = "dhcp-server"
address = "10.0.0.2"
pool = "10.0.0.100..10.0.0.101"
lease = "{lease}"
{more}
[node.dns]
role = "dns-server"
address = "10.0.0.3"
zone = {{ "appstore.example" = "@appstore", "shop.example" = "appstore.example" }}
[node.lan]
role = "switch"
[node.gateway]
role = "router"
[node.appstore]
role = "app-store"
address = "10.0.1.2"
routes = [{{ match = "*.mp4", to = ["films"] }}, {{ match = "*.pdf", to = ["papers"] }}]
[node.films]
role = "storage"
address = "10.0.2.2"
files = {{ "film.mp4" = "4 MB" }}
[node.papers]
role = "storage"
address = "10.0.3.2"
files = {{ "paper.pdf" = "95 kB" }}
{}{}"#,
        connect(&[("phone", "lan"), ("dhcp", "lan"), ("dns", "lan"), ("gateway", "lan")], "lan"),
        connect(&[("gateway", "appstore"), ("gateway", "films"), ("gateway", "papers")], "wan"),
    );
    run(text).into_iter().find(|r| !r.fetches.is_empty()).expect("the phone reports")
}

#[test]
fn sys_03_a_lease_is_renewed_in_mid_transfer_without_a_hiccup() {
    for transport in ["tcp", "rudp"] {
        let phone = story(transport, 0, "4 s", "");
        assert!(phone.fetches.iter().all(|f| f.completed()), "{:#?}", phone.fetches);
        assert_eq!(phone.fetches.iter().map(|f| f.bytes).collect::<Vec<_>>(), [4_000_000, 95_000]);
        // T1 of a lease of 4 s comes at 2 s; a lease this short is not renewed again before 60 s, so it
        // is asked for everywhere at T2, and either way goes on.
        assert_eq!(phone.leases.len(), 1, "{:?}", phone.leases);
        assert!(phone.leases[0].renewals >= 1);
    }
}

#[test]
fn sys_03_every_byte_arrives_through_loss() {
    for transport in ["tcp", "rudp"] {
        let clean = story(transport, 0, "1 h", "").fetches;
        for loss in [1, 5, 20] {
            let fetches = story(transport, loss, "1 h", "").fetches;
            assert!(fetches.iter().all(|f| f.completed()), "{transport} {loss} %: {fetches:#?}");
            let sums = |list: &[twinwire::base::report::FetchReport]| {
                list.iter().map(|f| f.sha256.clone()).collect::<Vec<_>>()
            };
            assert_eq!(sums(&fetches), sums(&clean), "{transport} {loss} %");
        }
    }
}

#[test]
fn dhcps_20_a_reservation_holds_in_a_scenario() {
    let reserve = "max_lease = \"1 h\"\nreserve = [{ node = \"phone\", address = \"10.0.0.50\" }, { mac = \"02:00:00:00:00:09\", address = \"10.0.0.100\" }]";
    let phone = story("tcp", 0, "1 h", reserve);
    assert_eq!(phone.leases[0].address, Ipv4Addr::new(10, 0, 0, 50));
}

//! The roles user, app-store and storage together, in simulated worlds.

use std::sync::Arc;

use twinwire::base::note::Nobody;
use twinwire::base::report::FetchReport;
use twinwire::base::time::{Duration, Instant};
use twinwire::scenario::build::build;
use twinwire::scenario::load::load;
use twinwire::scenario::text::Source;

/// All fetches of a star-shaped network of these nodes (100 Mbit/s, 1 ms a link), in the order of
/// the nodes' names.
fn fetches(nodes: &[(&str, &str)]) -> Vec<FetchReport> {
    let mut text = String::from("schema = 1\nuntil = \"100 s\"\n[link.l]\nrate = \"100 Mbit/s\"\ndelay = \"1 ms\"\n");
    text.push_str("[node.lan]\nrole = \"switch\"\n");
    for (k, (name, keys)) in nodes.iter().enumerate() {
        text.push_str(&format!("[node.{name}]\naddress = \"10.0.0.{}\"\n{keys}\n", k + 1));
        text.push_str(&format!("[[connect]]\nbetween = [\"{name}\", \"lan\"]\nlink = \"l\"\n"));
    }
    let loaded = load(&Source::new("test.toml", text), &[]);
    let plan = loaded.plan.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
    let until = Instant::ZERO + plan.until;
    let mut network = build(&Arc::new(plan), Nobody).unwrap();
    network.start();
    while network.is_busy() && network.step(until) {}
    network.node_reports().into_iter().flat_map(|(report, _)| report.fetches).collect()
}

fn user(transport: &str, urls: &[&str], more: &str) -> String {
    let list: Vec<_> = urls.iter().map(|url| format!("{{ url = \"{url}\" }}")).collect();
    format!("role = \"user\"\ntransport = \"{transport}\"\nfetch = [{}]\n{more}", list.join(", "))
}

#[test]
fn sys_03_a_file_arrives_whole_over_a_redirect_and_both_transports() {
    let mut sums = Vec::new();
    for transport in ["tcp", "rudp"] {
        let user = user(transport, &["http://10.0.0.2/a%20b.mp4?x", "http://10.0.0.2/held.pdf"], "");
        let got = fetches(&[
            ("phone", user.as_str()),
            (
                "store",
                "role = \"app-store\"\nroutes = [{ match = \"*.mp4\", to = [\"videos\"] }]\nfiles = { \"held.pdf\" = \"95 kB\" }",
            ),
            ("videos", "role = \"storage\"\nfiles = { \"a b.mp4\" = \"200 kB\" }"),
        ]);
        assert!(got.iter().all(FetchReport::completed), "{got:#?}");
        assert_eq!(got.iter().map(|f| f.bytes).collect::<Vec<_>>(), [200_000, 95_000]);
        assert_eq!(got[0].redirects, ["http://10.0.0.3/a%20b.mp4".into()]);
        assert!(got[1].redirects.is_empty());
        sums.push(got[0].sha256.clone());
    }
    assert_eq!(sums[0], sums[1]);
}

#[test]
fn http_37_what_is_not_there_is_404() {
    let user = user("tcp", &["http://10.0.0.2/none", "http://10.0.0.2/"], "");
    let got = fetches(&[("phone", &user), ("store", "role = \"storage\"")]);
    for fetch in got {
        assert_eq!((fetch.status, fetch.completed()), (404, false));
        assert_eq!(fetch.error.as_deref(), Some("the server answered 404 Not Found"));
    }
}

#[test]
fn http_41_stores_that_send_each_other_their_clients() {
    let user = user("tcp", &["http://10.0.0.2/x"], "");
    let got = fetches(&[
        ("phone", &user),
        ("store1", "role = \"app-store\"\nroutes = [{ match = \"*\", to = [\"store2\"] }]"),
        ("store2", "role = \"app-store\"\nroutes = [{ match = \"*\", to = [\"store1\"] }]"),
    ]);
    assert_eq!(got[0].redirects, ["http://10.0.0.3/x".into()]);
    assert_eq!(got[0].error.as_deref(), Some("the redirects go in a circle at http://10.0.0.2/x"));
    assert_eq!(got[0].status, 301);
}

#[test]
fn http_47_a_server_that_is_not_there_ends_at_the_deadline() {
    let user = user("rudp", &["http://10.0.0.9/x"], "timeout = \"5 s\"");
    let got = fetches(&[("phone", &user)]);
    assert_eq!(got[0].end, Some(Instant::ZERO + Duration::from_secs(5)));
    assert_eq!(got[0].error.as_deref(), Some("timed out: the response was not complete"));
}

#[test]
fn every_policy_spreads_the_clients_its_own_way() {
    for (policy, expected) in [
        ("by-type", vec![[4, 0]]),
        ("round-robin", vec![[2, 2]]),
        ("weighted", vec![[3, 1]]),
        ("least-loaded", vec![[2, 2]]),
        // One path stays with one server, whichever it is.
        ("consistent-hash", vec![[4, 0], [0, 4]]),
    ] {
        let user = user("tcp", &["http://10.0.0.2/x"; 4], "");
        let store = format!(
            "role = \"app-store\"\npolicy = \"{policy}\"\nweights = {{ s1 = 3 }}\nroutes = [{{ match = \"*\", to = [\"s1\", \"s2\"] }}]"
        );
        let files = "role = \"storage\"\nfiles = { x = \"1 kB\" }";
        let got = fetches(&[("phone", &user), ("store", &store), ("s1", files), ("s2", files)]);
        assert!(got.iter().all(FetchReport::completed), "{policy}: {got:#?}");
        let to = |url: &str| got.iter().filter(|f| *f.redirects[0] == *url).count();
        let spread = [to("http://10.0.0.3/x"), to("http://10.0.0.4/x")];
        assert!(expected.contains(&spread), "{policy}: {spread:?}");
    }
}

//! Whole files: what a user would write, and what he gets.

use super::diagnostic::render;
use super::load::{Loaded, load_with};
use super::plan::{Amount, Plan};
use super::text::Source;
use crate::base::schema::{Key, Kind, Need, Part};
use crate::base::time::Duration;
use crate::base::units::{QueueLimit, Rate, Size};

const POOL: &[Key] = &[Key { name: "pool", kind: Kind::AddressRange, need: Need::Required, about: "addresses" }];
const PEERS: &[Key] =
    &[Key { name: "zone", kind: Kind::Map(&Kind::NodeAddress), need: Need::Required, about: "names" }];

/// Stand-ins, so that these tests depend on no role.
const ROLES: &[Part] = &[
    Part { name: "host", about: "", keys: &[] },
    Part { name: "pool-server", about: "", keys: POOL },
    Part { name: "name-server", about: "", keys: PEERS },
];

fn read(text: &str) -> (Source, Loaded) {
    let source = Source::new("test.toml", text);
    let loaded = load_with(&source, &[], ROLES);
    (source, loaded)
}

fn plan(text: &str) -> Plan {
    let (source, loaded) = read(text);
    loaded.plan.unwrap_or_else(|| panic!("{}", render(&source, &loaded.diagnostics, false)))
}

fn complaints(text: &str) -> String {
    let (source, loaded) = read(text);
    assert!(loaded.plan.is_none());
    render(&source, &loaded.diagnostics, false)
}

const DUMBBELL: &str = r#"
schema = 1
[link.access]
rate = "100 Mbit/s"
delay = "1 ms"
[link.middle]
rate = { forward = "10 Mbit/s", reverse = "20 Mbit/s" }
delay = { base = "25 ms", jitter = "2 ms", distribution = "normal" }
loss = "0.5 %"
queue = "1 BDP"
[node.sender]
role = "host"
count = 3
congestion = "reno"
[node.receiver]
role = "host"
count = 3
[node.left]
role = "router"
[node.right]
role = "router"
[[connect]]
between = ["sender[*]", "left"]
link = "access"
[[connect]]
between = ["right", "receiver[*]"]
link = "access"
[[connect]]
between = ["left", "right"]
link = "middle"
queue = "50 pkt"
[[event]]
at = "8 s"
for = "2 s"
link = "left--right"
set = { down = true }
[[flow]]
name = "bulk"
from = "sender[*]"
to = "receiver[*]"
size = "1448 kB"
start = { at = "1 s", every = "10 ms" }
sack = false
[[expect]]
that = "flow[bulk[*]].goodput >= 1 Mbit/s"
"#;

#[test]
fn a_dumbbell_becomes_a_plan() {
    let plan = plan(DUMBBELL);
    assert_eq!((plan.nodes.len(), plan.links.len(), plan.flows.len()), (8, 7, 3));
    let middle = plan.links.iter().find(|l| &*l.name == "left--right").unwrap();
    assert_eq!(middle.channels[0].rate, Some(Rate(10_000_000)));
    assert_eq!(middle.channels[1].rate, Some(Rate(20_000_000)));
    assert_eq!(middle.channels[0].delay.jitter, Duration::from_millis(2));
    assert_eq!(middle.channels[0].loss.0, "bernoulli");
    assert_eq!(middle.channels[0].queue.1.queue_limit("limit"), Some(QueueLimit::Packets(50)));
    let flow = &plan.flows[2];
    assert_eq!((&*flow.name, flow.start), ("bulk[2]", Duration::from_millis(1_020)));
    assert_eq!(flow.amount, Amount::Bytes(Size(1_448_000)));
    assert_eq!(&*plan.nodes[flow.from].name, "sender[2]");
    assert_eq!(flow.sender.part("congestion").unwrap().0, "reno");
    assert_eq!(flow.receiver.part("congestion").unwrap().0, "newreno");
    assert_eq!(flow.receiver.bool("sack"), Some(false));
    assert_eq!(&*plan.events[0].text, "down = true");
    // Every wire is a /30, every router reaches all seven, every host's gateway is its router.
    let left = plan.nodes.iter().find(|n| &*n.name == "left").unwrap();
    let right = plan.nodes.iter().find(|n| &*n.name == "right").unwrap();
    assert_eq!((left.routes.len(), right.routes.len()), (7, 7));
    assert_eq!(left.routes.iter().filter(|r| r.next_hop.is_none()).count(), 4);
    for node in plan.nodes.iter().filter(|n| &*n.role == "host") {
        let (own, gateway) = (node.address().unwrap().to_bits(), node.gateway.unwrap().to_bits());
        assert_eq!(own >> 2, gateway >> 2);
        assert_ne!(own, gateway);
    }
}

#[test]
fn order_in_the_file_and_bystanders_change_no_address() {
    let before = plan(DUMBBELL);
    let bystander = "[node.aaa]\nrole = \"host\"\n[[connect]]\nbetween = [\"aaa\", \"left\"]\n";
    let after = plan(&format!("{DUMBBELL}{bystander}"));
    for node in &before.nodes {
        let same = after.nodes.iter().find(|n| n.name == node.name).unwrap();
        let port = |n: &super::plan::NodePlan, link: &str, p: &Plan| {
            n.ports.iter().find(|q| &*p.links[q.link].name == link).and_then(|q| q.address)
        };
        for own in &node.ports {
            let link = &before.links[own.link].name;
            assert_eq!(port(node, link, &before), port(same, link, &after), "{} {link}", node.name);
        }
    }
}

#[test]
fn a_pool_pins_its_domain() {
    let plan = plan(
        r#"
        [node.phone]
        role = "host"
        address = "dhcp"
        [node.server]
        role = "pool-server"
        pool = "10.0.0.100..10.0.0.199"
        [node.fixed]
        role = "host"
        address = "10.0.0.7"
        [node.names]
        role = "name-server"
        zone = { "a.example" = "@fixed" }
        [node.lan]
        role = "switch"
        [[connect]]
        between = ["phone", "lan"]
        [[connect]]
        between = ["server", "lan"]
        [[connect]]
        between = ["lan", "fixed"]
        [[connect]]
        between = ["lan", "names"]
        "#,
    );
    let address = |name: &str| plan.nodes.iter().find(|n| &*n.name == name).unwrap().address();
    assert_eq!(address("phone"), None);
    assert_eq!(address("fixed"), Some("10.0.0.7".parse().unwrap()));
    let server = address("server").unwrap().octets();
    assert_eq!(server[..3], [10, 0, 0]);
    assert!(!(100..200).contains(&server[3]));
}

#[test]
fn a_typo_in_a_key_names_the_right_one_and_its_place() {
    let text = complaints("[node.a]\nrole = \"host\"\n[link.wan]\ndealy = \"1 ms\"\n");
    assert!(text.contains("unknown key `dealy`") && text.contains("did you mean `delay`?"), "{text}");
    assert!(text.contains("test.toml:4:1"), "{text}");
}

#[test]
fn errors_are_reported_all_at_once() {
    let text = complaints(
        "[node.a]\nrole = \"hots\"\n[link.wan]\nrate = \"10 Mb\"\ndelay = 5\n[[connect]]\nbetween = [\"a\", \"bb\"]\n",
    );
    for part in ["unknown role `hots`", "did you mean `host`?", "write Mbit/s", "found the number 5", "no node `bb`"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(text.matches("error:").count(), 4, "{text}");
}

#[test]
fn an_unknown_node_in_a_role_is_found() {
    let text =
        complaints("[node.phone]\nrole = \"host\"\n[node.n]\nrole = \"name-server\"\nzone = { x = \"@phnoe\" }\n");
    assert!(text.contains("no node `phnoe`") && text.contains("did you mean `phone`?"), "{text}");
}

#[test]
fn a_wrong_expectation_is_marked_inside_its_text() {
    let text = complaints("[node.a]\nrole = \"host\"\n[[expect]]\nthat = \"flow[x].godput >= 1 Mbit/s\"\n");
    assert!(text.contains("test.toml:4:17") && text.contains("did you mean `goodput`?"), "{text}");
}

#[test]
fn empty_broken_and_strange_files_are_refused_politely() {
    assert!(complaints("").contains("no nodes"));
    assert!(complaints(&format!("a = {}", "[".repeat(50_000))).contains("not TOML"));
    assert!(complaints(&format!("title = \"{}\"\nfoo = 1", "x".repeat(5_000_000))).contains("unknown key `foo`"));
    assert!(complaints("seed = -1\nuntil = \"\"\nschema = 2\n").matches("error").count() == 3);
    assert!(complaints("[node.a\nrole=").contains("not TOML"));
    assert!(complaints("node = 3\nflow = 1\nfoo = 2").contains("[node.NAME]"));
    assert!(complaints("[node.\"a b\"]\nrole = \"host\"").contains("is not a name"));
}

#[test]
fn settings_from_outside_go_first() {
    let source = Source::new("test.toml", DUMBBELL);
    let set = |path: &str, value: &str| (path.to_string(), value.to_string());
    let sets =
        [set("seed", "9"), set("link.access.rate", "1 Gbit/s"), set("flow.bulk.size", "1 MB"), set("sim.wire", "true")];
    let plan = load_with(&source, &sets, ROLES).plan.unwrap();
    assert_eq!((plan.seed, plan.wire, plan.flows[0].amount), (9, true, Amount::Bytes(Size(1_000_000))));
    assert!(plan.links.iter().any(|l| l.channels[0].rate == Some(Rate(1_000_000_000))));
    let wrong = load_with(&source, &[set("link.access.rat", "1 Gbit/s")], ROLES);
    assert!(render(&source, &wrong.diagnostics, false).contains("did you mean `rate`?"));
}

#[test]
fn a_group_of_nobody_is_refused_and_no_more() {
    let text = DUMBBELL.replacen("count = 3", "count = 0", 1);
    let refused = complaints(&text);
    assert!(refused.contains("node.sender.count: 0 is out of range"), "{refused}");
}

#[test]
fn what_is_made_twice_is_told_in_the_order_of_the_members() {
    let again = "[[connect]]\nbetween = [\"sender[*]\", \"left\"]\n";
    let text = DUMBBELL.replace("count = 3", "count = 11") + again + again;
    let (_, loaded) = read(&text);
    let twice: Vec<_> = loaded.diagnostics.iter().filter(|d| d.message.contains("there is already")).collect();
    let names = |from: usize| twice[from..from + 11].iter().map(|d| d.message.split_once("link ").unwrap().1);
    let members = (0..11).map(|i| format!("`sender[{i}]--left`"));
    assert!(twice.len() == 22 && names(0).eq(members.clone()) && names(11).eq(members), "{twice:?}");
}

#[test]
fn ten_thousand_nodes_load() {
    let text = DUMBBELL.replace("count = 3", "count = 5000");
    let plan = plan(&text);
    assert_eq!((plan.nodes.len(), plan.flows.len()), (10_002, 5_000));
    let addresses: std::collections::BTreeSet<_> =
        plan.nodes.iter().flat_map(|n| &n.ports).map(|p| p.address).collect();
    assert_eq!(addresses.len(), 2 * plan.links.len());
}

#[test]
fn the_template_is_a_scenario() {
    let plan = plan(&super::template::new("a \"first\" try"));
    assert_eq!((plan.title.as_str(), plan.flows.len(), plan.expects.len()), ("a first try", 2, 2));
}

#[test]
fn physics_is_warned_of_but_runs() {
    let text = DUMBBELL.replace("50 pkt", "5000 pkt").replace("1448 kB", "2 GB");
    let (source, loaded) = read(&format!("{text}[node.lonely]\nrole = \"host\"\n"));
    assert!(loaded.plan.is_some());
    let text = render(&source, &loaded.diagnostics, false);
    assert_eq!(loaded.diagnostics.len(), 3, "{text}");
    // The path's round trip is 2 x (1 + 25 + 1) ms at 10 Mbit/s: 67 500 bytes.
    for part in [
        "warning",
        "`lonely` is connected to nothing",
        "more than ten times",
        "67500 B",
        "cannot finish: 2 GB at 10 Mbit/s",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(read(DUMBBELL).1.diagnostics, []);
}

#[test]
fn a_flow_to_a_dhcp_client_is_refused() {
    let hosts = "[node.a]\nrole = \"host\"\n[node.b]\nrole = \"host\"\naddress = \"dhcp\"\n[[connect]]\nbetween = [\"a\", \"b\"]\n";
    let text = complaints(&format!("{hosts}[[flow]]\nfrom = \"a\"\nto = \"b\"\nsize = \"1 kB\"\n"));
    assert!(text.contains("gets its address by DHCP"), "{text}");
}

#[test]
fn the_phone_scenario_is_read_with_the_real_roles() {
    let text = include_str!("phone.toml");
    let source = Source::new("phone.toml", text);
    let loaded = super::load::load(&source, &[]);
    let plan = loaded.plan.unwrap_or_else(|| panic!("{}", render(&source, &loaded.diagnostics, false)));
    assert_eq!(loaded.diagnostics, []);
    assert_eq!((plan.nodes.len(), plan.links.len(), plan.expects.len()), (8, 7, 2));
    let node = |name: &str| plan.nodes.iter().find(|n| &*n.name == name).unwrap();
    assert_eq!(
        node("phone").gateway,
        node("gateway").ports.iter().find_map(|p| p.address.filter(|a| a.octets()[0..3] == [10, 0, 0]))
    );
    assert_eq!(node("gateway").routes.len(), 4);
    assert_eq!(node("phone").params.list("fetch").unwrap().len(), 1);
}

#[test]
fn a_selector_that_selects_nothing_is_found() {
    let expect = |that: &str| format!("{DUMBBELL}[[expect]]\nthat = \"{that}\"\n");
    for (that, help) in [
        ("flow[bulk[7]].retransmits == 0", "did you mean `bulk[0]`?"),
        ("link[left--rigth/forward].dropped_loss == 0", "did you mean `left--right`?"),
        ("link[left--right/back].dropped_loss == 0", "write /forward or /reverse"),
        ("fetch[sendr[0]].status == 200", "the scenario has no fetch: give a user a `fetch`"),
    ] {
        let text = complaints(&expect(that));
        assert!(text.contains(help), "{that}: {text}");
    }
    plan(&expect("link[sender[*]--left/reverse].dropped_loss == 0"));
}

#[test]
fn a_profile_stands_for_its_keys_in_its_table() {
    use crate::transport::profile::PROFILES;
    use crate::transport::{rudp::RudpConfig, tcp::TcpConfig};
    for (name, _) in PROFILES.iter().flat_map(|p| p.values) {
        let known = TcpConfig::KEYS.iter().chain(RudpConfig::KEYS).any(|k| k.name == *name);
        assert!(known, "{name} is no key of any transport");
    }
    let hosts = "[node.a]\nrole = \"host\"\n[node.b]\nrole = \"host\"\nprofile = \"rfc\"\n\
                 [[connect]]\nbetween = [\"a\", \"b\"]\n[[flow]]\nfrom = \"a\"\nto = \"b\"\nsize = \"1 kB\"\n\
                 profile = \"linux\"\ncongestion = \"reno\"\n";
    let plan = plan(&format!("[transport.tcp]\nprofile = \"linux\"\nmax_rto = \"90 s\"\n{hosts}"));
    let figures = |c: TcpConfig| {
        (c.congestion, c.rto.min.as_millis(), c.rto.min_bounds_variance, c.rto.max.as_secs(), c.ack_delay.as_millis())
    };
    let tcp = |i: usize| figures(TcpConfig::from_params(&plan.nodes[i].tcp));
    assert_eq!(tcp(0), ("cubic".into(), 200, true, 90, 40));
    assert_eq!(tcp(1), ("newreno".into(), 1000, false, 60, 200));
    assert_eq!(figures(TcpConfig::from_params(&plan.flows[0].sender)), ("reno".into(), 200, true, 120, 40));
    // A node's profile holds for both transports, and each takes the keys it has.
    let rudp = |i: usize| RudpConfig::from_params(&plan.nodes[i].rudp);
    assert_eq!((rudp(0).congestion, rudp(0).max_ack_delay.as_millis()), ("reno".into(), 25));
    assert_eq!((rudp(1).congestion, rudp(1).max_ack_delay.as_millis()), ("newreno".into(), 200));
    // Without one the defaults stay.
    assert_eq!(figures(TcpConfig::default()), ("newreno".into(), 1000, false, 60, 40));

    let text = complaints(&format!("[transport.tcp]\nprofile = \"linus\"\n{hosts}"));
    assert!(text.contains("did you mean `linux`?"), "{text}");
}

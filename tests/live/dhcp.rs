//! DHCP clients that nobody here wrote, in network namespaces where root allows.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{CLIENT, CLIENT_MAC, Client, Lab, SERVER};
use crate::process::{Scratch, Server, installed, output, text};

/// A server of 10.`net`.0.0/24 on the laboratory's wire.
fn scenario(net: u8, last: u8, lease: &str, more: &str) -> String {
    format!(
        r#"
until = "60 s"
[link.wire]
[node.dhcp]
role    = "dhcp-server"
address = "10.{net}.0.1"
pool    = "10.{net}.0.100..10.{net}.0.{last}"
lease   = "{lease}"
router  = "@gateway"
domain  = "lab.example"
{more}
[node.gateway]
role    = "host"
address = "10.{net}.0.254"
[node.lan]
role = "switch"
[[connect]]
between = ["dhcp", "lan"]
link    = "wire"
[[connect]]
between = ["gateway", "lan"]
link    = "wire"
[live.dhcp]
interface = "{SERVER}"
"#
    )
}

/// What a test of one client has: a laboratory, a folder, and servers one after the other.
struct Bench {
    lab: Lab,
    scratch: Scratch,
}

impl Bench {
    fn new(client: &str, name: &str) -> Option<Self> {
        let lab = installed(client).then(|| Lab::new(name, &["10.77.0.1", "10.78.0.1"]))??;
        Some(Bench { lab, scratch: Scratch::new(name) })
    }

    /// A server with addresses from 100 to `last`.
    fn serve(&self, net: u8, last: u8, lease: &str) -> Server {
        self.serve_with(net, last, lease, "")
    }

    fn serve_with(&self, net: u8, last: u8, lease: &str, more: &str) -> Server {
        let file = self.scratch.write("s.toml", &scenario(net, last, lease, more));
        self.lab.serve(&file, &["dhcp"], &self.scratch.path("out"))
    }

    /// Ends a server, which must have done these deeds in this order. On a slow machine clients ask again,
    /// so that there may be others between them.
    fn check(&self, server: Server, wanted: &[&str]) {
        assert_eq!(server.terminate(), Some(0));
        let events = fs::read_to_string(self.scratch.path("out").join("events.jsonl")).unwrap();
        let lines = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let deed =
            |e: serde_json::Value| format!("{} {}", e["change"].as_str().unwrap(), e["address"].as_str().unwrap());
        let deeds: Vec<String> = lines.filter(|e| e["what"] == "lease").map(deed).collect();
        let mut left = deeds.iter();
        assert!(wanted.iter().all(|deed| left.any(|d| d == deed)), "wanted {wanted:?}, had {deeds:?}");
    }

    /// A script that a client runs at each change, which does `deed` and then says what it was told: `names`
    /// sets `$what`, `$ip` and `$prefix`.
    fn script(&self, names: &str, deed: &str) -> PathBuf {
        let text = format!("#!/bin/sh\n{names}\n{deed}\nend=$?\necho \"told $what $ip/$prefix\"\nexit $end\n");
        let path = self.scratch.write("script", &text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn log(&self) -> PathBuf {
        self.scratch.path("log")
    }
}

fn udhcpc(bench: &Bench, script: &Path) -> Command {
    let mut command = bench.lab.on_client("udhcpc");
    command.args(["-i", CLIENT, "-f", "-T", "1", "-A", "1", "-s"]).arg(script);
    command
}

/// Puts the address on the interface.
const CONFIGURE: &str = "ip addr flush dev cli; [ -z \"$ip\" ] || ip addr add \"$ip/$prefix\" dev cli";
const DHCLIENT_NAMES: &str = "what=$reason; ip=$new_ip_address; prefix=$new_subnet_mask";
const UDHCPC_NAMES: &str = "what=$1; prefix=$mask; [ $what = deconfig ] && ip=";

#[test]
fn udhcpc_gets_renews_and_releases_a_lease_and_hears_a_nak() {
    let Some(bench) = Bench::new("udhcpc", "u") else { return };
    let server = bench.serve(77, 109, "1 h");
    let mut client = Client::start(udhcpc(&bench, &bench.script(UDHCPC_NAMES, CONFIGURE)), &bench.log());
    client.wait_for("told bound 10.77.0.100/24");
    client.signal("-USR1");
    client.wait_for("told renew 10.77.0.100/24");
    assert_eq!(bench.lab.address(), "10.77.0.100/24");
    bench.check(server, &["offered 10.77.0.100", "granted 10.77.0.100", "renewed 10.77.0.100"]);
    // The server has forgotten the lease, and has another address for this client.
    let reserve = format!("reserve = [{{ mac = \"{CLIENT_MAC}\", address = \"10.77.0.50\" }}]");
    let server = bench.serve_with(77, 109, "1 h", &reserve);
    client.signal("-USR1");
    client.wait_for("told nak");
    client.wait_for("told bound 10.77.0.50/24");
    client.signal("-USR2");
    client.wait_for("told deconfig");
    let end = ["refused 10.77.0.100", "offered 10.77.0.50", "granted 10.77.0.50", "released 10.77.0.50"];
    bench.check(server, &end);
}

#[test]
fn udhcpc_declines_an_address_that_has_an_owner_and_is_told_nothing_by_a_server_without_any() {
    let Some(bench) = Bench::new("udhcpc", "ua") else { return };
    // Somebody has the first address without having asked.
    text(bench.lab.on_server("ip").args(["addr", "add", "10.77.0.100/24", "dev", SERVER]));
    let server = bench.serve(77, 101, "1 h");
    let script = bench.script(UDHCPC_NAMES, CONFIGURE);
    let mut first = udhcpc(&bench, &script);
    first.arg("-a300");
    let mut first = Client::start(first, &bench.log());
    first.wait_for("told bound 10.77.0.101/24");
    // Another client, which must not take the first one's address off.
    let idle = bench.scratch.write("idle", "#!/bin/sh\necho told $1 $ip/$mask\n");
    fs::set_permissions(&idle, fs::Permissions::from_mode(0o755)).unwrap();
    let second = || {
        let mut second = udhcpc(&bench, &idle);
        second.args(["-n", "-q", "-t", "2", "-x", "0x3d:01020304"]);
        second
    };
    assert!(!output(&mut second()).status.success());
    first.signal("-USR2");
    first.wait_for("told deconfig");
    let told = text(&mut second());
    assert!(told.contains("told bound 10.77.0.101/24"), "{told}");
    let first = ["offered 10.77.0.100", "granted 10.77.0.100", "declined 10.77.0.100", "granted 10.77.0.101"];
    let then = ["exhausted 0.0.0.0", "released 10.77.0.101", "offered 10.77.0.101", "granted 10.77.0.101"];
    bench.check(server, &[first, then].concat());
}

/// ISC's client, which keeps its leases in a file.
fn dhclient(bench: &Bench, args: &[&str]) -> Command {
    let config = "timeout 10;\nretry 1;\nreboot 2;\ninitial-interval 1;\nselect-timeout 0;\nbackoff-cutoff 1;\n";
    let config = bench.scratch.write("dhclient.conf", config);
    // A script that fails has found the address taken.
    let deed = format!("{CONFIGURE}; [ \"$ip\" != 10.78.0.100 ]");
    let mut command = bench.lab.on_client("dhclient");
    command.args(args).arg("-cf").arg(config).arg("-sf").arg(bench.script(DHCLIENT_NAMES, &deed));
    command.arg("-lf").arg(bench.scratch.path("leases")).arg("-pf").arg(bench.scratch.path("pid")).arg(CLIENT);
    command
}

#[test]
fn dhclient_renews_by_itself_hears_a_nak_after_a_reboot_declines_and_releases() {
    let Some(bench) = Bench::new("dhclient", "dc") else { return };
    let server = bench.serve(77, 109, "8 s");
    let mut client = Client::start(dhclient(&bench, &["-d"]), &bench.log());
    client.wait_for("told BOUND 10.77.0.100/255.255.255.0");
    client.wait_for("told RENEW 10.77.0.100/255.255.255.0");
    drop(client);
    bench.check(server, &["offered 10.77.0.100", "granted 10.77.0.100", "renewed 10.77.0.100"]);
    // It comes back to another network, where the first address is taken.
    let server = bench.serve(78, 109, "8 s");
    let mut client = Client::start(dhclient(&bench, &["-d"]), &bench.log());
    client.wait_for("DHCPNAK");
    client.wait_for("DHCPDECLINE");
    client.wait_for("bound to 10.78.0.101");
    text(&mut dhclient(&bench, &["-r"]));
    let end = ["granted 10.78.0.100", "declined 10.78.0.100", "granted 10.78.0.101", "released 10.78.0.101"];
    bench.check(server, &[&["refused 10.77.0.100"][..], &end].concat());
}

/// Roy Marples's client, with a lease file and a control socket of its own.
fn dhcpcd(bench: &Bench) -> Command {
    let folders = ["run", "var"].map(|name| bench.scratch.path(name));
    folders.iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
    let script = bench.script(DHCLIENT_NAMES, "true");
    let line = format!(
        "mount --bind {} /run && mkdir -p /var/lib/dhcpcd && mount --bind {} /var/lib/dhcpcd && \
         exec dhcpcd -4 -B -d --noarp --nodelay -f /dev/null -c {} {CLIENT}",
        folders[0].display(),
        folders[1].display(),
        script.display()
    );
    let mut command = bench.lab.on_client("sh");
    command.args(["-c", &line]);
    command
}

#[test]
fn dhcpcd_renews_by_itself_hears_a_nak_after_a_reboot_and_releases() {
    let Some(bench) = Bench::new("dhcpcd", "dd") else { return };
    let server = bench.serve(77, 109, "4 s");
    let mut client = Client::start(dhcpcd(&bench), &bench.log());
    client.wait_for("told BOUND 10.77.0.100/255.255.255.0");
    client.wait_for("told RENEW 10.77.0.100/255.255.255.0");
    client.signal("-TERM");
    client.wait_for("told STOPPED");
    bench.check(server, &["offered 10.77.0.100", "granted 10.77.0.100", "renewed 10.77.0.100"]);
    let server = bench.serve(78, 109, "4 s");
    let mut client = Client::start(dhcpcd(&bench), &bench.log());
    client.wait_for("NAK");
    client.wait_for("told BOUND 10.78.0.100/255.255.255.0");
    client.signal("-ALRM");
    client.wait_for("told STOPPED");
    let end = ["refused 10.77.0.100", "offered 10.78.0.100", "granted 10.78.0.100", "released 10.78.0.100"];
    bench.check(server, &end);
}

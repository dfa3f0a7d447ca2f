//! Our DHCP client on an interface: with our own servers and with one that nobody here wrote.

use std::process::Command;

use crate::lab::{CLIENT, Client, Lab, SERVER};
use crate::process::{Scratch, installed, output, store, text, twinwire};

const TWINWIRE: &str = env!("CARGO_BIN_EXE_twinwire");

#[test]
fn a_phone_without_an_address_gets_one_applies_it_and_downloads() {
    let Some(lab) = Lab::new("ph", &["10.76.0.2", "10.76.0.3", "10.76.0.4", "10.76.0.5"]) else { return };
    let scratch = Scratch::new("phone");
    let nodes = format!(
        r#"
[node.dhcp]
role    = "dhcp-server"
address = "10.76.0.2"
pool    = "10.76.0.100..10.76.0.120"
[node.phone]
role    = "user"
address = "dhcp"
fetch   = [{{ url = "http://store.example/held.bin" }}, {{ url = "http://store.example/a.mp4", transport = "rudp" }}]
[[connect]]
between = ["dhcp", "lan"]
link    = "wire"
[[connect]]
between = ["phone", "lan"]
link    = "wire"
[live]
dhcp    = {{ interface = "{SERVER}" }}
dns     = {{ bind = "10.76.0.3:53" }}
store   = {{ bind = "10.76.0.4:80" }}
storage = {{ bind = "10.76.0.5:80" }}
phone   = {{ interface = "{CLIENT}" }}
"#
    );
    let file = scratch.write("s.toml", &(store(76, "1 MB", "1 %") + &nodes));
    let server = lab.serve(&file, &["dhcp", "dns", "store", "storage"], &scratch.path("served"));
    let out = scratch.path("out");
    let mut phone = lab.on_client(TWINWIRE);
    let told = text(phone.args(["live", "--node", "phone", "--apply-lease", "--out"]).arg(&out).arg(&file));
    assert!(told.contains("lease phone 10.76.0.100/24 on cli, DNS 10.76.0.3"), "{told}");
    assert_eq!(told.matches("intact").count(), 2, "{told}");
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(lab.address(), "", "the address went with the process");
    // Elsewhere, where there is no such interface.
    text(twinwire().args(["run", "--replay"]).arg(&out));
}

#[test]
fn a_client_gets_and_renews_a_lease_of_udhcpd() {
    let Some(lab) = installed("udhcpd").then(|| Lab::new("ud", &["10.75.0.1"])).flatten() else { return };
    let scratch = Scratch::new("udhcpd");
    let alone = r#"
until = "60 s"
[link.wire]
[node.phone]
role    = "host"
address = "dhcp"
[node.lan]
role = "switch"
[[connect]]
between = ["phone", "lan"]
link    = "wire"
[live.phone]
interface   = "cli"
apply_lease = true
"#;
    let file = scratch.write("s.toml", alone);
    let leases = scratch.write("leases", "");
    let config = format!(
        "start 10.75.0.50\nend 10.75.0.60\ninterface {SERVER}\nmin_lease 4\noption lease 4\noption subnet 255.255.255.0\n\
         lease_file {}\npidfile {}\n",
        leases.display(),
        scratch.path("pid").display()
    );
    let mut server = lab.on_server("udhcpd");
    server.arg("-f").arg(scratch.write("udhcpd.conf", &config));
    let mut server = Client::start(server, &scratch.path("server.log"));
    server.wait_for("started");
    let mut phone = lab.on_client(TWINWIRE);
    phone.arg("live").arg(&file).args(["--node", "phone"]);
    let mut phone = Client::start(phone, &scratch.path("phone.log"));
    phone.wait_for("lease phone 10.75.0.");
    assert!(lab.address().starts_with("10.75.0."), "{}", lab.address());
    server.wait_for("sending ACK");
    server.wait_for("sending ACK");
    phone.signal("-TERM");
    phone.wait_for("renewals");
}

#[test]
fn leases_that_cannot_be_applied_are_refused_in_words() {
    let scratch = Scratch::new("lease-words");
    let with = |live: &str| {
        let nodes = "[node.phone]\nrole = \"host\"\naddress = \"dhcp\"\n[[connect]]\nbetween = [\"phone\", \"lan\"]\nlink = \"wire\"\n";
        scratch.write("s.toml", &(store(79, "1 kB", "0 %") + nodes + live))
    };
    let told = |command: &mut Command| {
        let out = output(command);
        assert_eq!(out.status.code(), Some(2));
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    for (live, flags, word) in [
        ("[live.phone]\ninterface = \"no-such\"\n", &[][..], "this machine has "),
        ("[live.phone]\napply_lease = true\n", &[], "an interface beside this key"),
        ("[live.store]\napply_lease = true\n", &[], "no lease to put on an interface"),
        ("", &["--apply-lease"], "no node of this process"),
    ] {
        let told = told(twinwire().arg("live").arg(with(live)).args(flags));
        assert!(told.contains(word), "{live}{flags:?}: {told}");
    }
}

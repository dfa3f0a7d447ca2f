//! Two machines and a wire between them: network namespaces, where root allows.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::{Process, Server, installed, say, text, twinwire};

/// The interface of the servers' machine.
pub(crate) const SERVER: &str = "srv";
/// The interface of the client's.
pub(crate) const CLIENT: &str = "cli";

/// That one's hardware address.
pub(crate) const CLIENT_MAC: &str = "02:00:00:00:00:77";

/// The two; gone afterwards.
pub(crate) struct Lab {
    server: String,
    client: String,
}

impl Lab {
    /// Servers at these addresses of /24 networks, and a client without any; `None`, said aloud, where
    /// namespaces cannot be had.
    pub(crate) fn new(name: &str, addresses: &[&str]) -> Option<Self> {
        if !installed("ip") {
            return None;
        }
        let name = format!("tw{}{name}", std::process::id());
        let lab = Lab { server: format!("{name}s"), client: format!("{name}c") };
        let made = Command::new("ip").args(["netns", "add", &lab.server]).stderr(Stdio::null()).status();
        if !made.is_ok_and(|s| s.success()) {
            say("SKIPPED: no network namespaces here (they need root)");
            return None;
        }
        let ip = |line: String| text(Command::new("ip").args(line.split(' ')));
        let Lab { server, client } = &lab;
        ip(format!("netns add {client}"));
        ip(format!("link add {SERVER} netns {server} type veth peer name {CLIENT} netns {client}"));
        ip(format!("-n {client} link set {CLIENT} address {CLIENT_MAC}"));
        for address in addresses {
            ip(format!("-n {server} addr add {address}/24 dev {SERVER}"));
        }
        for (machine, device) in [(server, SERVER), (server, "lo"), (client, CLIENT), (client, "lo")] {
            ip(format!("-n {machine} link set {device} up"));
        }
        Some(lab)
    }

    /// A command on the servers' machine.
    pub(crate) fn on_server(&self, program: &str) -> Command {
        on(&self.server, program)
    }

    /// A command on the client's machine.
    pub(crate) fn on_client(&self, program: &str) -> Command {
        on(&self.client, program)
    }

    /// Some nodes of a scenario on the servers' machine, with a run folder that can be read afterwards.
    pub(crate) fn serve(&self, scenario: &Path, nodes: &[&str], out: &Path) -> Server {
        let mut command = self.on_server(&twinwire().get_program().to_string_lossy());
        command.arg("live").arg(scenario).arg("--out").arg(out).arg("--force");
        Server::run(command, nodes)
    }

    /// The client machine's address.
    pub(crate) fn address(&self) -> String {
        let shown = text(Command::new("ip").args(["-n", &self.client, "-4", "-o", "addr", "show", "dev", CLIENT]));
        shown.split_whitespace().skip_while(|w| *w != "inet").nth(1).unwrap_or_default().to_owned()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for machine in [&self.server, &self.client] {
            let _ = Command::new("ip").args(["netns", "del", machine]).status();
        }
    }
}

fn on(machine: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", machine, program]);
    command
}

/// A client that runs on and writes into a log.
pub(crate) struct Client {
    process: Process,
    log: std::path::PathBuf,
    read: usize,
}

/// Between two looks into a log.
const STEP: Duration = Duration::from_millis(20);
/// Looks before a client is given up: 20 s.
const PATIENCE: u32 = 1000;

impl Client {
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let file = fs::File::create(log).expect("a log");
        command.stdout(file.try_clone().expect("a log")).stderr(file).stdin(Stdio::null());
        let process = Process(command.spawn().expect("the client runs"));
        Client { process, log: log.to_owned(), read: 0 }
    }

    /// Waits until the log says this, after what it said when waited for before.
    pub(crate) fn wait_for(&mut self, word: &str) {
        for waited in 0.. {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(at) = log[self.read..].find(word) {
                self.read += at + word.len();
                return;
            }
            assert!(waited < PATIENCE, "{word:?} does not come:\n{log}");
            std::thread::sleep(STEP);
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }
}

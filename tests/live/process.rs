//! Processes under test, and scenarios for them.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The command under test.
pub(crate) fn twinwire() -> Command {
    Command::new(env!("CARGO_BIN_EXE_twinwire"))
}

/// A folder of one test, gone afterwards.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("twinwire-live-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).expect("a folder for the test");
        Scratch(dir)
    }
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("a file for the test");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A store, a storage and a name server in networks of their own: 10.`net`.0.0 and so on, so that
/// tests that run at once do not meet.
pub(crate) fn store(net: u8, size: &str, loss: &str) -> String {
    format!(
        r#"
until = "60 s"
[link.wire]
delay = "1 ms"
loss  = "{loss}"
queue = "1000 pkt"
[node.dns]
role    = "dns-server"
address = "10.{net}.0.3"
zone    = {{ "store.example" = "@store", "www.store.example" = "store.example" }}
[node.store]
role    = "app-store"
address = "10.{net}.0.4"
routes  = [{{ match = "*.mp4", to = ["storage"] }}]
files   = {{ "held.bin" = "300 kB" }}
[node.storage]
role    = "storage"
address = "10.{net}.0.5"
files   = {{ "a.mp4" = "{size}" }}
[node.lan]
role = "switch"
[[connect]]
between = ["dns", "lan"]
link    = "wire"
[[connect]]
between = ["store", "lan"]
link    = "wire"
[[connect]]
between = ["storage", "lan"]
link    = "wire"
"#
    )
}

/// A child that ends with the value.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn signal(&self, signal: &str) {
        kill(signal, self.0.id());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Some nodes of a scenario in a process of their own; ended with the value.
pub(crate) struct Server(Process);

impl Server {
    /// Starts it and waits until every node is ready.
    pub(crate) fn start(scenario: &Path, nodes: &[&str]) -> Self {
        let mut command = twinwire();
        command.arg("live").arg(scenario);
        Server::run(command, nodes)
    }

    /// The same by this command, which names no nodes yet.
    pub(crate) fn run(mut command: Command, nodes: &[&str]) -> Self {
        for node in nodes {
            command.args(["--node", node]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("twinwire runs");
        let mut lines = BufReader::new(child.stdout.as_mut().expect("a pipe"));
        for _ in nodes {
            let mut line = String::new();
            lines.read_line(&mut line).expect("a line");
            assert!(line.starts_with("ready "), "{line:?}");
        }
        Server(Process(child))
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.0.id()
    }

    /// Asks it to end; its exit status.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.0.signal("-TERM");
        self.0.0.wait().expect("it ends").code()
    }
}

pub(crate) fn kill(signal: &str, pid: u32) {
    let done = Command::new("kill").args([signal, &pid.to_string()]).status();
    assert!(done.is_ok_and(|s| s.success()), "kill {signal} {pid}");
}

/// Says something aloud: past the harness, which keeps what tests that pass print.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "tests/live: {text}");
}

/// True if a client is installed; says aloud whether it takes part.
pub(crate) fn installed(client: &str) -> bool {
    let path = format!("PATH=\"$PATH:/usr/sbin:/sbin\"; command -v {client}");
    let found = Command::new("sh").args(["-c", &path]).output().is_ok_and(|o| o.status.success());
    say(&if found { format!("with {client}") } else { format!("SKIPPED for want of {client}") });
    found
}

/// Runs a client and gives what it printed.
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

/// Standard output of a client that must succeed.
pub(crate) fn text(command: &mut Command) -> String {
    let out = output(command);
    let printed = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{command:?}: {}\n{printed}{}", out.status, String::from_utf8_lossy(&out.stderr));
    printed
}

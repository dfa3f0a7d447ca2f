//! Processes that are measured: the servers, the clients, and what each spends on a processor.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A folder of this measurement, gone afterwards.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("twinwire-speed-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a folder for the measurement");
        Scratch(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process that serves until it is dropped.
pub(crate) struct Server(Child);

impl Server {
    /// `twinwire live` with one node, ready.
    pub(crate) fn twinwire(scenario: &Path, node: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinwire"));
        command.arg("live").arg(scenario).args(["--node", node]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("twinwire runs");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        assert!(line.starts_with("ready "), "{line:?}");
        Server(child)
    }

    /// nginx with one worker in the foreground, if it is installed.
    pub(crate) fn nginx(folder: &Path, listen: &str) -> Option<Self> {
        let dir = folder.display();
        let config = format!(
            "daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;\n\
             server {{ listen {listen}; root {dir}; }} }}\n"
        );
        let path = folder.join("nginx.conf");
        fs::write(&path, config).expect("a file");
        let log = format!("{dir}/nginx.log");
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&path).args(["-e", &log]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Server(command.spawn().ok()?);
        for _ in 0..200 {
            let ready = std::net::TcpStream::connect(listen).is_ok();
            assert!(server.0.try_wait().is_ok_and(|ended| ended.is_none()), "nginx cannot serve at {listen}");
            if ready {
                return Some(server);
            }
            Command::new("sleep").arg("0.02").status().ok()?;
        }
        None
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Processor seconds that its only thread has spent.
    pub(crate) fn cpu_s(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", self.0.id())).unwrap_or_default();
        text.split_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
    }

    /// Memory it has in use now, in MB.
    pub(crate) fn resident_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        line.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a client to its end: what it printed, and the processor seconds it took.
pub(crate) fn client(command: &mut Command) -> (String, f64) {
    let before = children_cpu_s();
    let out = command.stderr(Stdio::piped()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    (String::from_utf8_lossy(&out.stdout).into_owned(), children_cpu_s() - before)
}

/// What ended children have spent, to 10 ms (proc(5)).
fn children_cpu_s() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name stands in brackets and may hold anything; the third field follows it.
    let fields: Vec<&str> = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / 100.0
}

//! `cargo bench --bench live`: how fast live servers are on loopback. Kernel TCP side by side with
//! nginx (curl is the client of both), RUDP with `twinwire get`, and a whole scenario in one process.
//! `-- --size 64` takes a file of so many MiB, `-- --runs 9` so many runs of each.

mod process;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;

use process::{Scratch, Server, client};

/// One download.
struct Sample {
    seconds: f64,
    server_cpu: f64,
    client_cpu: f64,
}

/// Downloads of one kind.
struct Row {
    name: &'static str,
    samples: Vec<Sample>,
}

impl Row {
    fn new(name: &'static str) -> Self {
        Row { name, samples: Vec::new() }
    }

    fn add(&mut self, server: Option<&Server>, run: impl FnOnce() -> (f64, f64)) {
        let before = server.map_or(0.0, Server::cpu_s);
        let (seconds, client_cpu) = run();
        let server_cpu = server.map_or(0.0, Server::cpu_s) - before;
        self.samples.push(Sample { seconds, server_cpu, client_cpu });
    }

    fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        let mut all: Vec<f64> = self.samples.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn print(&self, bytes: f64) {
        let seconds = self.median(|s| s.seconds);
        let best = self.samples.iter().map(|s| s.seconds).fold(f64::INFINITY, f64::min);
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            self.name,
            bytes * 8.0 / seconds / 1e9,
            bytes * 8.0 / best / 1e9,
            seconds,
            self.median(|s| s.server_cpu),
            self.median(|s| s.client_cpu),
        );
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |flag: &str, default: u64| {
        let at = args.iter().position(|a| a == flag).and_then(|i| args.get(i + 1)?.parse().ok());
        at.unwrap_or(default)
    };
    let (mib, runs) = (number("--size", 256), number("--runs", 5));
    let scratch = Scratch::new();
    let bytes = mib << 20;
    fill(&scratch.0.join("file.bin"), bytes);
    std::fs::write(scratch.0.join("server.toml"), SERVER).expect("a file");
    std::fs::write(scratch.0.join("single-tcp.toml"), SINGLE.replace("TRANSPORT", "tcp")).expect("a file");
    std::fs::write(scratch.0.join("single-rudp.toml"), SINGLE.replace("TRANSPORT", "rudp")).expect("a file");

    let server = Server::twinwire(&scratch.0.join("server.toml"), "storage");
    let nginx = Server::nginx(&scratch.0, "127.77.0.6:8081");
    let (mut ours, mut theirs) = (Row::new("TCP, twinwire live, curl"), Row::new("TCP, nginx, curl"));
    let (mut get_tcp, mut get_rudp) = (Row::new("TCP, twinwire live, get"), Row::new("RUDP, twinwire live, get"));
    let mut one_tcp = Row::new("TCP, one process, digest checked");
    let mut one_rudp = Row::new("RUDP, one process, digest checked");
    for _ in 0..runs {
        ours.add(Some(&server), || curl("http://127.77.0.5:8080/file.bin", bytes));
        if let Some(nginx) = &nginx {
            theirs.add(Some(nginx), || curl("http://127.77.0.6:8081/file.bin", bytes));
        }
        for (row, transport) in [(&mut get_tcp, "tcp"), (&mut get_rudp, "rudp")] {
            row.add(Some(&server), || get(&scratch.0, transport));
        }
        one_tcp.add(None, || single(&scratch.0.join("single-tcp.toml")));
        one_rudp.add(None, || single(&scratch.0.join("single-rudp.toml")));
    }
    println!("{mib} MiB, {runs} runs of each; median, and the best rate\n");
    println!("| download | Gbit/s | best | seconds | server CPU s | client CPU s |");
    println!("|---|--:|--:|--:|--:|--:|");
    [ours, theirs, get_tcp, get_rudp, one_tcp, one_rudp].iter().for_each(|row| row.print(bytes as f64));
    if nginx.is_none() {
        println!("\nnginx is not installed: nothing to compare with");
    }
    println!("\nserver memory at the end: {:.1} MB (process {})", server.resident_mb(), server.id());
}

/// Bytes that no compression and no page of zeros makes easy.
fn fill(path: &Path, bytes: u64) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file"));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..bytes / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.write_all(&state.to_le_bytes()).expect("room on the disk");
    }
    out.flush().expect("room on the disk");
}

fn curl(url: &str, bytes: u64) -> (f64, f64) {
    let (text, cpu) = client(Command::new("curl").args(["-sf", "-o", "/dev/null", "-w", WRITTEN, url]));
    let mut fields = text.split_whitespace().filter_map(|f| f.parse::<f64>().ok());
    assert_eq!(fields.next(), Some(bytes as f64), "curl got all of it");
    (fields.next().expect("a time"), cpu)
}

const WRITTEN: &str = "%{size_download} %{time_total}";

fn get(folder: &Path, transport: &str) -> (f64, f64) {
    let to = folder.join("got.bin");
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinwire"));
    command.args(["get", "http://127.77.0.5:8080/file.bin", "--transport", transport, "-o"]).arg(&to);
    let (text, cpu) = client(&mut command);
    std::fs::remove_file(to).expect("it was saved");
    let seconds = text.split(" bytes in ").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    (seconds.expect("a time"), cpu)
}

fn single(scenario: &Path) -> (f64, f64) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinwire"));
    let (text, cpu) = client(command.arg("live").arg(scenario).args(["--format", "json"]));
    let summary: serde_json::Value = serde_json::from_str(&text).expect("a summary");
    let fetch = &summary["fetches"][0];
    assert_eq!(fetch["intact"], true);
    (fetch["end_s"].as_f64().expect("a time") - fetch["start_s"].as_f64().expect("a time"), cpu)
}

const SERVER: &str = r#"
[link.wire]
[node.storage]
role    = "storage"
address = "10.77.0.5"
files   = { "file.bin" = { path = "file.bin" } }
[node.lan]
role = "switch"
[[connect]]
between = ["storage", "lan"]
link    = "wire"
"#;

const SINGLE: &str = r#"
until = "120 s"
[link.wire]
queue = "1 GB"
[node.storage]
role    = "storage"
address = "10.78.0.5"
files   = { "file.bin" = { path = "file.bin" } }
[node.user]
role      = "user"
address   = "10.78.0.6"
transport = "TRANSPORT"
timeout   = "100 s"
fetch     = [{ url = "http://10.78.0.5/file.bin" }]
[[connect]]
between = ["storage", "user"]
link    = "wire"
"#;

//! Many clients at once: two thousand connections, some of which take nothing, and what they cost a
//! server that has nothing to do.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::process::{Scratch, Server, store, text, twinwire};

const CONNECTIONS: usize = 2000;
/// Clients that ask for a large file and read none of it.
const SLOW: usize = 50;

/// Ticks of 10 ms that a process has spent on a processor (proc(5)).
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    fields[11..13].iter().map(|f| f.parse::<u64>().expect("a number")).sum()
}

fn resident_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a line");
    line.split_whitespace().next().expect("a number").parse().expect("a number")
}

/// Reads one response whose body has this length.
fn response(stream: &mut TcpStream, body: usize) {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut buffer).expect("an answer");
        assert!(n > 0, "cut off after {} bytes", seen.len());
        seen.extend_from_slice(&buffer[..n]);
        if let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n")
            && seen.len() >= end + 4 + body
        {
            assert!(seen.starts_with(b"HTTP/1.1 200") && seen.len() == end + 4 + body);
            return;
        }
    }
}

#[test]
fn two_thousand_connections_are_served_and_cost_nothing_while_idle() {
    // A process may raise its own limit only as far as it is allowed to.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let (enough, most) = (CONNECTIONS as u64 + 200, limit.maximum.unwrap_or(u64::MAX));
    if most < enough {
        eprintln!("SKIPPED: a process may open {most} files only, and {enough} are needed");
        return;
    }
    let wanted = rustix::process::Rlimit { current: Some(most), maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, wanted).expect("it is allowed");

    let scratch = Scratch::new("many");
    let held = "files   = { \"held.bin\" = \"300 kB\" }";
    let scenario =
        store(105, "20 MB", "0 %").replace(held, "files   = { \"held.bin\" = \"300 kB\", \"small\" = \"1 kB\" }");
    let file = scratch.write("s.toml", &scenario);
    let server = Server::start(&file, &["store", "storage"]);
    let slow: Vec<TcpStream> = (0..SLOW)
        .map(|_| {
            let mut stream = TcpStream::connect("127.105.0.5:8080").unwrap();
            stream.write_all(b"GET /a.mp4 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            stream
        })
        .collect();
    let mut crowd: Vec<TcpStream> = (0..CONNECTIONS - SLOW)
        .map(|_| {
            let mut stream = TcpStream::connect("127.105.0.4:8080").unwrap();
            stream.write_all(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            stream
        })
        .collect();
    crowd.iter_mut().for_each(|stream| response(stream, 1000));
    // Once more on the same connections, while those that read nothing still wait.
    for stream in &mut crowd {
        stream.write_all(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    }
    crowd.iter_mut().for_each(|stream| response(stream, 1000));
    let to = scratch.path("a.mp4");
    text(twinwire().args(["get", "http://127.105.0.5:8080/a.mp4", "-o"]).arg(&to));
    assert_eq!(fs::metadata(&to).unwrap().len(), 20_000_000);

    let before = ticks(server.id());
    thread::sleep(Duration::from_secs(1));
    let spent = ticks(server.id()) - before;
    assert!(spent <= 5, "{spent} ticks of 10 ms in a second of nothing to do");
    // What waits for slow readers is bounded.
    let resident = resident_kb(server.id());
    assert!(resident < 20_000 + 400 * SLOW as u64 + 10 * CONNECTIONS as u64, "{resident} kB");
    drop((slow, crowd));
    assert_eq!(server.terminate(), Some(0));
}

//! Strangers who mean no good.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::process::Stdio;
use std::time::Duration;

use crate::process::{Process, Scratch, Server, store, text, twinwire};

/// A small generator of our own: the same bytes in every run.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let length = next() as usize % 600;
    (0..length).map(|_| next() as u8).collect()
}

#[test]
fn malformed_input_stops_no_server_and_slow_clients_hold_nobody_up() {
    let scratch = Scratch::new("robust");
    let dhcp = r#"
[node.dhcp]
role    = "dhcp-server"
address = "10.91.0.2"
pool    = "10.91.0.100..10.91.0.120"
[[connect]]
between = ["dhcp", "lan"]
link    = "wire"
"#;
    let file = scratch.write("s.toml", &(store(91, "100 kB", "0 %") + dhcp));
    let server = Server::start(&file, &["dhcp", "dns", "store", "storage"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // Silent, and in the middle of a request.
    let slow: Vec<_> = (0..50)
        .map(|i| {
            let mut stream = TcpStream::connect("127.91.0.5:8080").unwrap();
            stream.write_all(if i % 2 == 0 { b"" } else { b"GET /a.mp4 HT" }).unwrap();
            stream
        })
        .collect();
    for seed in 0..200 {
        let mut bytes = noise(seed);
        for port in ["127.91.0.2:8067", "127.91.0.3:8053", "127.91.0.4:8080", "127.91.0.5:8080"] {
            socket.send_to(&bytes, port).unwrap();
        }
        // Almost a DNS question, almost a RUDP packet.
        if bytes.len() > 12 {
            bytes[2..12].copy_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
            socket.send_to(&bytes, "127.91.0.3:8053").unwrap();
            bytes[0] = 1;
            socket.send_to(&bytes, "127.91.0.5:8080").unwrap();
        }
        // Almost a DHCP message.
        if bytes.len() > 240 {
            bytes[..4].copy_from_slice(&[1, 1, 6, 0]);
            bytes[236..240].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
            socket.send_to(&bytes, "127.91.0.2:8067").unwrap();
        }
        // Almost a request, and almost a question behind its length.
        let request = [b"GET /a.mp4 HTTP/1.1\r\nHost: x\r\n", &bytes[..]].concat();
        let question = [&(bytes.len() as u16).to_be_bytes(), &bytes[..]].concat();
        for (place, bytes) in [
            ("127.91.0.4:8080", &bytes),
            ("127.91.0.5:8080", &request),
            ("127.91.0.3:8053", &bytes),
            ("127.91.0.3:8053", &question),
        ] {
            let mut stream = TcpStream::connect(place).unwrap();
            let _ = stream.write_all(bytes);
        }
    }
    for path in ["../../../etc/passwd", "..%2f..%2fetc/passwd", "%2e%2e/%2e%2e/etc/passwd"] {
        let mut stream = TcpStream::connect("127.91.0.5:8080").unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 4") && !answer.contains("root:"), "{answer}");
    }
    for transport in ["tcp", "rudp"] {
        let to = scratch.path("a.mp4");
        let url = "http://store.example:8080/a.mp4";
        text(twinwire().args(["get", url, "--dns", "127.91.0.3:8053", "--transport", transport, "-o"]).arg(&to));
        std::fs::remove_file(to).unwrap();
    }
    drop(slow);
    assert_eq!(server.terminate(), Some(0));
}

/// Memory of a process in bytes, as the system counts it.
fn resident(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn a_flood_of_syns_from_everywhere_costs_no_memory_and_is_not_amplified() {
    let scratch = Scratch::new("flood");
    let file = scratch.write("s.toml", &store(92, "100 kB", "0 %"));
    let server = Server::start(&file, &["storage"]);
    // A real client's SYN, taken from its wire.
    let tap = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.mp4", tap.local_addr().unwrap());
    let mut client = twinwire();
    client.args(["get", &url, "--transport", "rudp", "-o"]).arg(scratch.path("none"));
    let client = Process(client.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut syn = [0; 2048];
    let length = tap.recv(&mut syn).unwrap();
    drop(client);
    let flood = |host: u8| {
        let (mut sent, mut got) = (0, 0);
        for port in 10_000..12_000 {
            let Ok(socket) = UdpSocket::bind((Ipv4Addr::new(127, 192, 0, host), port)) else { continue };
            socket.set_nonblocking(true).unwrap();
            sent += socket.send_to(&syn[..length], "127.92.0.5:8080").unwrap_or(0);
            // Most answers come when nobody listens any more, as on the sender that was named falsely.
            let mut answer = [0; 2048];
            if port % 20 == 0 {
                socket.set_nonblocking(false).unwrap();
                socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
                while let Ok(bytes) = socket.recv(&mut answer) {
                    got = got.max(bytes);
                    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
                }
            }
        }
        (sent, got)
    };
    flood(1);
    let before = resident(server.id());
    let told: Vec<_> = (2..5).map(flood).collect();
    assert!(told.iter().all(|(sent, got)| *sent > 500 * length && *got > 0 && *got <= length), "{told:?} {length}");
    let more = resident(server.id()).saturating_sub(before);
    assert!(more < 1 << 20, "{more} bytes more after 6000 SYNs");
    let to = scratch.path("a.mp4");
    text(twinwire().args(["get", "http://127.92.0.5:8080/a.mp4", "--transport", "rudp", "-o"]).arg(&to));
    assert_eq!(std::fs::metadata(to).unwrap().len(), 100_000);
    assert_eq!(server.terminate(), Some(0));
}

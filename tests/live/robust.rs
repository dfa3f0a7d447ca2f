//! Strangers who mean no good.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use crate::process::{Scratch, Server, store, text, twinwire};

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
        if seed % 4 == 0 {
            for place in ["127.91.0.4:8080", "127.91.0.3:8053"] {
                let mut stream = TcpStream::connect(place).unwrap();
                let _ = stream.write_all(&bytes);
            }
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

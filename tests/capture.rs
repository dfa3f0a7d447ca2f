//! `--pcap`: packets as other tools read them (row SYS-08).

use std::path::{Path, PathBuf};
use std::process::Command;

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a scenario with a capture; gives the capture and the summary.
fn captured(scratch: &Scratch, name: &str, pcap: &str) -> (PathBuf, serde_json::Value) {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.toml"));
    let out = scratch.0.join(format!("{name}{pcap}"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinwire"));
    command.arg("run").arg(scenario).args([pcap, "--format", "json", "--out"]).arg(&out);
    let done = command.output().expect("twinwire runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    (out.join("packets.pcapng"), serde_json::from_slice(&done.stdout).expect("JSON"))
}

fn scratch(name: &str) -> Scratch {
    let dir = std::env::temp_dir().join(format!("twinwire-capture-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder for the test");
    Scratch(dir)
}

/// The blocks of a capture: type and body.
fn blocks(mut bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    let mut blocks = Vec::new();
    while !bytes.is_empty() {
        let (kind, length) = (word(bytes), word(&bytes[4..]) as usize);
        assert_eq!((length % 4, word(&bytes[length - 4..]) as usize), (0, length), "a block ends as it begins");
        blocks.push((kind, bytes[8..length - 4].to_vec()));
        bytes = &bytes[length..];
    }
    blocks
}

#[test]
fn sys_08_every_checksum_is_right_and_every_protocol_is_read() {
    let scratch = scratch("tcpdump");
    if !Command::new("tcpdump").arg("--version").output().is_ok_and(|o| o.status.success()) {
        return eprintln!("SKIPPED: tcpdump is not installed");
    }
    for name in ["storage-tcp", "storage-rudp", "dhcp-renewal"] {
        let (file, _) = captured(&scratch, name, "--pcap");
        let read = Command::new("tcpdump").arg("-nvv").arg("-r").arg(&file).output().expect("tcpdump runs");
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let text = String::from_utf8_lossy(&read.stdout).into_owned();
        for word in ["incorrect", "bad cksum", "bad udp cksum", "bad opt", "truncated"] {
            assert!(!text.contains(word), "{name}: tcpdump says {word}");
        }
        let both = ["DHCP-Message (53), length 1: Offer", "DHCP-Message (53), length 1: ACK"];
        let dns = ["[udp sum ok]", "A? appstore"].iter().filter(|_| name != "dhcp-renewal");
        let tcp = ["Flags [S.]", "sackOK", "HTTP/1.1 301"].iter().filter(|_| name == "storage-tcp");
        for word in both.iter().chain(dns).chain(tcp) {
            assert!(text.contains(word), "{name}: tcpdump does not see {word}");
        }
    }
}

#[test]
fn a_capture_at_a_node_holds_what_passes_it_and_changes_nothing() {
    let scratch = scratch("node");
    let (clients, summary) = captured(&scratch, "dhcp-renewal", "--pcap");
    let (server, same) = captured(&scratch, "dhcp-renewal", "--pcap=dhcp");
    assert_eq!(summary, same);
    let digest = summary["digest"].as_str().expect("a digest");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/dhcp-renewal.lock");
    assert!(std::fs::read_to_string(lock).expect("a lock").contains(digest), "watching changes nothing");
    let [clients, server] = [clients, server].map(|file| blocks(&std::fs::read(file).expect("a capture")));
    let count = |blocks: &[(u32, Vec<u8>)], kind| blocks.iter().filter(|b| b.0 == kind).count();
    assert_eq!((clients[0].0, count(&server, 1)), (0x0a0d_0d0a, 1));
    assert_eq!(count(&clients, 1), 2, "each host is an interface");
    // What the one client sent and the link lost, the server did not see.
    let lost: usize = summary["links"]
        .as_array()
        .expect("links")
        .iter()
        .map(|l| {
            ["dropped_queue", "dropped_loss"]
                .iter()
                .map(|key| l[key].as_u64().expect("a count") as usize)
                .sum::<usize>()
        })
        .sum();
    assert!(lost > 0);
    assert_eq!(count(&clients, 6) - lost, count(&server, 6));
    let named = |blocks: &[(u32, Vec<u8>)], name: &str| {
        blocks.iter().any(|(kind, body)| *kind == 1 && body.windows(name.len()).any(|w| w == name.as_bytes()))
    };
    assert!(named(&server, "dhcp") && !named(&server, "phone") && named(&clients, "phone"));
}

//! Processes that are killed, or told to end, in the middle.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::process::{Scratch, Server, kill, output, store, text, twinwire};

/// How often each kind of process is killed; a long run raises it.
const KILLS: u64 = 6;

fn get(transport: &str, to: &Path) -> Command {
    let mut command = twinwire();
    command.args(["get", "http://127.106.0.5:8080/a.mp4", "--transport", transport, "-o"]).arg(to);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn a_download_that_is_killed_at_any_moment_is_whole_or_not_there() {
    let scratch = Scratch::new("kill");
    let server = Server::start(&scratch.write("s.toml", &store(106, "8 MB", "0 %")), &["storage"]);
    let want = scratch.path("want.mp4");
    text(get("tcp", &want).stdout(Stdio::piped()));
    let want = fs::read(want).unwrap();
    assert_eq!(want.len(), 8_000_000);
    for transport in ["tcp", "rudp"] {
        let to = scratch.path(&format!("{transport}.mp4"));
        for round in 0..KILLS {
            let mut child = get(transport, &to).spawn().unwrap();
            thread::sleep(Duration::from_millis(7 + 23 * round));
            kill_if_there(&mut child);
            if to.exists() {
                assert!(fs::read(&to).unwrap() == want, "{transport}, round {round}");
                fs::remove_file(&to).unwrap();
            }
        }
        // As if it had been killed just before it took its name.
        text(get(transport, &to).stdout(Stdio::piped()));
        let part = scratch.path(&format!("{transport}.mp4.part"));
        fs::rename(&to, &part).unwrap();
        fs::write(part.with_extension("part.etag"), etag("127.106.0.5:8080", "/a.mp4")).unwrap();
        // Whatever is left of the last one, the next makes it whole.
        text(get(transport, &to).stdout(Stdio::piped()));
        assert!(fs::read(&to).unwrap() == want, "{transport}");
        assert!(!scratch.path(&format!("{transport}.mp4.part")).exists());
    }
    assert_eq!(server.terminate(), Some(0));
}

/// The entity tag of a file.
fn etag(server: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(server).unwrap();
    write!(stream, "HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut head = String::new();
    stream.read_to_string(&mut head).unwrap();
    let tag = head.lines().find_map(|line| line.strip_prefix("ETag: ").or(line.strip_prefix("etag: ")));
    tag.unwrap_or_else(|| panic!("{head}")).to_owned()
}

fn kill_if_there(child: &mut std::process::Child) {
    // One that has ended already is no harm.
    let _ = child.kill();
    let _ = child.wait();
}

const WITH_USER: &str = r#"
[node.user]
role      = "user"
transport = "rudp"
fetch     = [{ url = "http://10.107.0.5/a.mp4" }]
[[connect]]
between = ["user", "lan"]
link    = "wire"
"#;

#[test]
fn a_live_run_that_is_killed_leaves_no_folder_and_one_that_is_told_to_end_a_whole_one() {
    let scratch = Scratch::new("killlive");
    let file = scratch.write("s.toml", &(store(107, "3 MB", "0 %") + WITH_USER));
    let live = |out: &Path| {
        let mut command = twinwire();
        command.arg("live").arg(&file).args(["--force", "--out"]).arg(out).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let whole = |out: &Path| {
        ["summary.json", "live.json", "plots/cwnd.svg", "report.html"].iter().all(|name| out.join(name).is_file())
    };
    let out = scratch.path("killed");
    for round in 0..KILLS {
        let mut child = live(&out);
        thread::sleep(Duration::from_millis(20 + 60 * round));
        kill_if_there(&mut child);
        assert!(!out.exists() || whole(&out), "round {round}");
    }
    // Ctrl-C: what was measured so far, whole, and a replay of it.
    let slow = scratch
        .write("slow.toml", &(store(108, "3 MB", "0 %").replace("1 ms", "40 ms") + &WITH_USER.replace("107", "108")));
    let out = scratch.path("ended");
    let mut child = twinwire()
        .arg("live")
        .arg(&slow)
        .arg("--out")
        .arg(&out)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(700));
    kill("-INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(1), "the download was not complete");
    assert!(whole(&out));
    let again = output(twinwire().args(["run", "--replay"]).arg(&out));
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(told.contains("bit for bit"), "{told}");
}

#[test]
fn ctrl_c_ends_a_download_and_the_next_goes_on_from_there() {
    let scratch = Scratch::new("intget");
    // 20 ms each way: two megabytes take a while.
    let slow = store(109, "6 MB", "0 %") + &WITH_USER.replace("107", "109").replace("fetch ", "# fetch ");
    let file = scratch.write("s.toml", &slow);
    let server = Server::start(&file, &["storage"]);
    let to = scratch.path("a.mp4");
    let command = || {
        let mut command = twinwire();
        command.args(["get", "http://127.109.0.5:8080/a.mp4", "--transport", "rudp", "-o"]).arg(&to);
        command
    };
    let child = command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(60));
    kill("-INT", child.id());
    let out = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    match out.status.code() {
        // It was faster.
        Some(0) => assert_eq!(fs::metadata(&to).unwrap().len(), 6_000_000),
        code => {
            assert_eq!(code, Some(1), "{told}");
            assert!(told.contains("ended by a signal") && !to.exists(), "{told}");
            text(&mut command());
            assert_eq!(fs::metadata(&to).unwrap().len(), 6_000_000);
        }
    }
    assert_eq!(server.terminate(), Some(0));
}

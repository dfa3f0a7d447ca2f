//! Clients that nobody here wrote, and `twinwire get`.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::process::{Scratch, Server, installed, kill, output, store, text, twinwire};

#[test]
fn curl_and_wget_follow_redirects_resume_and_come_in_crowds() {
    let scratch = Scratch::new("curl");
    let file = scratch.write("s.toml", &store(81, "3 MB", "0 %"));
    let server = Server::start(&file, &["dns", "store", "storage"]);
    let url = "http://127.81.0.4:8080/a.mp4";
    text(twinwire().args(["get", url, "-o"]).arg(scratch.path("want.mp4")));
    let want = fs::read(scratch.path("want.mp4")).unwrap();
    assert_eq!(want.len(), 3_000_000);
    if installed("curl") {
        let to = scratch.path("curl.mp4");
        let seen = text(Command::new("curl").args(["-sSL", url, "-w", "%{http_code} %{num_redirects}", "-o"]).arg(&to));
        assert_eq!((seen.as_str(), fs::read(&to).unwrap() == want), ("200 1", true));
        fs::write(&to, &want[..1_000_000]).unwrap();
        let seen = text(Command::new("curl").args(["-sSL", "-C", "-", url, "-w", "%{http_code}", "-o"]).arg(&to));
        assert_eq!((seen.as_str(), fs::read(&to).unwrap() == want), ("206", true));
        let head = text(Command::new("curl").args(["-sSI", "http://127.81.0.4:8080/held.bin"])).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200") && head.contains("content-length: 300000"), "{head}");
        let crowd: Vec<_> = (0..100)
            .map(|_| Command::new("curl").args(["-sSL", url]).stdout(Stdio::piped()).spawn().unwrap())
            .map(|child| thread::spawn(move || child.wait_with_output().unwrap().stdout.len()))
            .collect();
        assert!(crowd.into_iter().all(|c| c.join().unwrap() == want.len()));
    }
    if installed("wget") {
        let to = scratch.path("wget.mp4");
        fs::write(&to, &want[..10]).unwrap();
        text(Command::new("wget").args(["-q", "-c", url, "-O"]).arg(&to));
        assert!(fs::read(&to).unwrap() == want);
    }
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn dig_is_answered_by_udp_and_tcp() {
    if !installed("dig") {
        return;
    }
    let scratch = Scratch::new("dig");
    let file = scratch.write("s.toml", &store(82, "1 kB", "0 %"));
    let _server = Server::start(&file, &["dns"]);
    let dig = |args: &[&str]| text(Command::new("dig").args(["-p", "8053", "@127.82.0.3", "+tries=1"]).args(args));
    assert_eq!(dig(&["+short", "store.example"]), "127.82.0.4\n");
    assert_eq!(dig(&["+short", "+tcp", "store.example"]), "127.82.0.4\n");
    assert_eq!(dig(&["+short", "www.store.example"]), "store.example.\n127.82.0.4\n");
    let none = dig(&["nobody.store.example"]);
    assert!(none.contains("status: NXDOMAIN") && none.contains("SOA"), "{none}");
    assert!(dig(&["+edns=0", "store.example"]).contains("EDNS: version: 0"));
}

#[test]
fn get_resolves_follows_and_saves_whole_or_not_at_all() {
    let scratch = Scratch::new("get");
    let file = scratch.write("s.toml", &store(83, "20 MB", "0 %"));
    let _server = Server::start(&file, &["dns", "store", "storage"]);
    let to = scratch.path("a.mp4");
    let get = |transport: &str| {
        let mut get = twinwire();
        get.args([
            "get",
            "http://store.example:8080/a.mp4",
            "--dns",
            "127.83.0.3:8053",
            "--transport",
            transport,
            "-o",
        ]);
        get.arg(&to);
        get
    };
    // Killed in the middle: nothing under the name, and the next one goes on.
    let mut first = get("rudp").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let part = scratch.path("a.mp4.part");
    let enough = || fs::metadata(&part).is_ok_and(|m| m.len() > 100_000);
    (0..2000).take_while(|_| !enough()).for_each(|_| thread::sleep(Duration::from_millis(5)));
    kill("-KILL", first.id());
    assert!(!first.wait().unwrap().success());
    assert!(!to.exists() && enough());
    let seen = text(&mut get("tcp"));
    assert!(seen.contains("status 206"), "{seen}");
    let resumed = fs::read(&to).unwrap();
    fs::remove_file(&to).unwrap();
    assert!(text(&mut get("rudp")).contains("status 200"));
    assert!(fs::read(&to).unwrap() == resumed && resumed.len() == 20_000_000 && !part.exists());
    for (url, status) in [("http://127.83.0.4:8080/no.pdf", 1), ("http://127.83.0.4:1/a", 1), ("gopher://x/y", 2)] {
        let out = output(twinwire().args(["get", url, "-o"]).arg(scratch.path("none")));
        assert_eq!(out.status.code(), Some(status), "{url}");
    }
    assert!(!scratch.path("none").exists());
}

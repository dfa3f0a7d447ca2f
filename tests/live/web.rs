//! What browsers and curl make of the app store and its storage.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, Scratch, Server, installed, output, store, text, twinwire};

fn curl(args: &[&str]) -> Command {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "60"]).args(args);
    command
}

#[test]
fn the_page_of_an_app_store_lists_its_files_and_who_keeps_them() {
    let scratch = Scratch::new("page");
    let odd = r#""held.bin" = "300 kB", "<b>&.txt" = "1 kB""#;
    let file = scratch.write("s.toml", &store(84, "3 MB", "0 %").replace(r#""held.bin" = "300 kB""#, odd));
    let server = Server::start(&file, &["store", "storage"]);
    let to = scratch.path("page.html");
    text(twinwire().args(["get", "http://127.84.0.4:8080/", "-o"]).arg(&to));
    let page = fs::read_to_string(to).unwrap();
    for row in [
        r#"<a href="/a.mp4">a.mp4</a></td><td class="size">3.0 MB</td><td>storage</td>"#,
        r#"<a href="/held.bin">held.bin</a></td><td class="size">300.0 kB</td><td>this store</td>"#,
        r#"<a href="/%3Cb%3E%26.txt">&lt;b&gt;&amp;.txt</a>"#,
        "<code>*.mp4</code></td><td>storage</td>",
    ] {
        assert!(page.contains(row), "{row}\n{page}");
    }
    // It needs nothing that it does not bring along.
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(!["<script", "src=", "http:", "https:", "url("].iter().any(|w| page.contains(w)), "{page}");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn curl_asks_for_parts_for_news_and_for_what_is_not_there() {
    let scratch = Scratch::new("parts");
    let file = scratch.write("s.toml", &store(85, "1 MB", "0 %"));
    let server = Server::start(&file, &["store", "storage"]);
    if installed("curl") {
        let (url, to) = ("http://127.85.0.5:8080/a.mp4", scratch.path("a"));
        let get = |args: &[&str]| {
            let code = text(curl(args).args(["-w", "%{http_code}", "-o"]).arg(&to));
            (code, fs::read(&to).unwrap_or_default())
        };
        let (code, whole) = get(&[url]);
        assert_eq!((code.as_str(), whole.len()), ("200", 1_000_000));
        for (range, from, end) in [("10-19", 10, 20), ("999990-", 999_990, 1_000_000), ("-5", 999_995, 1_000_000)] {
            assert_eq!(get(&["-r", range, url]), ("206".to_owned(), whole[from..end].to_vec()), "{range}");
        }
        let (code, several) = get(&["-r", "0-9,20-29", url]);
        assert!(code == "206" && several.windows(10).any(|w| w == &whole[20..30]));
        assert_eq!(get(&["-r", "1000000-", url]).0, "416");
        let head = text(&mut curl(&["-I", url]));
        let etag = head.lines().find_map(|l| l.strip_prefix("ETag: ")).unwrap().trim().to_owned();
        assert_eq!(get(&["-H", &format!("If-None-Match: {etag}"), url]).0, "304");
        assert_eq!(get(&["-z", "Wed, 01 Jan 2098 00:00:00 GMT", url]).0, "304");
        assert_eq!(get(&["-H", "If-Match: \"other\"", url]).0, "412");
        let other = ["-H", "If-Range: \"other\"", "-r", "0-9", url];
        assert_eq!(get(&other), ("200".to_owned(), whole.clone()));
        // The same file by another spelling, and nothing outside by any.
        assert_eq!(get(&["http://127.85.0.5:8080/%61%2Emp4"]).1, whole);
        assert_eq!(get(&["--path-as-is", "http://127.85.0.5:8080/x/../a.mp4?q=1"]).1, whole);
        for path in ["../../etc/passwd", "..%2f..%2fetc/passwd", "%2e%2e/etc/passwd", "a%00.mp4", "..%5cetc", "%zz"] {
            let (code, body) = get(&["--path-as-is", &format!("http://127.85.0.5:8080/{path}")]);
            assert!(code.starts_with('4') && !body.windows(5).any(|w| w == b"root:"), "{path}: {code}");
        }
        assert_eq!(get(&["-X", "DELETE", url]).0, "405");
        assert!(!output(&mut curl(&["-f", "http://127.85.0.4:8080/none"])).status.success());
    }
    // Three requests in one write, answered in their turn.
    let mut stream = TcpStream::connect("127.85.0.4:8080").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let ask = |path: &str, close: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{close}\r\n");
    let pipeline = ask("/held.bin", "") + &ask("/none", "") + &ask("/a.mp4", "Connection: close\r\n");
    stream.write_all(pipeline.as_bytes()).unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).unwrap();
    let at = |status: &str| answers.windows(12).position(|w| w == format!("HTTP/1.1 {status}").as_bytes()).unwrap();
    assert!(at("200") == 0 && at("404") > 300_000 && at("301") > at("404"));
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_slow_and_a_silent_client_hold_up_nobody_and_a_quarter_of_a_gibibyte_arrives() {
    let scratch = Scratch::new("big");
    let file = scratch.write("s.toml", &store(86, "256 MiB", "0 %"));
    let server = Server::start(&file, &["store", "storage"]);
    let url = "http://127.86.0.4:8080/a.mp4";
    let mut silent = TcpStream::connect("127.86.0.5:8080").unwrap();
    silent.write_all(b"GET /a.mp4 HTTP/1.1\r\nHo").unwrap();
    if installed("curl") {
        let slow = || Process(curl(&["-L", "--limit-rate", "20k", "-o", "/dev/null", url]).spawn().unwrap());
        let slow = [slow(), slow(), slow()];
        let to = scratch.path("a.mp4");
        text(curl(&["-L", url, "-o"]).arg(&to));
        let head = text(&mut curl(&["-LI", url])).to_ascii_lowercase();
        assert!(head.contains("content-length: 268435456"), "{head}");
        // The server says the hash in base64; the system's own tool says it of what came.
        let told = head.lines().find_map(|l| l.split("repr-digest: sha-256=:").nth(1)).unwrap().trim_end_matches(":");
        let hash = "openssl dgst -sha256 -binary \"$0\" | base64 || exit 1";
        if installed("openssl") {
            let came = text(Command::new("sh").args(["-c", hash]).arg(&to)).trim().to_ascii_lowercase();
            assert_eq!(came, told.trim());
        }
        assert_eq!(fs::metadata(&to).unwrap().len(), 268_435_456);
        drop(slow);
    }
    // The one that never finished its question is told so, after 10 s (HTTP-16).
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut told = String::new();
    silent.read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 408"), "{told}");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn dig_meets_truncation_and_what_has_no_answer() {
    if !installed("dig") {
        return;
    }
    let scratch = Scratch::new("dig2");
    let many: Vec<String> = (1..=60).map(|n| format!("\"10.9.9.{n}\"")).collect();
    let zone = format!("zone    = {{ \"many.example\" = [{}], ", many.join(", "));
    let file = scratch.write("s.toml", &store(87, "1 kB", "0 %").replace("zone    = { ", &zone));
    let server = Server::start(&file, &["dns"]);
    let dig = |args: &[&str]| text(Command::new("dig").args(["-p", "8053", "@127.87.0.3", "+tries=1"]).args(args));
    let cut = dig(&["+noedns", "+ignore", "many.example"]);
    assert!(cut.contains("flags: qr aa tc"), "{cut}");
    // Without +ignore it asks again by TCP.
    assert_eq!(dig(&["+noedns", "+short", "many.example"]).lines().count(), 60);
    assert_eq!(dig(&["+bufsize=4096", "+notcp", "+short", "many.example"]).lines().count(), 60);
    let none = dig(&["store.example", "AAAA"]);
    assert!(none.contains("status: NOERROR") && none.contains("ANSWER: 0") && none.contains("SOA"), "{none}");
    assert!(dig(&["+edns=1", "+noednsneg", "store.example"]).contains("BADVERS"));
    assert!(dig(&["-c", "CH", "-t", "TXT", "version.bind"]).contains("REFUSED"));
    assert!(dig(&["sTORE.eXAMPLE"]).contains("127.87.0.4"));
    assert_eq!(server.terminate(), Some(0));
}

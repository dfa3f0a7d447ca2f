//! The command as people type it: exit statuses, what goes to which stream, what is left behind.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SMALL: &str = "seed = 3
[link.wan]
rate = \"10 Mbit/s\"
delay = \"10 ms\"
loss = \"1 %\"
[node.a]
role = \"host\"
[node.b]
role = \"host\"
[[connect]]
between = [\"a\", \"b\"]
link = \"wan\"
[[flow]]
name = \"bulk\"
from = \"a\"
to = \"b\"
size = \"100 kB\"
[[expect]]
that = \"flow[bulk].bytes == 100 kB\"
";

/// A folder of one test, with `small.toml` in it; gone afterwards.
struct Desk(PathBuf);

impl Desk {
    fn new(name: &str) -> Desk {
        let dir = std::env::temp_dir().join(format!("twinwire-command-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a folder");
        let desk = Desk(dir);
        desk.write("small.toml", SMALL);
        desk
    }
    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("written");
    }
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinwire"));
        command.current_dir(&self.0).stdin(Stdio::null());
        command
    }
    fn run(&self, line: &str) -> (i32, String, String) {
        told(self.command().args(line.split_whitespace()).output().expect("runs"))
    }
    fn entries(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.0)
            .expect("there")
            .map(|e| e.expect("an entry").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        names
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn told(out: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
}

fn digest_in(text: &str) -> String {
    let after = text.split("digest ").nth(1).expect("a digest");
    after.split_whitespace().next().expect("digits").to_owned()
}

#[test]
fn results_go_to_standard_output_and_timing_to_standard_error() {
    let desk = Desk::new("streams");
    let (status, out, err) = desk.run("run small.toml");
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("seed 3") && out.contains("✓ flow[bulk].bytes == 100 kB"), "{out}");
    assert!(err.contains("s wall") && err.lines().count() == 1, "{err}");
    let (status, json, err) = desk.run("run small.toml --format json --seed 99");
    assert_eq!((status, err.as_str()), (0, ""));
    let value: serde_json::Value = serde_json::from_str(&json).expect("one JSON object and nothing else");
    assert_eq!((value["seed"].as_u64(), value["scenario"].as_str()), (Some(99), Some("small")));
    assert_eq!(value["flows"][0]["bytes"], 100_000);
}

#[test]
fn exit_statuses_say_what_happened() {
    let desk = Desk::new("statuses");
    desk.write("unmet.toml", &SMALL.replace("== 100 kB", "== 1 kB"));
    desk.write("lost.toml", &SMALL.replace("loss = \"1 %\"", "loss = \"100 %\""));
    let status = |line: &str| desk.run(line).0;
    assert_eq!(status("run small.toml"), 0);
    let (unmet, out, _) = desk.run("run unmet.toml");
    assert!(unmet == 1 && out.contains("✗ flow[bulk].bytes == 1 kB   (it is 100000 B)"), "{out}");
    let (lost, out, err) = desk.run("run lost.toml --format json");
    assert!(lost == 1 && err.contains("error: a: flow bulk"), "{err}");
    assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
    for usage in [
        "",
        "fly",
        "run",
        "run small.toml --sed 3",
        "run small.toml --seed x",
        "run small.toml --format xml",
        "run small.toml --png",
        "run small.toml --set nothing",
        "run small.toml --set link.wan.rate=fast",
        "run small.toml --set flow.1.size=3",
        "run nowhere.toml",
        "check",
        "check nowhere.toml",
        "plot nowhere",
        "diff nowhere nowhere",
        "verify nowhere",
    ] {
        let (status, out, err) = desk.run(usage);
        assert_eq!((status, out.as_str()), (2, ""), "{usage}: {err}");
        assert!(!err.is_empty() && !err.contains("panicked"), "{usage}: {err}");
    }
    for fine in ["--help", "run --help", "--version", "list", "schema", "check small.toml"] {
        let (status, out, err) = desk.run(fine);
        assert_eq!((status, err.as_str()), (0, ""), "{fine}");
        assert!(!out.is_empty());
    }
}

#[test]
fn a_new_scenario_runs_as_it_is() {
    let desk = Desk::new("new");
    let (status, text, _) = desk.run("new first-steps");
    assert_eq!(status, 0);
    desk.write("first.toml", &text);
    let (status, out, err) = desk.run("run first.toml");
    assert_eq!(status, 0, "{out}{err}");
    assert!(out.starts_with("first-steps\n"), "{out}");
    let (_, schema, _) = desk.run("schema");
    assert!(serde_json::from_str::<serde_json::Value>(&schema).is_ok());
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let desk = Desk::new("pipe");
    for line in ["schema", "run small.toml", "run small.toml --format json", "list", "check small.toml"] {
        let mut child =
            desk.command().args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
        assert_eq!(child.wait().expect("ends").code(), Some(0), "{line}: {err}");
        assert!(!err.contains("panicked"), "{line}: {err}");
    }
}

#[test]
fn a_resolved_scenario_gives_the_same_run() {
    let desk = Desk::new("resolved");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for (name, extra) in [("storage-tcp", "--set transport.tcp.sack=false"), ("dhcp-renewal", ""), ("link-failure", "")]
    {
        let file = root.join(format!("{name}.toml"));
        let (status, out, err) = desk.run(&format!("run {} --seed 11 {extra} --out {name}", file.display()));
        assert!(status == 0 || status == 1, "{err}");
        let resolved = desk.read(&format!("{name}/scenario.toml"));
        assert!(resolved.contains("seed = 11") && resolved.contains("receive_buffer = "), "{resolved}");
        assert_eq!(resolved.contains("sack = false"), !extra.is_empty());
        let (again, out_again, err) = desk.run(&format!("run {name}/scenario.toml --out again/{name}"));
        assert_eq!((again, digest_in(&out_again)), (status, digest_in(&out)), "{name}: {err}");
        // Resolving what is resolved changes nothing but the way to files.
        let settled = |text: String| text.replace("../", "");
        assert_eq!(settled(desk.read(&format!("again/{name}/scenario.toml"))), settled(resolved), "{name}");
    }
}

#[test]
fn a_run_folder_is_whole_and_never_overwrites_by_accident() {
    let desk = Desk::new("folder");
    assert_eq!(desk.run("run small.toml --out out --png").0, 0);
    for (file, head) in [
        ("cwnd.csv", "time_s,flow,cause,cwnd_bytes,ssthresh_bytes,in_flight_bytes,srtt_s,rto_s"),
        ("throughput.csv", "time_s,flow,goodput_bps"),
        ("queue.csv", "time_s,link,direction,packets,bytes"),
    ] {
        assert_eq!(desk.read(&format!("out/{file}")).lines().next(), Some(head));
    }
    for line in desk.read("out/events.jsonl").lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(event["time_s"].is_number() && event["place"].is_string() && event["what"].is_string(), "{line}");
    }
    let page = desk.read("out/report.html");
    assert!(page.contains("<svg") && !page.contains("http://") | page.contains("http://www.w3.org"), "self-contained");
    for plot in ["cwnd", "throughput", "queue"] {
        assert!(desk.read(&format!("out/plots/{plot}.svg")).contains("</svg>"));
        assert!(fs::read(desk.0.join(format!("out/plots/{plot}.png"))).expect("there").starts_with(b"\x89PNG"));
    }
    let (_, json, _) = desk.run("run small.toml --format json");
    assert_eq!(desk.read("out/summary.json"), json, "summary.json is what --format json prints");
    let bytes: f64 =
        desk.read("out/throughput.csv").lines().skip(1).filter_map(|l| l.split(',').nth(2)?.parse::<f64>().ok()).sum();
    assert!(bytes > 0.0);

    let before = desk.read("out/summary.json");
    let (status, _, err) = desk.run("run small.toml --seed 4 --out out");
    assert!(status == 2 && err.contains("out exists already") && err.contains("--force"), "{err}");
    assert_eq!(desk.read("out/summary.json"), before);
    assert_eq!(desk.run("run small.toml --seed 4 --out out --force").0, 0);
    assert_ne!(desk.read("out/summary.json"), before);
    // A run that fails its expectations is still worth looking at; one that cannot start leaves nothing.
    desk.write("unmet.toml", &SMALL.replace("== 100 kB", "== 1 kB"));
    assert_eq!(desk.run("run unmet.toml --out unmet").0, 1);
    assert!(desk.0.join("unmet/summary.json").is_file());
    assert_eq!(desk.run("run nowhere.toml --out none").0, 2);
    assert_eq!(desk.run("run small.toml --set seed=x --out none").0, 2);
    let (status, _, err) = desk.run("run small.toml --out small.toml --force");
    assert!(status == 2 && err.contains("small.toml"), "{err}");
    let (status, _, err) = desk.run("run small.toml --out small.toml/under");
    assert!(status == 2 && err.contains("small.toml"), "{err}");
    let (status, _, err) = desk.run("run small.toml --out /proc/none/out");
    assert!(status == 2 && err.contains("cannot write /proc/none"), "{err}");
    assert_eq!(desk.entries(), ["out", "small.toml", "unmet", "unmet.toml"], "nothing half-written");
}

#[test]
fn verify_names_the_first_event_that_differs() {
    let desk = Desk::new("verify");
    fs::create_dir_all(desk.0.join("deep/er")).expect("folders");
    fs::rename(desk.0.join("small.toml"), desk.0.join("deep/er/small.toml")).expect("moved");
    let (status, _, err) = desk.run("verify .");
    assert!(status == 2 && err.contains("record with --update"), "{err}");
    let (status, out, _) = desk.run("verify . --update");
    assert!(status == 0 && out.contains("small.toml: recorded "), "{out}");
    let (status, out, _) = desk.run("verify deep");
    assert!(status == 0 && out.contains("small.toml: same ("), "{out}");

    // One flow begins 1 ms later: its first SYN is the first event that differs.
    let file = desk.0.join("deep/er/small.toml");
    fs::write(&file, SMALL.replace("[[expect]]", "start = \"1 ms\"\n[[expect]]")).expect("written");
    let (status, out, _) = desk.run("verify .");
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("small.toml: DIFFERS\ndigest "), "{out}");
    assert!(
        out.contains(
            "the first event that differs is record 0:\n  > {\"time_s\":0.001,\"place\":\"a\",\"what\":\"flow-opened\""
        ),
        "{out}"
    );

    // Another rate after the handshake shows at the first packet after it, not before.
    let event = "[[event]]\nat = \"50 ms\"\nlink = \"a--b\"\nset = { delay = \"11 ms\" }\n";
    fs::write(&file, format!("{SMALL}{event}")).expect("written");
    let (_, out, _) = desk.run("verify .");
    let line = out.lines().find(|l| l.trim_start().starts_with("> ")).expect("an event");
    assert!(line.contains("\"time_s\":0.05,") && line.contains("delay"), "{out}");
    let named = out.split("record ").nth(1).expect("a record").split(':').next().expect("a number").to_owned();

    // `diff` finds the same record in two run folders.
    desk.write("a.toml", SMALL);
    desk.write("b.toml", &format!("{SMALL}{event}"));
    assert_eq!(desk.run("run a.toml --out a").0, 0);
    assert_eq!(desk.run("run b.toml --out b").0, 0);
    let (status, out, _) = desk.run("diff a b");
    assert!(status == 1 && out.contains(&format!("the runs part at record {named}\n")), "{out}");
    assert!(out.lines().any(|l| l.starts_with("  - {")) && out.lines().any(|l| l.starts_with("  + {")), "{out}");
    let (status, out, _) = desk.run("diff a a");
    assert_eq!((status, out.as_str()), (0, "no event differs\n"));

    fs::write(desk.0.join("deep/er/small.lock"), "seed = 1\n").expect("written");
    let (status, _, err) = desk.run("verify .");
    assert!(status == 2 && err.contains("small.lock") && err.contains("--update"), "{err}");
}

#[test]
fn several_runs_overlay_in_one_plot() {
    let desk = Desk::new("overlay");
    assert_eq!(desk.run("run small.toml --out one").0, 0);
    assert_eq!(desk.run("run small.toml --seed 8 --out two").0, 0);
    let (status, out, err) = desk.run("plot one two --out both --png");
    assert_eq!(status, 0, "{err}");
    assert!(out.lines().any(|l| l == "both/cwnd.svg") && out.lines().any(|l| l == "both/cwnd.png"), "{out}");
    let text = desk.read("both/cwnd.svg");
    assert!(text.contains("one") && text.contains("two"));
    // Redrawing one run from its files gives what the run drew.
    let before = desk.read("one/plots/cwnd.svg");
    assert_eq!(desk.run("plot one").0, 0);
    assert_eq!(desk.read("one/plots/cwnd.svg"), before);
    desk.write("one/cwnd.csv", "time_s,flow\nx,y\n");
    let (status, _, err) = desk.run("plot one");
    assert!(status == 2 && err.contains("cwnd.csv"), "{err}");
}

#[test]
fn two_processes_agree_whatever_surrounds_them() {
    let desk = Desk::new("processes");
    let digest = |command: &mut Command| {
        let (status, out, err) = told(command.output().expect("runs"));
        assert_eq!(status, 0, "{err}");
        out
    };
    let plain = digest(desk.command().args(["run", "small.toml", "--format", "json"]));
    let elsewhere = std::env::temp_dir();
    let file = desk.0.join("small.toml");
    let mut other = Command::new(env!("CARGO_BIN_EXE_twinwire"));
    other.current_dir(elsewhere).env_clear().stdin(Stdio::null());
    other.envs([("LC_ALL", "tr_TR.UTF-8"), ("LANG", "de_DE"), ("TZ", "Pacific/Kiritimati"), ("HOME", "/nowhere")]);
    other.envs([
        ("RUST_BACKTRACE", "1"),
        ("RAYON_NUM_THREADS", "7"),
        ("NO_COLOR", "1"),
        ("COLUMNS", "20"),
        ("TERM", "dumb"),
    ]);
    assert_eq!(digest(other.arg("run").arg(&file).args(["--format", "json"])), plain);
    // Eight of them at a time, as threads that run beside.
    let together: Vec<String> = std::thread::scope(|scope| {
        let run = || scope.spawn(|| digest(desk.command().args(["run", "small.toml", "--format", "json"])));
        let all: Vec<_> = (0..8).map(|_| run()).collect();
        all.into_iter().map(|t| t.join().expect("ends")).collect()
    });
    assert!(together.iter().all(|out| *out == plain));
}

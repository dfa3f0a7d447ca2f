//! The rules of the house that a compiler cannot hold: which way the arrows point, what a `mod.rs`
//! may contain, how long a file may grow, where the system's clock may be read.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first. A file imports only its own folder and those before it.
const LAYERS: &[&str] = &[
    "base",
    "wire",
    "transport/congestion",
    "transport",
    "transport/rudp",
    "transport/tcp",
    "transport/kernel",
    "proto",
    "node",
    "sim",
    "live",
    "scenario",
    "observe",
    "report",
    "cli",
];

/// Lines before a file's tests.
const MAX_LINES: usize = 450;

fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).expect("src is readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { walk(&path, out) } else { out.push(path) }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let name = |p: &Path| p.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
    files.iter().map(|p| (name(p), fs::read_to_string(p).expect("text"))).collect()
}

/// The rank of the layer that a path such as `transport/tcp/ack.rs` belongs to.
fn layer(path: &str) -> Option<usize> {
    let inside = |l: &str| path == l || path.strip_prefix(l).is_some_and(|rest| rest.starts_with('/'));
    (0..LAYERS.len()).filter(|&i| inside(LAYERS[i])).max_by_key(|&i| LAYERS[i].len())
}

/// The part of a file before its tests. What stands there for tests only is a part of it.
fn code(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

#[test]
fn arrows_point_down() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let Some(own) = layer(&file) else { continue };
        for path in code(&text).split("crate::").skip(1) {
            let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(path.len());
            let target = path[..end].replace("::", "/");
            let Some(theirs) = layer(&target) else { continue };
            let both_in = |siblings: &[&str]| siblings.contains(&LAYERS[own]) && siblings.contains(&LAYERS[theirs]);
            let crossed = own != theirs
                && (both_in(&["transport/rudp", "transport/tcp", "transport/kernel"]) || both_in(&["sim", "live"]));
            if theirs > own || crossed {
                wrong.push(format!("{file} imports {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows point up:\n{}", wrong.join("\n"));
}

#[test]
fn a_mod_file_declares_and_registers_only() {
    for (file, text) in sources() {
        if !file.ends_with("mod.rs") {
            continue;
        }
        let defines = ["fn ", "struct ", "enum ", "trait ", "impl "];
        let line = code(&text).lines().find(|l| {
            let l = l.trim_start().trim_start_matches("pub ").trim_start_matches("pub(super) ");
            defines.iter().any(|d| l.starts_with(d))
        });
        assert_eq!(line, None, "{file} defines something: give it a file of its own");
    }
}

#[test]
fn files_can_be_held_in_the_head() {
    for (file, text) in sources() {
        let lines = code(&text).lines().count();
        assert!(lines <= MAX_LINES, "{file} has {lines} lines before its tests");
    }
}

#[test]
fn only_the_stopwatch_and_the_live_driver_read_the_clock() {
    for (file, text) in sources() {
        if !["cli/stopwatch.rs", "live/clock.rs"].contains(&file.as_str()) {
            let reads = ["Instant::now()", "SystemTime::now()"].iter().any(|call| text.contains(call));
            assert!(!reads, "{file} reads the system's clock");
        }
    }
}

#[test]
fn only_the_poller_and_what_asks_the_system_or_the_memory_is_unsafe() {
    for (file, text) in sources() {
        let may =
            ["base/prefetch.rs", "cli/huge_pages.rs", "live/poller.rs", "live/tcp_info.rs"].contains(&file.as_str());
        assert!(may || !text.contains("unsafe {"), "{file} has an unsafe block");
    }
}

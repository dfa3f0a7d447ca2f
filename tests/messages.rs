//! What a person is told about a bad scenario: every file of `tests/bad` with its messages, and
//! the files that are none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Checks one file as a user would; standard output must stay empty.
fn check(dir: &Path, name: &str) -> String {
    let out =
        Command::new(env!("CARGO_BIN_EXE_twinwire")).current_dir(dir).args(["check", name]).output().expect("runs");
    let told = String::from_utf8(out.stderr).expect("text");
    assert_eq!(out.status.code(), Some(2), "{name}: {told}");
    assert_eq!(String::from_utf8_lossy(&out.stdout), "", "{name}");
    assert!(!told.contains("panicked"), "{told}");
    told
}

fn bad() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad")
}

#[test]
fn every_mistake_has_its_line_its_text_and_its_mend() {
    let mut files: Vec<PathBuf> = fs::read_dir(bad()).expect("there").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= 15);
    for file in files {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let told = check(&bad(), &name);
        insta::assert_snapshot!(name.trim_end_matches(".toml"), told);
        let errors = told.matches("error: ").count();
        assert!(errors > 0, "{name}");
        assert_eq!(told.matches(&format!("--> {name}:")).count(), errors, "{name} tells a place for each:\n{told}");
        assert_eq!(told.matches("= help: ").count(), errors, "{name} names a mend for each:\n{told}");
    }
}

#[test]
fn what_is_no_scenario_is_said_to_be_none() {
    let dir = std::env::temp_dir().join(format!("twinwire-messages-{}", std::process::id()));
    fs::create_dir_all(dir.join("folder.toml")).expect("a folder");
    let good = "[node.a]\nrole = \"host\"\n";
    let write = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).expect("written");
    write("binary.toml", &[0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0xff, 0xfe]);
    write("latin1.toml", b"[node.a]\nrole = \"h\xf6st\"\n");
    write("utf16.toml", &"\u{feff}[node.a]".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
    write("deep.toml", format!("a = {}{}", "[".repeat(50_000), "]".repeat(50_000)).as_bytes());
    write("nul.toml", format!("{good}\0").as_bytes());
    let told = |name: &str, what: &str| {
        let told = check(&dir, name);
        assert!(told.contains(what), "{name}: {told}");
    };
    told("folder.toml", "is a folder; name a scenario file");
    told("missing.toml", "missing.toml: there is no such file");
    told("binary.toml", "binary.toml:1:9: not a text file: the byte 0xff here is no UTF-8");
    told("latin1.toml", "latin1.toml:2:10: not a text file");
    told("utf16.toml", "utf16.toml:1:1: not a text file");
    told("deep.toml", "nothing in a scenario is nested so deep");
    told("nul.toml", "--> nul.toml:3:1");
    fs::remove_dir_all(&dir).expect("removed");
}

#[test]
fn marks_and_line_ends_of_other_systems_are_welcome() {
    let text = "# ä comment\n[node.a]\nrole = \"host\"\n[node.b]\nrole = \"hots\"\n";
    let dir = std::env::temp_dir().join(format!("twinwire-endings-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a folder");
    fs::write(dir.join("bom.toml"), format!("\u{feff}{text}")).expect("written");
    fs::write(dir.join("crlf.toml"), text.replace('\n', "\r\n")).expect("written");
    for name in ["bom.toml", "crlf.toml"] {
        let told = check(&dir, name);
        assert_eq!(told.matches("error: ").count(), 1, "{told}");
        assert!(told.contains(&format!("--> {name}:5:8")) && told.contains("did you mean `host`?"), "{told}");
    }
    fs::remove_dir_all(&dir).expect("removed");
}

#[test]
fn ten_thousand_mistakes_are_told_quickly_and_counted() {
    let mut text = String::from("[node.sw]\nrole = \"switch\"\n");
    for i in 0..2_000 {
        text +=
            &format!("[node.host-number-{i}]\nrole = \"host\"\n[[connect]]\nbetween = [\"hots-nubmer-{i}\", \"sw\"]\n");
    }
    let dir = std::env::temp_dir().join(format!("twinwire-many-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a folder");
    fs::write(dir.join("many.toml"), text).expect("written");
    let told = check(&dir, "many.toml");
    assert_eq!(told.matches("error: ").count(), 100);
    assert!(told.ends_with("... and 1900 more\n") && told.contains("did you mean `host-number-0`?"), "{told}");
    fs::remove_dir_all(&dir).expect("removed");
}

//! One scenario in both worlds.

use std::fs;

use crate::process::{Scratch, output, store, text, twinwire};

/// A user of the store, whose data loses its 5th and 20th packet on the way from the storage.
fn scenario(net: u8, more: &str) -> String {
    let lossy = "between = [\"storage\", \"lan\"]\nlink    = \"wire\"\n\
                 loss    = { forward = { model = \"list\", of = \"data\", drop = [5, 20] }, reverse = \"0 %\" }";
    let store = store(net, "200 kB", "0 %").replace("between = [\"storage\", \"lan\"]\nlink    = \"wire\"", lossy);
    assert!(store.contains("list"));
    format!(
        r#"{store}
[node.user]
role      = "user"
transport = "rudp"
fetch     = [{{ url = "http://store.example/a.mp4" }}]
[[connect]]
between = ["user", "lan"]
link    = "wire"
{more}"#
    )
}

#[test]
fn both_worlds_lose_the_same_packets_and_stand_on_one_plot() {
    let scratch = Scratch::new("twin");
    let file = scratch.write("s.toml", &scenario(101, "[[expect]]\nthat = \"fetch.completed == 1\"\n"));
    let out = scratch.path("twin");
    let told = text(twinwire().arg("twin").arg(&file).arg("--png").arg("--out").arg(&out));
    assert!(told.contains("user->storage#2") && told.contains("area"), "{told}");
    for name in ["twin.svg", "twin.png", "simulated/summary.json", "live/inputs.bin", "live/queue.csv"] {
        assert!(out.join(name).is_file(), "{name}");
    }
    let twin: serde_json::Value = serde_json::from_str(&fs::read_to_string(out.join("twin.json")).unwrap()).unwrap();
    let flow = twin["flows"].as_array().unwrap().iter().find(|f| f["name"] == "user->storage#2").unwrap();
    let (simulated, live) = (&flow["simulated"], &flow["live"]);
    assert!(simulated["retransmits"] == 2 && live["retransmits"].as_u64() >= Some(2), "{flow}");
    assert!(simulated["bytes"].as_u64() > Some(200_000) && live["bytes"].as_u64() > Some(200_000), "{flow}");
    for area in ["cwnd_area", "goodput_area"] {
        let area = flow[area].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&area), "{area}");
    }
    // The links of the live run speak too, and its folder can be replayed all the same.
    let events = fs::read_to_string(out.join("live/events.jsonl")).unwrap();
    assert!(events.contains("\"place\":\"storage--lan/forward\",\"what\":\"packet-dropped\""));
    assert!(fs::read_to_string(out.join("live/queue.csv")).unwrap().lines().count() > 1);
    text(twinwire().args(["run", "--replay"]).arg(out.join("live")));
    // One folder of twins is not written over, but replaced if that is asked for.
    assert_eq!(output(twinwire().arg("twin").arg(&file).arg("--out").arg(&out)).status.code(), Some(2));
    text(twinwire().arg("twin").arg(&file).arg("--force").arg("--out").arg(&out));
}

#[test]
fn what_cannot_be_twins_is_refused_and_what_fails_fails() {
    let scratch = Scratch::new("notwin");
    let crash = "[[event]]\nat = \"1 s\"\nnode = \"storage\"\nset = { crashed = true }\n";
    let unmet = "[[expect]]\nthat = \"fetch.completed == 2\"\n";
    for (name, text, code, words) in [
        ("crash", scenario(102, crash), 2, &["do not crash in a live run", "s.toml:", "down = true"][..]),
        ("idle", store(103, "1 kB", "0 %") + "\n", 2, &["nothing to compare"]),
        ("unmet", scenario(104, unmet), 1, &["simulated: not met", "live: not met"]),
    ] {
        let file = scratch.write("s.toml", &text.replace("until = \"60 s\"", "until = \"20 s\""));
        let out = output(twinwire().arg("twin").arg(&file));
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(code), "{name}: {told}");
        assert!(words.iter().all(|word| told.contains(word)), "{name}: {told}");
    }
}

//! Whole scenarios on loopback, and their replays.

use std::fs;

use crate::process::{Scratch, output, store, text, twinwire};

/// Users of the store in the same network.
fn with_users(scenario: &str, count: usize, transport: &str) -> String {
    format!(
        r#"{scenario}
[node.user]
role      = "user"
count     = {count}
transport = "{transport}"
fetch     = [{{ url = "http://store.example/a.mp4" }}]
[[connect]]
between = ["user[*]", "lan"]
link    = "wire"
[[expect]]
that = "fetch.completed == {count}"
"#
    )
}

#[test]
fn sys_07_rudp_40_a_hundred_connections_through_five_per_cent_of_loss_are_intact() {
    let scratch = Scratch::new("rudp40");
    let file = scratch.write("s.toml", &with_users(&store(71, "40 kB", "5 %"), 50, "rudp"));
    // 50 users, two connections each: to the store and to the storage.
    let json = text(twinwire().args(["live", "--format", "json"]).arg(&file));
    let summary: serde_json::Value = serde_json::from_str(&json).expect("one object");
    let fetches = summary["fetches"].as_array().expect("a list");
    assert_eq!(fetches.len(), 50);
    assert!(fetches.iter().all(|f| f["intact"] == true && f["sha256"] == fetches[0]["sha256"]));
    assert_eq!(summary["flows"].as_array().expect("a list").len(), 100);
    let lost: u64 =
        summary["links"].as_array().expect("a list").iter().filter_map(|l| l["dropped_loss"].as_u64()).sum();
    assert!(lost > 50, "{lost} datagrams were lost");
}

#[test]
fn a_recorded_live_run_is_replayed_bit_for_bit_and_a_change_is_seen() {
    let scratch = Scratch::new("replay");
    for (net, transport) in [(72, "rudp"), (73, "tcp")] {
        // A real file, so that the run folder's path to it is put to the test.
        scratch.write("film.bin", &"film ".repeat(40_000));
        let held = store(net, "200 kB", "2 %").replace("\"a.mp4\" = \"200 kB\"", "\"a.mp4\" = { path = \"film.bin\" }");
        assert!(held.contains("film.bin"));
        let file = scratch.write("s.toml", &with_users(&held, 3, transport));
        let out = scratch.path(transport);
        text(twinwire().arg("live").arg(&file).arg("--out").arg(&out));
        for name in ["summary.json", "events.jsonl", "inputs.bin", "live.json"] {
            assert!(out.join(name).is_file(), "{name}");
        }
        let recorded: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
        let again = text(twinwire().args(["run", "--format", "json", "--replay"]).arg(&out));
        let again: serde_json::Value = serde_json::from_str(&again).unwrap();
        for same in ["digest", "fetches", "flows", "leases"] {
            assert_eq!(recorded[same], again[same], "{transport}: {same}");
        }
        // Other randomness is another run.
        let live = out.join("live.json");
        let mut meta: serde_json::Value = serde_json::from_str(&fs::read_to_string(&live).unwrap()).unwrap();
        meta["seed"] = 12_345.into();
        fs::write(&live, meta.to_string()).unwrap();
        let differs = output(twinwire().args(["run", "--replay"]).arg(&out));
        assert_eq!(differs.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&differs.stderr).contains("differ"));
    }
}

#[test]
fn a_live_run_refuses_what_it_cannot_do() {
    let scratch = Scratch::new("refuse");
    let file = scratch.write("s.toml", &store(74, "1 kB", "0 %"));
    for (args, word) in [
        (&["--node", "stoer"][..], "did you mean `store`"),
        (&["--node", "lan"], "no sockets"),
        (&["--bind", "store=here"], "NODE=ADDRESS:PORT"),
        (&["--node", "dns", "--bind", "dns=192.0.2.1:5353"], "no interface"),
        (&["--for", "10"], "--for"),
        (&["--bind", "store=127.0.0.1:9999", "--bind", "storage=127.0.0.1:9999"], "both be at"),
    ] {
        // The file may stand before the options or behind them.
        let before = output(twinwire().arg("live").arg(&file).args(args));
        let behind = output(twinwire().arg("live").args(args).arg(&file));
        for out in [before, behind] {
            let told = String::from_utf8_lossy(&out.stderr).into_owned();
            assert_eq!(out.status.code(), Some(2), "{args:?}: {told}");
            assert!(told.contains(word), "{args:?}: {told}");
        }
    }
}

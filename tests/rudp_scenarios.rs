//! What RUDP comes to on whole simulated paths.

use std::sync::Arc;

use twinwire::observe::run::run;
use twinwire::observe::summary::FlowSummary;
use twinwire::scenario::load::load;
use twinwire::scenario::text::Source;

fn flows(scenario: String, seed: u64) -> Vec<FlowSummary> {
    let source = Source::new("rudp.toml", scenario);
    let plan = load(&source, &[("seed".to_owned(), seed.to_string())]).plan.expect("valid");
    run(&Arc::new(plan), "rudp", None, &mut |_| {}).expect("a run").summary.flows
}

/// 10 Mbit/s, 40 ms, 64 packets, 30 s.
fn goodput(mode: &str) -> u64 {
    let scenario = format!(
        "schema = 1\nuntil = \"40 s\"\n\
         [link.path]\nrate = \"10 Mbit/s\"\ndelay = \"20 ms\"\nqueue = \"64 pkt\"\n\
         [node.a]\nrole = \"host\"\n[node.b]\nrole = \"host\"\n\
         [[connect]]\nbetween = [\"a\", \"b\"]\nlink = \"path\"\n\
         [[flow]]\nname = \"f\"\nfrom = \"a\"\nto = \"b\"\ntransport = \"rudp\"\nmode = \"{mode}\"\nfor = \"30 s\"\n"
    );
    flows(scenario, 1)[0].goodput_bps
}

#[test]
fn rudp_38_goodput() {
    let selective = goodput("selective-repeat");
    assert!(selective >= 8_500_000, "{selective}");
    // 1152 * 8 bits each 40 ms and about one millisecond at the transmitters.
    let one_by_one = goodput("stop-and-wait");
    assert!((215_000..=230_000).contains(&one_by_one), "{one_by_one}");
}

#[test]
fn rudp_39_two_flows_share_fairly() {
    let jain = |seed: u64| {
        let start = seed * 370 % 1000;
        let scenario = format!(
            "schema = 1\nuntil = \"62 s\"\n\
             [link.access]\nrate = \"100 Mbit/s\"\ndelay = {{ base = \"1 ms\", jitter = \"1 ms\" }}\n\
             [link.path]\nrate = \"2 Mbit/s\"\ndelay = \"20 ms\"\nqueue = \"16 pkt\"\n\
             [node.a]\nrole = \"host\"\n[node.b]\nrole = \"host\"\n[node.c]\nrole = \"host\"\n\
             [node.left]\nrole = \"router\"\n\
             [[connect]]\nbetween = [\"a\", \"left\"]\nlink = \"access\"\n\
             [[connect]]\nbetween = [\"b\", \"left\"]\nlink = \"access\"\n\
             [[connect]]\nbetween = [\"left\", \"c\"]\nlink = \"path\"\n\
             [[flow]]\nname = \"one\"\nfrom = \"a\"\nto = \"c\"\ntransport = \"rudp\"\nfor = \"60 s\"\n\
             [[flow]]\nname = \"two\"\nfrom = \"b\"\nto = \"c\"\ntransport = \"rudp\"\nfor = \"60 s\"\n\
             start = \"{start} ms\"\n"
        );
        let rates: Vec<f64> = flows(scenario, seed).iter().map(|f| f.goodput_bps as f64).collect();
        assert_eq!(rates.len(), 2);
        let (sum, squares) = (rates.iter().sum::<f64>(), rates.iter().map(|r| r * r).sum::<f64>());
        sum * sum / (2.0 * squares)
    };
    let mean = (1..=20).map(jain).sum::<f64>() / 20.0;
    assert!(mean >= 0.9, "{mean}");
}

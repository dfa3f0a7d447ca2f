//! Header prediction is a short cut: with it and without it the same segments leave at the same time.

use super::super::config::TcpConfig;
use super::bench::{Bench, pattern};
use crate::base::rng::Seed;
use crate::base::time::Duration;
use crate::base::units::Probability;
use crate::transport::connection::Connection;
use crate::transport::stream::Stream;

/// What both send, note and hear while `a` writes in fits and starts, `b` answers now and then, and
/// segments get lost.
fn run(seed: u64, predicts: bool) -> (Bench, u64) {
    let mut rng = Seed(seed).stream("prediction");
    let mut flag = || rng.next_u32() & 1 == 1;
    let congestion = ["newreno", "reno", "cubic", "newreno"][seed as usize % 4].to_owned();
    let mut config = TcpConfig { congestion, sack: flag(), timestamps: flag(), ..TcpConfig::default() };
    (config.delayed_ack, config.nagle, config.uncapped_growth, config.rtt_every_ack) = (flag(), flag(), flag(), flag());
    (config.prr, config.rack, config.tlp, config.undo) =
        (!flag() && flag(), !flag() && flag(), flag(), !flag() && flag());
    (config.dsack, config.quick_acks) = (flag(), u64::from(flag()) * 4);
    config.user_timeout = flag().then(|| Duration::from_secs(500));
    config.keepalive = flag();
    config.receive_buffer = if flag() { 20_000 } else { 1 << 20 };
    let (discards, b_talks) = (flag(), flag());
    let mut t = Bench::new(config, 0xffff_0000);
    t.trace = Some(Vec::new());
    (t.a.never_predicts, t.start) = (!predicts, t.now);
    t.run_ms(200);
    t.b().never_predicts = !predicts;
    if discards {
        t.b().discard_input();
    }
    t.random_loss = Some((rng, Probability::from_ratio([0, 1, 30, 100][seed as usize / 4 % 4], 1000)));
    let mut written = 0;
    for (n, len) in [100, 60_000, 5_000, 150_000, 1, 30_000].into_iter().enumerate() {
        written += t.a.write(pattern(len)) as u64;
        if b_talks {
            t.b().write(pattern(4000 * n));
        }
        t.run_ms(200 + 7_000 * (n as u64 + 1));
    }
    t.a.finish();
    t.b().finish();
    t.run_ms(600_000);
    (t, written)
}

#[test]
fn header_prediction_changes_nothing() {
    for seed in 0..64 {
        let ((mut short, written), (mut long, _)) = (run(seed, true), run(seed, false));
        let (one, other) = (short.trace.take().unwrap(), long.trace.take().unwrap());
        let differ = one.iter().zip(&other).find(|(a, b)| a != b);
        assert_eq!((differ, one.len()), (None, other.len()), "seed {seed}");
        assert_eq!((short.log, short.windows, short.events), (long.log, long.windows, long.events), "seed {seed}");
        assert_eq!((short.received, short.a.stats()), (long.received, long.a.stats()), "seed {seed}");
        let (b, same) = (short.b.unwrap().stats(), long.b.unwrap().stats());
        assert_eq!(b, same, "seed {seed}");
        assert!(b.bytes_delivered == written || b.retransmits + short.a.stats().timeouts > 10, "seed {seed}");
    }
}

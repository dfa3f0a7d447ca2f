//! RACK: RFC 8985. What RACK knows shows in when its timer fires and in what it resends.

use twinwire::transport::endpoint::Endpoint;
use twinwire::transport::rtt::RtoLimits;
use twinwire::transport::tcp::TcpConfig;

use crate::bench::{Bench, ms};
use crate::sender::{Script, racking};

/// A path of 40 ms, on which one segment leaves in each of the first so many ms.
fn one_a_ms(config: &TcpConfig, segments: u64) -> Script {
    let mut t = Script::over(config, 40, 1);
    for k in 1..=segments {
        t.until(k - 1);
        assert_eq!(t.write(1), format!("N{k}"));
    }
    t
}

#[test]
fn rack_01_the_segment_sent_last() {
    let mut t = one_a_ms(&racking(10), 3);
    t.until(42);
    t.sack(1, &[(3, 4)]);
    // RACK.xmit 2 ms, RACK.rtt 40: 1 is late at 0 + 40 + 10.
    assert_eq!(t.timer(), Some(50));
    // The ACK of 1, sent before, changes neither: 2 is late at 1 + 40 + 10, with the RTT of 3. With that
    // of 1 it would not be looked at, or be at 56.
    t.until(45);
    t.sack(2, &[(3, 4)]);
    assert_eq!(t.timer(), Some(51));
    assert_eq!(t.until(51), ["51 R2"]);
    // Of those that left together the one with the higher number is the later.
    let mut t = Script::over(&racking(10), 40, 1);
    assert_eq!(t.write(2), "N1 N2");
    t.until(40);
    t.sack(1, &[(2, 3)]);
    assert_eq!(t.timer(), Some(50));
}

#[test]
fn rack_02_the_ack_of_a_repeat_may_be_that_of_the_original() {
    // 2 to 4 are SACKed at 40 ms, 1 goes again, 5 to 10 are out since 0.
    let resent = |config: &TcpConfig| {
        let mut t = Script::over(config, 40, 1);
        t.write(10);
        t.until(40);
        assert_eq!(t.sack(1, &[(2, 5)]), "R1");
        t
    };
    // One millisecond later, less than any round trip, 1 is acknowledged: not the repeat.
    let mut t = resent(&racking(10));
    t.until(41);
    assert_eq!(t.ack(5), "");
    assert_eq!(t.until(60), Vec::<String>::new());
    // After 45 ms it may be the repeat; then what left before it is lost.
    let mut t = resent(&racking(10));
    t.until(85);
    assert!(t.ack(5).starts_with("R5"));
    // The echo tells: that of the original is not used, that of the repeat is.
    let with_echo = |echo| {
        let mut t = resent(&TcpConfig { timestamps: true, ..racking(10) });
        t.until(85);
        t.echo = echo;
        t.ack(5)
    };
    assert_eq!(with_echo(0), "");
    assert!(with_echo(40).starts_with("R5"));
}

#[test]
fn rack_03_late_is_lost() {
    let mut t = one_a_ms(&racking(10), 2);
    t.until(41);
    assert_eq!(t.sack(1, &[(2, 3)]), "", "not at 41 ms");
    assert_eq!(t.timer(), Some(50));
    assert_eq!(t.until(49), Vec::<String>::new());
    assert_eq!(t.until(50), ["50 R1"]);
    assert!(t.snapshot().recovery_point.is_some());
}

#[test]
fn rack_04_the_reordering_window() {
    let mut t = one_a_ms(&racking(10), 4);
    t.until(41);
    t.sack(1, &[(2, 3)]);
    assert_eq!(t.timer(), Some(50), "a quarter of 40 ms");
    t.until(42);
    t.sack(1, &[(2, 4)]);
    assert_eq!(t.timer(), Some(50));
    t.until(43);
    assert_eq!(t.sack(1, &[(2, 5)]), "R1", "with three SACKed it is nothing");
    // Once reordering was seen, it stays: 1 arrives after 2, and 3 to 6 after that.
    let mut t = Script::over(&racking(10), 40, 1);
    t.write(2);
    t.until(40);
    t.sack(1, &[(2, 3)]);
    t.ack(3);
    t.write(4);
    t.until(80);
    assert_eq!(t.sack(3, &[(4, 7)]), "");
    assert_eq!(t.until(90), ["90 R3"]);
}

/// How long RACK waits beyond the round trip: two segments, the second is SACKed, both acknowledged.
fn window(t: &mut Script, next: &mut u64) -> u64 {
    let (first, sent_at) = (*next, t.ms());
    t.write(2);
    t.until(sent_at + 40);
    t.sack(first, &[(first + 1, first + 2)]);
    let window = t.timer().unwrap() - (sent_at + 40);
    t.ack(first + 2);
    *next += 2;
    window
}

/// The same as one round, with a DSACK in the first ACK.
fn round_with_dsack(t: &mut Script, next: &mut u64) {
    t.write(1);
    t.until(t.ms() + 40);
    t.sack(*next + 1, &[(1, 2)]);
    *next += 1;
}

#[test]
fn rack_05_needless_repeats_widen_the_window() {
    let mut t = Script::over(&racking(10), 40, 1);
    let mut next = 1;
    t.write(1);
    t.until(40);
    t.ack(2);
    next += 1;
    let mut seen = vec![window(&mut t, &mut next)];
    for _ in 0..4 {
        round_with_dsack(&mut t, &mut next);
        seen.push(window(&mut t, &mut next));
    }
    assert_eq!(seen, [10, 20, 30, 40, 40], "then SRTT is the limit");
    // Reordering was seen in `window`, where 1 came after 2. After sixteen recoveries without a DSACK the
    // multiplier is 1 again; after fifteen it is not.
    let recovery = |t: &mut Script, next: &mut u64| {
        let (first, sent_at) = (*next, t.ms());
        t.write(2);
        t.until(sent_at + 40);
        t.sack(first, &[(first + 1, first + 2)]);
        t.until(sent_at + 81);
        assert!(t.snapshot().recovery_point.is_some());
        t.until(sent_at + 130);
        t.ack(first + 2);
        assert!(t.snapshot().recovery_point.is_none());
        *next += 2;
    };
    for _ in 0..15 {
        recovery(&mut t, &mut next);
    }
    assert_eq!(window(&mut t, &mut next), 40);
    recovery(&mut t, &mut next);
    assert_eq!(window(&mut t, &mut next), 10);
}

#[test]
fn rack_05_one_step_a_round_trip() {
    let mut t = Script::over(&racking(10), 40, 1);
    let mut next = 4;
    t.write(3);
    t.until(40);
    // Two DSACKs before what is out now is acknowledged are one.
    t.sack(2, &[(1, 2)]);
    t.sack(3, &[(1, 2)]);
    t.ack(4);
    assert_eq!(window(&mut t, &mut next), 20);
}

#[test]
fn rack_06_a_repeat_that_is_lost_too() {
    let mut t = Script::over(&racking(8), 40, 1);
    t.until(60);
    assert_eq!(t.write(8), "N1 N2 N3 N4 N5 N6 N7 N8");
    t.until(100);
    assert_eq!(t.sack(1, &[(2, 9)]), "R1");
    t.until(101);
    assert_eq!(t.write(1), "N9");
    t.until(141);
    // 9 left after the repeat of 1, and is here: the repeat is lost.
    let at_once = t.sack(1, &[(2, 10)]);
    let later = t.until(151);
    assert_eq!((at_once.as_str(), later.len()), ("R1", 0));
}

/// Ten segments over 100 ms, with tail loss probes.
fn probing() -> TcpConfig {
    TcpConfig { tlp: true, ..racking(10) }
}

#[test]
fn rack_07_when_the_probe_goes() {
    let timer = |config: &TcpConfig, segments| Script::new(config, segments).timer();
    assert_eq!(timer(&probing(), 10), Some(200), "twice SRTT");
    assert_eq!(timer(&probing(), 1), Some(400), "and 200 ms for a delayed ACK");
    // RTO = 100 + 200 ms.
    let rto = RtoLimits { min: ms(200), min_bounds_variance: true, ..RtoLimits::default() };
    let short = TcpConfig { rto: RtoLimits { granularity: ms(200), min_bounds_variance: false, ..rto }, ..probing() };
    let mut t = Script::new(&short, 1);
    assert_eq!(t.snapshot().rto, ms(300));
    assert_eq!(t.timer(), Some(300), "never later than the retransmission timer");
    t.until(10);
    assert_eq!(t.finish(), "F", "a FIN makes no second segment");
    assert_eq!(t.timer(), Some(300));
    // The SYN was repeated, so that there is no SRTT: 1 s, where the RTO is 3 s.
    let mut t = Script::over(&probing(), 100, 2);
    assert_eq!(t.snapshot().srtt, None);
    t.write(10);
    assert_eq!(t.timer(), Some(1000));
    // Each ACK sets it anew.
    let mut t = Script::new(&probing(), 10);
    t.until(100);
    t.ack(5);
    assert_eq!(t.timer(), Some(300));
}

#[test]
fn rack_08_the_probe() {
    let mut t = Script::new(&probing(), 10);
    t.until(100);
    t.ack(9);
    assert_eq!(t.until(399), ["300 R10"], "the last one, 200 ms after the last ACK, and one probe only");
    // It arrives: what is missing before it is found at once, without a timeout.
    t.until(400);
    assert_eq!(t.sack(9, &[(10, 11)]), "R9");
    t.until(500);
    t.ack(11);
    assert_eq!((t.snapshot().backoff, t.snapshot().flight), (0, 0));
    // New data is a better probe.
    let mut t = Script::new(&probing(), 12);
    t.until(100);
    t.window = 3000;
    t.ack(10);
    assert_eq!(t.until(299), Vec::<String>::new());
    let mut t = Script::new(&probing(), 11);
    assert_eq!(t.until(200), ["200 N11"]);
    // None in recovery.
    let mut t = Script::new(&probing(), 10);
    t.until(100);
    assert_eq!(t.sack(1, &[(2, 5)]), "R1");
    assert_eq!(t.until(999), Vec::<String>::new());
    // A probe whose ACK echoes an older segment, as that of a gap must, is still the probe's.
    let mut t = Script::new(&TcpConfig { timestamps: true, ..probing() }, 10);
    t.until(100);
    t.ack(9);
    assert_eq!(t.until(300), ["300 R10"]);
    t.until(400);
    assert_eq!(t.sack(9, &[(10, 11)]), "R9");
    // A peer that reports data, but not the FIN behind it.
    let mut t = Script::new(&probing(), 10);
    t.finish();
    t.until(100);
    t.ack(9);
    assert_eq!(t.until(300), ["300 F"]);
}

#[test]
fn rack_09_a_probe_that_repaired_the_loss() {
    let probed = |blocks: &[(u64, u64)]| {
        let mut t = Script::new(&probing(), 10);
        t.until(100);
        t.ack(10);
        let before = t.cwnd();
        assert_eq!(t.until(500), ["500 R10"]);
        t.until(600);
        t.sack(11, blocks);
        // Section 7.4.2: the verdict falls with the first ACK beyond the probe; a DSACK may still come.
        t.write(5);
        t.until(700);
        t.ack(12);
        let after = (t.cwnd(), t.ssthresh());
        t.ack(13);
        (before, after, t.ssthresh())
    };
    let (before, (cwnd, ssthresh), later) = probed(&[]);
    assert!(before >= 10_000 && cwnd < before, "{before} {cwnd}");
    assert!(ssthresh.is_some());
    assert_eq!(later, ssthresh, "one congestion event");
    let (before, (cwnd, ssthresh), _) = probed(&[(10, 11)]);
    assert!(cwnd >= before, "{before} {cwnd}");
    assert_eq!(ssthresh, None, "the DSACK says that nothing was lost");
}

#[test]
fn rack_10_a_timeout_follows_the_probe() {
    let mut t = Script::new(&probing(), 10);
    t.until(100);
    t.ack(9);
    assert_eq!(t.until(300), ["300 R10"]);
    assert_eq!(t.timer(), Some(1300), "an RTO of 1 s after the probe");
    assert_eq!(t.until(1300), ["1300 R9"]);
    assert_eq!((t.snapshot().backoff, t.cwnd()), (1, 1000));
}

#[test]
fn rack_06_every_seventh_segment_lost_needs_no_timeout() {
    // Repeats get lost, too, and what one recovery has found lost but had no leave to send begins the next one. Linux 6.18
    // has no timeout in these either.
    for (congestion, nth) in [("newreno", 7), ("cubic", 7), ("cubic", 11), ("cubic", 13), ("reno", 5)] {
        let lose: Vec<usize> = (1..400).filter(|n| n % nth == 0).collect();
        let config = TcpConfig { congestion: congestion.to_owned(), prr: true, ..probing() };
        let mut t = Bench::new(&config, &lose, 200);
        t.run_ms(60_000);
        let stats = &t.a.reports()[0].stats;
        assert_eq!((stats.bytes_acked, stats.timeouts), (200_000, 0), "{congestion} {nth}");
        let lost = stats.segments_sent / nth as u64;
        assert_eq!(stats.retransmits, lost, "{congestion} {nth}: nothing goes again but what was lost");
    }
}

#[test]
fn rack_undo_by_the_echo_of_the_original() {
    // RFC 3522: an ACK that echoes a time before the repeat shows that the original arrived.
    let config = TcpConfig { timestamps: true, undo: true, ..racking(20) };
    let begun = || {
        let mut t = Script::new(&config, 20);
        t.until(100);
        assert_eq!(t.sack(1, &[(2, 6)]), "R1");
        t
    };
    // The echo of the original: the reduction is taken back.
    let mut t = begun();
    t.until(150);
    let before = t.ssthresh();
    t.echo = 0;
    t.ack(6);
    assert_eq!((before.is_some(), t.ssthresh(), t.cwnd()), (true, None, 20_000));
    // The echo of the repeat: it was needed.
    let mut t = begun();
    t.until(200);
    t.echo = 100;
    t.ack(6);
    assert!(t.ssthresh().is_some());
}

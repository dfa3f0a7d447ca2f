//! RTO: RFC 6298, and appendix G of RFC 7323. RTO-12 (forgetting SRTT after many back-offs) is
//! optional and not offered.

use twinwire::base::rng::Seed;
use twinwire::base::time::Duration;
use twinwire::transport::endpoint::Endpoint;
use twinwire::transport::rtt::{RtoLimits, RttEstimator};
use twinwire::transport::tcp::TcpConfig;

use crate::bench::{Bench, ms, plain};
use crate::sender::{Script, sacking};

/// Without a floor, so that the formulas show.
fn bare(granularity: u64) -> RttEstimator {
    RttEstimator::new(RtoLimits { min: Duration::ZERO, granularity: ms(granularity), ..RtoLimits::default() })
}

fn micros(r: &RttEstimator) -> (u64, u64, u64) {
    (r.srtt().unwrap().as_micros(), r.rttvar().as_micros(), r.rto().as_micros())
}

#[test]
fn rto_01_before_any_sample() {
    assert_eq!(RttEstimator::new(RtoLimits::default()).rto(), ms(1000));
    let mut t = Bench::opening(&plain(), 1);
    t.run_ms(1500);
    assert_eq!(t.syns, [0, 1000]);
}

#[test]
fn rto_02_the_first_sample() {
    let mut r = bare(1);
    r.sample(ms(200));
    assert_eq!(micros(&r), (200_000, 100_000, 600_000));
}

#[test]
fn rto_03_variance_first() {
    let mut r = bare(1);
    let seen = [200, 300, 100].map(|sample| {
        r.sample(ms(sample));
        micros(&r)
    });
    assert_eq!(seen[1..], [(212_500, 100_000, 612_500), (198_437, 103_125, 610_937)]);
}

#[test]
fn rto_04_granularity_bounds_the_variance() {
    let settled = |g| {
        let mut r = bare(g);
        (0..200).for_each(|_| r.sample(ms(40)));
        r.rto().as_millis()
    };
    assert_eq!((settled(10), settled(1)), (50, 41));
}

#[test]
fn rto_05_the_floor() {
    let mut rfc = RttEstimator::new(RtoLimits::default());
    let linux = RtoLimits { min: ms(200), min_bounds_variance: true, ..RtoLimits::default() };
    let mut linux = RttEstimator::new(linux);
    for r in [&mut rfc, &mut linux] {
        r.sample(ms(200));
    }
    assert_eq!((rfc.rto(), linux.rto()), (ms(1000), ms(600)));
    // On a steady path the variance goes, the floor of its term stays.
    (0..200).for_each(|_| linux.sample(ms(200)));
    assert_eq!(linux.rto(), ms(400));
}

#[test]
fn rto_06_the_ceiling() {
    let mut r = RttEstimator::new(RtoLimits::default());
    let seen: Vec<u64> = (0..8)
        .map(|_| {
            r.back_off();
            r.rto().as_secs()
        })
        .collect();
    assert_eq!(seen, [2, 4, 8, 16, 32, 60, 60, 60]);
}

#[test]
fn rto_07_when_the_timer_runs() {
    let mut t = Bench::scripted(&plain(), 0);
    assert_eq!(t.a.poll_timeout(), None);
    for n in 0..3 {
        t.run_ms(100 * n);
        t.write(1);
        t.run_ms(100 * n);
    }
    assert_eq!(t.a.poll_timeout(), Some(t.start + ms(1000)), "from the first");
    t.run_ms(300);
    t.ack(2);
    assert_eq!(t.a.poll_timeout(), Some(t.start + ms(1300)), "anew on each ACK of new data");
    t.ack(4);
    assert_eq!(t.a.poll_timeout(), None);
}

#[test]
fn rto_08_backs_off() {
    let all: Vec<usize> = (1..40).collect();
    let mut t = Bench::new(&plain(), &all, 1);
    t.run_ms(200_000);
    let at: Vec<u64> = t.log.iter().skip(1).map(|l| l.0 / 1000).collect();
    assert_eq!(at, [1, 3, 7, 15, 31, 63, 123, 183]);
}

#[test]
fn rto_09_karn() {
    let mut t = Bench::scripted(&plain(), 1);
    let before = t.last().srtt;
    t.run_ms(1100);
    assert_eq!(t.timeouts, [1000]);
    t.ack(2);
    assert_eq!((t.last().srtt, t.last().rto), (before, ms(2000)));
    t.write(1);
    t.run_ms(1200);
    t.ack(3);
    assert_eq!(t.last().rto, ms(1000));
}

#[test]
fn rto_10_samples_of_one_round_trip_weigh_as_one() {
    // Flight of 20 segments, an ACK for each second one: ceil(20 / 2) = 10 samples.
    let (mut one, mut many) = (bare(1), bare(1));
    for r in [&mut one, &mut many] {
        r.sample(ms(100));
    }
    one.sample(ms(200));
    many.sample_weighted(ms(200), 10);
    // alpha' = 1/80 and beta' = 1/40 instead of 1/8 and 1/4.
    assert_eq!((one.srtt(), many.srtt()), (Some(Duration::from_micros(112_500)), Some(Duration::from_micros(101_250))));
    assert_eq!((one.rttvar().as_micros(), many.rttvar().as_micros()), (62_500, 51_250));
    for _ in 1..10 {
        many.sample_weighted(ms(200), 10);
    }
    let apart = one.srtt().unwrap().abs_diff(many.srtt().unwrap());
    assert!(apart < ms(1), "{apart:?}");
}

#[test]
fn rto_10_echoes_weigh_as_one_sample_a_round_trip() {
    // 1 of 20 is lost and goes again at 100 ms; Karn's rule ends the timing of a segment, and the echo
    // says 201 ms (a millisecond of which may be the clock's). ceil(20 / 2) = 10 such samples are expected.
    let config = TcpConfig { timestamps: true, ..sacking(20) };
    let mut t = Script::new(&config, 20);
    assert_eq!((t.snapshot().srtt, t.snapshot().rttvar), (Some(ms(100)), ms(50)));
    t.until(100);
    assert_eq!(t.sack(1, &[(2, 21)]), "R1");
    t.until(300);
    t.echo = 100;
    t.ack(21);
    let s = t.snapshot();
    assert_eq!((s.srtt.unwrap().as_micros(), s.rttvar.as_micros()), (100_000 + 101_000 / 80, 50_000 + 51_000 / 40));
    // Without them one exact sample is taken a round trip, and weighs as such.
    let mut t = Script::new(&sacking(20), 20);
    t.until(200);
    t.ack(2);
    t.ack(3);
    assert_eq!(t.snapshot().srtt, Some(Duration::from_micros(112_500)));
}

#[test]
fn rto_11_after_a_repeated_syn() {
    let mut t = Bench::opening(&plain(), 1);
    t.run_ms(1200);
    t.begin(&[1], 1);
    t.run_ms(4000);
    assert_eq!(t.log.iter().map(|l| l.0).collect::<Vec<_>>(), [0, 3000]);
}

#[test]
fn rto_13_one_timer() {
    let mut t = Bench::scripted(&plain(), 200);
    for k in 2..=30 {
        t.ack(k);
    }
    t.run_ms(900);
    // However many are out, one instant, and nothing happens before it.
    let first = t.a.poll_timeout().unwrap();
    assert_eq!((first, t.timeouts.len()), (t.start + ms(1000), 0));
    t.run_until(first);
    assert_eq!((t.timeouts.as_slice(), t.sent_at(1000).len()), (&[1000][..], 1));
}

#[test]
fn rto_14_fixed_point_is_exact() {
    let mut rng = Seed(14).stream("rtt");
    let mut r = RttEstimator::new(RtoLimits { max: Duration::MAX, ..RtoLimits::default() });
    let mut exact: Option<(f64, f64)> = None;
    for _ in 0..10_000 {
        let sample = 1 + rng.below(5000);
        r.sample(ms(sample));
        let s = sample as f64;
        let (srtt, rttvar) = match exact {
            None => (s, s / 2.0),
            Some((srtt, rttvar)) => (0.875 * srtt + 0.125 * s, 0.75 * rttvar + 0.25 * (srtt - s).abs()),
        };
        exact = Some((srtt, rttvar));
        let rto = (srtt + (4.0 * rttvar).max(1.0)).max(1000.0);
        let off = [(r.srtt().unwrap(), srtt), (r.rttvar(), rttvar), (r.rto(), rto)];
        for (fixed, exact) in off {
            // The row allows 2 ms; nanoseconds leave less than a microsecond.
            assert!((fixed.as_nanos() as f64 - exact * 1e6).abs() < 1000.0, "{fixed:?} {exact}");
        }
    }
}

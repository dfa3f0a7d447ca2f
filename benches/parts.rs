//! The parts one by one: `cargo bench --bench parts`.

use std::hint::black_box;
use std::net::Ipv4Addr;

use bytes::Bytes;
use divan::Bencher;
use twinwire::base::calendar::Calendar;
use twinwire::base::ids::PortId;
use twinwire::base::rng::Seed;
use twinwire::base::time::Instant;
use twinwire::base::timing_wheel::TimingWheel;
use twinwire::node::node::{Ctx, Input, Node};
use twinwire::node::outbox::Outbox;
use twinwire::node::router::Router;
use twinwire::node::routes::Route;
use twinwire::wire::packet::{Body, Hop, Packet};
use twinwire::wire::tcp::TcpSegment;

fn main() {
    divan::main();
}

const SOURCES: [u32; 4] = [10, 100, 1_000, 10_000];

/// The earliest event happens, and its source's next one lies somewhere ahead.
#[divan::bench(args = SOURCES)]
fn calendar(bencher: Bencher<'_, '_>, sources: u32) {
    let (mut calendar, mut rng) = (Calendar::default(), Seed(1).stream("bench"));
    (0..sources).for_each(|key| calendar.set(key, Some(Instant::from_nanos(rng.below(1 << 20)))));
    bencher.bench_local(|| {
        let (at, key) = calendar.peek().expect("an entry");
        calendar.set(key, Some(Instant::from_nanos(at.as_nanos() + 1 + rng.below(1 << 20))));
    });
}

/// The same on the wheel that links have.
#[divan::bench(args = SOURCES)]
fn timing_wheel(bencher: Bencher<'_, '_>, sources: u32) {
    let (mut wheel, mut rng) = (TimingWheel::<13>::default(), Seed(1).stream("bench"));
    (0..sources).for_each(|key| wheel.set(key, Some(Instant::from_nanos(rng.below(1 << 20)))));
    bencher.bench_local(|| {
        let (at, key) = wheel.first();
        wheel.pop((at, key));
        wheel.insert(key, Instant::from_nanos(at.as_nanos() + 1 + rng.below(1 << 20)));
    });
}

/// The same on the priority-queue crate: the figures in ARCHITECTURE.md.
#[divan::bench(args = SOURCES)]
fn priority_queue(bencher: Bencher<'_, '_>, sources: u32) {
    use std::cmp::Reverse;
    let mut calendar: priority_queue::PriorityQueue<u32, Reverse<(Instant, u32)>, rustc_hash::FxBuildHasher> =
        Default::default();
    let mut rng = Seed(1).stream("bench");
    for key in 0..sources {
        calendar.push(key, Reverse((Instant::from_nanos(rng.below(1 << 20)), key)));
    }
    bencher.bench_local(|| {
        let (&key, &Reverse((at, _))) = calendar.peek().expect("an entry");
        calendar.push(key, Reverse((Instant::from_nanos(at.as_nanos() + 1 + rng.below(1 << 20)), key)));
    });
}

fn segment() -> TcpSegment {
    let payload = Bytes::from_static(&[7; 1448]);
    let mut segment = TcpSegment { src_port: 49_152, dst_port: 80, payload, ..Default::default() };
    segment.options.timestamps = Some((1, 2));
    segment
}

/// A packet through a router with that many networks.
#[divan::bench(args = SOURCES)]
fn router(bencher: Bencher<'_, '_>, networks: u32) {
    let prefix = |net: u32| Ipv4Addr::from_bits(0x0a80_0000 + (net.wrapping_mul(0x9e37_79b9) >> 9 & !3));
    let routes = (0..networks).map(|n| Route { prefix: prefix(n), prefix_len: 30, port: PortId(0), via: None });
    let own = Ipv4Addr::new(10, 0, 0, 1);
    let mut router = Router::new(vec![own], routes.collect());
    let (mut outbox, mut last, mut net) = (Outbox::default(), 0, 0);
    let hop = Hop { from: own, to: own };
    let body = Body::Tcp(segment());
    let mut packet = Some(Box::new(Packet::new(Default::default(), own, own, hop, body)));
    bencher.bench_local(|| {
        let mut arriving = packet.take().expect("it came back");
        net = (net + 7919) % networks;
        (arriving.ttl, arriving.hop, arriving.dst) = (64, hop, Ipv4Addr::from_bits(prefix(net).to_bits() + 2));
        let mut ctx = Ctx::new(Instant::ZERO, Default::default(), &mut last, &mut outbox, None);
        router.handle(Input::Packet { port: PortId(0), packet: arriving }, &mut ctx);
        packet = outbox.pop().map(|(_, sent)| sent);
    });
}

/// A full segment to bytes and back, checksum included.
#[divan::bench]
fn tcp_codec(bencher: Bencher<'_, '_>) {
    let (a, b, segment) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2), segment());
    let mut bytes = Vec::with_capacity(2048);
    bencher.bench_local(|| {
        bytes.clear();
        segment.encode(a, b, &mut bytes);
        black_box(TcpSegment::parse(a, b, &bytes).expect("whole"));
    });
}

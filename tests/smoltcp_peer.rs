//! Our TCP against smoltcp's, which shares no line with it, over a wire that loses, reorders,
//! repeats and damages segments. Who opens, what is negotiated and how bad the wire is follow from
//! the seed; every byte must arrive in both directions, and both ends must close.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpProtocol, Ipv4Packet, Ipv4Repr};
use twinwire::base::note::CloseReason;
use twinwire::base::rng::{Rng, Seed};
use twinwire::base::time::{Duration, Instant};
use twinwire::base::units::Probability;
use twinwire::transport::tcp::{TcpConfig, TcpDoor};

/// How many runs in each direction: what `SMOLTCP_SEEDS` says when this is compiled (CONTRIBUTING.md).
const SEEDS: u64 = match option_env!("SMOLTCP_SEEDS") {
    None => 40,
    Some(number) => match u64::from_str_radix(number, 10) {
        Ok(seeds) => seeds,
        Err(_) => panic!("SMOLTCP_SEEDS is no number"),
    },
};
/// Wake-ups after which a run is thought to go round in circles.
const MOST_STEPS: u32 = 200_000;

const OURS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 4000);
const THEIRS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 80);
const IP_HEADER: usize = 20;

thread_local! {
    // smoltcp asks a bare function for its timestamps.
    static MILLIS: Cell<u32> = const { Cell::new(0) };
}

/// smoltcp's end of the wire: IPv4 packets in, IPv4 packets out.
#[derive(Default)]
struct Port {
    arrived: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Arrived(Vec<u8>);
struct Sender<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push(packet);
        result
    }
}

impl Device for Port {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Arrived, Sender<'_>)> {
        let packet = self.arrived.pop_front()?;
        Some((Arrived(packet), Sender(&mut self.sent)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Sender<'_>> {
        Some(Sender(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut c = DeviceCapabilities::default();
        (c.medium, c.max_transmission_unit) = (Medium::Ip, 1500);
        c
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum To {
    Us,
    Them,
}

/// Segments under way, by arrival.
struct Wire {
    rng: Rng,
    delay: u64,
    jitter: u64,
    loss: Probability,
    late: Probability,
    twice: Probability,
    damage: Probability,
    under_way: BTreeMap<(Instant, u64), (To, Vec<u8>)>,
    carried: u64,
    damaged: u64,
}

impl Wire {
    fn new(seed: Seed) -> Self {
        let mut rng = seed.stream("wire");
        let mut percent = |most: u64| Probability::from_ratio(rng.below(most + 1), 100);
        let (loss, late, twice, damage) = (percent(8), percent(10), percent(5), percent(3));
        let (delay, jitter) = (100 + rng.below(40_000), 1 + rng.below(2_000));
        Wire { rng, delay, jitter, loss, late, twice, damage, under_way: BTreeMap::new(), carried: 0, damaged: 0 }
    }

    fn send(&mut self, now: Instant, to: To, segment: Vec<u8>) {
        let copies = 1 + usize::from(self.rng.chance(self.twice));
        for mut copy in std::iter::repeat_n(segment, copies) {
            if self.rng.chance(self.loss) {
                continue;
            }
            if self.rng.chance(self.damage) {
                // One byte wrong: no such error has the checksum of the right one.
                let at = self.rng.below(copy.len() as u64) as usize;
                copy[at] ^= 1 + self.rng.below(255) as u8;
                self.damaged += 1;
            }
            let late = if self.rng.chance(self.late) { self.rng.below(3 * self.delay) } else { 0 };
            let micros = self.delay + self.rng.below(self.jitter) + late;
            self.carried += 1;
            self.under_way.insert((now + Duration::from_micros(micros), self.carried), (to, copy));
        }
    }
}

fn ip_packet(src: Ipv4Addr, dst: Ipv4Addr, segment: &[u8]) -> Vec<u8> {
    let repr = Ipv4Repr {
        src_addr: src,
        dst_addr: dst,
        next_header: IpProtocol::Tcp,
        payload_len: segment.len(),
        hop_limit: 64,
    };
    let mut packet = vec![0; IP_HEADER + segment.len()];
    repr.emit(&mut Ipv4Packet::new_unchecked(&mut packet), &ChecksumCapabilities::default());
    packet[IP_HEADER..].copy_from_slice(segment);
    packet
}

fn our_config(rng: &mut Rng) -> TcpConfig {
    let mut flip = || rng.below(2) == 1;
    let mut c = TcpConfig {
        sack: flip(),
        timestamps: flip(),
        window_scaling: flip(),
        delayed_ack: flip(),
        nagle: flip(),
        prr: flip(),
        rack: flip(),
        tlp: flip(),
        undo: flip(),
        impatient: flip(),
        uncapped_growth: flip(),
        ..TcpConfig::default()
    };
    c.congestion = ["reno", "newreno", "cubic", "fixed"][rng.below(4) as usize].to_owned();
    c.receive_buffer = [3_000, 20_000, 300_000][rng.below(3) as usize];
    c.mss = [536, 1448][rng.below(2) as usize];
    c
}

fn bytes(rng: &mut Rng) -> Vec<u8> {
    let mut data = vec![0; rng.below(150_000) as usize];
    rng.fill(&mut data);
    data
}

fn micros(t: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros((t.as_nanos() / 1_000) as i64)
}

/// One run; gives back how many segments the wire carried and how many of them it damaged.
fn run(seed: u64, we_open: bool) -> (u64, u64) {
    let mut rng = Seed(seed).stream("smoltcp_peer");
    let mut wire = Wire::new(Seed(seed));
    let (to_them, to_us) = (bytes(&mut rng), bytes(&mut rng));
    let config = our_config(&mut rng);
    let story = format!("seed {seed}, {}: {config:?}", if we_open { "we open" } else { "they open" });

    let mut port = Port::default();
    let mut setup = Config::new(HardwareAddress::Ip);
    setup.random_seed = rng.next_u64();
    let mut iface = Interface::new(setup, &mut port, micros(Instant::ZERO));
    iface.update_ip_addrs(|a| a.push(IpCidr::new(IpAddress::Ipv4(*THEIRS.ip()), 24)).expect("room for one address"));
    let sizes = [4_000, 30_000, 200_000];
    let (mut rx, mut tx) = (vec![0; sizes[rng.below(3) as usize]], vec![0; sizes[rng.below(3) as usize]]);
    let mut socket = Socket::new(SocketBuffer::new(&mut rx[..]), SocketBuffer::new(&mut tx[..]));
    socket.set_nagle_enabled(rng.below(2) == 1);
    if rng.below(2) == 1 {
        socket.set_tsval_generator(Some(|| MILLIS.get()));
    }

    let mut now = Instant::ZERO;
    let mut door = TcpDoor::new(Seed(seed)).with_iss(rng.next_u32());
    let mut conn = None;
    if we_open {
        socket.listen(THEIRS.port()).expect("a fresh socket listens");
        conn = Some(door.connect(now, OURS, THEIRS, &config).expect("a good configuration"));
    } else {
        door.listen(OURS.port(), &config).expect("a good configuration");
        socket.connect(iface.context(), OURS, THEIRS.port()).expect("a fresh socket connects");
    }
    let mut storage = [SocketStorage::EMPTY];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handle = sockets.add(socket);

    let (mut we_wrote, mut we_got, mut we_saw_the_end) = (0, Vec::new(), false);
    let (mut they_wrote, mut they_got) = (0, Vec::new());
    let (mut they_were_up, mut they_waited) = (false, false);
    for _ in 0..MOST_STEPS {
        MILLIS.set((now.as_nanos() / 1_000_000) as u32);
        iface.poll(micros(now), &mut port, &mut sockets);
        // The applications: each writes all it has, then finishes; each reads to the end.
        conn = conn.or_else(|| door.accept(OURS.port()).map(|(conn, _)| conn));
        if let Some(conn) = conn {
            we_wrote += door.write(conn, to_them[we_wrote..].to_vec());
            if we_wrote == to_them.len() {
                door.finish(conn);
            }
            while let Some(data) = door.read(conn, 1_000).filter(|_| !we_saw_the_end) {
                we_saw_the_end = data.is_empty();
                we_got.extend_from_slice(&data);
            }
        }
        let socket = sockets.get_mut::<Socket>(handle);
        they_were_up |= socket.may_send();
        if socket.may_send() {
            they_wrote += socket.send_slice(&to_us[they_wrote..]).expect("it may send");
            if they_wrote == to_us.len() {
                socket.close();
            }
        }
        while socket.can_recv() {
            socket
                .recv(|data| {
                    they_got.extend_from_slice(data);
                    (data.len(), ())
                })
                .expect("it can receive");
        }
        // The stacks.
        iface.poll(micros(now), &mut port, &mut sockets);
        for packet in port.sent.drain(..) {
            wire.send(now, To::Us, packet[IP_HEADER..].to_vec());
        }
        while let Some((src, dst, segment)) = door.segment_out(now) {
            assert_eq!((src, dst), (*OURS.ip(), *THEIRS.ip()), "{story}");
            wire.send(now, To::Them, segment);
        }
        let state = sockets.get::<Socket>(handle).state();
        they_waited |= state == State::TimeWait;
        let ours = conn.and_then(|c| door.snapshot(c)).map(|s| s.state);
        if they_were_up && ours == Some("CLOSED") && state == State::Closed {
            break;
        }
        // The time of whatever comes next.
        let theirs = iface.poll_at(micros(now), &sockets).map(|t| Instant::from_nanos(t.total_micros() as u64 * 1_000));
        let theirs = theirs.map(|t| t.max(now + Duration::from_micros(100)));
        let arrival = wire.under_way.first_key_value().map(|((at, _), _)| *at);
        let next = [theirs, arrival, door.next_timeout()].into_iter().flatten().min();
        now = next.unwrap_or_else(|| panic!("all is quiet, ours {ours:?}, theirs {state}: {story}")).max(now);
        door.handle_timeout(now);
        while let Some(entry) = wire.under_way.first_entry().filter(|e| e.key().0 <= now) {
            match entry.remove() {
                (To::Us, segment) => _ = door.segment_in(now, *THEIRS.ip(), *OURS.ip(), &segment),
                (To::Them, segment) => port.arrived.push_back(ip_packet(*OURS.ip(), *THEIRS.ip(), &segment)),
            }
        }
    }
    let end = conn.and_then(|c| door.end(c));
    let state = sockets.get::<Socket>(handle).state();
    assert!(they_got == to_them, "{} of {} bytes to them, {end:?}, {state}: {story}", they_got.len(), to_them.len());
    assert!(we_got == to_us, "{} of {} bytes to us, {end:?}, {state}: {story}", we_got.len(), to_us.len());
    assert!(we_saw_the_end, "{story}");
    // smoltcp's TIME-WAIT is ten seconds: a FIN that we have to repeat after that meets nobody.
    let too_late = they_waited && end == Some(CloseReason::Reset);
    assert!(end == Some(CloseReason::Finished) || too_late, "{end:?}: {story}");
    assert_eq!(state, State::Closed, "{story}");
    (wire.carried, wire.damaged)
}

fn runs(we_open: bool) {
    let (mut carried, mut damaged) = (0, 0);
    for seed in 0..SEEDS {
        let (c, d) = run(seed, we_open);
        (carried, damaged) = (carried + c, damaged + d);
    }
    assert!(carried > 20 * SEEDS && damaged > SEEDS / 4, "{carried} carried, {damaged} damaged: the wire was too kind");
}

#[test]
fn smoltcp_takes_our_connections() {
    runs(true);
}

#[test]
fn smoltcp_opens_connections_to_us() {
    runs(false);
}

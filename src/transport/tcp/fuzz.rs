//! What the fuzz targets of TCP in `fuzz/` call, and a short run of random bytes in the tests. Each
//! panics when a promise is broken.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::config::{SynCookies, TcpConfig};
use super::door::TcpDoor;
use crate::base::rng::Seed;
use crate::base::time::{Duration, Instant};
use crate::transport::endpoint::ConnId;
use crate::wire::checksum::InternetChecksum;
use crate::wire::tcp::{TcpFlags, TcpOptions, TcpSegment};

const OURS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 80);
const THEIRS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 5000);
/// Both sequences wrap early.
const ISS: (u32, u32) = (u32::MAX - 2_000, u32::MAX - 3_000);
/// More than this in one go is a storm.
const MOST_SEGMENTS: usize = 2_000;
/// Bytes of a stream count up, modulo this.
const BYTES: u32 = 251;

/// Any bytes as a segment, as they are and with a good checksum: what is understood survives being
/// written and read again.
pub fn segment(data: &[u8]) {
    let (src, dst) = (*THEIRS.ip(), *OURS.ip());
    let _ = TcpSegment::parse(src, dst, data);
    let mut data = data.to_vec();
    seal(&mut data);
    let Ok(s) = TcpSegment::parse(src, dst, &data) else { return };
    // Ours are laid out in whole words, which may need more room than the 40 bytes there are.
    if s.options.wire_bytes() <= 40 {
        let mut again = Vec::new();
        s.encode(src, dst, &mut again);
        assert_eq!(again.len() as u32, s.wire_bytes());
        assert_eq!(TcpSegment::parse(src, dst, &again), Ok(s));
    }
}

/// Gives a segment of the peer's a good checksum.
fn seal(data: &mut [u8]) {
    if data.len() < 18 || data.len() > usize::from(u16::MAX) {
        return;
    }
    data[16..18].fill(0);
    let mut sum = InternetChecksum::new();
    sum.add(&THEIRS.ip().octets());
    sum.add(&OURS.ip().octets());
    sum.add(&[0, 6]);
    sum.add(&(data.len() as u16).to_be_bytes());
    sum.add(data);
    let sum = sum.finish();
    data[16..18].copy_from_slice(&sum.to_be_bytes());
}

/// Any bytes as what a host lives through: its configuration, then segments near what would be right,
/// time, and calls of its application. Nothing panics or storms, no timer is set in the past, and what
/// is read is the peer's stream, without a hole and without a repeat.
pub fn door(data: &[u8]) {
    let Some((head, steps)) = data.split_first_chunk::<4>() else { return };
    let mut play = Play::new(head);
    for step in steps.chunks_exact(8).take(500) {
        play.step(step.try_into().expect("eight bytes"));
        play.drain();
    }
}

struct Play {
    door: TcpDoor,
    config: TcpConfig,
    now: Instant,
    conn: Option<ConnId>,
    written: u32,
    last_read: Option<u8>,
}

impl Play {
    fn new(head: &[u8; 4]) -> Play {
        let on = |n: usize| head[n / 8] >> (n % 8) & 1 == 1;
        let config = TcpConfig {
            mss: if on(0) { 1448 } else { 100 },
            sack: on(1),
            dsack: on(2),
            timestamps: on(3),
            window_scaling: on(4),
            delayed_ack: on(5),
            nagle: on(6),
            rack: on(7),
            tlp: on(8),
            prr: on(9),
            undo: on(10),
            keepalive: on(11),
            user_timeout: on(12).then_some(Duration::from_secs(20)),
            receive_buffer: if on(13) { 1 << 20 } else { 700 },
            send_buffer: if on(14) { 1 << 20 } else { 2_000 },
            backlog: u64::from(head[2] % 3),
            syn_cookies: [SynCookies::Never, SynCookies::Overflow, SynCookies::Always][usize::from(head[3] % 3)],
            congestion: ["reno", "newreno", "cubic", "fixed"][usize::from(head[3] / 3 % 4)].to_owned(),
            ..TcpConfig::default()
        };
        let mut door = TcpDoor::new(Seed(1)).with_iss(ISS.0).with_timestamp_offset(u32::MAX - 5_000);
        let (now, mut conn) = (Instant::ZERO, None);
        door.listen(OURS.port(), &config).expect("a good configuration");
        if on(15) {
            conn = door.connect(now, OURS, THEIRS, &config).ok();
        }
        Play { door, config, now, conn, written: 0, last_read: None }
    }

    fn step(&mut self, step: &[u8; 8]) {
        let &[op, a, b, c, d, e, f, g] = step;
        let long = u64::from(u16::from_be_bytes([a, b]));
        let conn = self.conn.filter(|_| op % 16 >= 10);
        match (op % 16, conn) {
            (0..=7, _) => self.arrive(&[a, b, c, d, e, f, g]),
            (8, _) => self.pass(Duration::from_millis(long)),
            (9, _) => self.pass(Duration::from_secs(long)),
            (10 | 11, Some(conn)) => {
                let data: Vec<u8> = (0..long as u32).map(|i| ((self.written + i) % BYTES) as u8).collect();
                self.written += self.door.write(conn, data) as u32;
            }
            (12 | 13, Some(conn)) => {
                let waiting = self.door.readable(conn);
                let Some(data) = self.door.read(conn, long as usize) else { return };
                assert!(data.len() as u64 <= waiting, "no more than there is");
                for &byte in &data {
                    let next = self.last_read.map(|last| (u32::from(last) + 1) % BYTES);
                    assert!(next.is_none_or(|next| next == u32::from(byte)), "the stream has no hole and no repeat");
                    self.last_read = Some(byte);
                }
            }
            (14, Some(conn)) => match a % 4 {
                0 => self.door.finish(conn),
                1 => self.door.close(conn),
                2 => self.door.abort(conn),
                _ => self.door.unreachable(self.now, OURS, THEIRS, b & 1 == 1),
            },
            (15, Some(conn)) => {
                let changed = self.door.reconfigure(conn, |config| {
                    (config.nagle, config.delayed_ack, config.keepalive) = (a & 1 == 1, a & 2 == 2, a & 4 == 4);
                });
                assert_eq!(changed, Ok(()));
            }
            _ => self.accept_or_connect(a & 1 == 1),
        }
    }

    fn accept_or_connect(&mut self, connect: bool) {
        let next = match connect {
            true => self.door.connect(self.now, OURS, THEIRS, &self.config).ok(),
            false => self.door.accept(OURS.port()).map(|(conn, _)| conn),
        };
        if let Some(next) = next {
            (self.conn, self.written, self.last_read) = (Some(next), 0, None);
        }
    }

    /// A segment whose numbers are near those that the connection expects.
    fn arrive(&mut self, &[seq, ack, flags, len, window, option, fine]: &[u8; 7]) {
        let now = self.door.find(OURS, THEIRS).and_then(|conn| self.door.snapshot(conn));
        let (rcv, una, max) = now.map_or((ISS.1, ISS.0, ISS.0 + 1), |s| (s.rcv_nxt, s.snd_una, s.snd_max));
        // Mostly exact, else off by little or by much.
        let off = |n: u8, fine: u8| match n {
            0..160 => 0,
            160..224 => i32::from(fine as i8),
            224..250 => i32::from(n as i8) * 400 + i32::from(fine),
            _ => i32::from(fine) << 24,
        };
        let seq = rcv.wrapping_add_signed(off(seq, fine));
        let near = if ack & 1 == 0 { una } else { max };
        let near = if option & 7 == 7 { una.wrapping_add(max.wrapping_sub(una) / 2) } else { near };
        let ack = near.wrapping_add_signed(off(ack, fine.rotate_left(3)));
        let len = if len > 250 { 1_448 } else { u32::from(len) };
        let bit = |n: u8| flags & 1 << n != 0;
        let clock = (self.now.as_nanos() / 1_000_000) as u32;
        let mut options = TcpOptions::default();
        if bit(1) {
            options.mss = (option & 1 != 0).then_some(u16::from(option) * 8);
            options.window_scale = (option & 2 != 0).then_some(option >> 4);
            options.sack_permitted = option & 4 != 0;
        } else if option & 16 != 0 {
            let left = una.wrapping_add(u32::from(fine) * 50);
            options.sack.extend([(left, left.wrapping_add(u32::from(window) * 20))]);
        }
        if option & 8 != 0 {
            options.timestamps = Some((clock.wrapping_add_signed(off(option, fine)), clock.wrapping_sub(5_001)));
        }
        // With an ACK most of the time.
        let flags = TcpFlags {
            fin: bit(0) && bit(5),
            syn: bit(1) && (bit(6) || now.is_none()),
            rst: bit(2) && bit(6) && bit(7),
            psh: bit(3),
            ack: now.is_some() && !(bit(4) && bit(7)),
            urg: bit(5) && bit(6),
        };
        // Far from the place where the count of bytes itself wraps.
        let first = seq.wrapping_sub(ISS.1).wrapping_add(0x7000_0000 + u32::from(flags.syn));
        let s = TcpSegment {
            src_port: THEIRS.port(),
            dst_port: OURS.port(),
            seq,
            ack,
            flags,
            window: u16::from(window) << (fine % 9),
            urgent: u16::from(fine),
            options,
            payload: (0..len).map(|i| (first.wrapping_add(i) % BYTES) as u8).collect(),
        };
        let mut bytes = Vec::new();
        s.encode(*THEIRS.ip(), *OURS.ip(), &mut bytes);
        assert!(self.door.segment_in(self.now, *THEIRS.ip(), *OURS.ip(), &bytes).is_ok());
    }

    fn pass(&mut self, wait: Duration) {
        let end = self.now + wait;
        // A timer that is due again and again at the same instant would never end.
        for _ in 0..MOST_SEGMENTS {
            let Some(at) = self.door.next_timeout().filter(|at| *at <= end) else { break };
            assert!(at >= self.now, "a timer in the past");
            self.now = at;
            self.door.handle_timeout(at);
            self.drain();
            assert!(self.door.next_timeout().is_none_or(|next| next > at), "a timer that does not go away");
        }
        self.now = end.max(self.now);
        self.door.handle_timeout(self.now);
    }

    fn drain(&mut self) {
        for n in 0.. {
            assert!(n < MOST_SEGMENTS, "a storm");
            let Some((src, dst, bytes)) = self.door.segment_out(self.now) else { break };
            assert_eq!((src, dst), (*OURS.ip(), *THEIRS.ip()));
            let s = TcpSegment::parse(src, dst, &bytes).expect("what leaves can be read");
            assert!(s.payload.windows(2).all(|w| u32::from(w[1]) == (u32::from(w[0]) + 1) % BYTES));
        }
        while self.door.event().is_some() {}
        if let Some(s) = self.conn.and_then(|conn| self.door.snapshot(conn)) {
            assert!(s.snd_max.wrapping_sub(s.snd_una) as i32 >= 0 && s.smss > 0, "{s:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    /// How many random inputs; the door takes an eighth of them.
    const ROUNDS: u64 = 1_500;

    fn random(rng: &mut Rng, len: u64) -> Vec<u8> {
        let mut data = vec![0; rng.below(len) as usize];
        rng.fill(&mut data);
        data
    }

    #[test]
    fn sys_09_no_bytes_break_the_segment_parser() {
        for seed in 0..ROUNDS {
            let mut rng = Seed(seed).stream("segment");
            let mut data = random(&mut rng, 120);
            if let Some(offset) = data.get_mut(12) {
                *offset = (5 + rng.below(7) as u8) << 4 | *offset & 15;
            }
            // Kinds and lengths that mean something.
            for byte in data.iter_mut().skip(20) {
                *byte = if rng.below(2) == 0 { [0, 1, 2, 3, 4, 5, 8, 10, 18][rng.below(9) as usize] } else { *byte };
            }
            segment(&data);
        }
    }

    #[test]
    fn sys_09_no_segments_and_calls_break_the_door() {
        for seed in 0..ROUNDS / 8 {
            door(&random(&mut Seed(seed).stream("door"), 8 * 120));
        }
    }
}

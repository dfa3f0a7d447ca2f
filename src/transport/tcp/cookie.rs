//! SYN cookies (RFC 4987 section 3.6). Nothing is kept of a SYN: what must be known again when the
//! handshake ends stands in the sequence number and in the timestamp of its answer.

use std::net::SocketAddrV4;

use super::seq;
use crate::base::rng::Rng;
use crate::base::time::{Duration, Instant};
use crate::wire::tcp::{TcpOptions, TcpSegment};

/// The segment sizes that three bits can tell.
const SIZES: [u16; 8] = [64, 536, 1024, 1220, 1400, 1440, 1460, 8960];
/// A cookie says in which of these periods it was made, modulo 32.
const PERIOD: Duration = Duration::from_secs(64);
/// Periods after its own in which it is good.
const GOOD_FOR: u64 = 1;
/// How long after the last cookie one may come back.
pub(super) const LIFETIME: Duration = Duration::from_secs(64 * (GOOD_FOR + 1));
/// Low bits of TSval that carry options: four of window scale, one of SACK, as in Linux.
const OPTION_BITS: u32 = 6;
const NO_SCALE: u32 = 15;
const SACK: u32 = 16;

/// The secret of one endpoint's cookies.
#[derive(Debug)]
pub(super) struct Cookies {
    key: [u8; 32],
}

impl Cookies {
    pub(super) fn new(rng: &mut Rng) -> Cookies {
        let mut key = [0; 32];
        rng.fill(&mut key);
        Cookies { key }
    }

    fn mac(&self, period: u64, size: u32, (local, remote): (SocketAddrV4, SocketAddrV4), irs: u32) -> u32 {
        let mut h = blake3::Hasher::new_keyed(&self.key);
        for end in [local, remote] {
            h.update(&end.ip().octets());
            h.update(&end.port().to_be_bytes());
        }
        h.update(&irs.to_be_bytes());
        h.update(&size.to_be_bytes());
        h.update(&period.to_be_bytes());
        let [a, b, c, ..] = *h.finalize().as_bytes();
        u32::from_be_bytes([0, a, b, c])
    }

    fn number(&self, period: u64, size: u32, ends: (SocketAddrV4, SocketAddrV4), irs: u32) -> u32 {
        (period as u32 & 31) << 27 | size << 24 | self.mac(period, size, ends, irs)
    }

    /// The sequence number that answers this SYN.
    pub(super) fn make(&self, now: Instant, ends: (SocketAddrV4, SocketAddrV4), syn: &TcpSegment) -> u32 {
        let mss = syn.options.mss.unwrap_or(536);
        let size = SIZES.iter().rposition(|&s| s <= mss).unwrap_or(0);
        self.number(period(now), size as u32, ends, syn.seq)
    }

    /// The SYN that this acknowledgment ends the handshake of, as far as it need be known; `None`
    /// if its cookie is not ours, or too old.
    pub(super) fn check(&self, now: Instant, ends: (SocketAddrV4, SocketAddrV4), s: &TcpSegment) -> Option<TcpSegment> {
        let (cookie, irs) = (s.ack.wrapping_sub(1), s.seq.wrapping_sub(1));
        let size = cookie >> 24 & 7;
        let periods = period(now).saturating_sub(GOOD_FOR)..=period(now);
        periods.rev().find(|&p| self.number(p, size, ends, irs) == cookie)?;
        let mut options = TcpOptions { mss: Some(SIZES[size as usize]), ..TcpOptions::default() };
        if let Some((value, echo)) = s.options.timestamps {
            options.timestamps = Some((value, 0));
            options.sack_permitted = echo & SACK != 0;
            options.window_scale = Some((echo & 15) as u8).filter(|&shift| u32::from(shift) != NO_SCALE);
        }
        let (src_port, dst_port, window) = (s.src_port, s.dst_port, s.window);
        Some(TcpSegment { src_port, dst_port, seq: irs, window, options, ..TcpSegment::default() })
    }
}

/// TSval of a cookie: the clock, not ahead of it, with the peer's options in its low bits.
pub(super) fn timestamp(clock: u32, syn: &TcpOptions) -> u32 {
    let scale = syn.window_scale.map_or(NO_SCALE, |shift| u32::from(shift.min(14)));
    let bits = scale | if syn.sack_permitted { SACK } else { 0 };
    let value = clock >> OPTION_BITS << OPTION_BITS | bits;
    if seq::before(clock, value) { value.wrapping_sub(1 << OPTION_BITS) } else { value }
}

fn period(now: Instant) -> u64 {
    now.as_nanos() / PERIOD.as_nanos()
}

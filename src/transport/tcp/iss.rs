//! Initial sequence numbers (RFC 6528).

use std::net::SocketAddrV4;

use super::seq;
use crate::base::ids::mix;
use crate::base::rng::Rng;
use crate::base::time::Instant;

/// Chooses initial sequence numbers and timestamp offsets with a secret of its endpoint.
#[derive(Clone, Debug)]
pub(super) struct IssGenerator {
    key: [u64; 2],
    /// Numbers that a test wants for every connection.
    pub(super) fixed_iss: Option<u32>,
    pub(super) fixed_timestamp_offset: Option<u32>,
}

impl IssGenerator {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let key = [rng.next_u64(), rng.next_u64()];
        IssGenerator { key, fixed_iss: None, fixed_timestamp_offset: None }
    }

    fn hash(&self, purpose: u64, local: SocketAddrV4, remote: SocketAddrV4) -> u32 {
        let end = |a: SocketAddrV4| u64::from(a.ip().to_bits()) << 16 | u64::from(a.port());
        let h = mix(mix(mix(self.key[0], purpose), end(local)), end(remote));
        (mix(h, self.key[1]) >> 32) as u32
    }

    /// A clock of 4 microseconds plus a keyed hash of the four-tuple (RFC 6528 section 3).
    pub(super) fn iss(&self, now: Instant, local: SocketAddrV4, remote: SocketAddrV4) -> u32 {
        let clock = (now.as_nanos() / 4_000) as u32;
        self.fixed_iss.unwrap_or_else(|| clock.wrapping_add(self.hash(0, local, remote)))
    }

    /// The same, but beyond `last`, the last number of an earlier connection between these ends
    /// (RFC 9293 section 3.6.1), as far as Linux goes.
    pub(super) fn iss_after(&self, now: Instant, local: SocketAddrV4, remote: SocketAddrV4, last: Option<u32>) -> u32 {
        let iss = self.iss(now, local, remote);
        match last {
            Some(last) if !seq::before(last, iss) => last.wrapping_add(65_535 + 2),
            _ => iss,
        }
    }

    /// What is added to the timestamp clock of this connection (RFC 7323 section 5.4).
    pub(super) fn timestamp_offset(&self, local: SocketAddrV4, remote: SocketAddrV4) -> u32 {
        self.fixed_timestamp_offset.unwrap_or_else(|| self.hash(1, local, remote))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Seed;

    #[test]
    fn tcp_23_the_clock_ticks_every_four_microseconds() {
        let iss = IssGenerator::new(&mut Seed(1).stream("iss"));
        let (a, b, c) =
            ("10.0.0.1:1000".parse().unwrap(), "10.0.0.2:80".parse().unwrap(), "10.0.0.3:80".parse().unwrap());
        let (t0, t1) = (Instant::ZERO, Instant::from_nanos(1_000_000_000));
        assert_eq!(iss.iss(t1, a, b).wrapping_sub(iss.iss(t0, a, b)), 250_000);
        assert_ne!(iss.iss(t0, a, b), iss.iss(t0, a, c));
        assert_ne!(iss.timestamp_offset(a, b), iss.timestamp_offset(a, c));
    }
}

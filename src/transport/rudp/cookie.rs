//! Cookies of the stateless handshake, and reset tokens: keyed hashes under keys that nobody else
//! knows.

use std::net::SocketAddrV4;

use crate::base::rng::Rng;
use crate::base::time::{Duration, Instant};

/// Oldest cookie that is accepted, in seconds.
const MAX_AGE: u32 = 30;
const ROTATE: Duration = Duration::from_secs(60);
/// Unit of the idle timeout in a cookie, in seconds.
const IDLE_UNIT: u16 = 4;

/// What the server must know again when the third packet comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Offer {
    pub(super) server_cid: u64,
    pub(super) max_payload: u16,
    pub(super) mode: u8,
    pub(super) idle_timeout_s: u16,
}

/// Whom a cookie is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) address: SocketAddrV4,
    pub(super) port: u16,
    pub(super) cid: u64,
}

/// The two keys that live at once, and the one for reset tokens.
#[derive(Debug)]
pub(super) struct Keys {
    current: [u8; 32],
    previous: [u8; 32],
    rotate_at: Instant,
    token: [u8; 32],
}

impl Keys {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut fresh = || {
            let mut key = [0; 32];
            rng.fill(&mut key);
            key
        };
        Keys { current: fresh(), previous: fresh(), rotate_at: Instant::ZERO + ROTATE, token: fresh() }
    }

    fn rotate(&mut self, now: Instant, rng: &mut Rng) {
        if now >= self.rotate_at {
            self.previous = self.current;
            rng.fill(&mut self.current);
            self.rotate_at = now + ROTATE;
        }
    }

    /// The cookie: seconds (4), server CID (8), largest payload (2), mode (1), idle timeout (1),
    /// MAC (16).
    pub(super) fn issue(&mut self, now: Instant, rng: &mut Rng, client: &Client, offer: &Offer) -> [u8; 32] {
        self.rotate(now, rng);
        let mut c = [0; 32];
        c[0..4].copy_from_slice(&seconds(now).to_be_bytes());
        c[4..12].copy_from_slice(&offer.server_cid.to_be_bytes());
        c[12..14].copy_from_slice(&offer.max_payload.to_be_bytes());
        c[14] = offer.mode;
        c[15] = offer.idle_timeout_s.div_ceil(IDLE_UNIT).min(255) as u8;
        let mac = mac(&self.current, &c, client);
        c[16..].copy_from_slice(&mac);
        c
    }

    /// What a cookie says, if it is ours, for this client, and not too old.
    pub(super) fn verify(&mut self, now: Instant, rng: &mut Rng, client: &Client, c: &[u8; 32]) -> Option<Offer> {
        self.rotate(now, rng);
        let genuine = [&self.current, &self.previous].into_iter().any(|key| mac(key, c, client) == c[16..]);
        let issued = u32::from_be_bytes(c[0..4].try_into().ok()?);
        if !genuine || seconds(now).wrapping_sub(issued) > MAX_AGE {
            return None;
        }
        Some(Offer {
            server_cid: u64::from_be_bytes(c[4..12].try_into().ok()?),
            max_payload: u16::from_be_bytes([c[12], c[13]]),
            mode: c[14],
            idle_timeout_s: u16::from(c[15]) * IDLE_UNIT,
        })
    }

    /// The stateless reset token of a connection id.
    pub(super) fn token(&self, cid: u64) -> [u8; 16] {
        truncate(blake3::keyed_hash(&self.token, &cid.to_be_bytes()))
    }
}

fn seconds(now: Instant) -> u32 {
    now.since(Instant::ZERO).as_secs() as u32
}

fn mac(key: &[u8; 32], cookie: &[u8; 32], client: &Client) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&cookie[..16]);
    hasher.update(&client.address.ip().octets());
    hasher.update(&client.address.port().to_be_bytes());
    hasher.update(&client.port.to_be_bytes());
    hasher.update(&client.cid.to_be_bytes());
    truncate(hasher.finalize())
}

fn truncate(hash: blake3::Hash) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&hash.as_bytes()[..16]);
    out
}

//! Randomness by name. Each decision point owns one ChaCha8 stream, keyed by the run's seed and
//! a stable path such as `link/gateway--appstore/forward/loss`, so that adding a component never
//! shifts another's draws.

use std::sync::Arc;

use blake3::hazmat::{ContextKey, HasherExt as _};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use smallvec::SmallVec;

use super::units::Probability;

/// The first half of BLAKE3's key derivation in the context `twinwire rng v1`, the same for all streams.
const CONTEXT_KEY: ContextKey = [
    0x5b, 0xb7, 0x90, 0x00, 0x8e, 0x30, 0x46, 0x83, 0x7b, 0x89, 0x27, 0xd4, 0xc0, 0x39, 0x8e, 0x5e, 0x66, 0x78, 0xaa,
    0x1b, 0xdf, 0x30, 0x9b, 0x0a, 0xc5, 0x15, 0x99, 0x43, 0xee, 0x4d, 0x27, 0xfb,
];

/// The run's seed: the root of all randomness.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seed(pub u64);

/// What stands before and behind the name of a part's owner in the name of a stream:
/// `["node/", "/ports/0"]`.
pub type Around = [&'static str; 2];

impl Seed {
    /// The stream of the decision point called `name`.
    pub fn stream(self, name: &str) -> Rng {
        self.stream_of(&["", ""], &name.into())
    }

    /// The stream of a part of `owner`. Its name is not put together before its first draw.
    pub fn stream_of(self, around: &'static Around, owner: &Arc<str>) -> Rng {
        Rng(State::Unused { seed: self, around, owner: owner.clone() })
    }
}

/// One stream of random words. Every method below draws the same number of words whatever it
/// returns, except [`Rng::below`], which may redraw.
#[derive(Clone, Debug)]
pub struct Rng(State);

/// Most streams of a large network are never drawn from: until then one is only its name.
#[derive(Clone, Debug)]
enum State {
    Unused { seed: Seed, around: &'static Around, owner: Arc<str> },
    Running(Box<ChaCha8Rng>),
}

impl Rng {
    #[inline]
    fn words(&mut self) -> &mut ChaCha8Rng {
        if let State::Unused { seed, around: [before, behind], owner } = &self.0 {
            // One piece is hashed faster than five.
            let mut material: SmallVec<[u8; 128]> = SmallVec::from_slice(&seed.0.to_le_bytes());
            material.push(0);
            [before, &**owner, behind].iter().for_each(|part| material.extend_from_slice(part.as_bytes()));
            let mut hasher = blake3::Hasher::new_from_context_key(&CONTEXT_KEY);
            hasher.update(&material);
            let key = hasher.finalize();
            self.0 = State::Running(Box::new(ChaCha8Rng::from_seed(key.into())));
        }
        match &mut self.0 {
            State::Running(words) => words,
            State::Unused { .. } => unreachable!("it was just begun"),
        }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.words().next_u64()
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        self.words().next_u32()
    }

    /// True with probability `p`. Draws one word even when the answer is certain, so that raising
    /// a loss rate loses a superset of the same packets.
    pub fn chance(&mut self, p: Probability) -> bool {
        u64::from(self.next_u32()) < p.parts()
    }

    /// A whole number in `0..n`, unbiased (Lemire's multiply-shift with rejection).
    ///
    /// # Panics
    /// If `n` is zero.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "there is no number below zero");
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Fills `out` with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.words().fill_bytes(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_seed_and_name_only() {
        let word = |seed, name| Seed(seed).stream(name).next_u64();
        assert_eq!(word(7, "a"), word(7, "a"));
        assert_ne!(word(7, "a"), word(7, "b"));
        assert_ne!(word(7, "a"), word(8, "a"));
    }

    #[test]
    fn streams_are_keyed_in_their_context() {
        assert_eq!(CONTEXT_KEY, blake3::hazmat::hash_derive_key_context("twinwire rng v1"));
        let mut derived = ChaCha8Rng::from_seed(blake3::derive_key("twinwire rng v1", b"\x07\0\0\0\0\0\0\0\0a"));
        assert_eq!(Seed(7).stream("a").next_u64(), derived.next_u64());
    }

    #[test]
    fn a_stream_of_an_owner_is_that_of_the_whole_name() {
        let mut of_parts = Seed(7).stream_of(&["node/", "/ports/0"], &"phone".into());
        let mut whole = Seed(7).stream("node/phone/ports/0");
        assert_eq!([of_parts.next_u64(), of_parts.next_u64()], [whole.next_u64(), whole.next_u64()]);
    }

    #[test]
    fn a_higher_probability_loses_a_superset() {
        let lost = |percent: u64| {
            let mut rng = Seed(1).stream("loss");
            let p = Probability::from_ratio(percent, 100);
            (0..2_000).filter(|_| rng.chance(p)).collect::<Vec<_>>()
        };
        let (few, many) = (lost(1), lost(5));
        assert!(few.iter().all(|k| many.contains(k)));
        assert!(many.len() > few.len());
    }

    #[test]
    fn below_covers_its_range() {
        let mut rng = Seed(3).stream("dice");
        let mut seen = [0u32; 6];
        (0..6_000).for_each(|_| seen[rng.below(6) as usize] += 1);
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }
}

//! How long a wire takes: a base delay, and jitter around it.

use crate::base::rng::Rng;
use crate::base::time::Duration;

/// The delay of one link direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DelaySettings {
    /// The mean.
    pub base: Duration,
    /// Half the width of the uniform distribution, or the normal one's standard deviation.
    pub jitter: Duration,
    /// Its shape.
    pub distribution: Distribution,
    /// Whether a packet may overtake another. If not, a packet arrives no earlier than the one
    /// before it.
    pub reorder: bool,
}

/// The shape of jitter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Distribution {
    /// All values between base - jitter and base + jitter alike.
    #[default]
    Uniform,
    /// A bell: the sum of twelve uniform draws (Irwin-Hall), integers only, within six deviations.
    Normal,
}

impl DelaySettings {
    /// Every packet takes the same time, and none overtakes another.
    pub(super) fn is_constant(&self) -> bool {
        self.jitter == Duration::ZERO && !self.reorder
    }

    /// The delay of the next packet; never below zero. Draws the same number of words each time.
    #[inline]
    pub fn draw(&self, rng: &mut Rng) -> Duration {
        let jitter = self.jitter.as_nanos();
        if jitter == 0 {
            return self.base;
        }
        let offset: i128 = match self.distribution {
            Distribution::Uniform => {
                let u = i128::from(rng.next_u64() >> 32);
                ((2 * u - (1 << 32)) * i128::from(jitter)) >> 32
            }
            Distribution::Normal => {
                let sum: i128 = (0..12).map(|_| i128::from(rng.next_u32())).sum();
                ((sum - (6 << 32)) * i128::from(jitter)) >> 32
            }
        };
        let nanos = i128::from(self.base.as_nanos()) + offset;
        Duration::from_nanos(nanos.max(0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Seed;

    #[test]
    fn jitter_has_the_mean_and_spread_asked_for() {
        let ms = Duration::from_millis;
        for distribution in [Distribution::Uniform, Distribution::Normal] {
            let d = DelaySettings { base: ms(25), jitter: ms(2), distribution, reorder: false };
            let mut rng = Seed(1).stream("jitter");
            let draws: Vec<i64> = (0..20_000).map(|_| d.draw(&mut rng).as_nanos() as i64 - 25_000_000).collect();
            let mean = draws.iter().sum::<i64>() / 20_000;
            assert!(mean.abs() < 50_000, "{distribution:?}: mean is off by {mean} ns");
            let variance = draws.iter().map(|x| x * x / 20_000).sum::<i64>();
            // Standard deviation: jitter / sqrt 3 for the uniform, jitter for the normal.
            let expected: i64 = match distribution {
                Distribution::Uniform => 2_000_000 * 2_000_000 / 3,
                Distribution::Normal => 2_000_000 * 2_000_000,
            };
            assert!((variance - expected).abs() < expected / 20, "{distribution:?}: {variance} is not {expected}");
        }
    }
}

//! Short runs of the fuzz targets in the tests: the same mutations every time.

use super::rng::{Rng, Seed};

const ROUNDS: usize = 1_500;

/// Samples, and what becomes of them when bytes are changed, cut out, doubled or spliced.
pub(crate) fn mutate(name: &str, samples: &[&[u8]], target: fn(&[u8])) {
    mutate_for(ROUNDS, name, samples, target);
}

/// The same so many times.
pub(crate) fn mutate_for(rounds: usize, name: &str, samples: &[&[u8]], target: fn(&[u8])) {
    let mut rng = Seed(9).stream(name);
    let pick = |rng: &mut Rng, n: usize| rng.below(n.max(1) as u64) as usize;
    samples.iter().for_each(|s| target(s));
    for _ in 0..rounds {
        let mut data = samples[pick(&mut rng, samples.len())].to_vec();
        for _ in 0..=pick(&mut rng, 4) {
            let at = pick(&mut rng, data.len());
            match pick(&mut rng, 6) {
                0 => data.truncate(at),
                1 => data.insert(at.min(data.len()), rng.next_u32() as u8),
                2 if !data.is_empty() => drop(data.remove(at)),
                3 if !data.is_empty() => data[at] ^= 1 << pick(&mut rng, 8),
                4 if !data.is_empty() => data[at] = [0, 1, 255, b'\r', b'\n', b'%', b'-', b','][pick(&mut rng, 8)],
                _ => data.extend_from_slice(samples[pick(&mut rng, samples.len())]),
            }
        }
        target(&data);
    }
}

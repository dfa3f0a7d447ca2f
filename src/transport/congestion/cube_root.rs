//! The cube root, in integers: the same on every machine.

/// The largest whole number whose cube is not above `x`. Scale `x` by 10^18 to have six decimals.
pub fn cube_root(x: u128) -> u64 {
    let mut root: u128 = 0;
    // From the highest bit that a root of 128 bits can have down to the lowest.
    for bit in (0..43).rev() {
        let longer = root | 1 << bit;
        // Only the topmost candidates have cubes beyond 128 bits.
        if longer.checked_pow(3).is_some_and(|cube| cube <= x) {
            root = longer;
        }
    }
    root as u64
}

#[cfg(test)]
mod tests {
    use super::cube_root;

    #[test]
    fn is_exact() {
        for n in (0..5000u128).chain([1 << 40]) {
            assert_eq!(u128::from(cube_root(n * n * n)), n);
            assert_eq!(u128::from(cube_root(n * n * n + 3 * n * n)), n);
        }
        assert_eq!(cube_root(u128::MAX), 6_981_463_658_331);
    }
}

//! Sequence numbers. Inside a connection they are 64 bits wide and count from the SYN, which is
//! number 0; so nothing but this file knows that they wrap (RFC 9293 section 3.4).

/// The number on the wire of `offset` in a sequence that began with `initial`.
pub(super) fn wire(initial: u32, offset: u64) -> u32 {
    initial.wrapping_add(offset as u32)
}

/// The offset nearest to `near` whose number on the wire is `number`; negative if it lies before
/// the SYN.
pub(super) fn expand(initial: u32, near: u64, number: u32) -> i64 {
    let distance = number.wrapping_sub(wire(initial, near)) as i32;
    near as i64 + i64::from(distance)
}

/// `a < b` for numbers on a circle, such as timestamps.
pub(super) fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_22_numbers_wrap_on_the_wire_only() {
        let iss = 0xffff_fff0;
        assert_eq!(wire(iss, 101), 0x55);
        assert_eq!(expand(iss, 1, 0x55), 101);
        assert_eq!(expand(iss, 5_000_000_000, wire(iss, 5_000_000_100)), 5_000_000_100);
        assert_eq!(expand(iss, 1, iss.wrapping_sub(1)), -1);
    }

    #[test]
    fn tsws_07_older_timestamps() {
        let recent = 0xffff_f000;
        let old = [0x800, 0x7fff_efff, 0x7fff_f000, 0xffff_efff].map(|ts| before(ts, recent));
        assert_eq!(old, [false, false, true, true]);
    }
}

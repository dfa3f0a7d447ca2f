//! The Internet checksum (RFC 1071) and CRC-32C (RFC 3720 appendix B.4).

/// The running one's-complement sum of RFC 1071, over parts given one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct InternetChecksum {
    sum: u64,
    // A part ended between the two bytes of a word.
    odd: bool,
}

impl InternetChecksum {
    /// Nothing summed yet.
    pub const fn new() -> Self {
        InternetChecksum { sum: 0, odd: false }
    }

    /// Adds bytes; a word may span two calls.
    pub fn add(&mut self, mut bytes: &[u8]) {
        if let (true, [first, rest @ ..]) = (self.odd, bytes) {
            self.sum += u64::from(*first);
            (self.odd, bytes) = (false, rest);
        }
        // Four bytes at a time: 2^32 such words fit before the sum overflows.
        let mut words = bytes.chunks_exact(4);
        for w in &mut words {
            self.sum += u64::from(u32::from_be_bytes([w[0], w[1], w[2], w[3]]));
        }
        match *words.remainder() {
            [a] => self.add_odd(a),
            [a, b] => self.sum += u64::from(u16::from_be_bytes([a, b])),
            [a, b, c] => {
                self.sum += u64::from(u16::from_be_bytes([a, b]));
                self.add_odd(c);
            }
            _ => {}
        }
    }

    fn add_odd(&mut self, byte: u8) {
        self.sum += u64::from(byte) << 8;
        self.odd = true;
    }

    /// The checksum: the complement of the folded sum. Zero over data that holds its own checksum.
    pub fn finish(self) -> u16 {
        let mut sum = self.sum;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }
}

/// The Internet checksum of `bytes` (RFC 1071).
pub fn internet_checksum(bytes: &[u8]) -> u16 {
    let mut c = InternetChecksum::new();
    c.add(bytes);
    c.finish()
}

#[cfg(test)]
mod internet_tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_section_3() {
        let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(internet_checksum(&data), !0xddf2);
        for cut in 0..data.len() {
            let mut c = InternetChecksum::new();
            c.add(&data[..cut]);
            c.add(&data[cut..]);
            assert_eq!(c.finish(), !0xddf2);
        }
    }

    #[test]
    fn an_odd_byte_is_padded_with_zero() {
        assert_eq!(internet_checksum(&[1, 2, 3]), internet_checksum(&[1, 2, 3, 0]));
    }
}

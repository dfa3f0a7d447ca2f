//! CRC-32C (Castagnoli, RFC 3720 appendix B.4), one table lookup per byte.

/// The Castagnoli polynomial, bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// A CRC being computed.
#[derive(Clone, Copy, Debug)]
pub struct Crc32c(u32);

impl Default for Crc32c {
    fn default() -> Self {
        Crc32c(!0)
    }
}

impl Crc32c {
    /// Takes more bytes in.
    #[must_use]
    pub fn update(self, bytes: &[u8]) -> Self {
        Crc32c(bytes.iter().fold(self.0, |crc, &b| crc >> 8 ^ TABLE[usize::from(crc as u8 ^ b)]))
    }

    /// The CRC of all bytes so far.
    pub fn finish(self) -> u32 {
        !self.0
    }
}

/// The CRC of `bytes`.
pub fn crc32c(bytes: &[u8]) -> u32 {
    Crc32c::default().update(bytes).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rudp_01_check_value() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }
}

//! CRC-32C (Castagnoli, RFC 3720 appendix B.4), sixteen bytes at a time: one table for each place
//! that a byte can have in its block, so that the look-ups do not wait for each other.

/// The Castagnoli polynomial, bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// Bytes of a block.
const BLOCK: usize = 16;

/// `TABLES[k][b]`: what byte `b` does to the CRC when `k` bytes of its block follow it.
static TABLES: [[u32; 256]; BLOCK] = {
    let mut tables = [[0; 256]; BLOCK];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut k = 1;
    while k < BLOCK {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[k - 1][byte];
            tables[k][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        k += 1;
    }
    tables
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
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        let mut crc = self.0;
        for block in blocks {
            let mut next = 0;
            let head = crc.to_le_bytes();
            for (i, &byte) in block.iter().enumerate() {
                // The CRC so far stands before the first four bytes.
                let byte = if i < head.len() { byte ^ head[i] } else { byte };
                next ^= TABLES[BLOCK - 1 - i][usize::from(byte)];
            }
            crc = next;
        }
        Crc32c(rest.iter().fold(crc, |crc, &b| crc >> 8 ^ TABLES[0][usize::from(crc as u8 ^ b)]))
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
    fn cuts_change_nothing() {
        let bytes: Vec<u8> = (0..200_u32).map(|i| (i * i + 7) as u8).collect();
        let bit_by_bit = |bytes: &[u8]| {
            !bytes.iter().fold(!0_u32, |crc, &b| {
                (0..8).fold(crc ^ u32::from(b), |crc, _| crc >> 1 ^ (crc & 1).wrapping_mul(POLYNOMIAL))
            })
        };
        for (a, b) in [(0, 0), (0, 15), (0, 16), (3, 200), (17, 49), (1, 33)] {
            assert_eq!(crc32c(&bytes[a..b]), bit_by_bit(&bytes[a..b]), "{a}..{b}");
            let middle = a + (b - a) / 3;
            assert_eq!(
                Crc32c::default().update(&bytes[a..middle]).update(&bytes[middle..b]).finish(),
                crc32c(&bytes[a..b])
            );
        }
    }

    #[test]
    fn rudp_01_check_value() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }
}

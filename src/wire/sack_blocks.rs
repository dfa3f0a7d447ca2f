//! The SACK blocks of one segment (RFC 2018 section 3).

use std::fmt;
use std::ops::{Deref, DerefMut};

/// The options of a segment take 40 bytes at most: no more blocks have room.
pub const MOST_SACK_BLOCKS: usize = 4;

/// Left and right edges. To empty it costs nothing: the blocks stand in their segment, and only
/// their number is looked at.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct SackBlocks {
    count: u8,
    blocks: [(u32, u32); MOST_SACK_BLOCKS],
}

impl SackBlocks {
    /// Forgets them all.
    #[inline]
    pub fn clear(&mut self) {
        self.count = 0;
    }

    /// The blocks in their order.
    #[inline]
    pub fn as_slice(&self) -> &[(u32, u32)] {
        &self.blocks[..usize::from(self.count)]
    }
}

impl Deref for SackBlocks {
    type Target = [(u32, u32)];
    #[inline]
    fn deref(&self) -> &[(u32, u32)] {
        self.as_slice()
    }
}

impl DerefMut for SackBlocks {
    fn deref_mut(&mut self) -> &mut [(u32, u32)] {
        &mut self.blocks[..usize::from(self.count)]
    }
}

/// Those that have no room are left out.
impl Extend<(u32, u32)> for SackBlocks {
    fn extend<I: IntoIterator<Item = (u32, u32)>>(&mut self, blocks: I) {
        for (place, block) in self.blocks[usize::from(self.count)..].iter_mut().zip(blocks) {
            *place = block;
            self.count += 1;
        }
    }
}

impl FromIterator<(u32, u32)> for SackBlocks {
    fn from_iter<I: IntoIterator<Item = (u32, u32)>>(blocks: I) -> Self {
        let mut all = SackBlocks::default();
        all.extend(blocks);
        all
    }
}

impl PartialEq for SackBlocks {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for SackBlocks {}

impl fmt::Debug for SackBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_block_has_no_room_and_forgotten_ones_do_not_count() {
        let mut blocks: SackBlocks = (0..5).map(|n| (n, n + 1)).collect();
        assert_eq!(blocks.as_slice(), [(0, 1), (1, 2), (2, 3), (3, 4)]);
        blocks.clear();
        assert!(blocks.is_empty() && blocks == SackBlocks::default());
        blocks.extend([(7, 8)]);
        assert_eq!((blocks.as_slice(), format!("{blocks:?}").as_str()), (&[(7, 8)][..], "[(7, 8)]"));
    }
}

//! Where a file's bytes come from.

use std::fmt;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};

use bytes::Bytes;

use crate::base::ids::mix;

/// A sequence of bytes that can be read anywhere.
pub trait Source: fmt::Debug {
    /// How many bytes it has.
    fn len(&self) -> u64;
    /// True if it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// `count` bytes from `offset` on, which lie within it; fewer if they cannot be read any more.
    fn read(&self, offset: u64, count: usize) -> Bytes;
}

/// Bytes that follow from a number: the same wherever they are made.
#[derive(Debug)]
pub struct Generated {
    /// What they follow from.
    pub key: u64,
    /// How many there are.
    pub length: u64,
}

impl Source for Generated {
    fn len(&self) -> u64 {
        self.length
    }

    /// Eight bytes at a time, each word a mix of the key and its place.
    fn read(&self, offset: u64, count: usize) -> Bytes {
        let skip = (offset % 8) as usize;
        let words = (skip + count).div_ceil(8) as u64;
        let mut bytes = Vec::with_capacity(words as usize * 8);
        for word in offset / 8..offset / 8 + words {
            bytes.extend_from_slice(&mix(self.key, word).to_le_bytes());
        }
        Bytes::from(bytes).slice(skip..skip + count)
    }
}

/// A file of this machine, held open and read where it is needed; never in memory as a whole.
#[derive(Debug)]
pub struct OnDisk {
    /// The open file.
    pub file: fs::File,
    /// Its length when it was opened.
    pub length: u64,
}

impl Source for OnDisk {
    fn len(&self) -> u64 {
        self.length
    }

    fn read(&self, offset: u64, count: usize) -> Bytes {
        let (mut file, mut bytes) = (&self.file, Vec::with_capacity(count));
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.take(count as u64).read_to_end(&mut bytes));
        if read.is_ok_and(|read| read == count) { Bytes::from(bytes) } else { Bytes::new() }
    }
}

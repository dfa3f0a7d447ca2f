//! How the fields of a note become one word of a digest.

use std::net::Ipv4Addr;

use crate::base::ids::{FlowId, PacketId};
use crate::base::note::Visitor;
use crate::base::time::Instant;

/// What words are keyed with, so that zeros count: the first hexadecimal digits of pi.
pub(super) const KEYS: [u64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344];

/// Both halves of a 128-bit product in one word.
#[inline(always)]
const fn product(a: u64, b: u64) -> u64 {
    let wide = a as u128 * b as u128;
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Eight bytes to a product.
fn add_text(sum: u64, text: &str) -> u64 {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    text.as_bytes().chunks(8).fold(sum, |sum, bytes| add_pair(sum, word(bytes), text.len() as u64))
}

/// Two words to a product. One factor is never without the sum so far, which looks random: that two
/// different pairs come to the same is as unlikely as that two random words are equal.
#[inline(always)]
const fn add_pair(sum: u64, a: u64, b: u64) -> u64 {
    product(sum ^ a, b ^ KEYS[1])
}

/// Sums up the fields of one note on top of all before them. Small fields share a word. Where each
/// field goes is known from the kind of note alone, so that the compiler does all but the products.
pub(super) struct Folder<'a> {
    sum: u64,
    /// A word that waits for its partner.
    pending: Option<u64>,
    /// Small fields that do not yet fill a word, and how many bits they have.
    small: u64,
    bits: u32,
    /// Keys of names. Being hashes, they may lie over small fields.
    named: u64,
    keys: &'a [u64],
}

impl<'a> Folder<'a> {
    /// Goes on from `sum` with a note of this time.
    #[inline(always)]
    pub(super) const fn new(sum: u64, at: Instant, keys: &'a [u64]) -> Self {
        Folder { sum, pending: Some(at.as_nanos()), small: 0, bits: 0, named: 0, keys }
    }
    #[inline(always)]
    fn whole(&mut self, word: u64) {
        match self.pending.take() {
            Some(first) => self.sum = add_pair(self.sum, first, word),
            None => self.pending = Some(word),
        }
    }
    #[inline(always)]
    fn bits(&mut self, value: u64, bits: u32) {
        if self.bits + bits > u64::BITS {
            self.end_word();
        }
        self.small |= value << self.bits;
        self.bits += bits;
    }
    #[inline(always)]
    fn end_word(&mut self) {
        let word = self.small ^ self.named;
        (self.small, self.bits, self.named) = (0, 0, 0);
        self.whole(word);
    }
    #[inline(always)]
    fn name(&mut self, key: u64) {
        self.named = self.named.rotate_left(29) ^ key;
    }
    #[inline(always)]
    pub(super) fn finish(mut self) -> u64 {
        self.end_word();
        match self.pending {
            Some(last) => add_pair(self.sum, last, 0),
            None => self.sum,
        }
    }
}

impl Visitor for Folder<'_> {
    #[inline(always)]
    fn kind(&mut self, number: u8, _: &'static str) {
        self.bits(u64::from(number), u8::BITS);
    }
    #[inline(always)]
    fn number(&mut self, _: &'static str, value: u64) {
        self.whole(value);
    }
    #[inline(always)]
    fn small(&mut self, _: &'static str, value: u32) {
        self.bits(u64::from(value), u32::BITS);
    }
    #[inline(always)]
    fn optional(&mut self, _: &'static str, value: Option<u64>) {
        self.bits(u64::from(value.is_some()), 1);
        self.whole(value.unwrap_or(0));
    }
    #[inline(always)]
    fn word(&mut self, _: &'static str, rank: u8, _: &'static str) {
        self.bits(u64::from(rank), u8::BITS);
    }
    #[inline(always)]
    fn text(&mut self, _: &'static str, value: &str) {
        self.sum = add_text(self.sum, value);
    }
    #[inline(always)]
    fn address(&mut self, _: &'static str, value: Ipv4Addr) {
        self.bits(u64::from(value.to_bits()), u32::BITS);
    }
    #[inline(always)]
    fn packet(&mut self, name: &'static str, value: PacketId) {
        self.cause(name, Some(value));
    }
    #[inline(always)]
    fn cause(&mut self, _: &'static str, value: Option<PacketId>) {
        // By name: the number of a node shifts when another node is added. A packet's number is at least 1,
        // so that 0 is nobody's.
        let key = value.and_then(|packet| self.keys.get(packet.origin.0 as usize).copied());
        self.name(key.unwrap_or(0));
        self.bits(u64::from(value.map_or(0, |packet| packet.number)), u32::BITS);
    }
    #[inline(always)]
    fn flow(&mut self, _: &'static str, value: FlowId) {
        self.name(value.0);
    }
}

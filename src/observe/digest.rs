//! The digest: one word per place, chained over everything noted there.
//!
//! Places are named, never numbered, in what is hashed, and each place has its own chain. So a
//! bystander that sends nothing changes no digest, and one that does changes its own places only.

use std::net::Ipv4Addr;

use crate::base::ids::{FlowId, NodeId, PacketId};
use crate::base::note::{Note, Place, Record, Sink, Visitor};
use crate::base::time::Instant;

use super::places::Places;

/// At most so many prints are kept of a run, so that a lock stays small however long the run is.
pub const MAX_PRINTS: usize = 1 << 16;

/// Folds records into the digest of a run.
#[derive(Clone, Debug)]
pub struct Digest {
    places: Places,
    /// A hash of each place's name: its chain's seed, and its part of a packet's name.
    keys: Vec<u64>,
    chains: Vec<(u64, u64)>,
    total: u64,
    records: u64,
    every: u64,
    prints: Vec<u8>,
}

/// What a run comes down to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DigestResult {
    /// The digest as people see it: 64 hex digits.
    pub hex: String,
    /// The chain over all records in the order in which they happened.
    pub total: u64,
    /// How many records there were.
    pub records: u64,
    /// Records between two prints: a power of two, 1 in runs of up to [`MAX_PRINTS`] records.
    pub every: u64,
    /// Six bits of `total` after every `every` records. As `total` is a chain, prints are equal up
    /// to the first record that differs and, but for one in 64, different from it on.
    pub prints: Vec<u8>,
    /// Every place with a record, sorted by name.
    pub per_place: Vec<PlaceDigest>,
}

/// One place's part of the digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceDigest {
    /// Its name.
    pub name: String,
    /// Its chain.
    pub chain: u64,
    /// Its records.
    pub records: u64,
}

impl Digest {
    /// An empty digest.
    pub fn new(places: &Places) -> Self {
        let keys: Vec<u64> = places.names.iter().map(|name| name_key(name)).collect();
        let chains = keys.iter().map(|&key| (key, 0)).collect();
        Digest { places: places.clone(), keys, chains, total: 0, records: 0, every: 1, prints: Vec::new() }
    }

    /// The places of the run.
    pub const fn places(&self) -> &Places {
        &self.places
    }

    /// Six bits of the chain as it is now.
    pub const fn print(&self) -> u8 {
        (self.total & 63) as u8
    }

    /// How many records it has seen.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// The result. Places without a record are left out.
    pub fn finish(self) -> DigestResult {
        let mut per_place: Vec<PlaceDigest> = self
            .places
            .names
            .into_iter()
            .zip(self.chains)
            .filter(|(_, (_, records))| *records > 0)
            .map(|(name, (chain, records))| PlaceDigest { name, chain, records })
            .collect();
        per_place.sort_by(|a, b| a.name.cmp(&b.name));
        let mut hasher = blake3::Hasher::new_derive_key("twinwire digest v3");
        for place in &per_place {
            hasher.update(&(place.name.len() as u64).to_le_bytes());
            hasher.update(place.name.as_bytes());
            hasher.update(&place.chain.to_le_bytes());
            hasher.update(&place.records.to_le_bytes());
        }
        DigestResult {
            hex: hasher.finalize().to_hex().to_string(),
            total: self.total,
            records: self.records,
            every: self.every,
            prints: self.prints,
            per_place,
        }
    }
}

impl Sink for Digest {
    /// The two notes that every hop makes are summed up where they are made: there their kind is
    /// known, and the note itself is never put together.
    #[inline(always)]
    fn record(&mut self, record: &Record) {
        let Record { at, place, ref note } = *record;
        match *note {
            Note::PacketSent { packet, bytes, queue } => {
                let mut folder = self.begin(at, place);
                folder.hop(1, "", packet, bytes, queue);
                let chain = folder.finish();
                self.end(place, chain);
            }
            Note::PacketDelivered { packet, bytes, queue } => {
                let mut folder = self.begin(at, place);
                folder.hop(2, "", packet, bytes, queue);
                let chain = folder.finish();
                self.end(place, chain);
            }
            ref other => self.fold_other(at, place, other),
        }
    }
}

impl Digest {
    /// The chain of the place and the time are the first word of a record's sum.
    #[inline(always)]
    fn begin(&self, at: Instant, place: Place) -> Folder<'_> {
        let chain = self.chains.get(place.0 as usize).map_or(0, |(chain, _)| *chain);
        Folder::new(chain ^ at.as_nanos(), &self.keys)
    }

    /// The sum of a record is the place's next link.
    #[inline(always)]
    fn end(&mut self, place: Place, sum: u64) {
        let Some((chain, records)) = self.chains.get_mut(place.0 as usize) else {
            debug_assert!(false, "a record from a place that is not in the table");
            return;
        };
        *chain = sum;
        *records += 1;
        self.total = product(self.total ^ sum, KEYS[0]);
        self.records += 1;
        if self.records & (self.every - 1) == 0 {
            self.keep_print();
        }
    }

    #[inline(never)]
    fn fold_other(&mut self, at: Instant, place: Place, note: &Note) {
        let mut folder = self.begin(at, place);
        note.visit(&mut folder);
        let chain = folder.finish();
        self.end(place, chain);
    }

    /// Keeps a print. When there is no room for more, every second one goes.
    #[inline(never)]
    fn keep_print(&mut self) {
        self.prints.push(self.print());
        if self.prints.len() > MAX_PRINTS {
            self.every *= 2;
            self.prints = self.prints.chunks_exact(2).map(|pair| pair[1]).collect();
        }
    }
}

/// The first 64 bits of a name's BLAKE3 hash.
fn name_key(name: &str) -> u64 {
    let hash = blake3::derive_key("twinwire place v1", name.as_bytes());
    hash.iter().take(8).rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// What words are keyed with, so that zeros count: the first hexadecimal digits of pi.
const KEYS: [u64; 3] = [0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89];

/// Both halves of a 128-bit product in one word.
#[inline(always)]
const fn product(a: u64, b: u64) -> u64 {
    let wide = a as u128 * b as u128;
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Sums up the fields of one note: small ones share a word, two words make a product. No product waits
/// for another one, and the rotation makes their order count. Which field stands where is the same in
/// all notes of a kind, so that the compiler knows it at every field; texts stand apart.
struct Folder<'a> {
    sum: u64,
    /// A word that waits for its partner.
    waiting: Option<u64>,
    /// Small fields that share a word, and how many bits of it they take.
    shared: u64,
    bits: u32,
    keys: &'a [u64],
}

impl<'a> Folder<'a> {
    /// The chain and the time are the first word.
    #[inline(always)]
    const fn new(first: u64, keys: &'a [u64]) -> Self {
        Folder { sum: 0, waiting: Some(first), shared: 0, bits: 0, keys }
    }
    #[inline(always)]
    fn pair(&mut self, a: u64, b: u64) {
        self.sum = self.sum.rotate_left(23).wrapping_add(product(a ^ KEYS[1], b ^ KEYS[2]));
    }
    #[inline(always)]
    fn whole(&mut self, word: u64) {
        match self.waiting.take() {
            Some(first) => self.pair(first, word),
            None => self.waiting = Some(word),
        }
    }
    #[inline(always)]
    fn share(&mut self, value: u64, bits: u32) {
        if self.bits + bits > u64::BITS {
            self.end_shared();
        }
        self.shared |= value << self.bits;
        self.bits += bits;
    }
    #[inline(always)]
    fn end_shared(&mut self) {
        let word = std::mem::take(&mut self.shared);
        self.bits = 0;
        self.whole(word);
    }
    /// The last word, if it has no partner, needs no product: what changes it changes the sum.
    #[inline(always)]
    fn finish(mut self) -> u64 {
        self.end_shared();
        match self.waiting {
            Some(last) => self.sum.rotate_left(23).wrapping_add(last),
            None => self.sum,
        }
    }
}

/// Eight bytes of a text to a product, its length with each of them.
#[inline(never)]
fn sum_text(sum: u64, text: &str) -> u64 {
    let mut folder = Folder { sum, waiting: None, shared: 0, bits: 0, keys: &[] };
    let length = text.len() as u64;
    folder.pair(length, length);
    for chunk in text.as_bytes().chunks(8) {
        folder.pair(chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)), length);
    }
    folder.sum
}

impl Visitor for Folder<'_> {
    #[inline(always)]
    fn kind(&mut self, number: u8, _: &'static str) {
        self.share(u64::from(number), 8);
    }
    #[inline(always)]
    fn number(&mut self, _: &'static str, value: u64) {
        self.whole(value);
    }
    #[inline(always)]
    fn small(&mut self, _: &'static str, value: u32) {
        self.share(u64::from(value), 32);
    }
    #[inline(always)]
    fn optional(&mut self, _: &'static str, value: Option<u64>) {
        self.share(u64::from(value.is_some()), 1);
        self.whole(value.unwrap_or(0));
    }
    #[inline(always)]
    fn word(&mut self, _: &'static str, rank: u8, _: &'static str) {
        self.share(u64::from(rank), 8);
    }
    #[inline(always)]
    fn text(&mut self, _: &'static str, value: &str) {
        self.sum = sum_text(self.sum, value);
    }
    #[inline(always)]
    fn address(&mut self, _: &'static str, value: Ipv4Addr) {
        self.share(u64::from(value.to_bits()), 32);
    }
    #[inline(always)]
    fn packet(&mut self, _: &'static str, value: PacketId) {
        // By name: the number of a node shifts when another node is added.
        let key = self.keys.get(value.origin.0 as usize).copied().unwrap_or(0);
        self.whole(key);
        self.share(u64::from(value.number), 32);
    }
    /// Packets are counted from 1, so that 0 is none.
    #[inline(always)]
    fn maybe_packet(&mut self, name: &'static str, value: Option<PacketId>) {
        self.packet(name, value.unwrap_or(PacketId { origin: NodeId(u32::MAX), number: 0 }));
    }
    #[inline(always)]
    fn flow(&mut self, _: &'static str, value: FlowId) {
        self.whole(value.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::note::Depth;

    fn places(names: &[&str], nodes: u32) -> Places {
        Places { names: names.iter().map(|n| n.to_string()).collect(), nodes }
    }

    fn sent(at: u64, place: u32, origin: u32) -> Record {
        let packet = PacketId { origin: NodeId(origin), number: 1 };
        let note = Note::PacketSent { packet, bytes: 1500, queue: Depth::default() };
        Record { at: Instant::from_nanos(at), place: Place(place), note }
    }

    #[test]
    fn a_bystander_changes_nothing() {
        let mut few = Digest::new(&places(&["b", "c", "b--c/forward"], 2));
        few.record(&sent(5, 2, 1));
        let mut more = Digest::new(&places(&["a", "b", "c", "b--c/forward"], 3));
        more.record(&sent(5, 3, 2));
        assert_eq!(few.finish(), more.finish());
    }

    #[test]
    fn every_field_and_the_time_count() {
        let digest = |record: &Record| {
            let mut d = Digest::new(&places(&["a", "b", "a--b/forward", "a--b/reverse"], 2));
            d.record(record);
            d.finish().hex
        };
        let base = digest(&sent(5, 2, 0));
        assert_eq!(base, digest(&sent(5, 2, 0)));
        for other in [sent(6, 2, 0), sent(5, 3, 0), sent(5, 2, 1)] {
            assert_ne!(base, digest(&other));
        }
    }

    #[test]
    fn the_short_way_is_the_long_one() {
        let queue = Depth { packets: 7, bytes: 10_500 };
        let packet = PacketId { origin: NodeId(1), number: 9 };
        for note in [
            Note::PacketSent { packet, bytes: 1500, queue },
            Note::PacketDelivered { packet, bytes: 52, queue: Depth::default() },
        ] {
            let mut short = Digest::new(&places(&["a", "b", "a--b/forward"], 2));
            let mut long = short.clone();
            let (at, place) = (Instant::from_nanos(77), Place(2));
            long.fold_other(at, place, &note);
            short.record(&Record { at, place, note });
            assert_eq!(short.finish(), long.finish());
        }
    }

    #[test]
    fn the_digest_of_a_small_run_stays_what_it_is() {
        let mut d = Digest::new(&places(&["a", "b", "a--b/forward", "a--b/reverse"], 2));
        d.record(&sent(5, 2, 0));
        d.record(&sent(9, 3, 1));
        d.record(&Record { at: Instant::from_nanos(10), place: Place(1), note: Note::Remark { text: "done".into() } });
        let result = d.finish();
        assert_eq!(result.hex, "f3d29ca686a6265be5bfc37f4c260f86c7da8af320c933c0e7a0b71ee4bc2a2a");
        assert_eq!(result.records, 3);
    }

    #[test]
    fn prints_thin_out_as_a_run_grows() {
        let prints = |records: u64| {
            let mut d = Digest::new(&places(&["a"], 1));
            for i in 0..records {
                d.record(&sent(i, 0, 0));
            }
            let result = d.finish();
            assert_eq!(result.records, records);
            (result.every, result.prints)
        };
        let full = MAX_PRINTS as u64;
        let (one, all) = prints(full);
        assert_eq!((one, all.len()), (1, MAX_PRINTS));
        assert!(all.iter().all(|p| *p < 64));
        let (two, half) = prints(full + 3);
        assert_eq!((two, half.len()), (2, MAX_PRINTS / 2 + 1));
        assert_eq!(half[..MAX_PRINTS / 2], all.chunks(2).map(|pair| pair[1]).collect::<Vec<_>>());
    }
}

//! The digest: one word per place, chained over everything noted there.
//!
//! Places are named, never numbered, in what is hashed, and each place has its own chain. So a
//! bystander that sends nothing changes no digest, and one that does changes its own places only.

use std::net::Ipv4Addr;

use crate::base::ids::{FlowId, PacketId};
use crate::base::note::{Record, Sink, Visitor};

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
        let mut hasher = blake3::Hasher::new_derive_key("twinwire digest v2");
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
    #[inline]
    fn record(&mut self, record: &Record) {
        let Some((chain, records)) = self.chains.get_mut(record.place.0 as usize) else {
            debug_assert!(false, "a record from a place that is not in the table");
            return;
        };
        let mut folder = Folder { sum: 0, pending: None, keys: &self.keys };
        folder.sum = product(*chain ^ record.at.as_nanos(), KEYS[0]);
        record.note.visit(&mut folder);
        *chain = folder.finish();
        *records += 1;
        self.total = product(self.total ^ *chain, KEYS[1]);
        self.records += 1;
        if self.records & (self.every - 1) == 0 {
            self.keep_print();
        }
    }
}

impl Digest {
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

/// What fields are keyed with, so that zeros count: the first hexadecimal digits of pi.
const KEYS: [u64; 4] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89];

/// Both halves of a 128-bit product in one word.
#[inline]
const fn product(a: u64, b: u64) -> u64 {
    let wide = a as u128 * b as u128;
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Sums up the fields of one note, two to a product. No product waits for another one, so that a
/// note costs little; the rotation makes their order count.
struct Folder<'a> {
    sum: u64,
    /// A word that waits for its partner. Packets, flows and texts do not touch it, so that the
    /// compiler sees at every field whether there is one.
    pending: Option<u64>,
    keys: &'a [u64],
}

impl Folder<'_> {
    #[inline]
    fn pair(&mut self, a: u64, b: u64) {
        self.sum = self.sum.rotate_left(23).wrapping_add(product(a ^ KEYS[2], b ^ KEYS[3]));
    }
    #[inline]
    fn fold(&mut self, word: u64) {
        match self.pending.take() {
            Some(first) => self.pair(first, word),
            None => self.pending = Some(word),
        }
    }
    #[inline]
    fn finish(mut self) -> u64 {
        if let Some(last) = self.pending.take() {
            self.pair(last, 0);
        }
        self.sum
    }
}

impl Visitor for Folder<'_> {
    #[inline]
    fn kind(&mut self, number: u8, _: &'static str) {
        self.fold(u64::from(number));
    }
    #[inline]
    fn number(&mut self, _: &'static str, value: u64) {
        self.fold(value);
    }
    #[inline]
    fn optional(&mut self, _: &'static str, value: Option<u64>) {
        self.fold(value.map_or(0, |_| 1));
        self.fold(value.unwrap_or(0));
    }
    #[inline]
    fn word(&mut self, _: &'static str, rank: u8, _: &'static str) {
        self.fold(u64::from(rank));
    }
    fn text(&mut self, _: &'static str, value: &str) {
        for chunk in value.as_bytes().chunks(8) {
            self.pair(chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)), value.len() as u64);
        }
    }
    #[inline]
    fn address(&mut self, _: &'static str, value: Ipv4Addr) {
        self.fold(u64::from(value.to_bits()));
    }
    #[inline]
    fn packet(&mut self, _: &'static str, value: PacketId) {
        // By name: the number of a node shifts when another node is added.
        let key = self.keys.get(value.origin.0 as usize).copied().unwrap_or(0);
        self.pair(key, u64::from(value.number));
    }
    #[inline]
    fn flow(&mut self, _: &'static str, value: FlowId) {
        self.pair(value.0, 1 << 63);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::NodeId;
    use crate::base::note::{Depth, Note, Place};
    use crate::base::time::Instant;

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
    fn the_digest_of_a_small_run_stays_what_it_is() {
        let mut d = Digest::new(&places(&["a", "b", "a--b/forward", "a--b/reverse"], 2));
        d.record(&sent(5, 2, 0));
        d.record(&sent(9, 3, 1));
        d.record(&Record { at: Instant::from_nanos(10), place: Place(1), note: Note::Remark { text: "done".into() } });
        let result = d.finish();
        assert_eq!(result.hex, "11e5726c843b5916f1a0b141e90f4923df82472bb5475f4cde065017135aad67");
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

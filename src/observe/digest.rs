//! The digest: one word per place, chained over everything noted there.
//!
//! Places are named, never numbered, in what is hashed, and each place has its own chain. So a
//! bystander that sends nothing changes no digest, and one that does changes its own places only.
//!
//! This is version 4 of it: the version is part of what is hashed at the end.

use crate::base::note::{About, FlowNote, Note, Place, Sink, Visitor};
use crate::base::time::Instant;

use super::fold::{Folder, KEYS};
use super::places::Places;

/// At most so many prints are kept of a run, so that a lock stays small however long the run is.
pub const MAX_PRINTS: usize = 1 << 16;

/// Folds records into the digest of a run.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    places: Places,
    /// A hash of each place's name: its chain's seed, and its part of a packet's name.
    keys: Vec<u64>,
    chains: Vec<u64>,
    total: Total,
}

/// The chain over all records, and its prints.
#[derive(Clone, Debug, Default)]
struct Total {
    chain: u64,
    /// At which record the next print is kept, and how many are missing until then.
    next_print: u64,
    missing: u64,
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
    /// The upper six bits of `total` after every `every` records. As `total` is a chain, prints are equal up
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
}

impl Digest {
    /// An empty digest.
    pub fn new(places: Places) -> Self {
        let hasher = blake3::Hasher::new_derive_key("twinwire place v1");
        let keys: Vec<u64> = places.names.iter().map(|name| name_key(hasher.clone(), name)).collect();
        let chains = keys.clone();
        Digest { places, keys, chains, total: Total::new() }
    }

    /// The places of the run.
    pub const fn places(&self) -> &Places {
        &self.places
    }

    /// Six bits of the chain as it is now.
    pub const fn print(&self) -> u8 {
        self.total.print()
    }

    /// How many records it has seen.
    pub const fn records(&self) -> u64 {
        self.total.next_print - self.total.missing
    }

    /// The result. Places without a record are left out.
    pub fn finish(self) -> DigestResult {
        let records = self.records();
        let mut per_place: Vec<PlaceDigest> = self
            .places
            .names
            .into_iter()
            .zip(self.chains)
            .zip(self.keys)
            .filter(|((_, chain), key)| chain != key)
            .map(|((name, chain), _)| PlaceDigest { name, chain })
            .collect();
        per_place.sort_by(|a, b| a.name.cmp(&b.name));
        let mut hasher = blake3::Hasher::new_derive_key("twinwire digest v4");
        for place in &per_place {
            hasher.update(&(place.name.len() as u64).to_le_bytes());
            hasher.update(place.name.as_bytes());
            hasher.update(&place.chain.to_le_bytes());
        }
        DigestResult {
            hex: hasher.finalize().to_hex().to_string(),
            total: self.total.chain,
            records,
            every: self.total.every,
            prints: self.total.prints,
            per_place,
        }
    }
}

impl Sink for Digest {
    #[inline(always)]
    fn note(&mut self, at: Instant, place: Place, note: &Note) {
        match note {
            // Four of five; and where they are made, it is known which of them it is.
            Note::PacketSent { .. } | Note::PacketDelivered { .. } => {
                self.fold(at, place, note);
            }
            _ => self.fold_other(at, place, note),
        }
    }

    #[inline(always)]
    fn flow_notes(&mut self, at: Instant, place: Place, about: About, notes: &[FlowNote]) {
        // Mostly it is one.
        match notes {
            [note] => self.fold_flow(at, place, about, note),
            _ => notes.iter().for_each(|note| self.fold_one_of_several(at, place, about, note)),
        }
    }
}

impl Digest {
    #[inline(never)]
    fn fold_other(&mut self, at: Instant, place: Place, note: &Note) {
        self.fold(at, place, note);
    }

    #[inline(never)]
    fn fold_one_of_several(&mut self, at: Instant, place: Place, about: About, note: &FlowNote) {
        self.fold_flow(at, place, about, note);
    }

    #[inline(always)]
    fn fold_flow(&mut self, at: Instant, place: Place, about: About, note: &FlowNote) {
        let Some(chain) = chain_of(&mut self.chains, place) else { return };
        let mut folder = Folder::new(*chain, at, &self.keys);
        note.visit(&mut folder, |folder| {
            folder.flow("flow", about.flow);
            folder.cause("packet", about.packet);
        });
        *chain = folder.finish();
        self.total.go_on(*chain);
    }

    #[inline(always)]
    fn fold(&mut self, at: Instant, place: Place, note: &Note) {
        let Some(chain) = chain_of(&mut self.chains, place) else { return };
        let mut folder = Folder::new(*chain, at, &self.keys);
        note.visit(&mut folder);
        *chain = folder.finish();
        self.total.go_on(*chain);
    }
}

impl Total {
    fn new() -> Self {
        Total { next_print: 1, missing: 1, every: 1, prints: Vec::with_capacity(MAX_PRINTS + 1), ..Total::default() }
    }

    /// Six bits of the chain as it is now.
    const fn print(&self) -> u8 {
        (self.chain >> 58) as u8
    }

    /// One record more, after which its place's chain is this.
    #[inline(always)]
    fn go_on(&mut self, chain: u64) {
        // An odd factor loses nothing, and the upper bits depend on all below them.
        self.chain = self.chain.wrapping_add(chain).wrapping_mul(KEYS[0] | 1);
        self.missing -= 1;
        if self.missing == 0 {
            self.keep_print();
        }
    }

    /// Keeps a print.
    #[inline(never)]
    fn keep_print(&mut self) {
        self.missing = self.every;
        self.next_print += self.every;
        self.prints.push(self.print());
        if self.prints.len() > MAX_PRINTS {
            self.thin_out();
        }
    }

    /// There is no room for more prints: every second one goes.
    #[cold]
    #[inline(never)]
    fn thin_out(&mut self) {
        // The one just kept is the first of a pair.
        self.every *= 2;
        let kept = self.prints.len() / 2;
        for i in 0..kept {
            self.prints[i] = self.prints[2 * i + 1];
        }
        self.prints.truncate(kept);
    }
}

#[inline(always)]
fn chain_of(chains: &mut [u64], place: Place) -> Option<&mut u64> {
    let chain = chains.get_mut(place.0 as usize);
    debug_assert!(chain.is_some(), "a record from a place that is not in the table");
    chain
}

/// The first 64 bits of a name's BLAKE3 hash.
fn name_key(mut hasher: blake3::Hasher, name: &str) -> u64 {
    let hash = hasher.update(name.as_bytes()).finalize();
    hash.as_bytes().iter().take(8).rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{FlowId, NodeId, PacketId};
    use crate::base::note::{Depth, DropCause, FlowNote, NameChange, Phase, Record, SendCause, Window, WindowCause};
    use crate::base::time::Duration;
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

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
        let mut few = Digest::new(places(&["b", "c", "b--c/forward"], 2));
        few.record(&sent(5, 2, 1));
        let mut more = Digest::new(places(&["a", "b", "c", "b--c/forward"], 3));
        more.record(&sent(5, 3, 2));
        assert_eq!(few.finish(), more.finish());
    }

    #[test]
    fn every_field_and_the_time_count() {
        let digest = |record: &Record| {
            let mut d = Digest::new(places(&["a", "b", "a--b/forward", "a--b/reverse"], 2));
            d.record(record);
            d.finish().hex
        };
        let base = digest(&sent(5, 2, 0));
        assert_eq!(base, digest(&sent(5, 2, 0)));
        for other in [sent(6, 2, 0), sent(5, 3, 0), sent(5, 2, 1)] {
            assert_ne!(base, digest(&other));
        }
    }

    /// Notes that differ from the first one in one field each.
    fn varied() -> Vec<Vec<Note>> {
        let packet = |origin, number| PacketId { origin: NodeId(origin), number };
        let depth = |packets, bytes| Depth { packets, bytes };
        let sent = |packet, bytes, queue| Note::PacketSent { packet, bytes, queue };
        let flow = |flow, packet, note| Note::Flow { flow: FlowId(flow), packet, note };
        let segment = |offset, bytes, cause| FlowNote::SegmentSent { offset, bytes, cause };
        let base = Window {
            cause: WindowCause::ALL[0],
            phase: Phase::ALL[0],
            cwnd_bytes: 0,
            ssthresh_bytes: None,
            in_flight_bytes: 0,
            srtt: None,
            rto: Duration::ZERO,
        };
        let windows = [
            base,
            Window { cause: WindowCause::ALL[1], ..base },
            Window { phase: Phase::ALL[1], ..base },
            Window { cwnd_bytes: 1, ..base },
            Window { ssthresh_bytes: Some(0), ..base },
            Window { ssthresh_bytes: Some(1), ..base },
            Window { in_flight_bytes: 1, ..base },
            Window { srtt: Some(Duration::ZERO), ..base },
            Window { srtt: Some(Duration::from_nanos(1)), ..base },
            Window { rto: Duration::from_nanos(1), ..base },
        ];
        let [new, probe] = [SendCause::ALL[0], SendCause::ALL[1]];
        let (none, one) = (Depth::default(), depth(1, 0));
        let drop = |cause, bytes, queue| Note::PacketDropped { packet: packet(0, 0), bytes, cause, queue };
        let name = |name: &str, address: Option<Ipv4Addr>| Note::Name {
            name: name.into(),
            change: NameChange::Answered,
            address,
        };
        vec![
            vec![
                sent(packet(0, 0), 0, none),
                sent(packet(1, 0), 0, none),
                sent(packet(0, 1), 0, none),
                sent(packet(0, 0), 1, none),
                sent(packet(0, 0), 0, one),
                sent(packet(0, 0), 0, depth(0, 1)),
                Note::PacketDelivered { packet: packet(0, 0), bytes: 0, queue: none },
            ],
            vec![
                drop(DropCause::Loss, 0, none),
                drop(DropCause::NoRoute, 0, none),
                drop(DropCause::Loss, 1, none),
                drop(DropCause::Loss, 0, one),
            ],
            vec![
                flow(0, None, segment(0, 0, new)),
                flow(1, None, segment(0, 0, new)),
                flow(0, Some(packet(0, 0)), segment(0, 0, new)),
                flow(0, Some(packet(1, 0)), segment(0, 0, new)),
                flow(0, Some(packet(0, 1)), segment(0, 0, new)),
                flow(0, None, segment(1, 0, new)),
                flow(0, None, segment(0, 1, new)),
                flow(0, None, segment(0, 0, probe)),
                flow(0, None, FlowNote::Delivered { bytes: 0 }),
                flow(0, None, FlowNote::Delivered { bytes: 1 }),
                flow(0, None, FlowNote::Established),
            ],
            windows.map(|window| flow(0, None, FlowNote::Window(window))).to_vec(),
            vec![
                name("", None),
                name("a", None),
                name("b", None),
                name("a\0", None),
                name("abcdefgha", None),
                name("abcdefghb", None),
                name("a", Some(Ipv4Addr::UNSPECIFIED)),
                name("a", Some(Ipv4Addr::LOCALHOST)),
            ],
        ]
    }

    #[test]
    fn no_field_of_a_note_can_change_unseen() {
        for notes in varied() {
            let mut seen = BTreeSet::new();
            for note in &notes {
                let mut d = Digest::new(places(&["a", "b", "a--b/forward", "a--b/reverse"], 2));
                d.record(&Record { at: Instant::ZERO, place: Place(2), note: note.clone() });
                // All that comes after it differs, too.
                d.record(&sent(1, 3, 0));
                let later = d.print();
                d.record(&sent(2, 2, 0));
                assert!(seen.insert((d.finish().total, later)), "{note:?}");
            }
        }
    }

    #[test]
    fn two_places_cannot_change_places() {
        let total = |order: [u32; 2]| {
            let mut d = Digest::new(places(&["a", "b", "a--b/forward", "a--b/reverse"], 2));
            order.iter().for_each(|place| d.record(&sent(5, *place, 0)));
            d.finish().total
        };
        assert_ne!(total([2, 3]), total([3, 2]));
    }

    #[test]
    fn the_digest_of_a_small_run_stays_what_it_is() {
        let mut d = Digest::new(places(&["a", "b", "a--b/forward", "a--b/reverse"], 2));
        d.record(&sent(5, 2, 0));
        d.record(&sent(9, 3, 1));
        d.record(&Record { at: Instant::from_nanos(10), place: Place(1), note: Note::Remark { text: "done".into() } });
        let result = d.finish();
        assert_eq!(result.hex, "411c9ecb928d8b5449b2c24163832c53829a9d07b07475f7f16ea72724a2e784");
        assert_eq!(result.records, 3);
    }

    #[test]
    fn prints_thin_out_as_a_run_grows() {
        let prints = |records: u64| {
            let mut d = Digest::new(places(&["a"], 1));
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

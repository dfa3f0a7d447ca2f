//! What both sides need beyond simple-dns: a guarded parser, and names as keys.

use std::sync::Arc;

use simple_dns::{Name, Packet, SimpleDnsError};

/// UDP port of servers.
pub const PORT: u16 = 53;
/// Longest chain of aliases that is followed.
pub const MAX_ALIASES: usize = 16;
/// Length of the fixed header (RFC 1035 section 4.1.1).
pub const HEADER_LEN: usize = 12;

/// Parses a message. Counts that the data cannot hold are refused before memory is set aside for
/// them: a question takes at least 5 bytes, a record 11.
pub fn parse(data: &[u8]) -> Result<Packet<'_>, SimpleDnsError> {
    let count = |at: usize| data.get(at..at + 2).map_or(0, |b| usize::from(u16::from_be_bytes([b[0], b[1]])));
    let least = HEADER_LEN + 5 * count(4) + 11 * (count(6) + count(8) + count(10));
    if data.len() < least {
        return Err(SimpleDnsError::InsufficientData);
    }
    let packet = Packet::parse(data)?;
    if lengths_match(data) == Some(true) { Ok(packet) } else { Err(SimpleDnsError::InvalidDnsPacket) }
}

/// A name as a key: names are equal whatever their case, ASCII only (RFC 4343), and a final dot
/// says nothing.
pub fn key(name: &str) -> Arc<str> {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase().into()
}

/// The key of a name from a message.
pub fn key_of(name: &Name<'_>) -> Arc<str> {
    key(&name.to_string())
}

/// True if `key` can be asked for: labels of 1 to 63 bytes, 255 bytes in all on the wire (RFC 1035
/// section 2.3.4).
pub fn is_name(key: &str) -> bool {
    key.split('.').all(|label| !label.is_empty()) && Name::new(key).is_ok()
}

/// The EDNS version of a message that parses, if it has an OPT. From the bytes, since simple-dns
/// 0.13 looks for it in the flags (RFC 6891 section 6.1.3 puts it in the second byte of the TTL).
pub fn edns_version(data: &[u8]) -> Option<u8> {
    let word = |at: usize| data.get(at..at + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])));
    let mut at = HEADER_LEN;
    for _ in 0..word(4)? {
        at = skip_name(data, at)? + 4;
    }
    for _ in 0..word(6)? + word(8)? + word(10)? {
        at = skip_name(data, at)?;
        if word(at)? == OPT {
            return data.get(at + 5).copied();
        }
        at += 10 + word(at + 8)?;
    }
    None
}

/// Whether every record's data is as long as its type wants (RFC 1035 section 3.2.1): simple-dns
/// forgives what is left over. Of a message that parses.
fn lengths_match(data: &[u8]) -> Option<bool> {
    let word = |at: usize| data.get(at..at + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])));
    let mut at = HEADER_LEN;
    for _ in 0..word(4)? {
        at = skip_name(data, at)? + 4;
    }
    for _ in 0..word(6)? + word(8)? + word(10)? {
        at = skip_name(data, at)?;
        let (rtype, start) = (word(at)?, at + 10);
        let end = start + word(at + 8)?;
        let whole = match rtype {
            A => start + 4 == end,
            AAAA => start + 16 == end,
            NS | CNAME | PTR => skip_name(data, start)? == end,
            SOA => skip_name(data, skip_name(data, start)?)? + 20 == end,
            _ => true,
        };
        if !whole {
            return Some(false);
        }
        at = end;
    }
    Some(at <= data.len())
}

const A: usize = 1;
const NS: usize = 2;
const CNAME: usize = 5;
const SOA: usize = 6;
const PTR: usize = 12;
const AAAA: usize = 28;
const OPT: usize = 41;
/// Bytes of an OPT record without options.
pub const OPT_LEN: usize = 11;
/// Largest reply over UDP, and what our OPT announces: no fragments (RFC 9715).
pub const EDNS_LIMIT: u16 = 1_232;

/// Adds our OPT as the last record (RFC 6891 section 6.1.2). By hand, since the upper bits of the
/// response code stand in it.
pub fn append_opt(data: &mut Vec<u8>, rcode: u16) {
    let count = u16::from_be_bytes([data[10], data[11]]) + 1;
    data[10..12].copy_from_slice(&count.to_be_bytes());
    let [size_high, size_low] = EDNS_LIMIT.to_be_bytes();
    data.extend_from_slice(&[0, 0, 41, size_high, size_low, (rcode >> 4) as u8, 0, 0, 0, 0, 0]);
}

/// Where the name that begins at `at` ends.
pub fn skip_name(data: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *data.get(at)? {
            0 => return Some(at + 1),
            // A pointer ends the name (RFC 1035 section 4.1.4).
            192.. => return Some(at + 2),
            len => at += 1 + usize::from(len),
        }
    }
}

/// The names above `name`, nearest first, without the root.
pub fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(name.split_once('.').map(|(_, rest)| rest), |n| n.split_once('.').map(|(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dnsw_05_counts_beyond_the_data_are_refused() {
        let mut data = vec![0; 30];
        data[6..8].copy_from_slice(&[255, 255]);
        assert!(parse(&data).is_err());
        (0..30).for_each(|n| drop(parse(&data[..n])));
    }

    #[test]
    fn dnsw_04_keys_ignore_ascii_case_only() {
        assert_eq!(key("WwW.ExAmPle."), key("www.example"));
        assert_ne!(key("\u{c9}"), key("\u{e9}"));
        assert_eq!(ancestors("a.b.c").collect::<Vec<_>>(), ["b.c", "c"]);
    }

    #[test]
    fn dnsw_01_labels_of_63_and_names_of_255() {
        let label = |n: usize| "x".repeat(n);
        let name = |last| [label(63), label(63), label(63), label(last)].join(".");
        assert!(is_name(&name(61)), "255 bytes on the wire");
        assert!(!is_name(&name(62)), "256");
        assert!(is_name(&label(63)) && !is_name(&label(64)));
    }

    /// A query whose name is these bytes.
    fn query_of(name: &[u8]) -> Vec<u8> {
        let mut data = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        data.extend_from_slice(name);
        data.extend_from_slice(&[0, 1, 0, 1]);
        data
    }

    #[test]
    fn dnsw_02_pointers_lead_back_and_end() {
        assert!(parse(&query_of(&[1, b'a', 0])).is_ok());
        assert!(parse(&query_of(&[0xc0, 12])).is_err(), "to itself");
        assert!(parse(&query_of(&[0xc0, 14, 1, b'a', 0])).is_err(), "forward");
        let mut chain = vec![1, b'a', 0];
        for k in 0..200_u16 {
            let to = if k == 0 { 12 } else { 15 + (k - 1) * 2 };
            chain.extend_from_slice(&(0xc000 | to).to_be_bytes());
        }
        let mut data = query_of(&[]);
        data.truncate(12);
        data.extend_from_slice(&chain);
        data.extend_from_slice(&[0, 1, 0, 1]);
        drop(parse(&data));
    }

    #[test]
    fn dnsw_03_other_label_types_are_errors() {
        for first in [0x40, 0x80] {
            assert!(parse(&query_of(&[first, b'a', 0])).is_err(), "{first:#x}");
        }
    }

    fn record(rtype: u16, rdata: &[u8]) -> Vec<u8> {
        let mut data = vec![0, 7, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, b'a', 0];
        data.extend_from_slice(&rtype.to_be_bytes());
        data.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        data.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        data.extend_from_slice(rdata);
        data
    }

    #[test]
    fn dnsw_06_unknown_types_are_opaque() {
        // What would be a pointer in a name is data here.
        let data = record(65_280, &[0xc0, 12, 1, 2]);
        let packet = parse(&data).unwrap();
        assert_eq!(packet.build_bytes_vec().unwrap(), data);
        assert_eq!(packet.build_bytes_vec_compressed().unwrap(), data);
    }

    #[test]
    fn dnsw_07_an_address_has_four_bytes() {
        assert!(parse(&record(1, &[10, 0, 0, 1])).is_ok());
        for rdata in [&[10, 0, 0][..], &[10, 0, 0, 1, 9]] {
            let data = record(1, rdata);
            let read = parse(&data).map(|p| p.answers.len());
            assert!(read.is_err(), "{rdata:?}: {read:?}");
        }
    }

    #[test]
    fn dnsw_09_a_message_survives_the_wire() {
        use crate::base::rng::Seed;
        use simple_dns::rdata::{A, CNAME, RData};
        use simple_dns::{CLASS, QCLASS, QTYPE, Question, ResourceRecord, TYPE};
        let mut rng = Seed(5).stream("messages");
        const NAMES: [&str; 5] = ["a.example", "www.a.example", "b", "x.y.z", "A.Example"];
        for _ in 0..100_000 {
            let mut packet = Packet::new_reply(rng.next_u32() as u16);
            let mut name = || Name::new_unchecked(NAMES[rng.below(5) as usize]);
            packet.questions.push(Question::new(name(), QTYPE::TYPE(TYPE::A), QCLASS::CLASS(CLASS::IN), false));
            for k in 0..2 {
                let owner = name();
                let rdata = if k == 0 { RData::CNAME(CNAME(name())) } else { RData::A(A { address: k * 0x0a00_0001 }) };
                packet.answers.push(ResourceRecord::new(owner, CLASS::IN, 60, rdata));
            }
            let plain = packet.build_bytes_vec().unwrap();
            let compressed = packet.build_bytes_vec_compressed().unwrap();
            assert_eq!(parse(&compressed).unwrap().build_bytes_vec().unwrap(), plain);
        }
    }
}

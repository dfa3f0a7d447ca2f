//! What both sides need beyond simple-dns: a guarded parser, and names as keys.

use std::sync::Arc;

use simple_dns::{Name, Packet, SimpleDnsError};

/// Length of the fixed header (RFC 1035 section 4.1.1).
pub const HEADER_LEN: usize = 12;

/// Parses a message. Counts that the data cannot hold are refused before memory is set aside for
/// them: a question takes at least 5 bytes, a record 11.
pub fn parse(data: &[u8]) -> Result<Packet<'_>, SimpleDnsError> {
    let count = |at: usize| data.get(at..at + 2).map_or(0, |b| usize::from(u16::from_be_bytes([b[0], b[1]])));
    let least = HEADER_LEN + 5 * count(4) + 11 * (count(6) + count(8) + count(10));
    if data.len() < least { Err(SimpleDnsError::InsufficientData) } else { Packet::parse(data) }
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

const OPT: usize = 41;

fn skip_name(data: &[u8], mut at: usize) -> Option<usize> {
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
}

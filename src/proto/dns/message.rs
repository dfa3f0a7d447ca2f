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

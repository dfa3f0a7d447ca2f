//! What the fuzz target `rudp` calls; it panics when a promise of the RUDP decoder is broken.

use bytes::Bytes;

use super::crc32c::Crc32c;
use super::rudp::{RudpSegment, version_negotiation};

/// A datagram as it came, and once more with a right CRC, which noise would not have.
pub fn rudp(data: &[u8]) {
    read(data);
    let mut data = data.to_vec();
    if data.len() >= 8 {
        let crc = Crc32c::default().update(&data[..4]).update(&[0; 4]).update(&data[8..]).finish();
        data[4..8].copy_from_slice(&crc.to_be_bytes());
        read(&data);
    }
}

/// What is understood survives being written and read again; nothing is answered with more than it was.
fn read(data: &[u8]) {
    let segment = RudpSegment::parse(data);
    assert_eq!(RudpSegment::parse_shared(&Bytes::copy_from_slice(data)), segment);
    if let Some(answer) = version_negotiation(data) {
        assert!(answer.len() <= data.len());
    }
    let Ok(segment) = segment else { return };
    let mut written = Vec::new();
    segment.encode(&mut written);
    assert_eq!(RudpSegment::parse(&written).as_ref(), Ok(&segment));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::mutate::mutate;
    use crate::wire::rudp::{RudpFlags, RudpOptions};

    #[test]
    fn sys_09_rudp_32_no_bytes_break_the_rudp_decoder() {
        let written = |segment: RudpSegment| {
            let mut bytes = Vec::new();
            segment.encode(&mut bytes);
            bytes
        };
        let options =
            RudpOptions { source_cid: Some(7), max_payload: Some(1200), cookie: Some([9; 32]), ..Default::default() };
        let syn = RudpFlags { syn: true, ..Default::default() };
        let syn = written(RudpSegment { flags: syn, options: Some(Box::new(options)), ..Default::default() });
        let ack = RudpFlags { ack: true, ..Default::default() };
        let ranges = [(9, 12), (3, 5)].into_iter().collect();
        let ack =
            written(RudpSegment { flags: ack, ranges, payload: Bytes::from_static(b"data"), ..Default::default() });
        assert!(RudpSegment::parse(&syn).is_ok() && RudpSegment::parse(&ack).is_ok());
        mutate("rudp", &[&syn, &ack], rudp);
    }
}

//! RUDP packets, version 1 (`docs/rudp.md`).

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use super::crc32c::Crc32c;
use super::packet::SegmentKind;

/// Bytes of the fixed part of the header.
pub const RUDP_HEADER_BYTES: u32 = 48;
/// Bytes a SYN is padded to.
pub const RUDP_SYN_BYTES: u32 = 1200;

/// One RUDP packet, with the UDP ports it travels between. What only some have stands last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct RudpSegment {
    /// Sender's UDP port.
    pub src_port: u16,
    /// Receiver's UDP port.
    pub dst_port: u16,
    /// Control bits.
    pub flags: RudpFlags,
    /// Error code of a RST.
    pub error: u16,
    /// Packet number: one per transmission, never reused.
    pub pn: u32,
    /// Bytes the receiver accepts beyond `ack`.
    pub window: u32,
    /// Delay in microseconds between the arrival of the highest acknowledged packet and this one.
    pub ack_delay_us: u32,
    /// Destination connection id; 0 in the first SYN.
    pub cid: u64,
    /// Stream offset of the first payload byte; the final size for a bare FIN.
    pub offset: u64,
    /// Next stream offset expected.
    pub ack: u64,
    /// Data.
    pub payload: Bytes,
    /// Options; only handshakes, resets and cookies carry any.
    pub options: Option<Box<RudpOptions>>,
    /// Acknowledged packet numbers, inclusive, highest first.
    pub ranges: SmallVec<[(u32, u32); 4]>,
}

/// Control bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RudpFlags {
    /// Opens a connection.
    pub syn: bool,
    /// `ack`, the ranges and the window are significant.
    pub ack: bool,
    /// The stream ends at `offset` + payload.
    pub fin: bool,
    /// Ends the connection at once.
    pub rst: bool,
    /// Carries stream bytes.
    pub data: bool,
    /// Asks for an acknowledgment, carries nothing.
    pub probe: bool,
}

/// Options of a packet (kinds 1 to 8).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RudpOptions {
    /// Kind 1: the sender's own connection id.
    pub source_cid: Option<u64>,
    /// Kind 2: largest payload it accepts.
    pub max_payload: Option<u16>,
    /// Kind 3: 0 selective repeat, 1 go-back-N, 2 stop-and-wait.
    pub mode: Option<u8>,
    /// Kind 4: the server's cookie.
    pub cookie: Option<[u8; 32]>,
    /// Kind 5: idle timeout in seconds.
    pub idle_timeout_s: Option<u16>,
    /// Kind 6: largest delay of an acknowledgment in milliseconds.
    pub max_ack_delay_ms: Option<u8>,
    /// Kind 7: stateless reset token.
    pub reset_token: Option<[u8; 16]>,
    /// Kind 8: versions supported.
    pub versions: SmallVec<[u8; 8]>,
}

impl RudpOptions {
    /// Bytes of all options, padded to a word.
    pub fn wire_bytes(&self) -> u32 {
        let present = |yes: bool, bytes: u32| if yes { bytes } else { 0 };
        let n = present(self.source_cid.is_some(), 10)
            + present(self.max_payload.is_some(), 4)
            + present(self.mode.is_some(), 3)
            + present(self.cookie.is_some(), 34)
            + present(self.idle_timeout_s.is_some(), 4)
            + present(self.max_ack_delay_ms.is_some(), 3)
            + present(self.reset_token.is_some(), 18)
            + present(!self.versions.is_empty(), 2 + self.versions.len() as u32);
        n.next_multiple_of(4)
    }
}

impl RudpSegment {
    /// Header, ranges, options, data, and the padding of a SYN; without UDP's header.
    pub fn wire_bytes(&self) -> u32 {
        let options = self.options.as_ref().map_or(0, |o| o.wire_bytes());
        let n = RUDP_HEADER_BYTES + 8 * self.ranges.len() as u32 + options + self.payload.len() as u32;
        if self.flags.syn && !self.flags.ack { n.max(RUDP_SYN_BYTES) } else { n }
    }

    /// What it is to a loss model.
    pub fn kind(&self) -> SegmentKind {
        SegmentKind { data: !self.payload.is_empty(), syn: self.flags.syn, fin: self.flags.fin }
    }
}

/// The protocol version.
pub const RUDP_VERSION: u8 = 1;
/// Most ack ranges in a packet.
pub const RUDP_MAX_RANGES: usize = 16;

/// Why a datagram is not a packet of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RudpError {
    /// Shorter than its header, or a SYN that is not padded.
    #[error("truncated RUDP packet")]
    Truncated,
    /// Not version 1.
    #[error("RUDP version {0} is not supported")]
    Version(u8),
    /// The CRC is wrong.
    #[error("wrong CRC")]
    Crc,
    /// A reserved flag, or lengths, ranges or options that contradict each other.
    #[error("malformed RUDP packet")]
    Malformed,
}

impl RudpFlags {
    const fn bits(self) -> u8 {
        self.syn as u8
            | (self.ack as u8) << 1
            | (self.fin as u8) << 2
            | (self.rst as u8) << 3
            | (self.data as u8) << 4
            | (self.probe as u8) << 5
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        if bits & 0xc0 != 0 {
            return None;
        }
        Some(RudpFlags {
            syn: bits & 1 != 0,
            ack: bits & 2 != 0,
            fin: bits & 4 != 0,
            rst: bits & 8 != 0,
            data: bits & 16 != 0,
            probe: bits & 32 != 0,
        })
    }
}

impl RudpOptions {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut put = |kind: u8, value: &[u8]| {
            out.extend_from_slice(&[kind, value.len() as u8 + 2]);
            out.extend_from_slice(value);
        };
        if let Some(v) = self.source_cid {
            put(1, &v.to_be_bytes());
        }
        if let Some(v) = self.max_payload {
            put(2, &v.to_be_bytes());
        }
        if let Some(v) = self.mode {
            put(3, &[v]);
        }
        if let Some(v) = &self.cookie {
            put(4, v);
        }
        if let Some(v) = self.idle_timeout_s {
            put(5, &v.to_be_bytes());
        }
        if let Some(v) = self.max_ack_delay_ms {
            put(6, &[v]);
        }
        if let Some(v) = &self.reset_token {
            put(7, v);
        }
        if !self.versions.is_empty() {
            put(8, &self.versions[..self.versions.len().min(200)]);
        }
    }

    fn parse(mut bytes: &[u8]) -> Result<Option<Box<Self>>, RudpError> {
        let mut options: Option<Box<RudpOptions>> = None;
        while let [kind, rest @ ..] = bytes {
            if *kind == 0 {
                bytes = rest;
                continue;
            }
            let len = usize::from(*rest.first().ok_or(RudpError::Malformed)?);
            if len < 2 {
                return Err(RudpError::Malformed);
            }
            let value = bytes.get(2..len).ok_or(RudpError::Malformed)?;
            options.get_or_insert_default().take(*kind, value)?;
            bytes = &bytes[len..];
        }
        Ok(options)
    }

    /// Unknown kinds are skipped.
    fn take(&mut self, kind: u8, value: &[u8]) -> Result<(), RudpError> {
        match kind {
            1 => self.source_cid = Some(u64::from_be_bytes(exactly(value)?)),
            2 => self.max_payload = Some(u16::from_be_bytes(exactly(value)?)),
            3 => self.mode = Some(exactly::<1>(value)?[0]),
            4 => self.cookie = Some(exactly(value)?),
            5 => self.idle_timeout_s = Some(u16::from_be_bytes(exactly(value)?)),
            6 => self.max_ack_delay_ms = Some(exactly::<1>(value)?[0]),
            7 => self.reset_token = Some(exactly(value)?),
            8 => self.versions = SmallVec::from_slice(value),
            _ => {}
        }
        Ok(())
    }
}

fn exactly<const N: usize>(value: &[u8]) -> Result<[u8; N], RudpError> {
    value.try_into().map_err(|_| RudpError::Malformed)
}

/// The CRC of a datagram, its CRC field taken as zero.
fn datagram_crc(bytes: &[u8]) -> u32 {
    Crc32c::default().update(&bytes[..4]).update(&[0; 4]).update(&bytes[8..]).finish()
}

impl RudpSegment {
    /// Appends the UDP payload to `out`. The ports are UDP's affair.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let ranges = &self.ranges[..self.ranges.len().min(RUDP_MAX_RANGES)];
        out.extend_from_slice(&[RUDP_VERSION, self.flags.bits(), 0, ranges.len() as u8, 0, 0, 0, 0]);
        out.extend_from_slice(&self.cid.to_be_bytes());
        out.extend_from_slice(&self.pn.to_be_bytes());
        out.extend_from_slice(&self.window.to_be_bytes());
        out.extend_from_slice(&self.offset.to_be_bytes());
        out.extend_from_slice(&self.ack.to_be_bytes());
        out.extend_from_slice(&self.ack_delay_us.to_be_bytes());
        out.extend_from_slice(&(self.payload.len() as u16).to_be_bytes());
        out.extend_from_slice(&self.error.to_be_bytes());
        for (first, last) in ranges {
            out.extend_from_slice(&first.to_be_bytes());
            out.extend_from_slice(&last.to_be_bytes());
        }
        if let Some(options) = &self.options {
            options.encode(out);
        }
        let header = (out.len() - start).next_multiple_of(4);
        out.resize(start + header, 0);
        out[start + 2] = (header / 4) as u8;
        out.extend_from_slice(&self.payload);
        if self.flags.syn && !self.flags.ack {
            let padded = (out.len() - start).max(RUDP_SYN_BYTES as usize);
            out.resize(start + padded, 0);
        }
        let crc = datagram_crc(&out[start..]);
        out[start + 4..start + 8].copy_from_slice(&crc.to_be_bytes());
    }

    /// Reads a UDP payload. The ports stay 0: they stand in UDP's header.
    pub fn parse(bytes: &[u8]) -> Result<Self, RudpError> {
        let (segment, payload) = Self::parse_header(bytes)?;
        Ok(RudpSegment { payload: Bytes::copy_from_slice(&bytes[payload]), ..segment })
    }

    /// Like [`RudpSegment::parse`], but the payload shares the bytes instead of copying them.
    pub fn parse_shared(bytes: &Bytes) -> Result<Self, RudpError> {
        let (segment, payload) = Self::parse_header(bytes)?;
        Ok(RudpSegment { payload: bytes.slice(payload), ..segment })
    }

    /// All but the payload, and where that stands.
    fn parse_header(bytes: &[u8]) -> Result<(Self, Range<usize>), RudpError> {
        let fixed = bytes.first_chunk::<48>().ok_or(RudpError::Truncated)?;
        if fixed[0] != RUDP_VERSION {
            return Err(RudpError::Version(fixed[0]));
        }
        let word = |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let long = |at: usize| u64::from(word(at)) << 32 | u64::from(word(at + 4));
        let half = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        if datagram_crc(bytes) != word(4) {
            return Err(RudpError::Crc);
        }
        let flags = RudpFlags::from_bits(fixed[1]).ok_or(RudpError::Malformed)?;
        let (header, count) = (4 * usize::from(fixed[2]), usize::from(fixed[3]));
        if header < 48 + 8 * count || count > RUDP_MAX_RANGES {
            return Err(RudpError::Malformed);
        }
        let opening = flags.syn && !flags.ack;
        if header > bytes.len() || opening && bytes.len() < RUDP_SYN_BYTES as usize {
            return Err(RudpError::Truncated);
        }
        let end = header + usize::from(half(44));
        // Only the padding of a SYN may follow the payload.
        if end > bytes.len() || end < bytes.len() && !opening {
            return Err(RudpError::Malformed);
        }
        let mut ranges = SmallVec::new();
        let mut below = None;
        for pair in bytes[48..48 + 8 * count].chunks_exact(8) {
            let first = u32::from_be_bytes([pair[0], pair[1], pair[2], pair[3]]);
            let last = u32::from_be_bytes([pair[4], pair[5], pair[6], pair[7]]);
            // Highest first, neither overlapping nor touching.
            if first > last || below.is_some_and(|b: u32| u64::from(last) + 1 >= u64::from(b)) {
                return Err(RudpError::Malformed);
            }
            below = Some(first);
            ranges.push((first, last));
        }
        let segment = RudpSegment {
            src_port: 0,
            dst_port: 0,
            flags,
            cid: long(8),
            pn: word(16),
            window: word(20),
            offset: long(24),
            ack: long(32),
            ack_delay_us: word(40),
            error: half(46),
            ranges,
            options: RudpOptions::parse(&bytes[48 + 8 * count..header])?,
            payload: Bytes::new(),
        };
        Ok((segment, header..end))
    }
}

/// The answer to a datagram of a version that is not spoken here: version 0 with option 8, under the
/// connection id of the question. Only a datagram as long as a SYN gets one, so that the answer is
/// never longer than the question; version 0 gets none, so that two ends cannot answer for ever.
pub fn version_negotiation(question: &[u8]) -> Option<Vec<u8>> {
    let version = *question.first()?;
    if version == RUDP_VERSION || version == 0 || question.len() < RUDP_SYN_BYTES as usize {
        return None;
    }
    let mut options = Box::<RudpOptions>::default();
    options.versions.push(RUDP_VERSION);
    let cid = u64::from_be_bytes(question[8..16].try_into().ok()?);
    let mut out = Vec::new();
    RudpSegment { cid, options: Some(options), ..RudpSegment::default() }.encode(&mut out);
    out[0] = 0;
    let crc = datagram_crc(&out);
    out[4..8].copy_from_slice(&crc.to_be_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::base::rng::Seed;

    fn encoded(segment: &RudpSegment) -> Vec<u8> {
        let mut out = Vec::new();
        segment.encode(&mut out);
        assert_eq!(out.len() as u32, segment.wire_bytes());
        out
    }

    fn hi() -> RudpSegment {
        RudpSegment {
            flags: RudpFlags { ack: true, data: true, ..RudpFlags::default() },
            cid: 0x0102_0304_0506_0708,
            pn: 1,
            window: 65_536,
            ranges: smallvec![(0, 0)],
            payload: Bytes::from_static(b"hi"),
            ..RudpSegment::default()
        }
    }

    #[test]
    fn rudp_02_bytes_of_a_syn() {
        let options = RudpOptions {
            source_cid: Some(0x0102_0304_0506_0708),
            max_payload: Some(1152),
            mode: Some(0),
            idle_timeout_s: Some(30),
            max_ack_delay_ms: Some(25),
            ..RudpOptions::default()
        };
        let segment = RudpSegment {
            flags: RudpFlags { syn: true, ..RudpFlags::default() },
            window: 65_536,
            options: Some(Box::new(options)),
            ..RudpSegment::default()
        };
        let bytes = encoded(&segment);
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let expected = "01011200d3273a170000000000000000000000000001000000000000000000000000000000000000\
                        0000000000000000010a010203040506070802040480030300\
                        0504001e060319";
        assert_eq!((bytes.len(), &hex[..144]), (1200, expected));
        assert!(bytes[72..].iter().all(|&b| b == 0));
        assert_eq!(RudpSegment::parse(&bytes), Ok(segment));
        assert_eq!(RudpSegment::parse(&bytes[..1199]), Err(RudpError::Crc));
    }

    #[test]
    fn rudp_03_bytes_of_data() {
        let bytes = encoded(&hi());
        assert_eq!((bytes.len(), bytes[2], &bytes[4..8]), (58, 14, &[0x9b, 0x13, 0x89, 0x1a][..]));
        assert_eq!(RudpSegment::parse(&bytes), Ok(hi()));
    }

    #[test]
    fn rudp_04_any_flipped_bit_is_found() {
        let bytes = encoded(&hi());
        for bit in 0..464 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(RudpSegment::parse(&bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn rudp_08_a_syn_of_1199_bytes_is_no_packet() {
        let flags = RudpFlags { syn: true, ..RudpFlags::default() };
        let mut bytes = encoded(&RudpSegment { flags, ..RudpSegment::default() });
        assert!(RudpSegment::parse(&bytes).is_ok());
        bytes.pop();
        let crc = datagram_crc(&bytes);
        bytes[4..8].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(RudpSegment::parse(&bytes), Err(RudpError::Truncated));
    }

    #[test]
    fn rudp_36_another_version_is_told_ours_once() {
        let flags = RudpFlags { syn: true, ..RudpFlags::default() };
        let mut question = encoded(&RudpSegment { flags, cid: 9, ..RudpSegment::default() });
        assert_eq!(version_negotiation(&question), None);
        question[0] = 7;
        assert_eq!(RudpSegment::parse(&question), Err(RudpError::Version(7)));
        assert_eq!(version_negotiation(&question[..100]), None);
        let answer = version_negotiation(&question).unwrap();
        assert_eq!((answer.len(), answer[0], &answer[8..16]), (52, 0, &9u64.to_be_bytes()[..]));
        assert_eq!(answer[48..], [8, 3, 1, 0]);
        assert_eq!(answer[4..8], datagram_crc(&answer).to_be_bytes());
        // An answer is never answered, whatever its length.
        question[0] = 0;
        assert_eq!((version_negotiation(&answer), version_negotiation(&question)), (None, None));
    }

    const MUTATIONS: u32 = 1_000_000;

    #[test]
    fn rudp_05_no_mutation_panics() {
        let mut rng = Seed(5).stream("mutations");
        let original = encoded(&hi());
        for _ in 0..MUTATIONS {
            let mut bytes = original.clone();
            bytes.truncate(rng.below(60) as usize);
            for _ in 0..rng.below(6) {
                if !bytes.is_empty() {
                    let at = rng.below(bytes.len() as u64) as usize;
                    bytes[at] = rng.next_u32() as u8;
                }
            }
            if bytes.len() >= 48 && rng.below(2) == 0 {
                // A right CRC, so that the mutation reaches the parser proper.
                let crc = datagram_crc(&bytes);
                bytes[4..8].copy_from_slice(&crc.to_be_bytes());
            }
            if let Ok(segment) = RudpSegment::parse(&bytes) {
                let mut again = Vec::new();
                segment.encode(&mut again);
                assert_eq!(RudpSegment::parse(&again), Ok(segment));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_packet_comes_back(
            (bits, cid, pn, window) in (2u8..64, 0u64.., 0u32.., 0u32..),
            (offset, ack, ack_delay_us, error) in (0u64.., 0u64.., 0u32.., 0u16..),
            steps in proptest::collection::vec((2u32..100, 0u32..100), 0..=16),
            data in proptest::collection::vec(0u8.., 0..300),
            (source_cid, mode, cookie) in (proptest::option::of(0u64..), 0u8.., proptest::option::of(proptest::array::uniform32(0u8..))),
        ) {
            let mut below = 10_000u32;
            let ranges = steps.iter().map(|&(gap, len)| {
                let last = below - gap;
                below = last - len;
                (below, last)
            });
            let options = RudpOptions { source_cid, mode: Some(mode), cookie, ..RudpOptions::default() };
            let segment = RudpSegment {
                flags: RudpFlags::from_bits(bits).unwrap(),
                cid, pn, window, offset, ack, ack_delay_us, error,
                ranges: ranges.collect(),
                options: Some(Box::new(options)),
                payload: data.into(),
                ..RudpSegment::default()
            };
            proptest::prop_assert_eq!(RudpSegment::parse(&encoded(&segment)), Ok(segment));
        }
    }
}

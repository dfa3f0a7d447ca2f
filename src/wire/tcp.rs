//! TCP segments (RFC 9293 section 3.1) with the options of RFC 2018 and RFC 7323.

use std::net::Ipv4Addr;

use bytes::Bytes;

use super::checksum::InternetChecksum;
use super::packet::SegmentKind;
use super::sack_blocks::SackBlocks;

/// Bytes of a TCP header without options.
pub const TCP_HEADER_BYTES: u32 = 20;

/// One segment. Sequence numbers are modulo 2^32. The SACK blocks stand last, so that a segment without any
/// ends before them (`packet`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct TcpSegment {
    /// Sender's port.
    pub src_port: u16,
    /// Receiver's port.
    pub dst_port: u16,
    /// Sequence number of the first byte (or of the SYN).
    pub seq: u32,
    /// Acknowledgment number; meaningful when `flags.ack`.
    pub ack: u32,
    /// Control bits.
    pub flags: TcpFlags,
    /// The window field as it stands in the header, not scaled.
    pub window: u16,
    /// Urgent pointer; kept, not used (RFC 9293 section 3.8.5).
    pub urgent: u16,
    /// Data.
    pub payload: Bytes,
    /// Options, in the form in which this crate uses them.
    pub options: TcpOptions,
}

/// Control bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpFlags {
    /// No more data from sender.
    pub fin: bool,
    /// Synchronize sequence numbers.
    pub syn: bool,
    /// Reset the connection.
    pub rst: bool,
    /// Push.
    pub psh: bool,
    /// Acknowledgment field is significant.
    pub ack: bool,
    /// Urgent pointer field is significant.
    pub urg: bool,
}

/// The options of one segment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct TcpOptions {
    /// TSval, TSecr (kind 8).
    pub timestamps: Option<(u32, u32)>,
    /// Maximum segment size (kind 2).
    pub mss: Option<u16>,
    /// Window scale shift (kind 3).
    pub window_scale: Option<u8>,
    /// SACK permitted (kind 4).
    pub sack_permitted: bool,
    /// SACK blocks (kind 5): left edge, right edge.
    pub sack: SackBlocks,
}

impl TcpOptions {
    /// Bytes the options take in the header, padded to a multiple of four. Laid out as Linux does:
    /// timestamps alone take 12, n SACK blocks 4 + 8n, MSS 4, window scale 4, SACK permitted 4 or
    /// in the padding of timestamps.
    pub fn wire_bytes(&self) -> u32 {
        let timestamps = if self.timestamps.is_some() { 12 } else { 0 };
        let sack_permitted = if self.sack_permitted && self.timestamps.is_none() { 4 } else { 0 };
        let sack = if self.sack.is_empty() { 0 } else { 4 + 8 * self.sack.len() as u32 };
        let mss = if self.mss.is_some() { 4 } else { 0 };
        let scale = if self.window_scale.is_some() { 4 } else { 0 };
        mss + scale + sack_permitted + timestamps + sack
    }
}

impl TcpSegment {
    /// Header, options and data.
    pub fn wire_bytes(&self) -> u32 {
        TCP_HEADER_BYTES + self.options.wire_bytes() + self.payload.len() as u32
    }

    /// Makes it anew in its place: without flags, options and acknowledgment.
    #[inline]
    pub fn begin(&mut self, ports: (u16, u16), seq: u32, payload: Bytes) {
        (self.src_port, self.dst_port, self.seq, self.payload) = (ports.0, ports.1, seq, payload);
        (self.ack, self.flags, self.window, self.urgent) = (0, TcpFlags::default(), 0, 0);
        let TcpOptions { mss, window_scale, sack_permitted, sack, timestamps } = &mut self.options;
        (*mss, *window_scale, *sack_permitted, *timestamps) = (None, None, false, None);
        sack.clear();
    }

    /// Sequence numbers it takes: data, plus one each for SYN and FIN.
    pub fn seq_len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.flags.syn) + u32::from(self.flags.fin)
    }

    /// What it is to a loss model.
    pub fn kind(&self) -> SegmentKind {
        SegmentKind { data: !self.payload.is_empty(), syn: self.flags.syn, fin: self.flags.fin }
    }
}

/// Why bytes are no TCP segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TcpParseError {
    /// Fewer bytes than a header.
    #[error("{0} bytes are too few for a TCP header")]
    Short(usize),
    /// The data offset points into the fixed header or past the end.
    #[error("data offset {0} does not fit the segment")]
    DataOffset(u8),
    /// The checksum does not match.
    #[error("wrong checksum")]
    Checksum,
    /// An option's length is impossible.
    #[error("option {0} has an impossible length")]
    OptionLength(u8),
}

const PROTOCOL: u8 = 6;

fn checksum(src: Ipv4Addr, dst: Ipv4Addr, segment: &[u8]) -> u16 {
    let mut c = InternetChecksum::new();
    // The pseudo-header (RFC 9293 section 3.1).
    c.add(&src.octets());
    c.add(&dst.octets());
    c.add(&[0, PROTOCOL]);
    c.add(&(segment.len() as u16).to_be_bytes());
    c.add(segment);
    c.finish()
}

impl TcpOptions {
    /// Appends the options, laid out as [`TcpOptions::wire_bytes`] says.
    fn encode(&self, out: &mut Vec<u8>) {
        if let Some(mss) = self.mss {
            out.extend_from_slice(&[2, 4]);
            out.extend_from_slice(&mss.to_be_bytes());
        }
        if let Some((value, echo)) = self.timestamps {
            // SACK permitted takes the place of the two NOPs.
            out.extend_from_slice(if self.sack_permitted { &[4, 2, 8, 10] } else { &[1, 1, 8, 10] });
            out.extend_from_slice(&value.to_be_bytes());
            out.extend_from_slice(&echo.to_be_bytes());
        } else if self.sack_permitted {
            out.extend_from_slice(&[1, 1, 4, 2]);
        }
        if let Some(shift) = self.window_scale {
            out.extend_from_slice(&[1, 3, 3, shift]);
        }
        if !self.sack.is_empty() {
            out.extend_from_slice(&[1, 1, 5, 2 + 8 * self.sack.len() as u8]);
            for (left, right) in self.sack.iter() {
                out.extend_from_slice(&left.to_be_bytes());
                out.extend_from_slice(&right.to_be_bytes());
            }
        }
    }

    /// Unknown kinds, and known ones of another length than theirs, are skipped by their length
    /// (RFC 9293 section 3.1, MUST-6).
    fn parse(mut bytes: &[u8]) -> Result<TcpOptions, TcpParseError> {
        let mut o = TcpOptions::default();
        let word = |b: &[u8]| b.iter().fold(0u32, |w, &b| w << 8 | u32::from(b));
        while let [kind, rest @ ..] = bytes {
            match kind {
                0 => break,
                1 => {
                    bytes = rest;
                    continue;
                }
                _ => {}
            }
            let len = rest.first().map_or(0, |&n| usize::from(n));
            if len < 2 || len > bytes.len() {
                return Err(TcpParseError::OptionLength(*kind));
            }
            let body = &bytes[2..len];
            match (kind, body.len()) {
                (2, 2) => o.mss = Some(word(body) as u16),
                (3, 1) => o.window_scale = Some(body[0]),
                (4, 0) => o.sack_permitted = true,
                (5, n) if n % 8 == 0 => {
                    o.sack.extend(body.chunks_exact(8).map(|b| (word(&b[..4]), word(&b[4..]))));
                }
                (8, 8) => o.timestamps = Some((word(&body[..4]), word(&body[4..]))),
                _ => {}
            }
            bytes = &bytes[len..];
        }
        Ok(o)
    }
}

impl TcpSegment {
    /// Appends the segment as bytes; `src` and `dst` go into the checksum.
    pub fn encode(&self, src: Ipv4Addr, dst: Ipv4Addr, out: &mut Vec<u8>) {
        let start = out.len();
        let f = &self.flags;
        let bits = [f.fin, f.syn, f.rst, f.psh, f.ack, f.urg];
        let bits = bits.iter().enumerate().fold(0u8, |all, (n, &on)| all | u8::from(on) << n);
        let header = TCP_HEADER_BYTES + self.options.wire_bytes();
        out.extend_from_slice(&self.src_port.to_be_bytes());
        out.extend_from_slice(&self.dst_port.to_be_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.ack.to_be_bytes());
        out.extend_from_slice(&[((header / 4) as u8) << 4, bits]);
        out.extend_from_slice(&self.window.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&self.urgent.to_be_bytes());
        self.options.encode(out);
        out.extend_from_slice(&self.payload);
        let sum = checksum(src, dst, &out[start..]);
        out[start + 16..start + 18].copy_from_slice(&sum.to_be_bytes());
    }

    /// Reads a segment that fills `bytes`. The checksum is verified before anything else
    /// (RFC 9293 section 3.1, MUST-3).
    pub fn parse(src: Ipv4Addr, dst: Ipv4Addr, bytes: &[u8]) -> Result<TcpSegment, TcpParseError> {
        let Some((h, _)) = bytes.split_first_chunk::<{ TCP_HEADER_BYTES as usize }>() else {
            return Err(TcpParseError::Short(bytes.len()));
        };
        if checksum(src, dst, bytes) != 0 {
            return Err(TcpParseError::Checksum);
        }
        let offset = h[12] >> 4;
        let header = usize::from(offset) * 4;
        if header < h.len() || header > bytes.len() {
            return Err(TcpParseError::DataOffset(offset));
        }
        let short = |at: usize| u16::from_be_bytes([h[at], h[at + 1]]);
        let long = |at: usize| u32::from_be_bytes([h[at], h[at + 1], h[at + 2], h[at + 3]]);
        let bit = |n: u8| h[13] & 1 << n != 0;
        Ok(TcpSegment {
            src_port: short(0),
            dst_port: short(2),
            seq: long(4),
            ack: long(8),
            flags: TcpFlags { fin: bit(0), syn: bit(1), rst: bit(2), psh: bit(3), ack: bit(4), urg: bit(5) },
            window: short(14),
            urgent: short(18),
            options: TcpOptions::parse(&bytes[h.len()..header])?,
            payload: Bytes::copy_from_slice(&bytes[header..]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn samples() -> Vec<TcpSegment> {
        let base = TcpSegment {
            src_port: 49152,
            dst_port: 80,
            seq: 0xfffffff0,
            ack: 7,
            flags: TcpFlags { ack: true, psh: true, ..Default::default() },
            window: 4321,
            payload: Bytes::from_static(b"odd"),
            ..Default::default()
        };
        let with = |options: TcpOptions| TcpSegment { options, ..base.clone() };
        vec![
            base.clone(),
            with(TcpOptions { sack_permitted: true, ..Default::default() }),
            with(TcpOptions {
                mss: Some(1460),
                window_scale: Some(9),
                sack_permitted: true,
                timestamps: Some((1, 2)),
                ..Default::default()
            }),
            with(TcpOptions {
                sack: [(1, 2), (3, 4), (5, 6)].into_iter().collect(),
                timestamps: Some((3, 4)),
                ..Default::default()
            }),
        ]
    }

    #[test]
    fn what_is_encoded_is_parsed_and_has_the_size_it_says() {
        for s in samples() {
            let mut bytes = Vec::new();
            s.encode(A, B, &mut bytes);
            assert_eq!(bytes.len() as u32, s.wire_bytes());
            assert_eq!(TcpSegment::parse(A, B, &bytes), Ok(s));
        }
    }

    #[test]
    fn tcp_24_any_flipped_bit_is_noticed() {
        let mut bytes = Vec::new();
        samples()[3].encode(A, B, &mut bytes);
        for n in 0..bytes.len() * 8 {
            bytes[n / 8] ^= 1 << (n % 8);
            assert_eq!(TcpSegment::parse(A, B, &bytes), Err(TcpParseError::Checksum));
            bytes[n / 8] ^= 1 << (n % 8);
        }
    }

    #[test]
    fn tcp_25_options_never_loop() {
        assert_eq!(TcpOptions::parse(&[254, 4, 0, 0, 1, 2, 4, 5, 180]).unwrap().mss, Some(1460));
        assert_eq!(TcpOptions::parse(&[8, 0, 0, 0]), Err(TcpParseError::OptionLength(8)));
        assert_eq!(TcpOptions::parse(&[8]), Err(TcpParseError::OptionLength(8)));
        assert_eq!(TcpOptions::parse(&[2, 9, 0, 0]), Err(TcpParseError::OptionLength(2)));
        assert_eq!(TcpOptions::parse(&[0, 9, 9, 9]), Ok(TcpOptions::default()));
    }

    #[test]
    fn tcp_26_data_offset() {
        for offset in [4u8, 15] {
            let mut bytes = Vec::new();
            TcpSegment::default().encode(A, B, &mut bytes);
            bytes[12] = offset << 4;
            bytes[16..18].fill(0);
            let sum = checksum(A, B, &bytes);
            bytes[16..18].copy_from_slice(&sum.to_be_bytes());
            assert_eq!(TcpSegment::parse(A, B, &bytes), Err(TcpParseError::DataOffset(offset)));
        }
    }
}

//! TCP segments (RFC 9293 section 3.1) with the options of RFC 2018 and RFC 7323.

use bytes::Bytes;
use smallvec::SmallVec;

use super::packet::SegmentKind;

/// Bytes of a TCP header without options.
pub const TCP_HEADER_BYTES: u32 = 20;

/// One segment. Sequence numbers are modulo 2^32.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
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
    /// Options, in the form in which this crate uses them.
    pub options: TcpOptions,
    /// Data.
    pub payload: Bytes,
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
pub struct TcpOptions {
    /// Maximum segment size (kind 2).
    pub mss: Option<u16>,
    /// Window scale shift (kind 3).
    pub window_scale: Option<u8>,
    /// SACK permitted (kind 4).
    pub sack_permitted: bool,
    /// SACK blocks (kind 5): left edge, right edge.
    pub sack: SmallVec<[(u32, u32); 4]>,
    /// TSval, TSecr (kind 8).
    pub timestamps: Option<(u32, u32)>,
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

    /// Sequence numbers it takes: data, plus one each for SYN and FIN.
    pub fn seq_len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.flags.syn) + u32::from(self.flags.fin)
    }

    /// What it is to a loss model.
    pub fn kind(&self) -> SegmentKind {
        SegmentKind { data: !self.payload.is_empty(), syn: self.flags.syn, fin: self.flags.fin }
    }
}

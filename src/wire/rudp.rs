//! RUDP packets, version 1 (`docs/rudp.md`).

use bytes::Bytes;
use smallvec::SmallVec;

use super::packet::SegmentKind;

/// Bytes of the fixed part of the header.
pub const RUDP_HEADER_BYTES: u32 = 48;
/// Bytes a SYN is padded to.
pub const RUDP_SYN_BYTES: u32 = 1200;

/// One RUDP packet, with the UDP ports it travels between.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RudpSegment {
    /// Sender's UDP port.
    pub src_port: u16,
    /// Receiver's UDP port.
    pub dst_port: u16,
    /// Control bits.
    pub flags: RudpFlags,
    /// Destination connection id; 0 in the first SYN.
    pub cid: u64,
    /// Packet number: one per transmission, never reused.
    pub pn: u32,
    /// Bytes the receiver accepts beyond `ack`.
    pub window: u32,
    /// Stream offset of the first payload byte; the final size for a bare FIN.
    pub offset: u64,
    /// Next stream offset expected.
    pub ack: u64,
    /// Delay in microseconds between the arrival of the highest acknowledged packet and this one.
    pub ack_delay_us: u32,
    /// Error code of a RST.
    pub error: u16,
    /// Acknowledged packet numbers, inclusive, highest first.
    pub ranges: SmallVec<[(u32, u32); 2]>,
    /// Options; only handshakes, resets and cookies carry any.
    pub options: Option<Box<RudpOptions>>,
    /// Data.
    pub payload: Bytes,
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

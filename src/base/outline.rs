//! What a segment says in its header, in plain figures: made only when somebody draws a ladder.

use std::net::SocketAddrV4;

use super::ids::{PacketId, TransportKind};

/// The header of one segment of TCP or RUDP. Numbers are as they stand on the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outline {
    /// The packet that carries it.
    pub packet: PacketId,
    /// Which transport.
    pub transport: TransportKind,
    /// Sender's end.
    pub from: SocketAddrV4,
    /// Receiver's end.
    pub to: SocketAddrV4,
    /// Control bits by name, such as `SYN ACK`.
    pub flags: String,
    /// RUDP's packet number.
    pub number: Option<u32>,
    /// TCP's sequence number, or RUDP's stream offset.
    pub seq: u64,
    /// Payload bytes.
    pub bytes: u32,
    /// The acknowledgment number, where it counts.
    pub ack: Option<u64>,
    /// The window field, not scaled.
    pub window: u64,
    /// The shift that a SYN offers for later windows.
    pub scale: Option<u8>,
    /// TCP's SACK blocks (left edge, right edge), or RUDP's ranges of packet numbers (first, last).
    pub blocks: Vec<(u64, u64)>,
    /// Options that only handshakes carry, in words.
    pub options: String,
}

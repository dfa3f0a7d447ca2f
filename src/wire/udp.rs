//! UDP datagrams (RFC 768).

use bytes::Bytes;

/// One datagram; its addresses stand in the packet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Datagram {
    /// Sender's port.
    pub src_port: u16,
    /// Receiver's port.
    pub dst_port: u16,
    /// Contents.
    pub payload: Bytes,
}

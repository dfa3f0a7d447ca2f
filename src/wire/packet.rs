//! An IPv4 packet as a value.

use std::net::Ipv4Addr;

use super::rudp::RudpSegment;
use super::tcp::TcpSegment;
use super::udp::Datagram;
use crate::base::ids::PacketId;
use crate::base::prefetch::{prefetch, prefetch_first};

/// Bytes of an IPv4 header without options (RFC 791 section 3.1).
pub const IPV4_HEADER_BYTES: u32 = 20;
/// Bytes of a UDP header (RFC 768).
pub const UDP_HEADER_BYTES: u32 = 8;
/// The time to live that hosts give their packets (RFC 1700's recommendation).
pub const DEFAULT_TTL: u8 = 64;

/// The part of a packet that comes before the SACK blocks of its TCP segment.
const PLAIN_BYTES: usize = 128;

/// One packet on its way. What every hop looks at stands in one cache line: links and routers never
/// touch the body.
#[derive(Clone, PartialEq, Debug)]
#[repr(C, align(64))]
pub struct Packet {
    /// Its name, the same on every link.
    pub id: PacketId,
    /// Who sent it.
    pub src: Ipv4Addr,
    /// Whom it is for.
    pub dst: Ipv4Addr,
    /// The link-layer step it is taking.
    pub hop: Hop,
    // Worked out when the packet is made.
    wire_bytes: u32,
    /// Hops it may still take.
    pub ttl: u8,
    /// The loss model of the link that it is on has chosen it: it is transmitted, and lost on the wire.
    pub doomed: bool,
    /// What it carries.
    pub body: Body,
}

/// Link-layer addressing. Interfaces are addressed by their IPv4 address, so that no ARP is
/// needed: `from` is the interface that put the packet on the link (0.0.0.0 while it has no
/// address), `to` the one that shall take it (255.255.255.255: everyone).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hop {
    /// The sending interface.
    pub from: Ipv4Addr,
    /// The receiving interface, or broadcast.
    pub to: Ipv4Addr,
}

/// What an IPv4 packet carries.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// UDP with opaque contents: DHCP, DNS.
    Udp(Datagram),
    /// TCP.
    Tcp(TcpSegment),
    /// RUDP, which travels in UDP datagrams.
    Rudp(RudpSegment),
}

/// What a segment is to the loss models that choose by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SegmentKind {
    /// It carries payload.
    pub data: bool,
    /// It opens a connection.
    pub syn: bool,
    /// It ends a direction.
    pub fin: bool,
}

impl Default for Body {
    fn default() -> Self {
        Body::Udp(Datagram::default())
    }
}

impl Body {
    /// The TCP segment in it; an empty one takes the place of anything else.
    #[inline]
    pub fn tcp(&mut self) -> &mut TcpSegment {
        if !matches!(self, Body::Tcp(_)) {
            *self = Body::Tcp(TcpSegment::default());
        }
        let Body::Tcp(segment) = self else { unreachable!("it was made one") };
        segment
    }

    /// The same for RUDP.
    #[inline]
    pub fn rudp(&mut self) -> &mut RudpSegment {
        if !matches!(self, Body::Rudp(_)) {
            *self = Body::Rudp(RudpSegment::default());
        }
        let Body::Rudp(segment) = self else { unreachable!("it was made one") };
        segment
    }

    #[inline]
    fn wire_bytes(&self) -> u32 {
        match self {
            Body::Udp(d) => UDP_HEADER_BYTES + d.payload.len() as u32,
            Body::Tcp(s) => s.wire_bytes(),
            Body::Rudp(s) => UDP_HEADER_BYTES + s.wire_bytes(),
        }
    }
}

impl Default for Packet {
    /// An empty datagram from nobody to nobody.
    fn default() -> Self {
        let nobody = Ipv4Addr::UNSPECIFIED;
        let hop = Hop { from: nobody, to: nobody };
        let (id, body) = (PacketId::default(), Body::default());
        Packet { id, src: nobody, dst: nobody, hop, wire_bytes: 0, ttl: 0, doomed: false, body }
    }
}

impl Packet {
    /// A packet as a host sends it.
    pub fn new(id: PacketId, src: Ipv4Addr, dst: Ipv4Addr, hop: Hop, body: Body) -> Self {
        let mut packet = Packet { body, ..Packet::default() };
        packet.address(id, src, dst, hop);
        packet
    }

    /// Makes a packet of what stands in its body, as a host sends it.
    #[inline]
    pub fn address(&mut self, id: PacketId, src: Ipv4Addr, dst: Ipv4Addr, hop: Hop) {
        (self.id, self.src, self.dst, self.hop) = (id, src, dst, hop);
        self.wire_bytes = IPV4_HEADER_BYTES + self.body.wire_bytes();
        (self.ttl, self.doomed) = (DEFAULT_TTL, false);
    }

    /// Its size on the link: the IPv4 packet, header included. Link-layer framing is not counted.
    #[inline]
    pub fn wire_bytes(&self) -> u32 {
        self.wire_bytes
    }

    /// Asks the memory for what links and routers look at, some time before they do.
    #[inline]
    pub fn prefetch_header(&self) {
        prefetch(&self.id);
    }

    /// Asks for all that is written to make a packet without SACK blocks.
    #[inline]
    pub fn prefetch_plain(&self) {
        prefetch_first(self, PLAIN_BYTES);
    }

    /// What it is to a loss model. A UDP datagram counts as data when it is not empty.
    pub fn kind(&self) -> SegmentKind {
        match &self.body {
            Body::Udp(d) => SegmentKind { data: !d.payload.is_empty(), ..Default::default() },
            Body::Tcp(s) => s.kind(),
            Body::Rudp(s) => s.kind(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tcp_packet_is_two_cache_lines_without_its_sack_blocks_and_three_with_them() {
        let mut packet = Packet::default();
        let start = std::ptr::from_ref(&packet).addr();
        let s = packet.body.tcp();
        let segment = std::ptr::from_ref(&*s).addr() - start;
        let blocks = s.options.sack.as_slice().as_ptr().addr() - start;
        assert!(segment < 64 && blocks <= PLAIN_BYTES);
        assert_eq!(size_of::<Packet>(), 192);
    }
}

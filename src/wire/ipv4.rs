//! Whole packets as bytes (RFC 791, RFC 768): what a capture holds.

use std::net::Ipv4Addr;

use super::checksum::{InternetChecksum, internet_checksum};
use super::packet::{Body, IPV4_HEADER_BYTES, Packet, UDP_HEADER_BYTES};

const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;

impl Packet {
    /// Appends the packet as it stands on the link, checksums included. Nothing here is ever
    /// fragmented (DF); the identification is the packet's number at its origin.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0x45, 0, 0, 0]);
        out.extend_from_slice(&(self.id.number as u16).to_be_bytes());
        out.extend_from_slice(&[0x40, 0, self.ttl, 0, 0, 0]);
        out.extend_from_slice(&self.src.octets());
        out.extend_from_slice(&self.dst.octets());
        let body = out.len();
        let protocol = match &self.body {
            Body::Tcp(segment) => {
                segment.encode(self.src, self.dst, out);
                PROTOCOL_TCP
            }
            Body::Udp(d) => {
                udp_header(d.src_port, d.dst_port, out);
                out.extend_from_slice(&d.payload);
                PROTOCOL_UDP
            }
            Body::Rudp(segment) => {
                udp_header(segment.src_port, segment.dst_port, out);
                segment.encode(out);
                PROTOCOL_UDP
            }
        };
        if protocol == PROTOCOL_UDP {
            finish_udp(self.src, self.dst, &mut out[body..]);
        }
        let header = &mut out[start..];
        let length = header.len() as u16;
        header[2..4].copy_from_slice(&length.to_be_bytes());
        header[9] = protocol;
        let sum = internet_checksum(&header[..IPV4_HEADER_BYTES as usize]);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }
}

fn udp_header(src_port: u16, dst_port: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&src_port.to_be_bytes());
    out.extend_from_slice(&dst_port.to_be_bytes());
    out.extend_from_slice(&[0; UDP_HEADER_BYTES as usize - 4]);
}

/// Length and checksum. A checksum that comes to zero is sent as all ones: zero means none.
fn finish_udp(src: Ipv4Addr, dst: Ipv4Addr, datagram: &mut [u8]) {
    let length = (datagram.len() as u16).to_be_bytes();
    datagram[4..6].copy_from_slice(&length);
    let mut sum = InternetChecksum::new();
    sum.add(&src.octets());
    sum.add(&dst.octets());
    sum.add(&[0, PROTOCOL_UDP, length[0], length[1]]);
    sum.add(datagram);
    let sum = match sum.finish() {
        0 => 0xffff,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use smoltcp::wire::{Ipv4Packet, TcpPacket, UdpPacket};

    use super::*;
    use crate::base::ids::{NodeId, PacketId};
    use crate::wire::packet::Hop;
    use crate::wire::rudp::RudpSegment;
    use crate::wire::tcp::TcpSegment;
    use crate::wire::udp::Datagram;

    #[test]
    fn another_stack_reads_the_same_packet() {
        let (src, dst) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let payload = Bytes::from_static(b"odd");
        let ports = (67, 68);
        let udp = Body::Udp(Datagram { src_port: ports.0, dst_port: ports.1, payload: payload.clone() });
        let tcp =
            TcpSegment { src_port: ports.0, dst_port: ports.1, payload: payload.clone(), ..TcpSegment::default() };
        let rudp = RudpSegment { src_port: ports.0, dst_port: ports.1, payload, ..RudpSegment::default() };
        for body in [udp, Body::Tcp(tcp), Body::Rudp(rudp)] {
            let id = PacketId { origin: NodeId(3), number: 0x1_0007 };
            let packet = Packet { id, src, dst, ttl: 63, hop: Hop { from: src, to: dst }, body };
            let mut bytes = Vec::new();
            packet.encode(&mut bytes);
            assert_eq!(bytes.len() as u32, packet.wire_bytes());
            let ip = Ipv4Packet::new_checked(&bytes[..]).unwrap();
            assert!(ip.verify_checksum() && ip.dont_frag());
            assert_eq!((ip.src_addr(), ip.dst_addr(), ip.hop_limit(), ip.ident()), (src, dst, 63, 7));
            let (from, to) = if let Body::Tcp(_) = packet.body {
                let tcp = TcpPacket::new_checked(ip.payload()).unwrap();
                assert!(tcp.verify_checksum(&src.into(), &dst.into()));
                (tcp.src_port(), tcp.dst_port())
            } else {
                let udp = UdpPacket::new_checked(ip.payload()).unwrap();
                assert!(udp.verify_checksum(&src.into(), &dst.into()));
                (udp.src_port(), udp.dst_port())
            };
            assert_eq!((from, to), ports);
        }
    }
}

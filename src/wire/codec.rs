//! A packet's contents to bytes and back: what `sim.wire = true` sends every packet through.

use super::packet::{Body, Packet};
use super::rudp::RudpSegment;
use super::tcp::TcpSegment;

/// The same packet after encoding and decoding; `None` if it did not survive. Opaque datagrams are
/// bytes already.
pub fn through_bytes(mut packet: Box<Packet>) -> Option<Box<Packet>> {
    let mut bytes = Vec::with_capacity(packet.wire_bytes() as usize);
    packet.body = match &packet.body {
        Body::Udp(_) => return Some(packet),
        Body::Tcp(segment) => {
            segment.encode(packet.src, packet.dst, &mut bytes);
            Body::Tcp(TcpSegment::parse(packet.src, packet.dst, &bytes).ok()?)
        }
        Body::Rudp(segment) => {
            segment.encode(&mut bytes);
            let parsed = RudpSegment::parse(&bytes).ok()?;
            Body::Rudp(RudpSegment { src_port: segment.src_port, dst_port: segment.dst_port, ..parsed })
        }
    };
    Some(packet)
}

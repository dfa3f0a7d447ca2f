//! Packets as [`Outline`]s, for those who draw them.

use std::net::SocketAddrV4;

use super::packet::{Body, Packet};
use super::rudp::RudpFlags;
use super::tcp::TcpFlags;
use crate::base::ids::TransportKind;
use crate::base::outline::Outline;

impl Packet {
    /// The header of the segment in it; `None` for a datagram of another protocol.
    pub fn outline(&self) -> Option<Outline> {
        let ends = |from, to| (SocketAddrV4::new(self.src, from), SocketAddrV4::new(self.dst, to));
        match &self.body {
            Body::Udp(_) => None,
            Body::Tcp(s) => {
                let (from, to) = ends(s.src_port, s.dst_port);
                let o = &s.options;
                let mut options = Vec::new();
                options.extend(o.mss.map(|mss| format!("mss {mss}")));
                options.extend(o.window_scale.map(|shift| format!("scale {shift}")));
                options.extend(o.sack_permitted.then(|| "sack-permitted".to_owned()));
                Some(Outline {
                    packet: self.id,
                    transport: TransportKind::Tcp,
                    from,
                    to,
                    flags: tcp_flags(s.flags),
                    number: None,
                    seq: u64::from(s.seq),
                    bytes: s.payload.len() as u32,
                    ack: s.flags.ack.then_some(u64::from(s.ack)),
                    window: u64::from(s.window),
                    scale: o.window_scale,
                    blocks: o.sack.iter().map(|&(a, b)| (u64::from(a), u64::from(b))).collect(),
                    options: options.join(", "),
                })
            }
            Body::Rudp(s) => {
                let (from, to) = ends(s.src_port, s.dst_port);
                let mut options = Vec::new();
                if let Some(o) = &s.options {
                    options.extend(o.max_payload.map(|n| format!("max payload {n}")));
                    options.extend(o.mode.map(|n| format!("mode {n}")));
                    options.extend(o.cookie.map(|_| "cookie".to_owned()));
                }
                Some(Outline {
                    packet: self.id,
                    transport: TransportKind::Rudp,
                    from,
                    to,
                    flags: rudp_flags(s.flags),
                    number: Some(s.pn),
                    seq: s.offset,
                    bytes: s.payload.len() as u32,
                    ack: s.flags.ack.then_some(s.ack),
                    window: u64::from(s.window),
                    scale: None,
                    blocks: s
                        .ranges
                        .iter()
                        .map(|&(high, low)| (u64::from(high.min(low)), u64::from(high.max(low))))
                        .collect(),
                    options: options.join(", "),
                })
            }
        }
    }
}

fn named(flags: &[(bool, &str)]) -> String {
    flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

fn tcp_flags(f: TcpFlags) -> String {
    named(&[(f.syn, "SYN"), (f.fin, "FIN"), (f.rst, "RST"), (f.psh, "PSH"), (f.ack, "ACK"), (f.urg, "URG")])
}

fn rudp_flags(f: RudpFlags) -> String {
    named(&[(f.syn, "SYN"), (f.fin, "FIN"), (f.rst, "RST"), (f.probe, "PROBE"), (f.data, "DATA"), (f.ack, "ACK")])
}

//! Everything that came to the hosts of a live run from outside, in order, so that the run can be
//! replayed; and a hash of everything they gave back.
//!
//! One entry: nanoseconds (8 bytes, little-endian), node (4), kind (1), then what the kind holds;
//! bytes of unknown length stand behind their length (4).

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;

use crate::base::ids::{NodeId, PacketId, PortId};
use crate::base::note::CloseReason;
use crate::base::time::{Duration, Instant};
use crate::transport::kernel::{SenderInfo, SocketMessage, SocketOp};
use crate::wire::packet::{Body, DEFAULT_TTL, Hop, Packet};
use crate::wire::rudp::RudpSegment;
use crate::wire::udp::Datagram;

/// The largest contents of an entry: a datagram, or what is read from a socket at once.
const MAX_BYTES: u32 = 1 << 20;

/// One input of one host.
#[derive(Debug)]
pub enum Entry {
    /// The run begins.
    Start,
    /// The time it asked for.
    Wake,
    /// A packet.
    Packet(Packet),
    /// A datagram that was none.
    Malformed {
        /// The name it was given.
        id: PacketId,
        /// Its length.
        bytes: u32,
    },
    /// Word from a socket.
    Socket(SocketMessage),
}

/// Writes inputs down and hashes outputs.
pub struct Journal {
    out: Box<dyn Write>,
    outputs: Outputs,
    line: Vec<u8>,
    failed: Option<io::Error>,
}

impl Journal {
    /// A journal that goes to `out`, best buffered.
    pub fn new(out: Box<dyn Write>) -> Self {
        Journal { out, outputs: Outputs::default(), line: Vec::new(), failed: None }
    }

    /// A host is about to get this.
    pub(super) fn input(&mut self, now: Instant, node: NodeId, entry: &Entry) {
        self.line.clear();
        self.line.extend(now.as_nanos().to_le_bytes());
        self.line.extend(node.0.to_le_bytes());
        encode(entry, &mut self.line);
        if let Err(error) = self.out.write_all(&self.line) {
            self.failed.get_or_insert(error);
        }
    }

    pub(super) fn outputs(&mut self) -> &mut Outputs {
        &mut self.outputs
    }

    /// The hash of all outputs.
    ///
    /// # Errors
    /// When not everything could be written.
    pub fn finish(mut self) -> io::Result<String> {
        self.out.flush()?;
        self.failed.map_or(Ok(self.outputs.hex()), Err)
    }
}

/// A hash of what hosts asked for.
#[derive(Default)]
pub struct Outputs {
    hasher: blake3::Hasher,
    bytes: Vec<u8>,
}

impl Outputs {
    /// A host sent a packet.
    pub fn packet(&mut self, node: NodeId, port: PortId, packet: &Packet) {
        self.bytes.clear();
        self.bytes.extend(node.0.to_le_bytes());
        self.bytes.extend(port.0.to_le_bytes());
        encode_packet(packet, &mut self.bytes);
        self.hasher.update(&self.bytes);
    }

    /// A host asked something of a socket.
    pub fn socket(&mut self, node: NodeId, message: &SocketMessage) {
        self.bytes.clear();
        self.bytes.extend(node.0.to_le_bytes());
        encode_socket(message, &mut self.bytes);
        self.hasher.update(&self.bytes);
    }

    /// So far.
    pub fn hex(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }
}

fn encode(entry: &Entry, out: &mut Vec<u8>) {
    match entry {
        Entry::Start => out.push(0),
        Entry::Wake => out.push(1),
        Entry::Packet(packet) => {
            out.push(2);
            encode_packet(packet, out);
        }
        Entry::Malformed { id, bytes } => {
            out.push(3);
            out.extend(id.number.to_le_bytes());
            out.extend(bytes.to_le_bytes());
        }
        Entry::Socket(message) => {
            out.push(4);
            encode_socket(message, out);
        }
    }
}

fn put_place(out: &mut Vec<u8>, place: SocketAddrV4) {
    out.extend(place.ip().octets());
    out.extend(place.port().to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

fn encode_packet(packet: &Packet, out: &mut Vec<u8>) {
    let mut contents = Vec::new();
    let (kind, from, to) = match &packet.body {
        Body::Udp(d) => {
            contents.extend_from_slice(&d.payload);
            (0, d.src_port, d.dst_port)
        }
        Body::Rudp(s) => {
            s.encode(&mut contents);
            (1, s.src_port, s.dst_port)
        }
        // Hosts of a live run use the system's.
        Body::Tcp(s) => {
            s.encode(packet.src, packet.dst, &mut contents);
            (2, s.src_port, s.dst_port)
        }
    };
    out.push(kind);
    out.extend(packet.id.number.to_le_bytes());
    put_place(out, SocketAddrV4::new(packet.src, from));
    put_place(out, SocketAddrV4::new(packet.dst, to));
    put_bytes(out, &contents);
}

fn encode_socket(message: &SocketMessage, out: &mut Vec<u8>) {
    put_place(out, message.local);
    put_place(out, message.remote);
    match &message.op {
        SocketOp::Listen => out.push(0),
        SocketOp::BindUdp => out.push(1),
        SocketOp::BindRudp => out.push(2),
        SocketOp::UnbindUdp => out.push(3),
        SocketOp::Open => out.push(4),
        SocketOp::Data(data) => {
            out.push(5);
            put_bytes(out, data);
        }
        SocketOp::Took(bytes) => {
            out.push(6);
            out.extend(bytes.to_le_bytes());
        }
        SocketOp::Finish => out.push(7),
        SocketOp::Abort => out.push(8),
        SocketOp::Close => out.push(9),
        SocketOp::Failed(reason) => out.extend([10, *reason as u8]),
        SocketOp::Info(info) => {
            out.push(11);
            numbers(info).iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
    }
}

/// What stands for none in [`numbers`].
const NONE: u64 = u64::MAX;

/// The figures in the order in which they are written.
fn numbers(info: &SenderInfo) -> [u64; 10] {
    let nanos = |time: Option<Duration>| time.map_or(NONE, Duration::as_nanos);
    [
        info.cwnd_bytes,
        info.ssthresh_bytes.unwrap_or(NONE),
        info.in_flight_bytes,
        nanos(info.srtt),
        nanos(info.min_rtt),
        info.rto.as_nanos(),
        u64::from(info.recovering) | u64::from(info.timed_out) << 1,
        info.segments_sent,
        info.retransmits,
        info.timeouts,
    ]
}

fn info(numbers: [u64; 10]) -> SenderInfo {
    let some = |number: u64| Some(number).filter(|n| *n != NONE);
    let [cwnd_bytes, ssthresh, in_flight_bytes, srtt, min_rtt, rto, state, segments_sent, retransmits, timeouts] =
        numbers;
    SenderInfo {
        cwnd_bytes,
        ssthresh_bytes: some(ssthresh),
        in_flight_bytes,
        srtt: some(srtt).map(Duration::from_nanos),
        min_rtt: some(min_rtt).map(Duration::from_nanos),
        rto: Duration::from_nanos(rto),
        recovering: state & 1 != 0,
        timed_out: state & 2 != 0,
        segments_sent,
        retransmits,
        timeouts,
    }
}

/// Reads a journal entry by entry.
pub struct Entries<R>(R);

impl<R: Read> Entries<R> {
    /// From the beginning.
    pub fn new(reader: R) -> Self {
        Entries(reader)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }
    fn u8(&mut self) -> io::Result<u8> {
        Ok(self.array::<1>()?[0])
    }
    fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }
    fn place(&mut self) -> io::Result<SocketAddrV4> {
        let ip = Ipv4Addr::from(self.array::<4>()?);
        Ok(SocketAddrV4::new(ip, u16::from_le_bytes(self.array()?)))
    }
    fn bytes(&mut self) -> io::Result<Bytes> {
        let length = self.u32()?;
        if length > MAX_BYTES {
            return Err(broken("a length"));
        }
        let mut bytes = vec![0; length as usize];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// When the journal is cut off or no journal.
    pub fn next_entry(&mut self) -> io::Result<Option<(Instant, NodeId, Entry)>> {
        let mut first = [0; 1];
        if self.0.read(&mut first)? == 0 {
            return Ok(None);
        }
        let rest: [u8; 7] = self.array()?;
        let mut nanos = [first[0]; 8];
        nanos[1..].copy_from_slice(&rest);
        let (at, node) = (Instant::from_nanos(u64::from_le_bytes(nanos)), NodeId(self.u32()?));
        let entry = match self.u8()? {
            0 => Entry::Start,
            1 => Entry::Wake,
            2 => Entry::Packet(self.packet(node)?),
            3 => Entry::Malformed { id: PacketId { origin: node, number: self.u32()? }, bytes: self.u32()? },
            4 => Entry::Socket(self.socket()?),
            _ => return Err(broken("a kind")),
        };
        Ok(Some((at, node, entry)))
    }

    fn packet(&mut self, node: NodeId) -> io::Result<Packet> {
        let (kind, number) = (self.u8()?, self.u32()?);
        let (from, to, payload) = (self.place()?, self.place()?, self.bytes()?);
        let (src_port, dst_port) = (from.port(), to.port());
        let body = match kind {
            0 => Body::Udp(Datagram { src_port, dst_port, payload }),
            1 => {
                let segment = RudpSegment::parse(&payload).map_err(|_| broken("a RUDP packet"))?;
                Body::Rudp(RudpSegment { src_port, dst_port, ..segment })
            }
            _ => return Err(broken("a packet's kind")),
        };
        let (src, dst) = (*from.ip(), *to.ip());
        let id = PacketId { origin: node, number };
        Ok(Packet { id, src, dst, ttl: DEFAULT_TTL, hop: Hop { from: src, to: dst }, body })
    }

    fn socket(&mut self) -> io::Result<SocketMessage> {
        let (local, remote) = (self.place()?, self.place()?);
        let op = match self.u8()? {
            0 => SocketOp::Listen,
            1 => SocketOp::BindUdp,
            2 => SocketOp::BindRudp,
            3 => SocketOp::UnbindUdp,
            4 => SocketOp::Open,
            5 => SocketOp::Data(self.bytes()?),
            6 => SocketOp::Took(self.u64()?),
            7 => SocketOp::Finish,
            8 => SocketOp::Abort,
            9 => SocketOp::Close,
            10 => {
                let reason = CloseReason::ALL.get(usize::from(self.u8()?));
                SocketOp::Failed(*reason.ok_or_else(|| broken("a reason"))?)
            }
            11 => {
                let mut numbers = [0; 10];
                for number in &mut numbers {
                    *number = self.u64()?;
                }
                SocketOp::Info(info(numbers))
            }
            _ => return Err(broken("a step of a socket")),
        };
        Ok(SocketMessage { local, remote, op })
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} means nothing: the recording is damaged"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_they_were_written() {
        let (local, remote) = ("10.0.0.1:80".parse().unwrap(), "10.0.0.2:5000".parse().unwrap());
        let ops = [
            SocketOp::Open,
            SocketOp::Data(Bytes::from_static(b"abc")),
            SocketOp::Took(7),
            SocketOp::Failed(CloseReason::Reset),
            SocketOp::Info(info([14_480, NONE, 1448, 50_000, NONE, 200_000_000, 1, 12, 3, 2])),
        ];
        let entries = ops.map(|op| Entry::Socket(SocketMessage { local, remote, op }));
        let mut bytes = Vec::new();
        for (i, entry) in entries.iter().chain([&Entry::Start, &Entry::Wake]).enumerate() {
            bytes.extend((i as u64).to_le_bytes());
            bytes.extend(3_u32.to_le_bytes());
            encode(entry, &mut bytes);
        }
        let mut read = Entries::new(&bytes[..]);
        for (i, entry) in entries.iter().enumerate() {
            let (at, node, got) = read.next_entry().unwrap().unwrap();
            assert_eq!((at, node), (Instant::from_nanos(i as u64), NodeId(3)));
            assert_eq!(format!("{got:?}"), format!("{entry:?}"));
        }
        assert!(matches!(read.next_entry().unwrap(), Some((_, _, Entry::Start))));
        assert!(matches!(read.next_entry().unwrap(), Some((_, _, Entry::Wake))));
        assert!(read.next_entry().unwrap().is_none());
        assert!(Entries::new(&bytes[..20]).next_entry().is_err());
    }
}

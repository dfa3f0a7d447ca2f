//! `packets.pcapng`: packets as Wireshark and tcpdump read them (draft-ietf-opsawg-pcapng). Each
//! node is an interface; time is the run's date, which begins with the year 2000, and each packet's
//! comment is its name in `events.jsonl`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::places::Places;
use crate::base::ids::PacketId;
use crate::base::note::{Note, Place, Sink, Way};
use crate::base::time::Instant;
use crate::base::wall::WallClock;

/// Packets begin with the IPv4 header.
const LINKTYPE_IPV4: u16 = 228;
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;

/// Where packets are captured.
#[derive(Clone, Debug)]
pub enum Point {
    /// At these hosts, each conversation once: at its client, the end with the higher port.
    /// Analysers take a packet that passes two interfaces for one that was sent again.
    Clients(Vec<Place>),
    /// At this node, everything.
    Node(Place),
}

/// Writes packets as they pass. The first failure to write is kept for the end.
pub struct Capture {
    places: Places,
    /// The interface that a node is.
    interfaces: BTreeMap<Place, u32>,
    clients_only: bool,
    block: Vec<u8>,
    out: Box<dyn Write>,
    result: io::Result<()>,
}

impl Capture {
    /// A capture that goes to `out`, which should be buffered.
    pub fn new(places: &Places, point: Point, out: Box<dyn Write>) -> Self {
        let (nodes, clients_only) = match point {
            Point::Clients(hosts) => (hosts, true),
            Point::Node(node) => (vec![node], false),
        };
        let interfaces = nodes.iter().zip(0..).map(|(node, n)| (*node, n)).collect();
        let (block, result) = (Vec::new(), Ok(()));
        let mut capture = Capture { places: places.clone(), interfaces, clients_only, block, out, result };
        capture.block(SECTION_HEADER, |b| {
            // Byte order, version 1.0, and a length that is not told beforehand.
            b.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
            b.extend_from_slice(&[1, 0, 0, 0]);
            b.extend_from_slice(&u64::MAX.to_le_bytes());
            option(b, SHB_USERAPPL, b"twinwire");
            option(b, OPT_END, b"");
        });
        for node in nodes {
            capture.block(INTERFACE_DESCRIPTION, |b| {
                b.extend_from_slice(&LINKTYPE_IPV4.to_le_bytes());
                // Reserved; and no limit to the length.
                b.extend_from_slice(&[0; 6]);
                option(b, IF_NAME, places.name(node).as_bytes());
                // Nanoseconds.
                option(b, IF_TSRESOL, &[9]);
                option(b, OPT_END, b"");
            });
        }
        capture
    }

    /// Flushes, and says whether everything could be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.result?;
        self.out.flush()
    }

    /// One block: type, length, body, length again.
    fn block(&mut self, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
        if self.result.is_err() {
            return;
        }
        self.block.clear();
        self.block.extend_from_slice(&kind.to_le_bytes());
        self.block.extend_from_slice(&[0; 4]);
        body(&mut self.block);
        let length = (self.block.len() as u32 + 4).to_le_bytes();
        self.block[4..8].copy_from_slice(&length);
        self.block.extend_from_slice(&length);
        self.result = self.out.write_all(&self.block);
    }
}

/// Whether a packet that passes this way has its client here. Ports follow the header of 20 bytes.
fn at_client(way: Way, packet: &[u8]) -> bool {
    let ports = packet.get(20..24).map_or([0; 2], |p| [[p[0], p[1]], [p[2], p[3]]].map(u16::from_be_bytes));
    match way {
        Way::Out => ports[0] >= ports[1],
        Way::In => ports[0] < ports[1],
    }
}

/// Appends an option; its value is padded to a word.
fn option(block: &mut Vec<u8>, code: u16, value: &[u8]) {
    block.extend_from_slice(&code.to_le_bytes());
    block.extend_from_slice(&(value.len() as u16).to_le_bytes());
    padded(block, value);
}

fn padded(block: &mut Vec<u8>, bytes: &[u8]) {
    block.extend_from_slice(bytes);
    block.resize(block.len().next_multiple_of(4), 0);
}

impl Sink for Capture {
    fn note(&mut self, _at: Instant, _place: Place, _note: &Note) {}

    fn wants_packets(&self) -> bool {
        true
    }

    fn captured(&mut self, at: Instant, place: Place, way: Way, packet: PacketId, bytes: &[u8]) {
        let Some(&interface) = self.interfaces.get(&place) else { return };
        if self.clients_only && !at_client(way, bytes) {
            return;
        }
        let name = format!("{}#{}", self.places.node(packet.origin), packet.number);
        let time = WallClock::SIMULATED.unix_nanos(at);
        let direction: u32 = match way {
            Way::In => 1,
            Way::Out => 2,
        };
        self.block(ENHANCED_PACKET, |b| {
            b.extend_from_slice(&interface.to_le_bytes());
            b.extend_from_slice(&((time >> 32) as u32).to_le_bytes());
            b.extend_from_slice(&(time as u32).to_le_bytes());
            // As captured, and as it was: whole.
            let length = (bytes.len() as u32).to_le_bytes();
            b.extend_from_slice(&length);
            b.extend_from_slice(&length);
            padded(b, bytes);
            option(b, EPB_FLAGS, &direction.to_le_bytes());
            option(b, OPT_COMMENT, name.as_bytes());
            option(b, OPT_END, b"");
        });
    }
}

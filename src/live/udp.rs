//! UDP sockets of all hosts of this process: one for each port that a host uses. RUDP's take and
//! give many datagrams with one call (UDP GSO and GRO, recvmmsg), where the system can.

use std::collections::BTreeMap;
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

use bytes::Bytes;
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

use super::poller::{Key, Poller};
use crate::base::ids::NodeId;

/// Room in the system for a burst that comes while another machine works.
const BUFFER_BYTES: usize = 4 << 20;
/// The largest UDP payload over IPv4; of several datagrams given at once, all together.
const MAX_DATAGRAM_BYTES: usize = 65_507;
/// Room for what the system may have put together out of several datagrams.
const RECEIVE_BYTES: usize = 1 << 16;
/// So many times that are taken with one call.
const RECEIVES: usize = 4;

/// What a port carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carries {
    /// Datagrams of the host's applications.
    Datagrams,
    /// RUDP packets.
    Rudp,
}

/// A datagram that came.
#[derive(Debug)]
pub(super) struct Received {
    /// For this host.
    pub(super) node: NodeId,
    /// At this port of it, as the scenario counts.
    pub(super) port: u16,
    /// What that port carries.
    pub(super) carries: Carries,
    /// Who sent it, really.
    pub(super) from: SocketAddrV4,
    /// Contents.
    pub(super) data: Bytes,
}

struct Slot {
    socket: UdpSocket,
    node: NodeId,
    port: u16,
    carries: Carries,
    /// How many datagrams at once, where they come and go in bursts.
    bursts: Option<UdpSocketState>,
}

/// Datagrams of one size, of which the last may be shorter, from one socket to one place.
#[derive(Debug)]
struct Burst {
    place: u32,
    to: SocketAddrV4,
    size: usize,
    bytes: Vec<u8>,
}

/// The sockets.
pub(super) struct UdpSockets {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    by_port: BTreeMap<(NodeId, u16), u32>,
    buffer: Vec<u8>,
    burst: Burst,
    /// Datagrams that the system had no room for.
    pub(super) refused: u64,
    /// Datagrams larger than the way takes.
    pub(super) too_large: u64,
}

impl UdpSockets {
    pub(super) fn new() -> Self {
        UdpSockets {
            slots: Vec::new(),
            free: Vec::new(),
            by_port: BTreeMap::new(),
            buffer: vec![0; RECEIVE_BYTES * RECEIVES],
            burst: Burst { place: 0, to: ANY_LOCAL, size: 0, bytes: Vec::new() },
            refused: 0,
            too_large: 0,
        }
    }

    /// Whether a host has a socket for this port.
    pub(super) fn has(&self, node: NodeId, port: u16) -> bool {
        self.by_port.contains_key(&(node, port))
    }

    /// Opens a port of a host at a real place, on one interface only if one is named; says where
    /// it really is.
    pub(super) fn open(
        &mut self,
        poller: &Poller,
        (node, port): (NodeId, u16),
        carries: Carries,
        at: SocketAddrV4,
        device: Option<&str>,
    ) -> io::Result<SocketAddrV4> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        if let Some(device) = device {
            socket.bind_device(Some(device.as_bytes()))?;
            socket.set_reuse_address(true)?;
            socket.set_broadcast(true)?;
        }
        // The system may give less; that is its business.
        let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(BUFFER_BYTES);
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from(at).into())?;
        let socket = UdpSocket::from(socket);
        let SocketAddr::V4(real) = socket.local_addr()? else { return Err(io::ErrorKind::Unsupported.into()) };
        let bursts = (carries == Carries::Rudp).then(|| UdpSocketState::new((&socket).into())).transpose()?;
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        poller.watch(&socket, Key::Udp(place), true, false)?;
        self.slots[place as usize] = Some(Slot { socket, node, port, carries, bursts });
        self.by_port.insert((node, port), place);
        Ok(real)
    }

    /// Gives a port up.
    pub(super) fn close(&mut self, poller: &Poller, node: NodeId, port: u16) {
        let Some(place) = self.by_port.remove(&(node, port)) else { return };
        self.flush();
        if let Some(slot) = self.slots[place as usize].take() {
            poller.forget(&slot.socket);
            self.free.push(place);
        }
    }

    /// Sends from a host's port what `write` appends. What the system does not take is lost, as on
    /// any network. It goes with the next [`UdpSockets::flush`] at the latest.
    pub(super) fn send(&mut self, node: NodeId, port: u16, to: SocketAddrV4, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(&place) = self.by_port.get(&(node, port)) else { return };
        if place != self.burst.place || to != self.burst.to {
            self.flush();
            (self.burst.place, self.burst.to) = (place, to);
        }
        let start = self.burst.bytes.len();
        write(&mut self.burst.bytes);
        let length = self.burst.bytes.len() - start;
        if start == 0 {
            self.burst.size = length;
        } else if length > self.burst.size || self.burst.bytes.len() > MAX_DATAGRAM_BYTES {
            self.transmit(start);
            self.burst.bytes.drain(..start);
            self.burst.size = length;
        }
        let most =
            self.slots[place as usize].as_ref().and_then(|s| s.bursts.as_ref()).map_or(1, |b| b.max_gso_segments());
        // Nothing may follow a shorter one.
        if length < self.burst.size || self.burst.bytes.len() >= most * self.burst.size {
            self.flush();
        }
    }

    /// Sends what still waits for its like.
    pub(super) fn flush(&mut self) {
        if !self.burst.bytes.is_empty() {
            self.transmit(self.burst.bytes.len());
            self.burst.bytes.clear();
        }
    }

    /// Sends the first `length` bytes of the burst.
    fn transmit(&mut self, length: usize) {
        let Burst { place, to, size, bytes } = &self.burst;
        let Some(slot) = &self.slots[*place as usize] else { return };
        let contents = &bytes[..length];
        let sent = match &slot.bursts {
            None => slot.socket.send_to(contents, to).map(drop),
            Some(state) => {
                let destination = SocketAddr::V4(*to);
                let segment_size = Some(*size).filter(|size| *size < length);
                state.try_send(
                    (&slot.socket).into(),
                    &Transmit { destination, ecn: None, contents, segment_size, src_ip: None },
                )
            }
        };
        if let Err(error) = sent {
            let lost = length.div_ceil((*size).max(1)) as u64;
            match error.raw_os_error() {
                Some(libc::EMSGSIZE) => self.too_large += lost,
                _ => self.refused += lost,
            }
        }
    }

    /// What is there at a socket that is ready, but no more than one call gives.
    pub(super) fn receive(&mut self, place: u32, into: &mut Vec<Received>) {
        let Some(slot) = self.slots.get(place as usize).and_then(Option::as_ref) else { return };
        let Slot { node, port, carries, .. } = *slot;
        let mut take = |from: SocketAddr, data: Bytes| {
            if let SocketAddr::V4(from) = from {
                into.push(Received { node, port, carries, from, data });
            }
        };
        let Some(state) = &slot.bursts else {
            // Otherwise nothing more, or word of a datagram that nobody took.
            if let Ok((length, from)) = slot.socket.recv_from(&mut self.buffer) {
                take(from, Bytes::copy_from_slice(&self.buffer[..length]));
            }
            return;
        };
        let mut meta = [RecvMeta::default(); RECEIVES];
        let count = {
            let mut parts = self.buffer.chunks_mut(RECEIVE_BYTES).map(IoSliceMut::new);
            let mut slices: [IoSliceMut<'_>; RECEIVES] =
                std::array::from_fn(|_| parts.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
            state.recv((&slot.socket).into(), &mut slices, &mut meta).unwrap_or(0)
        };
        for (meta, buffer) in meta[..count].iter().zip(self.buffer.chunks(RECEIVE_BYTES)) {
            // One copy for all datagrams that came together.
            let mut data = Bytes::copy_from_slice(&buffer[..meta.len]);
            loop {
                let rest = data.split_off(meta.stride.clamp(1, data.len().max(1)).min(data.len()));
                take(meta.addr, data);
                if rest.is_empty() {
                    break;
                }
                data = rest;
            }
        }
    }

    /// Before the sockets go.
    pub(super) fn forget(&self, poller: &Poller) {
        self.slots.iter().flatten().for_each(|slot| poller.forget(&slot.socket));
    }
}

/// Any port of any loopback address of this machine.
pub(super) const ANY_LOCAL: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

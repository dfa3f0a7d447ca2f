//! UDP sockets of all hosts of this process: one for each port that a host uses.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};

use super::poller::{Key, Poller};
use crate::base::ids::NodeId;

/// Room in the system for a burst that comes while another machine works.
const BUFFER_BYTES: usize = 4 << 20;
/// The largest UDP payload over IPv4.
const MAX_DATAGRAM_BYTES: usize = 65_507;

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
}

/// The sockets.
pub(super) struct UdpSockets {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    by_port: BTreeMap<(NodeId, u16), u32>,
    buffer: Vec<u8>,
    /// Datagrams that the system had no room for.
    pub(super) refused: u64,
}

impl UdpSockets {
    pub(super) fn new() -> Self {
        UdpSockets {
            slots: Vec::new(),
            free: Vec::new(),
            by_port: BTreeMap::new(),
            buffer: vec![0; MAX_DATAGRAM_BYTES],
            refused: 0,
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
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        poller.watch(&socket, Key::Udp(place), true, false)?;
        self.slots[place as usize] = Some(Slot { socket, node, port, carries });
        self.by_port.insert((node, port), place);
        Ok(real)
    }

    /// Gives a port up.
    pub(super) fn close(&mut self, poller: &Poller, node: NodeId, port: u16) {
        let Some(place) = self.by_port.remove(&(node, port)) else { return };
        if let Some(slot) = self.slots[place as usize].take() {
            poller.forget(&slot.socket);
            self.free.push(place);
        }
    }

    /// Sends from a host's port. What the system does not take is lost, as on any network.
    pub(super) fn send(&mut self, node: NodeId, port: u16, to: SocketAddrV4, data: &[u8]) {
        let Some(place) = self.by_port.get(&(node, port)) else { return };
        let Some(slot) = &self.slots[*place as usize] else { return };
        if slot.socket.send_to(data, to).is_err() {
            self.refused += 1;
        }
    }

    /// The next datagram at a socket that is ready.
    pub(super) fn receive(&mut self, place: u32) -> Option<Received> {
        let slot = self.slots.get(place as usize)?.as_ref()?;
        loop {
            match slot.socket.recv_from(&mut self.buffer) {
                Ok((length, SocketAddr::V4(from))) => {
                    let data = Bytes::copy_from_slice(&self.buffer[..length]);
                    let Slot { node, port, carries, .. } = *slot;
                    return Some(Received { node, port, carries, from, data });
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Nothing more, or word of a datagram that nobody took.
                Err(_) => return None,
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

//! Kernel TCP sockets of all hosts of this process. They do what hosts ask by [`SocketMessage`]s,
//! and say what happened by the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};

use bytes::{Buf as _, Bytes};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::addresses::AddressMap;
use super::poller::{Key, Poller};
use super::tcp_info::sender_info;
use crate::base::ids::NodeId;
use crate::base::note::CloseReason;
use crate::transport::kernel::{SenderInfo, SocketMessage, SocketOp};

/// Connections of one process at most; further ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 8192;
/// Bytes received and not yet read by the application, at most.
const RECEIVE_CREDIT: usize = 1 << 20;
/// Bytes read from one connection before the others have their turn.
const TURN_BYTES: usize = 512 * 1024;
/// Bytes read at a time.
const READ_BYTES: usize = 64 * 1024;
/// Connections accepted before the others have their turn.
const ACCEPTS: usize = 64;
/// The system's queue of connections that wait to be accepted.
const BACKLOG: i32 = 1024;

struct Connection {
    stream: TcpStream,
    node: NodeId,
    local: SocketAddrV4,
    remote: SocketAddrV4,
    open: bool,
    out: VecDeque<Bytes>,
    finish: bool,
    finished: bool,
    peer_finished: bool,
    credit: usize,
    told: Option<SenderInfo>,
    /// Whether the poller waits for bytes, and for room.
    awaited: (bool, bool),
}

struct Listener {
    socket: TcpListener,
    node: NodeId,
    service: SocketAddrV4,
    paused: bool,
}

/// The sockets.
pub(super) struct TcpSockets {
    connections: Vec<Option<Connection>>,
    free: Vec<u32>,
    by_pair: BTreeMap<(NodeId, SocketAddrV4, SocketAddrV4), u32>,
    listeners: Vec<Listener>,
    heard: VecDeque<(NodeId, SocketMessage)>,
    buffer: Vec<u8>,
    /// Whether hosts are told how the system's senders stand, over and over.
    sampling: bool,
    /// Those that have something to send or out.
    active: BTreeSet<u32>,
}

impl TcpSockets {
    pub(super) fn new() -> Self {
        TcpSockets {
            connections: Vec::new(),
            free: Vec::new(),
            by_pair: BTreeMap::new(),
            listeners: Vec::new(),
            heard: VecDeque::new(),
            buffer: vec![0; READ_BYTES],
            sampling: false,
            active: BTreeSet::new(),
        }
    }

    /// Tells hosts over and over how the system's senders stand.
    pub(super) fn set_sampling(&mut self) {
        self.sampling = true;
    }

    /// Whether there is a sender to look at.
    pub(super) fn wants_sample(&self) -> bool {
        !self.active.is_empty()
    }

    /// Looks at every sender that has something out.
    pub(super) fn sample(&mut self) {
        for place in std::mem::take(&mut self.active) {
            if self.look(place) {
                self.active.insert(place);
            }
        }
    }

    /// Tells how a sender stands, if that is news; whether it will soon stand otherwise.
    fn look(&mut self, place: u32) -> bool {
        let Some(connection) = self.connections[place as usize].as_mut() else { return false };
        let Some((info, quiet)) = sender_info(&connection.stream) else { return false };
        let news = connection.told != Some(info) && info.segments_sent > 0;
        let (node, local, remote, more) =
            (connection.node, connection.local, connection.remote, !quiet || !connection.out.is_empty());
        if news {
            connection.told = Some(info);
            self.say(node, local, remote, SocketOp::Info(info));
        }
        more
    }

    /// The next thing that a socket says to its host.
    pub(super) fn poll_message(&mut self) -> Option<(NodeId, SocketMessage)> {
        self.heard.pop_front()
    }

    /// Serves a host's port at a real place.
    pub(super) fn listen(
        &mut self,
        poller: &Poller,
        node: NodeId,
        service: SocketAddrV4,
        at: SocketAddrV4,
    ) -> io::Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from(at).into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from(socket);
        poller.watch(&socket, Key::Listener(self.listeners.len() as u32), true, false)?;
        self.listeners.push(Listener { socket, node, service, paused: false });
        Ok(())
    }

    /// Does what a host asks of a connection.
    pub(super) fn handle(&mut self, poller: &Poller, map: &mut AddressMap, node: NodeId, message: SocketMessage) {
        let SocketMessage { local, remote, op } = message;
        if op == SocketOp::Open {
            if let Err(error) = self.connect(poller, map, node, local, remote) {
                self.say(node, local, remote, SocketOp::Failed(reason(&error)));
            }
            return;
        }
        let Some(&place) = self.by_pair.get(&(node, local, remote)) else { return };
        let Some(connection) = self.connections[place as usize].as_mut() else { return };
        match op {
            SocketOp::Data(data) => connection.out.push_back(data),
            SocketOp::Took(bytes) => connection.credit += bytes as usize,
            SocketOp::Finish => connection.finish = true,
            SocketOp::Abort => {
                // A linger of nothing makes the close a reset.
                let _ = SockRef::from(&connection.stream).set_linger(Some(std::time::Duration::ZERO));
                return self.remove(poller, place);
            }
            SocketOp::Close => return self.remove(poller, place),
            _ => return,
        }
        if connection.open {
            self.write(poller, place);
        }
        self.interest(poller, place);
    }

    fn connect(
        &mut self,
        poller: &Poller,
        map: &mut AddressMap,
        node: NodeId,
        local: SocketAddrV4,
        remote: SocketAddrV4,
    ) -> io::Result<()> {
        let to = map.real(remote).ok_or(io::ErrorKind::ConnectionRefused)?;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        let own = map.real(local).unwrap_or(local);
        let from = |port| SocketAddr::from(SocketAddrV4::new(*own.ip(), port)).into();
        if !own.ip().is_unspecified() && socket.bind(&from(own.port())).is_err() {
            // Another program has the port: any other serves as well.
            socket.bind(&from(0))?;
        }
        match socket.connect(&SocketAddr::from(to).into()) {
            Err(error) if !is_under_way(&error) => {
                return Err(error);
            }
            _ => {}
        }
        let stream = TcpStream::from(socket);
        if let Ok(SocketAddr::V4(real)) = stream.local_addr()
            && real != own
        {
            map.add_service(local, real);
        }
        self.insert(poller, stream, (node, local, remote), false)
    }

    fn insert(
        &mut self,
        poller: &Poller,
        stream: TcpStream,
        (node, local, remote): (NodeId, SocketAddrV4, SocketAddrV4),
        open: bool,
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let place = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() as u32 - 1
        });
        poller.watch(&stream, Key::Tcp(place), open, !open).inspect_err(|_| self.free.push(place))?;
        self.connections[place as usize] = Some(Connection {
            stream,
            node,
            local,
            remote,
            open,
            out: VecDeque::new(),
            finish: false,
            finished: false,
            peer_finished: false,
            credit: RECEIVE_CREDIT,
            told: None,
            awaited: (open, !open),
        });
        self.by_pair.insert((node, local, remote), place);
        Ok(())
    }

    fn remove(&mut self, poller: &Poller, place: u32) {
        let Some(connection) = self.connections[place as usize].take() else { return };
        poller.forget(&connection.stream);
        self.by_pair.remove(&(connection.node, connection.local, connection.remote));
        self.active.remove(&place);
        self.free.push(place);
        for (index, listener) in self.listeners.iter_mut().enumerate().filter(|(_, l)| l.paused) {
            listener.paused = poller.change(&listener.socket, Key::Listener(index as u32), true, false).is_err();
        }
    }

    fn say(&mut self, node: NodeId, local: SocketAddrV4, remote: SocketAddrV4, op: SocketOp) {
        self.heard.push_back((node, SocketMessage { local, remote, op }));
    }

    /// A listener has connections to accept.
    pub(super) fn accept(&mut self, poller: &Poller, map: &AddressMap, index: u32) {
        for _ in 0..ACCEPTS {
            let full = self.by_pair.len() >= MAX_CONNECTIONS;
            let Some(listener) = self.listeners.get_mut(index as usize) else { return };
            let (node, service) = (listener.node, listener.service);
            match if full { Err(io::ErrorKind::OutOfMemory.into()) } else { listener.socket.accept() } {
                Ok((stream, SocketAddr::V4(peer))) => {
                    let peer = map.scenario(peer);
                    let ready = stream.set_nonblocking(true);
                    if ready.and_then(|()| self.insert(poller, stream, (node, service, peer), true)).is_ok() {
                        self.say(node, service, peer, SocketOp::Open);
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It went away while it waited.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => {
                    // No room: go on when a connection ends. Without one there is nothing to wait for.
                    listener.paused = !self.by_pair.is_empty()
                        && poller.change(&listener.socket, Key::Listener(index), false, false).is_ok();
                    return;
                }
            }
        }
    }

    /// A connection can be read or written, or has failed.
    pub(super) fn ready(&mut self, poller: &Poller, place: u32, read: bool, write: bool) {
        let Some(connection) = self.connections.get_mut(place as usize).and_then(Option::as_mut) else { return };
        let (node, local, remote) = (connection.node, connection.local, connection.remote);
        let idle = connection.peer_finished || connection.credit == 0;
        // Also asked when nothing is waited for: the system reports failures all the same.
        if (!connection.open || idle)
            && let Ok(Some(error)) = connection.stream.take_error()
        {
            self.say(node, local, remote, SocketOp::Failed(reason(&error)));
            return self.remove(poller, place);
        }
        if !connection.open {
            if !write {
                return;
            }
            connection.open = true;
            self.say(node, local, remote, SocketOp::Open);
        }
        if write {
            self.write(poller, place);
        }
        if read {
            self.read(poller, place);
        }
        self.interest(poller, place);
    }

    fn write(&mut self, poller: &Poller, place: u32) {
        let Some(connection) = self.connections[place as usize].as_mut() else { return };
        let mut took = 0;
        let mut failed = None;
        while let Some(first) = connection.out.front_mut() {
            let written = if first.len() >= READ_BYTES / 2 {
                connection.stream.write(first)
            } else {
                let slices: Vec<IoSlice<'_>> = connection.out.iter().take(16).map(|b| IoSlice::new(b)).collect();
                connection.stream.write_vectored(&slices)
            };
            match written {
                Ok(mut n) => {
                    took += n as u64;
                    while let Some(front) = connection.out.front_mut() {
                        let part = n.min(front.len());
                        front.advance(part);
                        n -= part;
                        if !front.is_empty() {
                            break;
                        }
                        connection.out.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    failed = Some(error).filter(|e| e.kind() != io::ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        if connection.out.is_empty() && connection.finish && !connection.finished && failed.is_none() {
            connection.finished = true;
            let _ = connection.stream.shutdown(Shutdown::Write);
        }
        let (node, local, remote) = (connection.node, connection.local, connection.remote);
        if took > 0 {
            self.say(node, local, remote, SocketOp::Took(took));
            if self.sampling && self.look(place) {
                self.active.insert(place);
            }
        }
        if let Some(error) = failed {
            self.say(node, local, remote, SocketOp::Failed(reason(&error)));
            self.remove(poller, place);
        }
    }

    fn read(&mut self, poller: &Poller, place: u32) {
        let Some(connection) = self.connections[place as usize].as_mut() else { return };
        let (node, local, remote) = (connection.node, connection.local, connection.remote);
        let mut turn = 0;
        let mut ended = false;
        while !connection.peer_finished && connection.credit > 0 && turn < TURN_BYTES {
            let room = connection.credit.min(READ_BYTES);
            match connection.stream.read(&mut self.buffer[..room]) {
                Ok(0) => {
                    connection.peer_finished = true;
                    ended = true;
                }
                Ok(n) => {
                    turn += n;
                    connection.credit -= n;
                    let op = SocketOp::Data(Bytes::copy_from_slice(&self.buffer[..n]));
                    self.heard.push_back((node, SocketMessage { local, remote, op }));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    self.say(node, local, remote, SocketOp::Failed(reason(&error)));
                    return self.remove(poller, place);
                }
            }
        }
        if ended {
            // A peer that is done has all it will take: the last word on what that needed.
            self.look(place);
            self.say(node, local, remote, SocketOp::Finish);
        }
    }

    fn interest(&mut self, poller: &Poller, place: u32) {
        let Some(connection) = self.connections[place as usize].as_mut() else { return };
        let read = connection.open && !connection.peer_finished && connection.credit > 0;
        let write = !connection.open || !connection.out.is_empty();
        if connection.awaited != (read, write) {
            connection.awaited = (read, write);
            // It can only fail for a socket that is not watched, and all are.
            let _ = poller.change(&connection.stream, Key::Tcp(place), read, write);
        }
    }

    /// Before the sockets go.
    pub(super) fn forget(&self, poller: &Poller) {
        self.connections.iter().flatten().for_each(|c| poller.forget(&c.stream));
        self.listeners.iter().for_each(|l| poller.forget(&l.socket));
    }
}

/// A connection that does not wait says that it is being opened: EINPROGRESS.
fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::EINPROGRESS)
}

fn reason(error: &io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => CloseReason::Refused,
        io::ErrorKind::TimedOut => CloseReason::TimedOut,
        _ => CloseReason::Reset,
    }
}

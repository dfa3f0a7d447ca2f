//! A host: one interface, UDP ports, one endpoint per transport, and the apps that use them.

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;

use super::addressing::Addressing;
use super::app::{AppConn, ConnectRequest};
use crate::base::ids::TransportKind;
use crate::base::note::Note;
use crate::base::time::Instant;
use crate::transport::stream::Stream;

/// What an app can do.
pub struct HostCtx<'a> {
    _host: std::marker::PhantomData<&'a ()>,
}

impl HostCtx<'_> {
    /// The time, the same throughout one event.
    pub fn now(&self) -> Instant {
        unimplemented!()
    }
    /// The host's name in the scenario.
    pub fn name(&self) -> &str {
        unimplemented!()
    }
    /// The host's addressing, once it has any.
    pub fn addressing(&self) -> Option<&Addressing> {
        unimplemented!()
    }
    /// Sets or clears the host's addressing and tells every app; for the DHCP client.
    pub fn set_addressing(&mut self, _addressing: Option<Addressing>) {
        unimplemented!()
    }
    /// Receives datagrams for `port` from now on.
    pub fn bind(&mut self, _port: u16) {
        unimplemented!()
    }
    /// Stops receiving datagrams for `port`.
    pub fn unbind(&mut self, _port: u16) {
        unimplemented!()
    }
    /// Sends a datagram; to 255.255.255.255 it is broadcast on the link. Without an address of its
    /// own the host sends from 0.0.0.0.
    pub fn send_datagram(&mut self, _from_port: u16, _to: SocketAddrV4, _data: Bytes) {
        unimplemented!()
    }
    /// Like [`HostCtx::send_datagram`], but handed to the neighbour that has (or is about to get)
    /// `to`'s address, whatever the routing table says: how a DHCP server reaches a client that
    /// has no address yet.
    pub fn send_datagram_on_link(&mut self, _from_port: u16, _to: SocketAddrV4, _data: Bytes) {
        unimplemented!()
    }
    /// Accepts connections of this app's from now on.
    pub fn listen(&mut self, _transport: TransportKind, _port: u16) {
        unimplemented!()
    }
    /// Opens a connection from an ephemeral port; `None` while the host has no address.
    pub fn connect(&mut self, _request: ConnectRequest) -> Option<AppConn> {
        unimplemented!()
    }
    /// A connection's stream, until its `Closed` event was delivered.
    pub fn stream(&mut self, _conn: AppConn) -> Option<&mut dyn Stream> {
        unimplemented!()
    }
    /// An unused UDP port above 49151, at random (RFC 6056).
    pub fn ephemeral_port(&mut self) -> u16 {
        unimplemented!()
    }
    /// Whether notes are wanted.
    pub fn noting(&self) -> bool {
        unimplemented!()
    }
    /// Notes something at this host.
    pub fn note(&mut self, _note: Note) {
        unimplemented!()
    }
    /// The address whose owner other hosts know under this name, for flows' names.
    pub fn name_of(&self, _address: Ipv4Addr) -> String {
        unimplemented!()
    }
}

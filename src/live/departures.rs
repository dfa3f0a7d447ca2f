//! How datagrams leave: through the medium, and then by the socket of the port they come from.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::driver::Driver;
use super::medium::Departure;
use super::udp::Carries;
use super::xids::is_without_address;
use crate::base::ids::NodeId;
use crate::proto::dhcp::{CLIENT_PORT, SERVER_PORT};
use crate::wire::packet::{Body, Packet};
use crate::wire::udp::Datagram;

impl Driver<'_> {
    /// Sends what the medium lets go.
    pub(super) fn depart(&mut self) {
        self.medium.advance(self.now, &mut self.departures, &mut self.records);
        for record in self.records.drain(..) {
            self.sink.iter_mut().for_each(|sink| sink.record(&record));
        }
        let mut departures = std::mem::take(&mut self.departures);
        for departure in departures.drain(..) {
            self.send(departure);
        }
        self.departures = departures;
        self.udp.flush();
    }

    fn send(&mut self, departure: Departure) {
        let Departure { at, packet: Packet { id, src, dst, body, .. } } = departure;
        let (from, to, carries) = match &body {
            Body::Udp(d) => (d.src_port, d.dst_port, Carries::Datagrams),
            Body::Rudp(s) => (s.src_port, s.dst_port, Carries::Rudp),
            // The system's TCP sends its own.
            Body::Tcp(_) => return,
        };
        if !self.udp.has(id.origin, from) {
            let own = SocketAddrV4::new(self.map.real_address(src), from);
            let any = SocketAddrV4::new(*own.ip(), 0);
            let mut open = |at| self.udp.open(&self.poller, (id.origin, from), carries, at, None);
            // Another program has the port: any other serves as well.
            let Ok(real) = open(own).or_else(|_| open(any)) else { return };
            if real != own && !src.is_unspecified() {
                self.map.add_service(SocketAddrV4::new(src, from), real);
            }
        }
        match body {
            Body::Udp(datagram) => self.send_datagram(id.origin, at, dst, &datagram),
            Body::Rudp(segment) => {
                if let Some(real) = self.map.real(SocketAddrV4::new(dst, to)) {
                    self.udp.send(id.origin, from, real, |out| segment.encode(out));
                }
            }
            Body::Tcp(_) => {}
        }
    }

    fn send_datagram(&mut self, origin: NodeId, at: Option<Ipv4Addr>, dst: Ipv4Addr, datagram: &Datagram) {
        let Datagram { src_port: from, dst_port: to, payload } = datagram;
        let (from, to) = (*from, *to);
        let Some(slot) = self.slot(origin) else { return };
        let on_interface = self.slots[slot].node.interface.is_some();
        let mut send = |to| self.udp.send(origin, from, to, |out| out.extend_from_slice(payload));
        if to == CLIENT_PORT && from == SERVER_PORT && on_interface && is_without_address(payload) {
            // Nobody answers for its address yet, so that only a broadcast reaches it.
            send(SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT));
        } else if to == CLIENT_PORT && from == SERVER_PORT && !on_interface {
            // To wherever the question came from: on loopback nobody hears a broadcast.
            self.xids.asker(payload).into_iter().for_each(send);
        } else if dst.is_broadcast() && !on_interface {
            match at {
                Some(at) => self.map.real(SocketAddrV4::new(at, to)).into_iter().for_each(send),
                None => self.map.services_at(to).for_each(send),
            }
        } else if let Some(real) = self.map.real(SocketAddrV4::new(dst, to)) {
            send(real);
        }
    }
}

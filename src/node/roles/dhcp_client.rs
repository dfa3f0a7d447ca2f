//! The DHCP client of every host with `address = "dhcp"`. Not a role of its own: the scenario adds
//! it to the host's apps.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::base::note::{LeaseChange, Note};
use crate::base::report::{LeaseReport, NodeReport};
use crate::base::rng::Rng;
use crate::base::time::{Duration, Instant};
use crate::node::addressing::Addressing;
use crate::node::app::{App, HostEvent};
use crate::node::host::HostCtx;
use crate::node::node::Status;
use crate::proto::dhcp::client::{ClientEvent, DhcpClient, LeaseInfo};
use crate::proto::dhcp::message::{Destination, DhcpMessage, Hardware};
use crate::proto::dhcp::{CLIENT_PORT, SERVER_PORT};

/// The hardware address of a node: locally administered, and a function of its name alone, so that
/// a further node changes nobody's lease.
pub fn hardware_of(node: &str) -> Hardware {
    let [a, b, c, d, e, ..] = *blake3::hash(node.as_bytes()).as_bytes();
    Hardware::ethernet([2, a, b, c, d, e])
}

/// Keeps a host addressed.
#[derive(Clone, Debug)]
pub struct DhcpClientApp {
    client: DhcpClient,
    leases: Vec<LeaseReport>,
}

impl DhcpClientApp {
    /// A client with this hardware address: see [`hardware_of`].
    pub fn new(rng: Rng, hardware: Hardware) -> Self {
        DhcpClientApp { client: DhcpClient::new(hardware, rng), leases: Vec::new() }
    }

    /// Tells the host what the client did, then sends what it wants to say: by then the host has
    /// the address that a renewal is sent from, and no longer one that was lost.
    fn pump(&mut self, host: &mut HostCtx<'_>) {
        while let Some(event) = self.client.poll_event() {
            match event {
                ClientEvent::Asking { change, address, server } => note(host, address, server, change, None),
                ClientEvent::Bound(info) => {
                    note(host, info.address, info.server, LeaseChange::Granted, info.lease);
                    let obtained = host.now();
                    self.leases.push(LeaseReport { address: info.address, server: info.server, obtained, renewals: 0 });
                    adopt(host, info);
                }
                ClientEvent::Renewed(info) => {
                    note(host, info.address, info.server, LeaseChange::Renewed, info.lease);
                    if let Some(lease) = self.leases.last_mut() {
                        lease.renewals += 1;
                    }
                    adopt(host, info);
                }
                // Every address of a simulated link has one owner: nobody is asked, and the client's
                // configuration has no probe and no INFORM.
                ClientEvent::Probe(_) | ClientEvent::Informed(_) => {}
                ClientEvent::Lost { address, server, why } => {
                    note(host, address, server, why, None);
                    if host.addressing().is_some_and(|a| a.address == address) {
                        host.set_addressing(None);
                    }
                }
            }
        }
        while let Some((message, destination)) = self.client.poll_transmit() {
            let to = match destination {
                Destination::Broadcast => Ipv4Addr::BROADCAST,
                Destination::Unicast(a) | Destination::OnLink(a) | Destination::Relay(a) => a,
            };
            host.send_datagram(CLIENT_PORT, SocketAddrV4::new(to, SERVER_PORT), message.encode());
        }
    }
}

impl App for DhcpClientApp {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        match event {
            HostEvent::Start => {
                host.bind(CLIENT_PORT);
                // After a crash the lease is forgotten, so its address is no longer this host's.
                if host.addressing().is_some() {
                    host.set_addressing(None);
                }
                self.client.start(host.now());
            }
            HostEvent::Datagram { port: CLIENT_PORT, data, .. } => {
                if let Ok(message) = DhcpMessage::decode(&data) {
                    self.client.handle_message(host.now(), &message);
                }
            }
            HostEvent::Wake => self.client.handle_timeout(host.now()),
            _ => return,
        }
        self.pump(host);
    }

    fn next_wake(&self) -> Option<Instant> {
        self.client.poll_timeout()
    }

    /// Never busy: whoever needs the address is.
    fn status(&self) -> Status {
        Status::Done
    }

    fn report(&self, report: &mut NodeReport) {
        report.leases.extend(self.leases.iter().cloned());
    }
}

fn adopt(host: &mut HostCtx<'_>, info: LeaseInfo) {
    let LeaseInfo { address, prefix_len, router: gateway, dns, .. } = info;
    let addressing = Addressing { address, prefix_len, gateway, dns: dns.into() };
    if host.addressing() != Some(&addressing) {
        host.set_addressing(Some(addressing));
    }
}

fn note(host: &mut HostCtx<'_>, address: Ipv4Addr, server: Ipv4Addr, change: LeaseChange, lease: Option<Duration>) {
    host.note(Note::Lease { address, server, change, lease });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_address_is_local_unicast_and_follows_the_name() {
        assert_eq!(hardware_of("phone"), hardware_of("phone"));
        assert_ne!(hardware_of("phone"), hardware_of("tablet"));
        assert_eq!(hardware_of("phone").as_bytes()[0], 2);
    }
}

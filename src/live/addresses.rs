//! Two names for every place: the address of the scenario, which hosts speak of, and the one that
//! real sockets have.
//!
//! What is not bound by hand lives on loopback: 10.0.1.2 at 127.0.1.2, a port below 1024 at 8000
//! and that port. So processes of one scenario find each other without being told.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, UdpSocket};

use thiserror::Error;

/// Ports below it need a privilege.
const FIRST_FREE_PORT: u16 = 1024;
/// Where privileged ports go.
const PORT_OFFSET: u16 = 8000;

/// Two nodes would live at one place.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{node} would live at {real}, where another node lives: bind one of them elsewhere")]
pub struct Taken {
    /// The second of them.
    pub node: String,
    /// Where.
    pub real: Ipv4Addr,
}

/// The places of a scenario's nodes.
#[derive(Clone, Debug, Default)]
pub struct AddressMap {
    // Nodes' addresses.
    to_real: BTreeMap<Ipv4Addr, Ipv4Addr>,
    to_virtual: BTreeMap<Ipv4Addr, Ipv4Addr>,
    // Services, and sockets that the system placed.
    services: BTreeMap<SocketAddrV4, SocketAddrV4>,
    places: BTreeMap<SocketAddrV4, SocketAddrV4>,
    // Ranges of addresses that DHCP servers hand out on loopback.
    pools: Vec<(Ipv4Addr, Ipv4Addr)>,
}

/// Where an address lives on loopback.
pub fn loopback(address: Ipv4Addr) -> Ipv4Addr {
    let [_, b, c, d] = address.octets();
    Ipv4Addr::new(127, b, c, d)
}

/// Where a port lives for those without privilege.
pub const fn unprivileged(port: u16) -> u16 {
    if port < FIRST_FREE_PORT { port + PORT_OFFSET } else { port }
}

/// `usual` if nobody has its port, for TCP and for UDP; otherwise any free port of that address.
pub fn free_place(usual: SocketAddrV4) -> SocketAddrV4 {
    let free =
        |at| TcpListener::bind(at).and_then(|tcp| UdpSocket::bind(tcp.local_addr()?)).and_then(|s| s.local_addr());
    match free(usual).or_else(|_| free(SocketAddrV4::new(*usual.ip(), 0))) {
        Ok(SocketAddr::V4(place)) => place,
        // Whoever binds it will say what is wrong.
        _ => usual,
    }
}

impl AddressMap {
    /// A node that lives on loopback.
    ///
    /// # Errors
    /// When two addresses differ in their first number only.
    pub fn add_loopback(&mut self, node: &str, address: Ipv4Addr) -> Result<(), Taken> {
        let real = loopback(address);
        if self.to_virtual.insert(real, address).is_some_and(|other| other != address) {
            return Err(Taken { node: node.to_owned(), real });
        }
        self.to_real.insert(address, real);
        Ok(())
    }

    /// A node that lives elsewhere, perhaps together with others.
    pub fn add_bound(&mut self, address: Ipv4Addr, real: Ipv4Addr) {
        self.to_real.insert(address, real);
    }

    /// A service of the scenario and where it is served.
    pub fn add_service(&mut self, service: SocketAddrV4, real: SocketAddrV4) {
        if let Some(old) = self.services.insert(service, real) {
            self.places.remove(&old);
        }
        self.places.insert(real, service);
    }

    /// Addresses that a server hands out on loopback.
    pub fn add_pool(&mut self, first: Ipv4Addr, last: Ipv4Addr) {
        self.pools.push((first, last));
    }

    /// The real address of a host of the scenario; others are their own.
    pub fn real_address(&self, address: Ipv4Addr) -> Ipv4Addr {
        match self.to_real.get(&address) {
            Some(real) => *real,
            None if self.pools.iter().any(|(first, last)| (*first..=*last).contains(&address)) => loopback(address),
            None => address,
        }
    }

    /// Where to send what is for `place`; `None` if a node does not serve that port.
    pub fn real(&self, place: SocketAddrV4) -> Option<SocketAddrV4> {
        if let Some(real) = self.services.get(&place) {
            return Some(*real);
        }
        let known = self.to_real.contains_key(place.ip());
        (!known || place.port() >= FIRST_FREE_PORT)
            .then(|| SocketAddrV4::new(self.real_address(*place.ip()), place.port()))
    }

    /// What the scenario calls a real place; strangers are their own.
    pub fn scenario(&self, real: SocketAddrV4) -> SocketAddrV4 {
        if let Some(service) = self.places.get(&real) {
            return *service;
        }
        // Strangers live here too.
        if *real.ip() == Ipv4Addr::LOCALHOST {
            return real;
        }
        let low = |a: &Ipv4Addr| a.to_bits() & 0x00ff_ffff;
        let pooled = || {
            let of = |(first, last): &(Ipv4Addr, Ipv4Addr)| {
                let address = Ipv4Addr::from_bits(first.to_bits() & 0xff00_0000 | low(real.ip()));
                (real.ip().is_loopback() && (*first..=*last).contains(&address)).then_some(address)
            };
            self.pools.iter().find_map(of)
        };
        let address = self.to_virtual.get(real.ip()).copied().or_else(pooled);
        SocketAddrV4::new(address.unwrap_or(*real.ip()), real.port())
    }

    /// All services, by the names that strangers may know them by.
    pub fn aliases(&self) -> BTreeMap<SocketAddrV4, SocketAddrV4> {
        self.places.clone()
    }

    /// Every node's service at this port.
    pub fn services_at(&self, port: u16) -> impl Iterator<Item = SocketAddrV4> + '_ {
        self.services.iter().filter(move |(service, _)| service.port() == port).map(|(_, real)| *real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddrV4 {
        text.parse().unwrap()
    }

    #[test]
    fn both_names_lead_to_each_other() {
        let mut map = AddressMap::default();
        map.add_loopback("store", Ipv4Addr::new(10, 0, 1, 2)).unwrap();
        map.add_service(at("10.0.1.2:80"), at("127.0.1.2:8080"));
        map.add_pool(Ipv4Addr::new(10, 0, 0, 100), Ipv4Addr::new(10, 0, 0, 199));
        map.add_bound(Ipv4Addr::new(10, 0, 2, 2), Ipv4Addr::LOCALHOST);
        map.add_service(at("10.0.2.2:80"), at("127.0.0.1:9000"));
        for (inside, outside) in [
            ("10.0.1.2:80", "127.0.1.2:8080"),
            ("10.0.1.2:50000", "127.0.1.2:50000"),
            ("10.0.0.100:50000", "127.0.0.100:50000"),
            ("10.0.2.2:80", "127.0.0.1:9000"),
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("127.0.0.1:4000", "127.0.0.1:4000"),
        ] {
            assert_eq!(map.real(at(inside)), Some(at(outside)), "{inside}");
            assert_eq!(map.scenario(at(outside)), at(inside), "{outside}");
        }
        assert_eq!(map.real(at("10.0.1.2:53")), None);
        assert!(map.add_loopback("other", Ipv4Addr::new(192, 0, 1, 2)).is_err());
    }
}

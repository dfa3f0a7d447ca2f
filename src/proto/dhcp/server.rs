//! A DHCP server (RFC 2131 section 4.3) for its own network and for those of relay agents. It does
//! not probe an address by ARP or ping before it offers it. What must outlive it goes out as
//! [`LeaseRecord`]s. Time passes for it only in messages, so it needs no timer.

mod config;
mod journal;
mod reply;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

pub use config::{DECLINE_QUARANTINE, MIN_LEASE, OFFER_HOLD, ServerConfig, Subnet};
pub use journal::LeaseRecord;
use reply::{destination, grant, refusal};

use super::message::{Destination, DhcpMessage, INFINITE_LEASE, MessageType, Op, code};
use crate::base::note::LeaseChange;
use crate::base::time::{Duration, Instant};

/// Something happened to an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerEvent {
    /// Which; unspecified if none.
    pub address: Ipv4Addr,
    /// What.
    pub change: LeaseChange,
    /// The lease granted.
    pub lease: Option<Duration>,
}

/// Whose a binding is: the client identifier, or else htype and chaddr (section 4.2).
type ClientKey = (bool, Vec<u8>);
/// A client has one binding in each network.
type BindingKey = (usize, ClientKey);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    Offered,
    Bound,
    Declined,
    Released,
}

/// An address that was ever used, and until when it is; `until` of a released one is in the past.
#[derive(Clone, Debug)]
struct Slot {
    client: ClientKey,
    used: Use,
    until: Instant,
}

/// One server.
#[derive(Clone, Debug)]
pub struct DhcpServer {
    config: ServerConfig,
    slots: BTreeMap<Ipv4Addr, Slot>,
    /// The address each client has or had last.
    clients: BTreeMap<BindingKey, Ipv4Addr>,
    /// The first address of each pool that was never looked at.
    next_unused: Vec<u32>,
    events: VecDeque<ServerEvent>,
    records: VecDeque<LeaseRecord>,
}

impl DhcpServer {
    /// A server with an empty table.
    pub fn new(config: ServerConfig) -> Self {
        let next_unused = config.subnets.iter().map(|s| s.pool.0.to_bits()).collect();
        DhcpServer {
            config,
            slots: BTreeMap::new(),
            clients: BTreeMap::new(),
            next_unused,
            events: VecDeque::new(),
            records: VecDeque::new(),
        }
    }

    /// Takes up what an earlier life of this server promised, in the order of its records; what has
    /// run out by `now`, and what is of no network served here, is dropped.
    pub fn restore(&mut self, now: Instant, records: impl IntoIterator<Item = LeaseRecord>) {
        for LeaseRecord { address, client, used, until } in records {
            let Some(net) = self.config.subnets.iter().position(|s| s.holds(address)) else { continue };
            if used == Use::Declined {
                self.clients.remove(&(net, client.clone()));
                self.slots.insert(address, Slot { client, used, until });
            } else {
                self.assign(net, address, client, used, until);
            }
        }
        self.slots.retain(|_, slot| now < slot.until);
        self.clients.retain(|_, address| self.slots.contains_key(address));
    }

    /// A message came to the server port; the reply, if it deserves one. Before it is sent, what
    /// [`DhcpServer::poll_record`] gives must have been written down.
    pub fn handle_message(&mut self, now: Instant, m: &DhcpMessage) -> Option<(DhcpMessage, Destination)> {
        if m.op != Op::Request {
            return None;
        }
        let net = self.subnet_of(m)?;
        let key = client_key(m);
        let reply = match m.kind {
            MessageType::Discover => self.discover(now, m, net, key),
            MessageType::Request => self.request(now, m, net, key),
            MessageType::Inform if !m.ciaddr.is_unspecified() => {
                Some(grant(&self.config, &self.config.subnets[net], MessageType::Ack, m, None))
            }
            MessageType::Decline => self.decline(now, m, net, &key),
            MessageType::Release => self.release(now, m, &key),
            _ => None,
        }?;
        let destination = destination(m, &reply);
        Some((reply, destination))
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    /// The next line for the lease file.
    pub fn poll_record(&mut self) -> Option<LeaseRecord> {
        self.records.pop_front()
    }

    /// Section 4.3.1: the network of the relay agent, else that of the client's address, else the
    /// server's own. A relay agent of a network that is not served here gets no answer.
    fn subnet_of(&self, m: &DhcpMessage) -> Option<usize> {
        let of = |address: Ipv4Addr| self.config.subnets.iter().position(|s| s.holds(address));
        match (m.giaddr.is_unspecified(), m.ciaddr.is_unspecified()) {
            (false, _) => of(m.giaddr),
            (true, false) => Some(of(m.ciaddr).unwrap_or(0)),
            (true, true) => Some(0),
        }
    }

    fn discover(&mut self, now: Instant, m: &DhcpMessage, net: usize, key: ClientKey) -> Option<DhcpMessage> {
        let Some(address) = self.choose(now, m, net, &key) else {
            // Section 3.1: a server without an address is silent.
            self.event(Ipv4Addr::UNSPECIFIED, LeaseChange::Exhausted, None);
            return None;
        };
        if self.config.rapid_commit && m.option(code::RAPID_COMMIT).is_some() {
            let mut ack = self.acknowledge(now, m, net, key, address);
            ack.push_option(code::RAPID_COMMIT, &[]);
            return Some(ack);
        }
        if !self.is_bound(now, address) {
            self.assign(net, address, key, Use::Offered, now + OFFER_HOLD);
        }
        let lease = self.lease_for(m);
        self.event(address, LeaseChange::Offered, Some(lease));
        Some(grant(&self.config, &self.config.subnets[net], MessageType::Offer, m, Some((address, lease))))
    }

    /// Section 4.3.2: what a REQUEST means follows from its fields.
    fn request(&mut self, now: Instant, m: &DhcpMessage, net: usize, key: ClientKey) -> Option<DhcpMessage> {
        let known = self.clients.get(&(net, key.clone())).copied();
        // A lease that ran out and was not taken since is still the client's to have.
        let known = known.or_else(|| self.reserved(net, m).filter(|a| !self.is_used_by_another(now, *a, &key)));
        if let Some(server) = m.address_option(code::SERVER_ID) {
            // SELECTING: the answer to an offer.
            if server != self.config.server {
                self.forget_offer(now, net, &key);
                return None;
            }
            let wanted = m.address_option(code::REQUESTED_ADDRESS)?;
            return Some(match known {
                Some(address) if address == wanted => self.acknowledge(now, m, net, key, address),
                _ => self.refuse(m, wanted),
            });
        }
        // INIT-REBOOT names the address in option 50, RENEWING and REBINDING in ciaddr.
        let wanted = if m.ciaddr.is_unspecified() { m.address_option(code::REQUESTED_ADDRESS)? } else { m.ciaddr };
        match known {
            Some(address) if address == wanted => Some(self.acknowledge(now, m, net, key, address)),
            Some(_) => Some(self.refuse(m, wanted)),
            None if !self.config.subnets[net].holds(wanted) || self.is_used(now, wanted) => {
                Some(self.refuse(m, wanted))
            }
            // An unknown client may have its lease from another server.
            None => None,
        }
    }

    fn acknowledge(
        &mut self,
        now: Instant,
        m: &DhcpMessage,
        net: usize,
        key: ClientKey,
        address: Ipv4Addr,
    ) -> DhcpMessage {
        let renewal = self.is_bound(now, address);
        let lease = self.lease_for(m);
        let until = if lease.as_secs() >= u64::from(INFINITE_LEASE) { now + Duration::MAX } else { now + lease };
        self.assign(net, address, key, Use::Bound, until);
        self.record(address);
        let change = if renewal { LeaseChange::Renewed } else { LeaseChange::Granted };
        self.event(address, change, Some(lease));
        grant(&self.config, &self.config.subnets[net], MessageType::Ack, m, Some((address, lease)))
    }

    fn refuse(&mut self, m: &DhcpMessage, wanted: Ipv4Addr) -> DhcpMessage {
        self.event(wanted, LeaseChange::Refused, None);
        refusal(&self.config, m)
    }

    fn decline(&mut self, now: Instant, m: &DhcpMessage, net: usize, key: &ClientKey) -> Option<DhcpMessage> {
        let address = m.address_option(code::REQUESTED_ADDRESS)?;
        let ours = m.address_option(code::SERVER_ID).is_none_or(|s| s == self.config.server);
        let slot = self.slots.get_mut(&address).filter(|s| ours && s.client == *key && s.used != Use::Declined)?;
        slot.used = Use::Declined;
        slot.until = now + DECLINE_QUARANTINE;
        self.clients.remove(&(net, key.clone()));
        self.record(address);
        self.event(address, LeaseChange::Declined, None);
        None
    }

    fn release(&mut self, now: Instant, m: &DhcpMessage, key: &ClientKey) -> Option<DhcpMessage> {
        let slot = self.slots.get_mut(&m.ciaddr).filter(|s| s.client == *key && s.used == Use::Bound)?;
        // The binding is remembered, so that the client can have its address again (section 4.3.4).
        slot.used = Use::Released;
        slot.until = slot.until.min(now);
        self.record(m.ciaddr);
        self.event(m.ciaddr, LeaseChange::Released, None);
        None
    }

    fn forget_offer(&mut self, now: Instant, net: usize, key: &ClientKey) {
        let slot = self.clients.get(&(net, key.clone())).and_then(|address| self.slots.get_mut(address));
        if let Some(slot) = slot.filter(|s| s.used == Use::Offered) {
            slot.used = Use::Released;
            slot.until = slot.until.min(now);
        }
    }

    /// Section 4.3.1: what is reserved for the client, its own address, else the one it asks for, else
    /// one never used, else the one that has been free for longest.
    fn choose(&mut self, now: Instant, m: &DhcpMessage, net: usize, key: &ClientKey) -> Option<Ipv4Addr> {
        if let Some(address) = self.reserved(net, m) {
            return (!self.is_used_by_another(now, address, key)).then_some(address);
        }
        if let Some(address) = self.clients.get(&(net, key.clone())) {
            return Some(*address);
        }
        let subnet = &self.config.subnets[net];
        let free = |a: Ipv4Addr| self.config.is_free_for_all(subnet, a);
        let asked = m.address_option(code::REQUESTED_ADDRESS);
        if let Some(address) = asked.filter(|a| free(*a) && !self.is_used(now, *a)) {
            return Some(address);
        }
        let last = subnet.pool.1.to_bits();
        while self.next_unused[net] <= last {
            let address = Ipv4Addr::from_bits(self.next_unused[net]);
            if self.config.is_free_for_all(subnet, address) && !self.slots.contains_key(&address) {
                return Some(address);
            }
            // The address after 255.255.255.255 is none: then there are no unused ones.
            self.next_unused[net] = self.next_unused[net].checked_add(1)?;
        }
        let slots = self.slots.range(subnet.pool.0..=subnet.pool.1);
        let free = slots.filter(|(a, slot)| slot.until <= now && self.config.is_free_for_all(subnet, **a));
        free.min_by_key(|(_, slot)| slot.until).map(|(address, _)| *address)
    }

    fn assign(&mut self, net: usize, address: Ipv4Addr, client: ClientKey, used: Use, until: Instant) {
        if let Some(old) = self.slots.insert(address, Slot { client: client.clone(), used, until })
            && old.client != client
        {
            let binding = (net, old.client);
            if self.clients.get(&binding) == Some(&address) {
                self.clients.remove(&binding);
            }
        }
        self.clients.insert((net, client), address);
    }

    /// Seconds; what the client asks for, within bounds, or the default (section 4.3.1).
    fn lease_for(&self, m: &DhcpMessage) -> Duration {
        let (shortest, longest) = self.config.lease_bounds;
        let longest = longest.as_secs().clamp(1, u64::from(INFINITE_LEASE));
        let shortest = shortest.as_secs().clamp(1, longest);
        let asked = m.u32_option(code::LEASE_TIME).map_or(self.config.lease.as_secs(), u64::from);
        Duration::from_secs(asked.clamp(shortest, longest))
    }

    /// The address that is this client's for ever, if it is of this network.
    fn reserved(&self, net: usize, m: &DhcpMessage) -> Option<Ipv4Addr> {
        let address = *self.config.reservations.get(&m.chaddr)?;
        self.config.subnets[net].is_for_hosts(address).then_some(address)
    }

    fn is_bound(&self, now: Instant, address: Ipv4Addr) -> bool {
        self.slots.get(&address).is_some_and(|s| s.used == Use::Bound && now < s.until)
    }

    fn is_used(&self, now: Instant, address: Ipv4Addr) -> bool {
        self.slots.get(&address).is_some_and(|slot| now < slot.until)
    }

    fn is_used_by_another(&self, now: Instant, address: Ipv4Addr, key: &ClientKey) -> bool {
        let slot = self.slots.get(&address);
        slot.is_some_and(|s| now < s.until && (s.client != *key || s.used == Use::Declined))
    }

    fn record(&mut self, address: Ipv4Addr) {
        if let Some(Slot { client, used, until }) = self.slots.get(&address).cloned() {
            self.records.push_back(LeaseRecord { address, client, used, until });
        }
    }

    fn event(&mut self, address: Ipv4Addr, change: LeaseChange, lease: Option<Duration>) {
        self.events.push_back(ServerEvent { address, change, lease });
    }
}

fn client_key(m: &DhcpMessage) -> ClientKey {
    match m.option(code::CLIENT_ID) {
        Some(id) => (true, id.to_vec()),
        None => (false, [&[m.chaddr.htype], m.chaddr.as_bytes()].concat()),
    }
}

#[cfg(test)]
mod tests;

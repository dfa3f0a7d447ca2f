//! A DHCP server (RFC 2131 section 4.3) with one pool. It does not probe an address by ARP or ping
//! before it offers it, keeps leases in memory only, and serves relays of its own subnet only.
//! Time passes for it only in messages, so it needs no timer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;

use super::message::{Destination, DhcpMessage, MessageType, Op, code};
use crate::base::note::LeaseChange;
use crate::base::time::{Duration, Instant};

/// How long an offer is held for its client.
pub const OFFER_HOLD: Duration = Duration::from_secs(60);
/// How long a declined address stays out of use.
pub const DECLINE_QUARANTINE: Duration = Duration::from_secs(86_400);
/// The shortest lease that a client can ask for.
const MIN_LEASE: Duration = Duration::from_secs(60);

/// What a server hands out.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Its own address: option 54.
    pub server: Ipv4Addr,
    /// Length of its network's prefix.
    pub prefix_len: u8,
    /// First and last address of the pool.
    pub pool: (Ipv4Addr, Ipv4Addr),
    /// Addresses of the pool that are somebody's already.
    pub excluded: BTreeSet<Ipv4Addr>,
    /// Default and longest lease.
    pub lease: Duration,
    /// The router to announce.
    pub router: Option<Ipv4Addr>,
    /// The DNS servers to announce.
    pub dns: Vec<Ipv4Addr>,
}

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
    clients: BTreeMap<ClientKey, Ipv4Addr>,
    next_unused: u32,
    events: VecDeque<ServerEvent>,
}

impl DhcpServer {
    /// A server with an empty table.
    pub fn new(config: ServerConfig) -> Self {
        let next_unused = config.pool.0.to_bits();
        DhcpServer { config, slots: BTreeMap::new(), clients: BTreeMap::new(), next_unused, events: VecDeque::new() }
    }

    /// A message came to the server port; the reply, if it deserves one.
    pub fn handle_message(&mut self, now: Instant, m: &DhcpMessage) -> Option<(DhcpMessage, Destination)> {
        // A relay in another subnet wants another pool (section 4.3.1), and there is none.
        if m.op != Op::Request || (!m.giaddr.is_unspecified() && !self.is_local(m.giaddr)) {
            return None;
        }
        let key = client_key(m);
        let reply = match m.kind {
            MessageType::Discover => self.discover(now, m, key),
            MessageType::Request => self.request(now, m, key),
            MessageType::Inform if !m.ciaddr.is_unspecified() => Some(self.grant(MessageType::Ack, m, None)),
            MessageType::Decline => self.decline(now, m, &key),
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

    fn discover(&mut self, now: Instant, m: &DhcpMessage, key: ClientKey) -> Option<DhcpMessage> {
        let Some(address) = self.choose(now, m, &key) else {
            // Section 3.1: a server without an address is silent.
            self.event(Ipv4Addr::UNSPECIFIED, LeaseChange::Exhausted, None);
            return None;
        };
        let bound = self.slots.get(&address).is_some_and(|s| s.used == Use::Bound && now < s.until);
        if !bound {
            self.assign(address, key, Use::Offered, now + OFFER_HOLD);
        }
        let lease = self.lease_for(m);
        self.event(address, LeaseChange::Offered, Some(lease));
        Some(self.grant(MessageType::Offer, m, Some((address, lease))))
    }

    /// Section 4.3.2: what a REQUEST means follows from its fields.
    fn request(&mut self, now: Instant, m: &DhcpMessage, key: ClientKey) -> Option<DhcpMessage> {
        let known = self.clients.get(&key).copied();
        if let Some(server) = m.address_option(code::SERVER_ID) {
            // SELECTING: the answer to an offer.
            if server != self.config.server {
                self.forget_offer(now, &key);
                return None;
            }
            let wanted = m.address_option(code::REQUESTED_ADDRESS)?;
            return Some(match known {
                Some(address) if address == wanted => self.acknowledge(now, m, key, address),
                _ => self.refuse(m, wanted),
            });
        }
        // INIT-REBOOT names the address in option 50, RENEWING and REBINDING in ciaddr.
        let wanted = if m.ciaddr.is_unspecified() { m.address_option(code::REQUESTED_ADDRESS)? } else { m.ciaddr };
        match known {
            Some(address) if address == wanted => Some(self.acknowledge(now, m, key, address)),
            Some(_) => Some(self.refuse(m, wanted)),
            None if !self.is_local(wanted) || self.is_used(now, wanted) => Some(self.refuse(m, wanted)),
            // An unknown client may have its lease from another server.
            None => None,
        }
    }

    fn acknowledge(&mut self, now: Instant, m: &DhcpMessage, key: ClientKey, address: Ipv4Addr) -> DhcpMessage {
        let renewal = self.slots.get(&address).is_some_and(|s| s.used == Use::Bound && now < s.until);
        let lease = self.lease_for(m);
        self.assign(address, key, Use::Bound, now + lease);
        let change = if renewal { LeaseChange::Renewed } else { LeaseChange::Granted };
        self.event(address, change, Some(lease));
        self.grant(MessageType::Ack, m, Some((address, lease)))
    }

    fn refuse(&mut self, m: &DhcpMessage, wanted: Ipv4Addr) -> DhcpMessage {
        self.event(wanted, LeaseChange::Refused, None);
        let mut reply = DhcpMessage::reply(MessageType::Nak, m);
        // Section 4.3.2: a relay shall broadcast a NAK, as the client's address may be wrong.
        reply.broadcast |= !m.giaddr.is_unspecified();
        reply.push_address(code::SERVER_ID, self.config.server);
        echo_client_id(m, &mut reply);
        reply
    }

    fn decline(&mut self, now: Instant, m: &DhcpMessage, key: &ClientKey) -> Option<DhcpMessage> {
        let address = m.address_option(code::REQUESTED_ADDRESS)?;
        let ours = m.address_option(code::SERVER_ID).is_none_or(|s| s == self.config.server);
        let slot = self.slots.get_mut(&address).filter(|s| ours && s.client == *key && s.used != Use::Declined)?;
        slot.used = Use::Declined;
        slot.until = now + DECLINE_QUARANTINE;
        self.clients.remove(key);
        self.event(address, LeaseChange::Declined, None);
        None
    }

    fn release(&mut self, now: Instant, m: &DhcpMessage, key: &ClientKey) -> Option<DhcpMessage> {
        let slot = self.slots.get_mut(&m.ciaddr).filter(|s| s.client == *key && s.used == Use::Bound)?;
        // The binding is remembered, so that the client can have its address again (section 4.3.4).
        slot.used = Use::Released;
        slot.until = slot.until.min(now);
        self.event(m.ciaddr, LeaseChange::Released, None);
        None
    }

    fn forget_offer(&mut self, now: Instant, key: &ClientKey) {
        let slot = self.clients.get(key).and_then(|address| self.slots.get_mut(address));
        if let Some(slot) = slot.filter(|s| s.used == Use::Offered) {
            slot.used = Use::Released;
            slot.until = slot.until.min(now);
        }
    }

    /// Section 4.3.1: the client's own address, else the one it asks for, else one never used,
    /// else the one that has been free for longest.
    fn choose(&mut self, now: Instant, m: &DhcpMessage, key: &ClientKey) -> Option<Ipv4Addr> {
        if let Some(address) = self.clients.get(key) {
            return Some(*address);
        }
        let asked = m.address_option(code::REQUESTED_ADDRESS);
        if let Some(address) = asked.filter(|a| self.is_ours(*a) && !self.is_used(now, *a)) {
            return Some(address);
        }
        let last = self.config.pool.1.to_bits();
        while self.next_unused <= last {
            let address = Ipv4Addr::from_bits(self.next_unused);
            if self.is_ours(address) && !self.slots.contains_key(&address) {
                return Some(address);
            }
            // The address after 255.255.255.255 is none: then there are no unused ones.
            self.next_unused = self.next_unused.checked_add(1)?;
        }
        let free = self.slots.iter().filter(|(_, slot)| slot.until <= now);
        free.min_by_key(|(_, slot)| slot.until).map(|(address, _)| *address)
    }

    fn assign(&mut self, address: Ipv4Addr, client: ClientKey, used: Use, until: Instant) {
        if let Some(old) = self.slots.insert(address, Slot { client: client.clone(), used, until })
            && old.client != client
            && self.clients.get(&old.client) == Some(&address)
        {
            self.clients.remove(&old.client);
        }
        self.clients.insert(client, address);
    }

    /// An OFFER or ACK; without an address, the ACK to an INFORM.
    fn grant(&self, kind: MessageType, m: &DhcpMessage, given: Option<(Ipv4Addr, Duration)>) -> DhcpMessage {
        let mut reply = DhcpMessage::reply(kind, m);
        reply.push_address(code::SERVER_ID, self.config.server);
        if kind == MessageType::Ack {
            reply.ciaddr = m.ciaddr;
        }
        if let Some((address, lease)) = given {
            reply.yiaddr = address;
            let seconds = lease.as_secs() as u32;
            reply.push_seconds(code::LEASE_TIME, seconds);
            reply.push_seconds(code::RENEWAL_TIME, seconds / 2);
            reply.push_seconds(code::REBINDING_TIME, (u64::from(seconds) * 7 / 8) as u32);
        }
        let mut wanted = m.option(code::PARAMETERS).unwrap_or(&[code::SUBNET_MASK, code::ROUTER, code::DNS]).to_vec();
        // RFC 2132 section 3.3: the mask stands before the router, whatever order was asked for.
        wanted.sort_by_key(|c| *c != code::SUBNET_MASK);
        let mask = prefix_mask(self.config.prefix_len);
        for wish in wanted {
            if reply.option(wish).is_some() {
                continue;
            }
            match wish {
                code::SUBNET_MASK => reply.push_seconds(wish, mask),
                code::ROUTER => self.config.router.iter().for_each(|r| reply.push_address(wish, *r)),
                code::DNS => self.config.dns.iter().for_each(|d| reply.push_address(wish, *d)),
                code::BROADCAST => reply.push_address(wish, Ipv4Addr::from_bits(self.config.server.to_bits() | !mask)),
                _ => {}
            }
        }
        echo_client_id(m, &mut reply);
        reply
    }

    /// Whole seconds; what the client asks for, within bounds, or the default (section 4.3.1).
    fn lease_for(&self, m: &DhcpMessage) -> Duration {
        let longest = self.config.lease.as_secs().clamp(1, u64::from(u32::MAX) - 1);
        let shortest = MIN_LEASE.as_secs().min(longest);
        let asked = m.u32_option(code::LEASE_TIME).map_or(longest, u64::from);
        Duration::from_secs(asked.clamp(shortest, longest))
    }

    fn is_local(&self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.config.server.to_bits()) & prefix_mask(self.config.prefix_len) == 0
    }

    fn is_ours(&self, address: Ipv4Addr) -> bool {
        let (first, last) = self.config.pool;
        let mask = prefix_mask(self.config.prefix_len);
        let host = address.to_bits() & !mask;
        // The all-zeroes and all-ones addresses of a subnet are nobody's (RFC 1122 section 3.2.1.3).
        let reserved = self.config.prefix_len < 31 && (host == 0 || host == !mask);
        first <= address
            && address <= last
            && !reserved
            && address != self.config.server
            && Some(address) != self.config.router
            && !self.config.excluded.contains(&address)
    }

    fn is_used(&self, now: Instant, address: Ipv4Addr) -> bool {
        self.slots.get(&address).is_some_and(|slot| now < slot.until)
    }

    fn event(&mut self, address: Ipv4Addr, change: LeaseChange, lease: Option<Duration>) {
        self.events.push_back(ServerEvent { address, change, lease });
    }
}

/// Section 4.1: to the relay; else to the client's address; else by broadcast if it cannot take
/// unicast; else to the address that it is about to get. A NAK without a relay is broadcast.
fn destination(m: &DhcpMessage, reply: &DhcpMessage) -> Destination {
    if !m.giaddr.is_unspecified() {
        Destination::Relay(m.giaddr)
    } else if reply.kind == MessageType::Nak {
        Destination::Broadcast
    } else if !m.ciaddr.is_unspecified() {
        Destination::Unicast(m.ciaddr)
    } else if m.broadcast {
        Destination::Broadcast
    } else {
        Destination::OnLink(reply.yiaddr)
    }
}

fn client_key(m: &DhcpMessage) -> ClientKey {
    match m.option(code::CLIENT_ID) {
        Some(id) => (true, id.to_vec()),
        None => (false, [&[m.chaddr.htype], m.chaddr.as_bytes()].concat()),
    }
}

/// RFC 6842: replies carry the client identifier back.
fn echo_client_id(m: &DhcpMessage, reply: &mut DhcpMessage) {
    if let Some(id) = m.option(code::CLIENT_ID) {
        reply.push_option(code::CLIENT_ID, id);
    }
}

fn prefix_mask(prefix_len: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix_len.min(32))).unwrap_or(0)
}

#[cfg(test)]
mod tests;

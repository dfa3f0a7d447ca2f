//! A DHCP client (RFC 2131 section 4.4). It leaves out the random wait before the first DISCOVER,
//! the ARP probe of a new address, INIT-REBOOT and INFORM.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use super::message::{Destination, DhcpMessage, Hardware, MessageType, Op, code, lease_from_seconds};
use crate::base::note::LeaseChange;
use crate::base::rng::Rng;
use crate::base::time::{Duration, Instant};

/// What a server granted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseInfo {
    /// The client's address.
    pub address: Ipv4Addr,
    /// Length of its network's prefix.
    pub prefix_len: u8,
    /// The first router.
    pub router: Option<Ipv4Addr>,
    /// DNS servers, best first.
    pub dns: Vec<Ipv4Addr>,
    /// Who granted it.
    pub server: Ipv4Addr,
    /// For how long; `None` for ever.
    pub lease: Option<Duration>,
}

/// What a client has to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// It asks: for any address, for an offered one, or for more time.
    Asking {
        /// `Discovered`, `Requested`, `Renewing` or `Rebinding`.
        change: LeaseChange,
        /// The address, unspecified while there is none.
        address: Ipv4Addr,
        /// The server, unspecified while there is none.
        server: Ipv4Addr,
    },
    /// It has an address.
    Bound(LeaseInfo),
    /// It has it for longer; other settings may have changed.
    Renewed(LeaseInfo),
    /// It must stop using its address at once, or was refused the one it asked for.
    Lost {
        /// The address.
        address: Ipv4Addr,
        /// Who granted it.
        server: Ipv4Addr,
        /// `Refused`, `Expired` or `Released`.
        why: LeaseChange,
    },
}

/// Resending of DISCOVER and of the first REQUEST: when next, and after how many.
#[derive(Clone, Copy, Debug)]
struct Resend {
    next: Instant,
    sent: u32,
}

#[derive(Clone, Debug)]
struct Held {
    info: LeaseInfo,
    t1: Instant,
    t2: Instant,
    expiry: Instant,
}

#[derive(Clone, Debug)]
enum State {
    Stopped,
    Selecting { started: Instant, resend: Resend },
    Requesting { address: Ipv4Addr, server: Ipv4Addr, first_sent: Instant, resend: Resend },
    Bound(Held),
    Renewing { held: Held, sent: Instant, next: Instant },
    Rebinding { held: Held, sent: Instant, next: Instant },
}

/// Sends of a REQUEST for an offer before the client begins anew: about 60 s (section 3.1.5).
const REQUEST_TRIES: u32 = 4;
/// Least time between two requests for more time (section 4.4.5).
const MIN_RENEW_WAIT: Duration = Duration::from_secs(60);
const WANTED: [u8; 7] = [
    code::SUBNET_MASK,
    code::ROUTER,
    code::DNS,
    code::BROADCAST,
    code::LEASE_TIME,
    code::RENEWAL_TIME,
    code::REBINDING_TIME,
];

/// One client, for one interface.
#[derive(Clone, Debug)]
pub struct DhcpClient {
    hardware: Hardware,
    rng: Rng,
    jitter: Duration,
    xid: u32,
    secs: u16,
    state: State,
    outbox: VecDeque<(DhcpMessage, Destination)>,
    events: VecDeque<ClientEvent>,
}

impl DhcpClient {
    /// A client that waits for [`DhcpClient::start`].
    pub fn new(hardware: Hardware, rng: Rng) -> Self {
        DhcpClient {
            hardware,
            rng,
            jitter: Duration::from_secs(1),
            xid: 0,
            secs: 0,
            state: State::Stopped,
            outbox: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Begins, or begins anew, in INIT, forgetting everything.
    pub fn start(&mut self, now: Instant) {
        self.outbox.clear();
        self.xid = self.rng.next_u32();
        let resend = self.first_send(now);
        self.state = State::Selecting { started: now, resend };
        self.discover(now, now);
        self.asking(LeaseChange::Discovered, Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED);
    }

    /// Gives the address back and stops (section 4.4.6).
    pub fn release(&mut self) {
        if let Some(info) = self.lease().cloned() {
            self.xid = self.rng.next_u32();
            self.secs = 0;
            let mut message = self.message(MessageType::Release);
            message.broadcast = false;
            message.ciaddr = info.address;
            message.push_address(code::SERVER_ID, info.server);
            self.outbox.push_back((message, Destination::Unicast(info.server)));
            self.lose(&info, LeaseChange::Released);
        }
        self.state = State::Stopped;
    }

    /// What it holds now.
    pub fn lease(&self) -> Option<&LeaseInfo> {
        match &self.state {
            State::Bound(held) | State::Renewing { held, .. } | State::Rebinding { held, .. } => Some(&held.info),
            State::Stopped | State::Selecting { .. } | State::Requesting { .. } => None,
        }
    }

    /// A message came to the client port.
    pub fn handle_message(&mut self, now: Instant, message: &DhcpMessage) {
        // Section 4.4.1: replies to others are ignored, and so are those without a server's name.
        if message.op != Op::Reply || message.xid != self.xid || message.chaddr != self.hardware {
            return;
        }
        let Some(server) = message.address_option(code::SERVER_ID) else { return };
        match (&self.state, message.kind) {
            (State::Selecting { .. }, MessageType::Offer) => self.take_offer(now, message.yiaddr, server),
            (State::Requesting { server: chosen, first_sent, .. }, MessageType::Ack) if *chosen == server => {
                self.bind(now, *first_sent, message, server, false);
            }
            (State::Requesting { address, server: chosen, .. }, MessageType::Nak) if *chosen == server => {
                let why = LeaseChange::Refused;
                self.events.push_back(ClientEvent::Lost { address: *address, server, why });
                self.start(now);
            }
            (State::Renewing { sent, .. } | State::Rebinding { sent, .. }, MessageType::Ack) => {
                self.bind(now, *sent, message, server, true);
            }
            (State::Renewing { held, .. } | State::Rebinding { held, .. }, MessageType::Nak) => {
                let info = held.info.clone();
                self.lose(&info, LeaseChange::Refused);
                self.start(now);
            }
            _ => {}
        }
    }

    /// The time of [`DhcpClient::poll_timeout`] has come, or is past.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return;
        }
        match std::mem::replace(&mut self.state, State::Stopped) {
            State::Stopped => {}
            State::Selecting { started, resend } => {
                self.state = State::Selecting { started, resend: self.resend_after(now, resend) };
                self.discover(now, started);
            }
            State::Requesting { resend, .. } if resend.sent >= REQUEST_TRIES => self.start(now),
            State::Requesting { address, server, first_sent, resend } => {
                self.request_offer(address, server);
                let resend = self.resend_after(now, resend);
                self.state = State::Requesting { address, server, first_sent, resend };
            }
            State::Bound(held) | State::Renewing { held, .. } | State::Rebinding { held, .. } => self.extend(now, held),
        }
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<(DhcpMessage, Destination)> {
        self.outbox.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// When it wants [`DhcpClient::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Stopped => None,
            State::Selecting { resend, .. } | State::Requesting { resend, .. } => Some(resend.next),
            State::Bound(held) => held.info.lease.map(|_| held.t1),
            State::Renewing { held, next, .. } => Some((*next).min(held.t2)),
            State::Rebinding { held, next, .. } => Some((*next).min(held.expiry)),
        }
    }

    fn take_offer(&mut self, now: Instant, address: Ipv4Addr, server: Ipv4Addr) {
        if address.is_unspecified() {
            return;
        }
        let resend = self.first_send(now);
        self.state = State::Requesting { address, server, first_sent: now, resend };
        self.request_offer(address, server);
        self.asking(LeaseChange::Requested, address, server);
    }

    /// An ACK: the lease runs from when its REQUEST was sent (section 4.4.1). For a resent REQUEST
    /// that is the first sending, since the ACK may answer any of them.
    fn bind(&mut self, now: Instant, sent: Instant, ack: &DhcpMessage, server: Ipv4Addr, renewal: bool) {
        let Some(seconds) = ack.u32_option(code::LEASE_TIME) else { return };
        if ack.yiaddr.is_unspecified() {
            return;
        }
        let lease = lease_from_seconds(seconds);
        let length = lease.unwrap_or(Duration::MAX);
        let mask = ack.u32_option(code::SUBNET_MASK);
        let info = LeaseInfo {
            address: ack.yiaddr,
            prefix_len: mask.map_or_else(|| classful_prefix(ack.yiaddr), |m| m.leading_ones() as u8),
            router: ack.addresses_option(code::ROUTER).first().copied(),
            dns: ack.addresses_option(code::DNS),
            server,
            lease,
        };
        // Section 4.4.5: T1 and T2 of the server if they make sense, else their defaults.
        let given = |c| ack.u32_option(c).map(|s| Duration::from_secs(u64::from(s)));
        let (t1, t2) = match (given(code::RENEWAL_TIME), given(code::REBINDING_TIME)) {
            (Some(t1), Some(t2)) if t1 < t2 && t2 < length => (t1, t2),
            (Some(t1), None) if t1 < seven_eighths(length) => (t1, seven_eighths(length)),
            (None, Some(t2)) if length / 2 < t2 && t2 < length => (length / 2, t2),
            _ => (length / 2, seven_eighths(length)),
        };
        let held = Held { info: info.clone(), t1: sent + t1, t2: sent + t2, expiry: sent + length };
        if held.expiry <= now {
            return;
        }
        self.state = State::Bound(held);
        self.events.push_back(if renewal { ClientEvent::Renewed(info) } else { ClientEvent::Bound(info) });
    }

    /// Asks for more time, or gives up, whatever `now` calls for (section 4.4.5).
    fn extend(&mut self, now: Instant, held: Held) {
        if now >= held.expiry {
            self.lose(&held.info, LeaseChange::Expired);
            return self.start(now);
        }
        let rebinding = now >= held.t2;
        let (until, to, change, destination) = if rebinding {
            (held.expiry, Ipv4Addr::UNSPECIFIED, LeaseChange::Rebinding, Destination::Broadcast)
        } else {
            (held.t2, held.info.server, LeaseChange::Renewing, Destination::Unicast(held.info.server))
        };
        // A new xid for each, so that an ACK tells which sending it answers.
        self.xid = self.rng.next_u32();
        self.secs = 0;
        let mut message = self.message(MessageType::Request);
        // Section 4.3.6: ciaddr, and neither option 50 nor 54; a client with an address takes unicast.
        message.ciaddr = held.info.address;
        message.broadcast = false;
        message.push_option(code::PARAMETERS, &WANTED);
        self.outbox.push_back((message, destination));
        self.asking(change, held.info.address, to);
        let next = now + (until.since(now) / 2).max(MIN_RENEW_WAIT);
        self.state = if rebinding {
            State::Rebinding { held, sent: now, next }
        } else {
            State::Renewing { held, sent: now, next }
        };
    }

    fn discover(&mut self, now: Instant, started: Instant) {
        self.secs = u16::try_from(now.since(started).as_secs()).unwrap_or(u16::MAX);
        let mut message = self.message(MessageType::Discover);
        message.push_option(code::PARAMETERS, &WANTED);
        self.outbox.push_back((message, Destination::Broadcast));
    }

    /// Broadcast, with options 50 and 54, and secs as in the DISCOVER (section 4.3.2, 4.4.1).
    fn request_offer(&mut self, address: Ipv4Addr, server: Ipv4Addr) {
        let mut message = self.message(MessageType::Request);
        message.push_address(code::SERVER_ID, server);
        message.push_address(code::REQUESTED_ADDRESS, address);
        message.push_option(code::PARAMETERS, &WANTED);
        self.outbox.push_back((message, Destination::Broadcast));
    }

    /// With the broadcast flag: without an address this host takes no unicast (section 4.1).
    fn message(&self, kind: MessageType) -> DhcpMessage {
        let mut message = DhcpMessage::request(kind, self.xid, self.hardware);
        message.secs = self.secs;
        message.broadcast = true;
        message
    }

    fn asking(&mut self, change: LeaseChange, address: Ipv4Addr, server: Ipv4Addr) {
        self.events.push_back(ClientEvent::Asking { change, address, server });
    }

    fn lose(&mut self, info: &LeaseInfo, why: LeaseChange) {
        self.events.push_back(ClientEvent::Lost { address: info.address, server: info.server, why });
    }

    fn first_send(&mut self, now: Instant) -> Resend {
        Resend { next: now + self.wait(1), sent: 1 }
    }

    fn resend_after(&mut self, now: Instant, last: Resend) -> Resend {
        let sent = last.sent.saturating_add(1);
        Resend { next: now + self.wait(sent), sent }
    }

    /// Section 4.1: 4, 8, 16, 32, then 64 s, each plus a uniform number between -1 and +1 s.
    fn wait(&mut self, sent: u32) -> Duration {
        let base = Duration::from_secs(4 << (sent.max(1) - 1).min(4));
        let spread = self.rng.below(2 * Duration::from_secs(1).as_nanos() + 1);
        if self.jitter == Duration::ZERO {
            return base;
        }
        base.saturating_sub(self.jitter) + Duration::from_nanos(spread)
    }
}

fn seven_eighths(d: Duration) -> Duration {
    d.saturating_sub(d / 8)
}

/// The prefix when a server sends no mask: that of the address's class (RFC 950).
fn classful_prefix(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        _ => 24,
    }
}

#[cfg(test)]
mod tests;

//! A DHCP client (RFC 2131 section 4.4): INIT, INIT-REBOOT, the way to BOUND and back, and INFORM.
//! It names where a message shall go; whoever binds it to a network chooses how. It asks nobody
//! itself whether an address is taken: it says that somebody must ([`ClientEvent::Probe`]).

mod ask;
mod config;
mod event;
mod lease;

use std::collections::VecDeque;
use std::net::Ipv4Addr;

pub use config::ClientConfig;
pub use event::ClientEvent;
pub use lease::{Held, LeaseInfo};

use super::message::{Destination, DhcpMessage, Hardware, MessageType, Op, code};
use crate::base::note::LeaseChange;
use crate::base::rng::Rng;
use crate::base::time::{Duration, Instant};

/// Resending of a first question: when next, and after how many.
#[derive(Clone, Copy, Debug)]
struct Resend {
    next: Instant,
    sent: u32,
}

#[derive(Clone, Debug)]
enum State {
    Stopped,
    /// INIT is put off until then.
    Waiting(Instant),
    Selecting {
        started: Instant,
        resend: Resend,
    },
    Requesting {
        address: Ipv4Addr,
        server: Ipv4Addr,
        first_sent: Instant,
        resend: Resend,
    },
    /// INIT-REBOOT: asks whether the remembered lease still holds.
    Rebooting {
        old: Held,
        first_sent: Instant,
        resend: Resend,
    },
    /// The address is granted; it is used unless somebody else turns out to have it.
    Probing {
        held: Held,
        until: Instant,
    },
    Bound(Held),
    Renewing {
        held: Held,
        sent: Instant,
        next: Instant,
    },
    Rebinding {
        held: Held,
        sent: Instant,
        next: Instant,
    },
    /// Has an address from elsewhere and asks for the rest.
    Informing {
        address: Ipv4Addr,
        resend: Resend,
    },
}

/// Sends of a REQUEST before the client begins anew: about 60 s (section 3.1.5).
const REQUEST_TRIES: u32 = 4;
/// Least time between two requests for more time (section 4.4.5).
const MIN_RENEW_WAIT: Duration = Duration::from_secs(60);
/// Least wait after a DECLINE (section 3.1.5).
const DECLINE_WAIT: Duration = Duration::from_secs(10);

/// One client, for one interface.
#[derive(Clone, Debug)]
pub struct DhcpClient {
    hardware: Hardware,
    config: ClientConfig,
    rng: Rng,
    jitter: Duration,
    xid: u32,
    secs: u16,
    state: State,
    outbox: VecDeque<(DhcpMessage, Destination)>,
    events: VecDeque<ClientEvent>,
}

impl DhcpClient {
    /// A client with the usual choices that waits for [`DhcpClient::start`].
    pub fn new(hardware: Hardware, rng: Rng) -> Self {
        Self::with_config(hardware, rng, ClientConfig::default())
    }

    /// A client that waits for [`DhcpClient::start`], [`DhcpClient::reboot`] or
    /// [`DhcpClient::inform`].
    pub fn with_config(hardware: Hardware, rng: Rng, config: ClientConfig) -> Self {
        DhcpClient {
            hardware,
            config,
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
        if self.config.initial_wait {
            let wait = Duration::from_secs(1) + Duration::from_nanos(self.rng.below(Duration::from_secs(9).as_nanos()));
            self.state = State::Waiting(now + wait);
        } else {
            self.init(now);
        }
    }

    /// Begins with a lease that it had before a restart (INIT-REBOOT, section 3.2). If no server
    /// answers, the lease is used for as long as it lasts.
    pub fn reboot(&mut self, now: Instant, old: Held) {
        if old.expiry <= now {
            return self.start(now);
        }
        self.outbox.clear();
        self.xid = self.rng.next_u32();
        let address = old.info.address;
        self.state = State::Rebooting { old, first_sent: now, resend: self.first_send(now) };
        self.request_again(now, now, address);
        self.asking(LeaseChange::Requested, address, Ipv4Addr::UNSPECIFIED);
    }

    /// Asks for settings for an address that it has otherwise (section 4.4.3).
    pub fn inform(&mut self, now: Instant, address: Ipv4Addr) {
        self.outbox.clear();
        self.xid = self.rng.next_u32();
        self.state = State::Informing { address, resend: self.first_send(now) };
        self.send_inform(address);
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

    /// What it holds and may use now.
    pub fn lease(&self) -> Option<&LeaseInfo> {
        self.held().map(|held| &held.info)
    }

    /// The same with its deadlines: what to remember for [`DhcpClient::reboot`].
    pub fn held(&self) -> Option<&Held> {
        match &self.state {
            State::Bound(held) | State::Renewing { held, .. } | State::Rebinding { held, .. } => Some(held),
            _ => None,
        }
    }

    /// Somebody else answers for the address that is being probed or used: it is declined, and
    /// after a rest the client begins anew (section 3.1.5).
    pub fn handle_conflict(&mut self, now: Instant, address: Ipv4Addr) {
        let probed = if let State::Probing { held, .. } = &self.state { Some(&held.info) } else { None };
        let Some(info) = probed.or(self.lease()).filter(|info| info.address == address).cloned() else { return };
        self.xid = self.rng.next_u32();
        self.secs = 0;
        // Table 5: ciaddr 0, options 50 and 54, nothing asked for.
        let mut message = self.message(MessageType::Decline);
        message.broadcast = false;
        message.push_address(code::SERVER_ID, info.server);
        message.push_address(code::REQUESTED_ADDRESS, info.address);
        self.outbox.push_back((message, Destination::Broadcast));
        self.lose(&info, LeaseChange::Declined);
        self.state = State::Waiting(now + DECLINE_WAIT);
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
            // RFC 4039 section 3: an ACK to a DISCOVER counts only with the option that was asked for.
            (State::Selecting { started, .. }, MessageType::Ack)
                if self.config.rapid_commit && message.option(code::RAPID_COMMIT).is_some() =>
            {
                self.granted(now, *started, message, server);
            }
            (State::Requesting { server: chosen, first_sent, .. }, MessageType::Ack) if *chosen == server => {
                self.granted(now, *first_sent, message, server);
            }
            (State::Rebooting { first_sent, .. }, MessageType::Ack) => {
                self.granted(now, *first_sent, message, server);
            }
            (State::Requesting { address, server: chosen, .. }, MessageType::Nak) if *chosen == server => {
                self.refused(now, *address, server);
            }
            (State::Rebooting { old, .. }, MessageType::Nak) => self.refused(now, old.info.address, server),
            (State::Renewing { sent, .. } | State::Rebinding { sent, .. }, MessageType::Ack) => {
                if let Some(held) = Held::of(message, server, *sent, now) {
                    self.events.push_back(ClientEvent::Renewed(held.info.clone()));
                    self.state = State::Bound(held);
                }
            }
            (State::Renewing { held, .. } | State::Rebinding { held, .. }, MessageType::Nak) => {
                let info = held.info.clone();
                self.refused(now, info.address, info.server);
            }
            // Section 4.4.3: whatever such an ACK says of a lease is not read.
            (State::Informing { address, .. }, MessageType::Ack) => {
                self.events.push_back(ClientEvent::Informed(LeaseInfo::of(message, *address, server, None)));
                self.state = State::Stopped;
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
            State::Waiting(_) => self.init(now),
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
            // Section 3.2: without an answer the lease may be used for the rest of its time.
            State::Rebooting { old, resend, .. } if resend.sent >= REQUEST_TRIES || old.expiry <= now => {
                if old.expiry <= now { self.start(now) } else { self.bind(old) }
            }
            State::Rebooting { old, first_sent, resend } => {
                self.request_again(now, first_sent, old.info.address);
                self.state = State::Rebooting { old, first_sent, resend: self.resend_after(now, resend) };
            }
            State::Probing { held, .. } if held.expiry <= now => self.start(now),
            State::Probing { held, .. } => self.bind(held),
            State::Bound(held) | State::Renewing { held, .. } | State::Rebinding { held, .. } => self.extend(now, held),
            State::Informing { address, resend } => {
                self.send_inform(address);
                self.state = State::Informing { address, resend: self.resend_after(now, resend) };
            }
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
            State::Waiting(until) | State::Probing { until, .. } => Some(*until),
            State::Selecting { resend, .. } | State::Requesting { resend, .. } | State::Informing { resend, .. } => {
                Some(resend.next)
            }
            State::Rebooting { old, resend, .. } => Some(resend.next.min(old.expiry)),
            State::Bound(held) => held.info.lease.map(|_| held.t1),
            State::Renewing { held, next, .. } => Some((*next).min(held.t2)),
            State::Rebinding { held, next, .. } => Some((*next).min(held.expiry)),
        }
    }

    fn init(&mut self, now: Instant) {
        self.xid = self.rng.next_u32();
        let resend = self.first_send(now);
        self.state = State::Selecting { started: now, resend };
        self.discover(now, now);
        self.asking(LeaseChange::Discovered, Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED);
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

    /// A first ACK: the address is the client's unless a probe finds another owner.
    fn granted(&mut self, now: Instant, sent: Instant, ack: &DhcpMessage, server: Ipv4Addr) {
        let Some(held) = Held::of(ack, server, sent, now) else { return };
        if self.config.probe == Duration::ZERO {
            return self.bind(held);
        }
        self.events.push_back(ClientEvent::Probe(held.info.address));
        self.state = State::Probing { held, until: now + self.config.probe };
    }

    fn bind(&mut self, held: Held) {
        self.events.push_back(ClientEvent::Bound(held.info.clone()));
        self.state = State::Bound(held);
    }

    fn refused(&mut self, now: Instant, address: Ipv4Addr, server: Ipv4Addr) {
        self.events.push_back(ClientEvent::Lost { address, server, why: LeaseChange::Refused });
        self.start(now);
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
        let mut message = self.asking_message(MessageType::Request);
        // Section 4.3.6: ciaddr, and neither option 50 nor 54; a client with an address takes unicast.
        message.ciaddr = held.info.address;
        message.broadcast = false;
        self.outbox.push_back((message, destination));
        self.asking(change, held.info.address, to);
        let next = now + (until.since(now) / 2).max(MIN_RENEW_WAIT);
        self.state = if rebinding {
            State::Rebinding { held, sent: now, next }
        } else {
            State::Renewing { held, sent: now, next }
        };
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

#[cfg(test)]
mod tests;

//! The messages of a client (RFC 2131 section 4.4.1, table 5).

use std::net::Ipv4Addr;

use super::DhcpClient;
use crate::base::time::Instant;
use crate::proto::dhcp::message::{Destination, DhcpMessage, MessageType, code};

/// The settings that a client asks for.
pub(super) const WANTED: [u8; 8] = [
    code::SUBNET_MASK,
    code::ROUTER,
    code::DNS,
    code::BROADCAST,
    code::LEASE_TIME,
    code::RENEWAL_TIME,
    code::REBINDING_TIME,
    code::DOMAIN_NAME,
];

impl DhcpClient {
    pub(super) fn discover(&mut self, now: Instant, started: Instant) {
        self.secs = seconds(now, started);
        let mut message = self.asking_message(MessageType::Discover);
        if self.config.rapid_commit {
            message.push_option(code::RAPID_COMMIT, &[]);
        }
        self.outbox.push_back((message, Destination::Broadcast));
    }

    /// Broadcast, with options 50 and 54, and secs as in the DISCOVER (section 4.3.2, 4.4.1).
    pub(super) fn request_offer(&mut self, address: Ipv4Addr, server: Ipv4Addr) {
        let mut message = self.asking_message(MessageType::Request);
        message.push_address(code::SERVER_ID, server);
        message.push_address(code::REQUESTED_ADDRESS, address);
        self.outbox.push_back((message, Destination::Broadcast));
    }

    /// Broadcast, with option 50 and without 54 or ciaddr (section 4.3.2, INIT-REBOOT).
    pub(super) fn request_again(&mut self, now: Instant, started: Instant, address: Ipv4Addr) {
        self.secs = seconds(now, started);
        let mut message = self.asking_message(MessageType::Request);
        message.push_address(code::REQUESTED_ADDRESS, address);
        self.outbox.push_back((message, Destination::Broadcast));
    }

    pub(super) fn send_inform(&mut self, address: Ipv4Addr) {
        self.secs = 0;
        let mut message = self.asking_message(MessageType::Inform);
        message.ciaddr = address;
        message.broadcast = false;
        self.outbox.push_back((message, Destination::Broadcast));
    }

    /// With the broadcast flag if this host takes no unicast without an address (section 4.1), and
    /// with the same client identifier in every message (RFC 2131 section 4.2).
    pub(super) fn message(&self, kind: MessageType) -> DhcpMessage {
        let mut message = DhcpMessage::request(kind, self.xid, self.hardware);
        message.secs = self.secs;
        message.broadcast = self.config.broadcast;
        if let Some(id) = &self.config.client_id {
            message.push_option(code::CLIENT_ID, id);
        }
        message
    }

    /// With what is asked for.
    pub(super) fn asking_message(&self, kind: MessageType) -> DhcpMessage {
        let mut message = self.message(kind);
        message.push_option(code::PARAMETERS, &WANTED);
        if let Some(name) = &self.config.host_name {
            message.push_option(code::HOST_NAME, name.as_bytes());
        }
        if let Some(secs) = self.config.lease_secs.filter(|_| kind != MessageType::Inform) {
            message.push_seconds(code::LEASE_TIME, secs);
        }
        message
    }
}

fn seconds(now: Instant, since: Instant) -> u16 {
    u16::try_from(now.since(since).as_secs()).unwrap_or(u16::MAX)
}

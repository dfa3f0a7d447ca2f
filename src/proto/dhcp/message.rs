//! DHCP messages to and from bytes (RFC 2131 section 2, RFC 2132, RFC 3396).

use std::net::Ipv4Addr;

use bytes::Bytes;
use thiserror::Error;

use crate::base::time::Duration;

/// UDP port of servers and relays.
pub const SERVER_PORT: u16 = 67;
/// UDP port of clients.
pub const CLIENT_PORT: u16 = 68;

/// Option codes of RFC 2132 that this crate speaks.
pub mod code {
    #![allow(missing_docs)]
    pub const SUBNET_MASK: u8 = 1;
    pub const ROUTER: u8 = 3;
    pub const DNS: u8 = 6;
    pub const HOST_NAME: u8 = 12;
    pub const DOMAIN_NAME: u8 = 15;
    pub const BROADCAST: u8 = 28;
    pub const REQUESTED_ADDRESS: u8 = 50;
    pub const LEASE_TIME: u8 = 51;
    pub const OVERLOAD: u8 = 52;
    pub const MESSAGE_TYPE: u8 = 53;
    pub const SERVER_ID: u8 = 54;
    pub const PARAMETERS: u8 = 55;
    pub const MESSAGE: u8 = 56;
    pub const MAX_SIZE: u8 = 57;
    pub const RENEWAL_TIME: u8 = 58;
    pub const REBINDING_TIME: u8 = 59;
    pub const CLIENT_ID: u8 = 61;
    pub const RAPID_COMMIT: u8 = 80;
    pub const RELAY_INFO: u8 = 82;
}

/// A lease of this many seconds never ends (RFC 2131 section 3.3).
pub const INFINITE_LEASE: u32 = u32::MAX;

const COOKIE: [u8; 4] = [99, 130, 83, 99];
const SNAME: std::ops::Range<usize> = 44..108;
const FILE: std::ops::Range<usize> = 108..236;
const OPTIONS: usize = 240;
/// BOOTP's size (RFC 951): relays and old clients drop what is shorter.
const MIN_LEN: usize = 300;
const PAD: u8 = 0;
const END: u8 = 255;

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// A client.
    Request,
    /// A server.
    Reply,
}

/// Option 53 (RFC 2132 section 9.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MessageType {
    /// A client looks for servers.
    Discover = 1,
    /// A server offers an address.
    Offer = 2,
    /// A client asks for an address, or for more time.
    Request = 3,
    /// A client found the address in use.
    Decline = 4,
    /// A server grants.
    Ack = 5,
    /// A server refuses.
    Nak = 6,
    /// A client gives its address back.
    Release = 7,
    /// A client with an address asks for the rest.
    Inform = 8,
}

impl MessageType {
    const ALL: [MessageType; 8] = [
        MessageType::Discover,
        MessageType::Offer,
        MessageType::Request,
        MessageType::Decline,
        MessageType::Ack,
        MessageType::Nak,
        MessageType::Release,
        MessageType::Inform,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|t| *t as u8 == byte)
    }
}

/// A client's hardware address: type, and up to 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hardware {
    /// 1 for Ethernet.
    pub htype: u8,
    len: u8,
    bytes: [u8; 16],
}

impl Hardware {
    /// An Ethernet address.
    pub fn ethernet(mac: [u8; 6]) -> Self {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&mac);
        Hardware { htype: 1, len: 6, bytes }
    }

    /// The significant bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Where a message shall go. A client uses only the first two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destination {
    /// 255.255.255.255, the other side's port.
    Broadcast,
    /// This address, the other side's port.
    Unicast(Ipv4Addr),
    /// The neighbour that is about to get this address, which it does not answer ARP for yet.
    OnLink(Ipv4Addr),
    /// This relay agent, at the server port.
    Relay(Ipv4Addr),
}

/// Why bytes are not a DHCP message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum MalformedDhcp {
    /// Shorter than the fixed part.
    #[error("shorter than 240 bytes")]
    Short,
    /// `op` is neither 1 nor 2.
    #[error("op is neither request nor reply")]
    Op,
    /// `hlen` exceeds its field.
    #[error("hardware address longer than 16 bytes")]
    HardwareLength,
    /// The magic cookie is missing.
    #[error("no magic cookie")]
    Cookie,
    /// An option runs past the end, or the end option is missing.
    #[error("options run past their end")]
    Options,
    /// Option 53 is missing or unknown.
    #[error("no known message type")]
    MessageType,
}

/// One message. Options other than 53 keep their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DhcpMessage {
    /// Who speaks.
    pub op: Op,
    /// What it says.
    pub kind: MessageType,
    /// Chosen by the client; replies carry it back.
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    /// The client cannot take unicast yet.
    pub broadcast: bool,
    /// The client's address, if it may use it.
    pub ciaddr: Ipv4Addr,
    /// The address given to the client.
    pub yiaddr: Ipv4Addr,
    /// The next server of a boot.
    pub siaddr: Ipv4Addr,
    /// The relay agent between.
    pub giaddr: Ipv4Addr,
    /// The client's hardware address.
    pub chaddr: Hardware,
    options: Vec<(u8, Vec<u8>)>,
}

impl DhcpMessage {
    /// A message of a client, without options.
    pub fn request(kind: MessageType, xid: u32, chaddr: Hardware) -> Self {
        DhcpMessage {
            op: Op::Request,
            kind,
            xid,
            secs: 0,
            broadcast: false,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr,
            options: Vec::new(),
        }
    }

    /// A server's reply to `to`: RFC 2131 table 3 copies xid, flags, giaddr and chaddr.
    pub fn reply(kind: MessageType, to: &DhcpMessage) -> Self {
        let mut message = Self::request(kind, to.xid, to.chaddr);
        message.op = Op::Reply;
        message.broadcast = to.broadcast;
        message.giaddr = to.giaddr;
        message
    }

    /// The contents of an option.
    pub fn option(&self, code: u8) -> Option<&[u8]> {
        self.options.iter().find(|(c, _)| *c == code).map(|(_, data)| data.as_slice())
    }

    /// An option that is one address.
    pub fn address_option(&self, code: u8) -> Option<Ipv4Addr> {
        <[u8; 4]>::try_from(self.option(code)?).ok().map(Ipv4Addr::from)
    }

    /// An option that is a list of addresses.
    pub fn addresses_option(&self, code: u8) -> Vec<Ipv4Addr> {
        let data = self.option(code).unwrap_or_default();
        data.chunks_exact(4).map(|b| Ipv4Addr::new(b[0], b[1], b[2], b[3])).collect()
    }

    /// An option that is a number of 32 bits: all times are.
    pub fn u32_option(&self, code: u8) -> Option<u32> {
        <[u8; 4]>::try_from(self.option(code)?).ok().map(u32::from_be_bytes)
    }

    /// Adds to an option, or adds the option: repeats are parts of one (RFC 3396 section 5).
    pub fn push_option(&mut self, code: u8, data: &[u8]) {
        match self.options.iter_mut().find(|(c, _)| *c == code) {
            Some((_, value)) => value.extend_from_slice(data),
            None => self.options.push((code, data.to_vec())),
        }
    }

    /// Adds an option that is one address.
    pub fn push_address(&mut self, code: u8, address: Ipv4Addr) {
        self.push_option(code, &address.octets());
    }

    /// Adds an option that is a time in seconds.
    pub fn push_seconds(&mut self, code: u8, seconds: u32) {
        self.push_option(code, &seconds.to_be_bytes());
    }

    /// Takes an option out again.
    pub fn remove_option(&mut self, code: u8) {
        self.options.retain(|(c, _)| *c != code);
    }

    /// The codes of the options, in order.
    pub fn codes(&self) -> impl Iterator<Item = u8> + '_ {
        self.options.iter().map(|(code, _)| *code)
    }

    /// At least 300 bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = vec![0; OPTIONS];
        out[0] = if self.op == Op::Request { 1 } else { 2 };
        out[1] = self.chaddr.htype;
        out[2] = self.chaddr.len;
        out[4..8].copy_from_slice(&self.xid.to_be_bytes());
        out[8..10].copy_from_slice(&self.secs.to_be_bytes());
        out[10] = if self.broadcast { 0x80 } else { 0 };
        for (at, address) in [(12, self.ciaddr), (16, self.yiaddr), (20, self.siaddr), (24, self.giaddr)] {
            out[at..at + 4].copy_from_slice(&address.octets());
        }
        out[28..44].copy_from_slice(&self.chaddr.bytes);
        out[236..240].copy_from_slice(&COOKIE);
        out.extend_from_slice(&[code::MESSAGE_TYPE, 1, self.kind as u8]);
        for (code, data) in &self.options {
            // RFC 3396 section 6: what exceeds 255 bytes goes on in further options of that code.
            let whole = if data.is_empty() { Some(&data[..]) } else { None };
            for part in whole.into_iter().chain(data.chunks(255)) {
                out.extend_from_slice(&[*code, part.len() as u8]);
                out.extend_from_slice(part);
            }
        }
        out.push(END);
        if out.len() < MIN_LEN {
            out.resize(MIN_LEN, PAD);
        }
        out.into()
    }

    /// The message in `data`.
    pub fn decode(data: &[u8]) -> Result<Self, MalformedDhcp> {
        let fixed = data.get(..OPTIONS).ok_or(MalformedDhcp::Short)?;
        let op = match fixed[0] {
            1 => Op::Request,
            2 => Op::Reply,
            _ => return Err(MalformedDhcp::Op),
        };
        if fixed[2] > 16 {
            return Err(MalformedDhcp::HardwareLength);
        }
        if fixed[236..] != COOKIE {
            return Err(MalformedDhcp::Cookie);
        }
        let word = |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let mut chaddr = Hardware { htype: fixed[1], len: fixed[2], bytes: [0; 16] };
        let hlen = usize::from(fixed[2]);
        chaddr.bytes[..hlen].copy_from_slice(&fixed[28..28 + hlen]);
        let mut message = DhcpMessage {
            op,
            kind: MessageType::Discover,
            xid: word(4),
            secs: (word(8) >> 16) as u16,
            broadcast: fixed[10] & 0x80 != 0,
            ciaddr: Ipv4Addr::from_bits(word(12)),
            yiaddr: Ipv4Addr::from_bits(word(16)),
            siaddr: Ipv4Addr::from_bits(word(20)),
            giaddr: Ipv4Addr::from_bits(word(24)),
            chaddr,
            options: Vec::new(),
        };
        message.read_options(&data[OPTIONS..])?;
        // RFC 2132 section 9.3 and RFC 3396 section 5: options, then file, then sname.
        let overload = message.option(code::OVERLOAD).and_then(|o| o.first().copied()).unwrap_or(0);
        if overload & 1 != 0 {
            message.read_options(&fixed[FILE])?;
        }
        if overload & 2 != 0 {
            message.read_options(&fixed[SNAME])?;
        }
        message.kind = match message.option(code::MESSAGE_TYPE) {
            Some([byte]) => MessageType::from_byte(*byte).ok_or(MalformedDhcp::MessageType)?,
            _ => return Err(MalformedDhcp::MessageType),
        };
        message.options.retain(|(c, _)| ![code::MESSAGE_TYPE, code::OVERLOAD].contains(c));
        Ok(message)
    }

    fn read_options(&mut self, mut data: &[u8]) -> Result<(), MalformedDhcp> {
        loop {
            match *data {
                [END, ..] => return Ok(()),
                [PAD, ref rest @ ..] => data = rest,
                [code, len, ref rest @ ..] => {
                    let (value, rest) = rest.split_at_checked(usize::from(len)).ok_or(MalformedDhcp::Options)?;
                    self.push_option(code, value);
                    data = rest;
                }
                _ => return Err(MalformedDhcp::Options),
            }
        }
    }
}

/// A lease time of the wire; `None` for one without end.
pub fn lease_from_seconds(seconds: u32) -> Option<Duration> {
    (seconds != INFINITE_LEASE).then(|| Duration::from_secs(u64::from(seconds)))
}

#[cfg(test)]
mod tests;

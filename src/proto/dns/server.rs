//! An authoritative server for a few names. It stands for the whole name space: what its zone does
//! not list does not exist, and its SOA is the root's. UDP only; records are addresses and aliases.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use simple_dns::rdata::{A, CNAME, RData, SOA};
use simple_dns::{CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, RCODE, ResourceRecord, SimpleDnsError, TYPE};
use thiserror::Error;

use super::MAX_ALIASES;
use super::message::{HEADER_LEN, ancestors, edns_version, is_name, key, key_of, parse};

/// What a name stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// An address.
    Address(Ipv4Addr),
    /// Another name (CNAME).
    Alias(String),
}

/// A name that cannot be served.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("'{0}' is not a domain name")]
pub struct BadName(pub String);

/// A reply, and what it says, for the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The message.
    pub data: Bytes,
    /// The name that was asked for, if it could be read.
    pub name: Option<Arc<str>>,
    /// The address in the reply.
    pub address: Option<Ipv4Addr>,
    /// The response code: 0 no error, 3 no such name.
    pub rcode: u16,
}

/// Largest reply to a query without EDNS (RFC 1035 section 4.2.1).
const PLAIN_LIMIT: usize = 512;
/// Largest reply at all, and what our OPT announces: no fragments (RFC 9715 section 3.2).
const EDNS_LIMIT: u16 = 1_232;
const BADVERS: u16 = 16;

/// One server.
#[derive(Clone, Debug)]
pub struct DnsServer {
    zone: BTreeMap<Arc<str>, Target>,
    ttl: u32,
}

/// What the zone says about a question: the aliases followed, then the address or nothing.
struct Found {
    records: Vec<(Arc<str>, Target)>,
    exists: bool,
}

impl DnsServer {
    /// A server of these names, all with this TTL in seconds.
    pub fn new(zone: impl IntoIterator<Item = (String, Target)>, ttl: u32) -> Result<Self, BadName> {
        let check = |name: &str| {
            let good = is_name(&key(name));
            if good { Ok(key(name)) } else { Err(BadName(name.to_string())) }
        };
        let mut names = BTreeMap::new();
        for (name, target) in zone {
            if let Target::Alias(to) = &target {
                check(to)?;
            }
            names.insert(check(&name)?, target);
        }
        Ok(DnsServer { zone: names, ttl })
    }

    /// The reply to a datagram, if it deserves one: never to a reply, nor to what has no header.
    pub fn handle(&self, query: &[u8]) -> Option<Reply> {
        if query.len() < HEADER_LEN || query[2] & 0x80 != 0 {
            return None;
        }
        let packet = match parse(query) {
            Ok(packet) => packet,
            // RFC 8906 section 3.1.3: a type that is not known is no error of the client's.
            Err(SimpleDnsError::InvalidQType(_) | SimpleDnsError::InvalidQClass(_)) => {
                return Some(bare(query, RCODE::NotImplemented));
            }
            Err(_) => return Some(bare(query, RCODE::FormatError)),
        };
        if packet.opcode() != OPCODE::StandardQuery {
            return Some(bare(query, RCODE::NotImplemented));
        }
        // RFC 9619: one question. RFC 6891 section 6.1.1: one OPT; the parser sets the first apart.
        let second_opt = packet.additional_records.iter().any(|r| matches!(r.rdata, RData::OPT(_)));
        if packet.questions.len() != 1 || second_opt {
            return Some(bare(query, RCODE::FormatError));
        }
        self.answer(&packet, edns_version(query).unwrap_or(0))
    }

    fn answer(&self, query: &Packet<'_>, version: u8) -> Option<Reply> {
        let question = query.questions.first()?;
        let name = key_of(&question.qname);
        let mut reply = Packet::new_reply(query.id());
        reply.questions.push(question.clone());
        reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        if query.has_flags(PacketFlag::RECURSION_DESIRED) {
            reply.set_flags(PacketFlag::RECURSION_DESIRED);
        }
        let limit = query.opt().map_or(PLAIN_LIMIT, |opt| usize::from(opt.udp_packet_size.clamp(512, EDNS_LIMIT)));
        let bad_version = version > 0;
        let mut address = None;
        let found = self.look_up(name.clone(), question.qtype);
        if bad_version {
            reply.remove_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        } else if question.qclass != QCLASS::CLASS(CLASS::IN) {
            reply.remove_flags(PacketFlag::AUTHORITATIVE_ANSWER);
            *reply.rcode_mut() = RCODE::Refused;
        } else {
            // The first owner is written as it was asked for, whatever its case.
            let mut owner = question.qname.clone().into_owned();
            for (_, target) in &found.records {
                let (rdata, next) = match target {
                    Target::Address(a) => {
                        address = Some(*a);
                        (RData::A(A::from(*a)), owner.clone())
                    }
                    Target::Alias(to) => {
                        let to = Name::new(to.strip_suffix('.').unwrap_or(to)).ok()?;
                        (RData::CNAME(CNAME(to.clone())), to)
                    }
                };
                reply.answers.push(ResourceRecord::new(owner, CLASS::IN, self.ttl, rdata));
                owner = next;
            }
            // RFC 2308 section 2: with nothing to say at the end of the chain goes the SOA.
            let ends = found.records.last().is_some_and(|(_, target)| is_answer(target, question.qtype));
            if !ends {
                reply.name_servers.push(self.soa());
            }
            if !found.exists {
                *reply.rcode_mut() = RCODE::NameError;
            }
        }
        let opt = query.opt().is_some();
        let mut data = reply.build_bytes_vec_compressed().ok()?;
        if data.len() + if opt { OPT_LEN } else { 0 } > limit {
            // RFC 2181 section 9: what does not fit is left out, and said to be.
            reply.set_flags(PacketFlag::TRUNCATION);
            reply.answers.clear();
            reply.name_servers.clear();
            data = reply.build_bytes_vec_compressed().ok()?;
        }
        let rcode = if bad_version { BADVERS } else { reply.rcode() as u16 };
        if opt {
            append_opt(&mut data, rcode);
        }
        Some(Reply { data: data.into(), name: Some(name), address, rcode })
    }

    fn look_up(&self, mut name: Arc<str>, qtype: QTYPE) -> Found {
        let mut records = Vec::new();
        loop {
            let Some(target) = self.zone.get(&name) else {
                return Found { records, exists: self.is_above_a_name(&name) };
            };
            let follow = match target {
                Target::Alias(to) if !is_answer(target, qtype) => Some(key(to)),
                _ => None,
            };
            if follow.is_some() || is_answer(target, qtype) {
                records.push((name, target.clone()));
            }
            match follow {
                Some(next) if records.len() <= MAX_ALIASES => name = next,
                _ => return Found { records, exists: true },
            }
        }
    }

    /// An empty name with others below it exists (RFC 8020 section 3.1).
    fn is_above_a_name(&self, name: &str) -> bool {
        name.is_empty() || self.zone.keys().any(|n| ancestors(n).any(|a| a == name))
    }

    fn soa(&self) -> ResourceRecord<'static> {
        let root = || Name::new_with_labels(&[]);
        let soa = SOA {
            mname: root(),
            rname: root(),
            serial: 1,
            refresh: 3_600,
            retry: 600,
            expire: 86_400,
            minimum: self.ttl,
        };
        ResourceRecord::new(root(), CLASS::IN, self.ttl, RData::SOA(soa))
    }
}

fn is_answer(target: &Target, qtype: QTYPE) -> bool {
    match qtype {
        QTYPE::ANY => true,
        QTYPE::TYPE(TYPE::A) => matches!(target, Target::Address(_)),
        QTYPE::TYPE(TYPE::CNAME) => matches!(target, Target::Alias(_)),
        _ => false,
    }
}

/// A reply of only a header: id, opcode and RD of the query, and a response code.
fn bare(query: &[u8], rcode: RCODE) -> Reply {
    let mut data = vec![0; HEADER_LEN];
    data[..2].copy_from_slice(&query[..2]);
    data[2] = 0x80 | query[2] & 0x79;
    data[3] = rcode as u8 & 0x0f;
    Reply { data: data.into(), name: None, address: None, rcode: rcode as u16 }
}

const OPT_LEN: usize = 11;

/// Adds our OPT as the last record (RFC 6891 section 6.1.2). By hand, since the upper bits of the
/// response code stand in it.
fn append_opt(data: &mut Vec<u8>, rcode: u16) {
    let count = u16::from_be_bytes([data[10], data[11]]) + 1;
    data[10..12].copy_from_slice(&count.to_be_bytes());
    let [size_high, size_low] = EDNS_LIMIT.to_be_bytes();
    data.extend_from_slice(&[0, 0, 41, size_high, size_low, (rcode >> 4) as u8, 0, 0, 0, 0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::Question;

    const WEB: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 80);

    fn server() -> DnsServer {
        let zone = [
            ("AppStore.example".to_string(), Target::Address(WEB)),
            ("www.example".to_string(), Target::Alias("appstore.example.".to_string())),
        ];
        DnsServer::new(zone, 60).unwrap()
    }

    fn query(name: &str, qtype: QTYPE) -> Vec<u8> {
        let mut packet = Packet::new_query(77);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        packet.questions.push(Question::new(Name::new(name).unwrap(), qtype, QCLASS::CLASS(CLASS::IN), false));
        packet.build_bytes_vec().unwrap()
    }

    /// Response code, answers and records of the authority section.
    fn outcome(name: &str, qtype: TYPE) -> (u16, usize, usize) {
        let reply = server().handle(&query(name, QTYPE::TYPE(qtype))).unwrap();
        let packet = parse(&reply.data).unwrap();
        (reply.rcode, packet.answers.len(), packet.name_servers.len())
    }

    #[test]
    fn dnss_01_id_question_and_rd_come_back() {
        let reply = server().handle(&query("APPSTORE.Example", QTYPE::TYPE(TYPE::A))).unwrap();
        let packet = parse(&reply.data).unwrap();
        assert_eq!((packet.id(), packet.rcode(), reply.address), (77, RCODE::NoError, Some(WEB)));
        assert!(packet.has_flags(PacketFlag::RESPONSE | PacketFlag::RECURSION_DESIRED));
        assert_eq!(packet.questions[0].qname.to_string(), "APPSTORE.Example");
        assert_eq!(packet.answers[0].ttl, 60);
    }

    #[test]
    fn dnss_05_no_data_and_no_name_carry_the_soa() {
        assert_eq!(outcome("appstore.example", TYPE::A), (0, 1, 0));
        assert_eq!(outcome("www.example", TYPE::A), (0, 2, 0));
        assert_eq!(outcome("www.example", TYPE::CNAME), (0, 1, 0));
        assert_eq!(outcome("appstore.example", TYPE::AAAA), (0, 0, 1));
        assert_eq!(outcome("www.example", TYPE::AAAA), (0, 1, 1));
        assert_eq!(outcome("example", TYPE::A), (0, 0, 1));
        assert_eq!(outcome("absent.example", TYPE::A), (3, 0, 1));
    }

    #[test]
    fn dnss_03_what_is_no_single_question() {
        let good = query("appstore.example", QTYPE::TYPE(TYPE::A));
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            server().handle(&bytes).map(|r| r.rcode)
        };
        assert_eq!(with(5, 0), Some(1));
        assert_eq!(with(5, 2), Some(1));
        assert_eq!(with(2, 0x10), Some(4));
        assert_eq!(with(2, 0x80), None);
        assert_eq!(server().handle(&good[..11]), None);
        assert_eq!(with(good.len() - 1, 3), Some(5));
        (0..good.len()).for_each(|n| drop(server().handle(&good[..n])));
    }

    #[test]
    fn dnss_04_edns_is_answered_with_edns() {
        let mut bytes = query("appstore.example", QTYPE::TYPE(TYPE::A));
        append_opt(&mut bytes, 0);
        let reply = server().handle(&bytes).unwrap();
        assert_eq!(parse(&reply.data).unwrap().opt().map(|o| o.udp_packet_size), Some(1_232));
        let version = bytes.len() - 5;
        bytes[version] = 1;
        let reply = server().handle(&bytes).unwrap();
        let opt = reply.data.len() - OPT_LEN;
        assert_eq!((reply.rcode, reply.data[3] & 15, reply.data[opt + 5]), (16, 0, 1));
        assert!(parse(&reply.data).unwrap().answers.is_empty());
        bytes[version] = 0;
        bytes[version + 1] = 0x80;
        assert_eq!(server().handle(&bytes).map(|r| r.rcode), Some(0), "DO is no version");
        append_opt(&mut bytes, 0);
        assert_eq!(server().handle(&bytes).map(|r| r.rcode), Some(1));
    }

    #[test]
    fn circles_of_aliases_end() {
        let zone = [("a", "b"), ("b", "a")].map(|(n, t)| (n.to_string(), Target::Alias(t.to_string())));
        let reply = DnsServer::new(zone, 60).unwrap().handle(&query("a", QTYPE::TYPE(TYPE::A))).unwrap();
        assert_eq!(parse(&reply.data).unwrap().answers.len(), MAX_ALIASES + 1);
    }
}

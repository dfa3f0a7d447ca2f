//! An authoritative server for a few names. It stands for the whole name space: what its zone does
//! not list does not exist, and its SOA is the root's. Records are addresses and aliases.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use simple_dns::rdata::{A, CNAME, RData, SOA};
use simple_dns::{CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, RCODE, ResourceRecord, SimpleDnsError, TYPE};
use thiserror::Error;

use super::message::{
    EDNS_LIMIT, HEADER_LEN, MAX_ALIASES, OPT_LEN, ancestors, append_opt, edns_version, is_name, key, key_of, parse,
    skip_name,
};

/// What a name stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// An address.
    Address(Ipv4Addr),
    /// Several addresses, in this order.
    Addresses(Vec<Ipv4Addr>),
    /// Another name (CNAME).
    Alias(String),
}

/// A zone that cannot be served.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum BadZone {
    /// A name or the target of an alias is none.
    #[error("'{0}' is not a domain name")]
    Name(String),
    /// A name stands there twice, since case makes no difference.
    #[error("'{0}' is there twice: names differ by more than case")]
    Twice(String),
}

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
/// Largest reply over a stream (RFC 7766 section 8).
const STREAM_LIMIT: usize = 65_535;
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
    pub fn new(zone: impl IntoIterator<Item = (String, Target)>, ttl: u32) -> Result<Self, BadZone> {
        let check = |name: &str| {
            let good = is_name(&key(name));
            if good { Ok(key(name)) } else { Err(BadZone::Name(name.to_string())) }
        };
        let mut names = BTreeMap::new();
        for (name, target) in zone {
            if let Target::Alias(to) = &target {
                check(to)?;
            }
            if names.insert(check(&name)?, target).is_some() {
                return Err(BadZone::Twice(name));
            }
        }
        Ok(DnsServer { zone: names, ttl })
    }

    /// The reply to a datagram, if it deserves one: never to a reply, nor to what has no header.
    pub fn handle(&self, query: &[u8]) -> Option<Reply> {
        self.reply_to(query, None)
    }

    /// The same for a query that came over a stream: what size of datagram the client takes makes no
    /// difference there.
    pub fn handle_stream(&self, query: &[u8]) -> Option<Reply> {
        self.reply_to(query, Some(STREAM_LIMIT))
    }

    fn reply_to(&self, query: &[u8], limit: Option<usize>) -> Option<Reply> {
        if query.len() < HEADER_LEN || query[2] & 0x80 != 0 {
            return None;
        }
        let packet = match parse(query) {
            Ok(packet) => packet,
            Err(SimpleDnsError::InvalidQType(_)) if query[4..6] == [0, 1] => {
                return self.handle_unknown_type(query, limit);
            }
            Err(SimpleDnsError::InvalidQClass(_)) => return Some(bare(query, RCODE::NotImplemented)),
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
        self.answer(&packet, edns_version(query).unwrap_or(0), limit)
    }

    /// RFC 3597 section 3: a type that is not known is one that no name here has. simple-dns cannot
    /// parse it, so the question is put for NULL, which no name has either.
    fn handle_unknown_type(&self, query: &[u8], limit: Option<usize>) -> Option<Reply> {
        let at = skip_name(query, HEADER_LEN)?;
        let mut known = query.to_vec();
        known.get_mut(at..at + 2)?.copy_from_slice(&[0, 10]);
        let mut reply = self.reply_to(&known, limit)?;
        let mut data = reply.data.to_vec();
        // The question stands in the reply at the same place; a bare reply has none.
        if let Some(qtype) = data.get_mut(at..at + 2) {
            qtype.copy_from_slice(&query[at..at + 2]);
        }
        reply.data = data.into();
        Some(reply)
    }

    fn answer(&self, query: &Packet<'_>, version: u8, limit: Option<usize>) -> Option<Reply> {
        let question = query.questions.first()?;
        let name = key_of(&question.qname);
        let mut reply = Packet::new_reply(query.id());
        reply.questions.push(question.clone());
        reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        if query.has_flags(PacketFlag::RECURSION_DESIRED) {
            reply.set_flags(PacketFlag::RECURSION_DESIRED);
        }
        let datagram = query.opt().map_or(PLAIN_LIMIT, |opt| usize::from(opt.udp_packet_size.clamp(512, EDNS_LIMIT)));
        let limit = limit.unwrap_or(datagram);
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
                let mut push =
                    |rdata| reply.answers.push(ResourceRecord::new(owner.clone(), CLASS::IN, self.ttl, rdata));
                match target {
                    Target::Address(a) => {
                        address = Some(*a);
                        push(RData::A(A::from(*a)));
                    }
                    Target::Addresses(list) => {
                        address = list.first().copied();
                        list.iter().for_each(|a| push(RData::A(A::from(*a))));
                    }
                    Target::Alias(to) => {
                        let to = Name::new(to.strip_suffix('.').unwrap_or(to)).ok()?;
                        push(RData::CNAME(CNAME(to.clone())));
                        owner = to;
                    }
                }
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
        while data.len() + if opt { OPT_LEN } else { 0 } > limit {
            // RFC 2181 section 9: what does not fit is left out, whole sets of records at a time, and
            // said to be.
            reply.set_flags(PacketFlag::TRUNCATION);
            if reply.name_servers.pop().is_none() {
                let last = reply.answers.last()?.name.clone();
                reply.answers.retain(|record| record.name != last);
            }
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
        QTYPE::TYPE(TYPE::A) => matches!(target, Target::Address(_) | Target::Addresses(_)),
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
    fn dnss_02_what_does_not_fit_is_truncated() {
        let long = |n: usize| format!("{}.{}.n{n}", "x".repeat(63), "y".repeat(63));
        let zone = (0..8).map(|n| (long(n), Target::Alias(long(n + 1))));
        let reply = DnsServer::new(zone, 60).unwrap().handle(&query(&long(0), QTYPE::TYPE(TYPE::A))).unwrap();
        let packet = parse(&reply.data).unwrap();
        assert!(packet.has_flags(PacketFlag::TRUNCATION) && reply.data.len() <= 512);
        assert!(!packet.answers.is_empty() && packet.answers.len() < 8, "as many whole aliases as fit");
    }

    #[test]
    fn a_zone_of_bad_names_is_refused() {
        let zone =
            |names: &[&str]| DnsServer::new(names.iter().map(|n| (n.to_string(), Target::Address(WEB))), 60).map(drop);
        assert_eq!(zone(&["a..b"]), Err(BadZone::Name("a..b".to_string())));
        assert_eq!(zone(&["www", "WWW"]), Err(BadZone::Twice("WWW".to_string())));
        assert_eq!(zone(&["www", "ftp"]), Ok(()));
    }

    #[test]
    fn rfc3597_an_unknown_type_is_no_data() {
        let mut bytes = query("appstore.example", QTYPE::TYPE(TYPE::A));
        let at = bytes.len() - 4;
        bytes[at..at + 2].copy_from_slice(&65_280_u16.to_be_bytes());
        let reply = server().handle(&bytes).unwrap();
        assert_eq!((reply.rcode, &reply.data[4..10]), (0, &[0, 1, 0, 0, 0, 1][..]));
        assert_eq!(reply.data[at..at + 2], bytes[at..at + 2]);
    }

    #[test]
    fn circles_of_aliases_end() {
        let zone = [("a", "b"), ("b", "a")].map(|(n, t)| (n.to_string(), Target::Alias(t.to_string())));
        let reply = DnsServer::new(zone, 60).unwrap().handle(&query("a", QTYPE::TYPE(TYPE::A))).unwrap();
        assert_eq!(parse(&reply.data).unwrap().answers.len(), MAX_ALIASES + 1);
    }

    #[test]
    fn dnss_02_forty_addresses_need_edns_or_a_stream() {
        let many = Target::Addresses((0..40).map(|n| Ipv4Addr::new(10, 0, 1, n)).collect());
        let zone = [("many".to_string(), many), ("www".to_string(), Target::Alias("many".to_string()))];
        let server = DnsServer::new(zone, 60).unwrap();
        let asked = query("www", QTYPE::TYPE(TYPE::A));
        let plain = server.handle(&asked).unwrap();
        let packet = parse(&plain.data).unwrap();
        assert!(plain.data.len() <= 512 && packet.has_flags(PacketFlag::TRUNCATION));
        assert_eq!(packet.answers.len(), 1, "the alias is whole, the addresses would not be");
        let mut edns = asked.clone();
        append_opt(&mut edns, 0);
        let reply = server.handle(&edns).unwrap();
        assert!(reply.data.len() > 512 && reply.data.len() <= 1_232);
        assert_eq!(parse(&reply.data).unwrap().answers.len(), 41);
        let stream = server.handle_stream(&asked).unwrap();
        let packet = parse(&stream.data).unwrap();
        assert_eq!((packet.answers.len(), packet.has_flags(PacketFlag::TRUNCATION)), (41, false));
    }

    #[test]
    fn dnsw_08_a_size_below_512_is_512() {
        let name = format!("{}.example", "x".repeat(60));
        let zone = [(name.clone(), Target::Addresses((0..25).map(|n| Ipv4Addr::new(10, 0, 1, n)).collect()))];
        let server = DnsServer::new(zone, 60).unwrap();
        let mut asked = query(&name, QTYPE::TYPE(TYPE::A));
        append_opt(&mut asked, 0);
        let size = asked.len() - 8;
        asked[size..size + 2].copy_from_slice(&100_u16.to_be_bytes());
        let reply = server.handle(&asked).unwrap();
        let whole = !parse(&reply.data).unwrap().has_flags(PacketFlag::TRUNCATION);
        assert!(whole && reply.data.len() > 100 && reply.data.len() <= 512, "{} bytes", reply.data.len());
    }

    #[test]
    fn dnss_06_other_classes_and_any() {
        let mut chaos = query("appstore.example", QTYPE::TYPE(TYPE::A));
        let class = chaos.len() - 1;
        chaos[class] = 3;
        assert_eq!(server().handle(&chaos).map(|r| r.rcode), Some(5));
        let any = server().handle(&query("www.example", QTYPE::ANY)).unwrap();
        assert_eq!(parse(&any.data).unwrap().answers.len(), 1, "one set of records");
    }

    #[test]
    fn dnss_08_an_answer_is_never_answered() {
        let reply = server().handle(&query("appstore.example", QTYPE::TYPE(TYPE::A))).unwrap();
        assert_eq!((server().handle(&reply.data), server().handle_stream(&reply.data)), (None, None));
    }
}

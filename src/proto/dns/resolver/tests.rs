use super::*;
use crate::base::rng::Seed;
use crate::proto::dns::server::{DnsServer, Target};
use simple_dns::ResourceRecord;
use simple_dns::rdata::{A, CNAME, SOA};

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 53);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 54);
const WEB: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 80);

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn resolver(servers: &[Ipv4Addr]) -> Resolver {
    let mut r = Resolver::new(Seed(7).stream("node/phone/dns"));
    r.set_servers(servers.to_vec());
    r
}

enum Say<'a> {
    Address(&'a str, Ipv4Addr, u32),
    Alias(&'a str, &'a str, u32),
    Soa(u32, u32),
}

fn reply(to: &[u8], rcode: RCODE, say: &[Say<'_>]) -> Vec<u8> {
    let query = parse(to).unwrap();
    let mut packet = Packet::new_reply(query.id());
    packet.questions = query.questions.clone();
    *packet.rcode_mut() = rcode;
    for record in say {
        let (name, ttl, rdata) = match record {
            Say::Address(name, a, ttl) => (*name, *ttl, RData::A(A::from(*a))),
            Say::Alias(name, to, ttl) => (*name, *ttl, RData::CNAME(CNAME(Name::new(to).unwrap()))),
            Say::Soa(ttl, minimum) => {
                let root = || Name::new_with_labels(&[]);
                let (mname, rname, minimum) = (root(), root(), *minimum);
                let soa = SOA { mname, rname, serial: 1, refresh: 1, retry: 1, expire: 1, minimum };
                packet.name_servers.push(ResourceRecord::new(root(), CLASS::IN, *ttl, RData::SOA(soa)));
                continue;
            }
        };
        packet.answers.push(ResourceRecord::new(Name::new(name).unwrap(), CLASS::IN, ttl, rdata));
    }
    packet.build_bytes_vec_compressed().unwrap()
}

/// Asks for `name`, answers the one query, and gives the result.
fn exchange(r: &mut Resolver, now: Instant, name: &str, rcode: RCODE, say: &[Say<'_>]) -> Option<Answer> {
    r.resolve(now, name);
    let out = r.poll_transmit().unwrap();
    r.handle_message(now, out.query, out.server, &reply(&out.data, rcode, say));
    r.poll_answer()
}

#[test]
fn dnsr_05_servers_in_turn_with_doubling_rounds() {
    let mut r = resolver(&[A, B]);
    r.resolve(at(0), "www.example");
    let mut sent = Vec::new();
    let mut now = at(0);
    loop {
        sent.extend(std::iter::from_fn(|| r.poll_transmit()).map(|o| (now, o.server, o.again)));
        let Some(due) = r.poll_timeout() else { break };
        now = due;
        r.handle_timeout(now);
    }
    assert_eq!(sent, [(at(0), A, false), (at(2), B, true), (at(4), A, true), (at(8), B, true)]);
    assert_eq!((now, r.poll_answer().unwrap().result), (at(12), Err(ResolveError::NoAnswer)));
}

#[test]
fn dnsr_02_forgeries_are_ignored() {
    let mut r = resolver(&[A]);
    r.resolve(at(0), "www.example");
    let out = r.poll_transmit().unwrap();
    let good = reply(&out.data, RCODE::NoError, &[Say::Address("www.example", WEB, 60)]);
    let with = |at: usize, flip: u8| {
        let mut bytes = good.clone();
        bytes[at] ^= flip;
        bytes
    };
    r.handle_message(at(1), out.query, B, &good);
    // Id, QR, opcode, a letter of the name, type, class.
    for (at_byte, flip) in [(0, 1), (2, 0x80), (2, 0x08), (13, 1), (26, 4), (28, 2)] {
        r.handle_message(at(1), out.query, A, &with(at_byte, flip));
    }
    assert_eq!(r.poll_answer(), None);
    r.handle_message(at(1), out.query, A, &with(13, 0x20));
    assert_eq!(r.poll_answer().unwrap().result, Ok(WEB));
}

#[test]
fn dnsr_04_equal_questions_join() {
    let mut r = resolver(&[A]);
    (0..100).for_each(|_| r.resolve(at(0), "www.example"));
    r.resolve(at(0), "WWW.example");
    let sent: Vec<Outgoing> = std::iter::from_fn(|| r.poll_transmit()).collect();
    assert_eq!(sent.len(), 1);
    let good = reply(&sent[0].data, RCODE::NoError, &[Say::Address("www.example", WEB, 60)]);
    r.handle_message(at(1), sent[0].query, A, &good);
    let names: Vec<Arc<str>> = std::iter::from_fn(|| r.poll_answer()).map(|a| a.name).collect();
    assert_eq!(names, ["www.example".into(), "WWW.example".into()]);
}

#[test]
fn dnsr_09_aliases_are_followed_up_to_16() {
    let mut r = resolver(&[A]);
    let chain = [Say::Alias("a", "b", 60), Say::Alias("b", "c", 60), Say::Address("c", WEB, 60)];
    assert_eq!(exchange(&mut r, at(0), "a", RCODE::NoError, &chain).unwrap().result, Ok(WEB));
    let circle = [Say::Alias("x", "y", 60), Say::Alias("y", "x", 60)];
    let answer = exchange(&mut r, at(0), "x", RCODE::NoError, &circle).unwrap();
    assert_eq!(answer.result, Err(ResolveError::AliasLoop));
    for (links, expected) in [(16, Ok(WEB)), (17, Err(ResolveError::AliasLoop))] {
        let mut r = resolver(&[A]);
        let names: Vec<String> = (0..=links).map(|n| format!("n{n}")).collect();
        let mut say: Vec<Say<'_>> = names.windows(2).map(|w| Say::Alias(&w[0], &w[1], 60)).collect();
        say.push(Say::Address(&names[links], WEB, 60));
        assert_eq!(exchange(&mut r, at(0), "n0", RCODE::NoError, &say).unwrap().result, expected);
    }
}

#[test]
fn dnsr_09_a_chain_that_leaves_the_answer_is_asked_for() {
    let mut r = resolver(&[A]);
    assert_eq!(exchange(&mut r, at(0), "a", RCODE::NoError, &[Say::Alias("a", "b", 60)]), None);
    let out = r.poll_transmit().unwrap();
    assert_eq!((&*out.name, out.again), ("b", false));
    r.handle_message(at(1), out.query, A, &reply(&out.data, RCODE::NoError, &[Say::Address("b", WEB, 60)]));
    let answer = r.poll_answer().unwrap();
    assert_eq!((&*answer.name, answer.result), ("a", Ok(WEB)));
}

#[test]
fn dnsr_10_strangers_in_an_answer_are_not_believed() {
    let mut r = resolver(&[A]);
    let say = [Say::Address("www", WEB, 60), Say::Address("bank", Ipv4Addr::new(6, 6, 6, 6), 60)];
    exchange(&mut r, at(0), "www", RCODE::NoError, &say);
    assert_eq!(r.cache.get(at(0), "bank"), None);
}

#[test]
fn dnsr_11_a_failing_server_leads_to_the_next_and_is_remembered() {
    let mut r = resolver(&[A, B]);
    r.resolve(at(0), "www");
    for server in [A, B, A, B] {
        let out = r.poll_transmit().unwrap();
        assert_eq!(out.server, server);
        r.handle_message(at(0), out.query, server, &reply(&out.data, RCODE::ServerFailure, &[]));
    }
    assert_eq!(r.poll_answer().unwrap().result, Err(ResolveError::NoAnswer));
    r.resolve(at(4), "www");
    assert_eq!((r.poll_transmit(), r.poll_answer().unwrap().query), (None, None));
    r.resolve(at(5), "www");
    assert!(r.poll_transmit().is_some());
}

#[test]
fn dnsc_04_the_lowest_ttl_of_a_set_counts() {
    let mut r = resolver(&[A]);
    let say = [900, 60, 300].map(|ttl| Say::Address("www", WEB, ttl));
    exchange(&mut r, at(0), "www", RCODE::NoError, &say);
    assert_eq!(r.cache.ttl(at(0), "www"), Some(60));
}

#[test]
fn dnsc_05_each_link_has_its_own_ttl() {
    let mut r = resolver(&[A]);
    exchange(&mut r, at(0), "a", RCODE::NoError, &[Say::Alias("a", "b", 30), Say::Address("b", WEB, 300)]);
    assert_eq!((r.cache.ttl(at(20), "a"), r.cache.ttl(at(20), "b")), (Some(10), Some(280)));
    let answer = exchange(&mut r, at(40), "a", RCODE::NoError, &[Say::Alias("a", "b", 30)]).unwrap();
    assert_eq!((answer.result, r.poll_transmit()), (Ok(WEB), None));
}

#[test]
fn dnsc_06_07_denials_are_kept_for_as_long_as_the_soa_says() {
    for (rcode, fact) in [(RCODE::NameError, Fact::NoName), (RCODE::NoError, Fact::NoData)] {
        for (soa, kept) in [(Some((7_200, 600)), Some(600)), (Some((60, 600)), Some(60)), (None, None)] {
            let mut r = resolver(&[A]);
            let say: Vec<Say<'_>> = soa.into_iter().map(|(ttl, minimum)| Say::Soa(ttl, minimum)).collect();
            let answer = exchange(&mut r, at(0), "none", rcode, &say).unwrap();
            assert!(answer.result.is_err());
            assert_eq!(r.cache.ttl(at(0), "none"), kept);
            assert_eq!(r.cache.get(at(0), "none"), kept.map(|_| &fact));
        }
    }
}

#[test]
fn dnsc_09_a_denial_after_an_alias_is_of_the_last_name() {
    let mut r = resolver(&[A]);
    exchange(&mut r, at(0), "a", RCODE::NameError, &[Say::Alias("a", "b", 60), Say::Soa(60, 60)]);
    assert_eq!(r.cache.get(at(0), "b"), Some(&Fact::NoName));
    assert_eq!(r.cache.get(at(0), "a"), Some(&Fact::Alias("b".into())));
}

#[test]
fn bad_names_and_missing_servers_are_answers() {
    let mut r = resolver(&[]);
    r.resolve(at(0), "a..b");
    r.resolve(at(0), "www");
    let results = [r.poll_answer().unwrap().result, r.poll_answer().unwrap().result];
    assert_eq!(results, [Err(ResolveError::BadName), Err(ResolveError::NoServer)]);
}

#[test]
fn damaged_messages_never_panic() {
    let mut rng = Seed(7).stream("damage");
    let zone = [("www.example".to_string(), Target::Address(WEB))];
    let server = DnsServer::new(zone, 60).unwrap();
    for _ in 0..5_000 {
        let mut r = resolver(&[A]);
        r.resolve(at(0), "www.example");
        let out = r.poll_transmit().unwrap();
        let mut query = out.data.to_vec();
        let say = [Say::Alias("www.example", "b.example", 60), Say::Address("b.example", WEB, 60)];
        let mut answer = reply(&query, RCODE::NoError, &say);
        for bytes in [&mut query, &mut answer] {
            for _ in 0..1 + rng.below(3) {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes[at] = rng.next_u32() as u8;
            }
        }
        server.handle(&query);
        r.handle_message(at(0), out.query, A, &answer);
    }
}

#[test]
fn dnsr_01_ids_are_uniform() {
    let mut bins = [[0_i64; 256]; 2];
    let (mut before, mut steps) = (0_u16, 0);
    for n in 0..10_000 {
        let mut r = Resolver::new(Seed(n).stream("node/phone/dns"));
        r.set_servers(vec![A]);
        r.resolve(at(0), "www.example");
        let data = r.poll_transmit().unwrap().data;
        let id = u16::from_be_bytes([data[0], data[1]]);
        bins[0][usize::from(data[0])] += 1;
        bins[1][usize::from(data[1])] += 1;
        steps += u32::from(id.wrapping_sub(before) <= 1);
        before = id;
    }
    for bins in bins {
        // Sum of (n - e)^2 / e with e = 10000 / 256; 330.5 is exceeded once in a thousand.
        let chi2 = bins.iter().map(|n| (n * 256 - 10_000) * (n * 256 - 10_000)).sum::<i64>() / (256 * 10_000);
        assert!(chi2 < 330, "{chi2}");
    }
    assert!(steps <= 3, "neither constant nor counting: {steps}");
}

#[test]
fn dnsr_06_what_is_truncated_is_asked_for_over_a_stream_and_not_kept() {
    let mut r = resolver(&[A, B]);
    r.resolve(at(0), "www.example");
    let out = r.poll_transmit().unwrap();
    let half = Ipv4Addr::new(6, 6, 6, 6);
    let mut truncated = reply(&out.data, RCODE::NoError, &[Say::Address("www.example", half, 60)]);
    truncated[2] |= 0x02;
    r.handle_message(at(1), out.query, A, &truncated);
    assert_eq!((r.poll_answer(), r.cache.get(at(1), "www.example")), (None, None));
    let again = r.poll_transmit().unwrap();
    assert_eq!((again.server, again.via, again.query), (A, Via::Stream, out.query));
    r.handle_message(at(1), again.query, A, &truncated);
    assert_eq!(r.poll_transmit(), None, "a datagram is no answer any more");
    let whole = reply(&again.data, RCODE::NoError, &[Say::Address("www.example", WEB, 60)]);
    r.handle_stream(at(2), again.query, &whole);
    assert_eq!(r.poll_answer().unwrap().result, Ok(WEB));
}

#[test]
fn dnsr_08_edns_is_tried_once_for_each_server() {
    for rcode in [RCODE::FormatError, RCODE::NotImplemented] {
        let mut r = resolver(&[A]);
        r.resolve(at(0), "one");
        let first = r.poll_transmit().unwrap();
        assert_eq!(parse(&first.data).unwrap().opt().map(|o| o.udp_packet_size), Some(1_232));
        // An old server gives nothing back but the header.
        let mut bare = first.data[..12].to_vec();
        bare[2..12].copy_from_slice(&[0x80, rcode as u8, 0, 0, 0, 0, 0, 0, 0, 0]);
        r.handle_message(at(0), first.query, A, &bare);
        let second = r.poll_transmit().unwrap();
        assert!(parse(&second.data).unwrap().opt().is_none());
        r.handle_message(at(0), second.query, A, &reply(&second.data, RCODE::NoError, &[Say::Address("one", WEB, 60)]));
        assert_eq!(r.poll_answer().unwrap().result, Ok(WEB));
        r.resolve(at(1), "two");
        let next = r.poll_transmit().unwrap();
        assert!(parse(&next.data).unwrap().opt().is_none(), "it is remembered");
        r.handle_message(at(1), next.query, A, &reply(&next.data, rcode, &[]));
        assert!(r.poll_transmit().is_some_and(|o| o.again), "a plain query that is refused is tried elsewhere");
    }
}

#[test]
fn dnsr_13_a_refused_port_leads_to_the_next_server_at_once() {
    let mut r = resolver(&[A, B]);
    r.resolve(at(0), "www");
    let out = r.poll_transmit().unwrap();
    r.handle_failure(at(0), out.query, B);
    assert_eq!(r.poll_transmit(), None, "nobody asked B yet");
    r.handle_failure(at(0), out.query, A);
    let next = r.poll_transmit().unwrap();
    assert_eq!((next.server, next.again, r.poll_timeout()), (B, true, Some(at(2))));
}

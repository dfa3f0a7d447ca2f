use super::*;
use std::collections::BTreeSet;

use crate::base::rng::Seed;
use crate::proto::dhcp::client::{ClientEvent, DhcpClient};
use crate::proto::dhcp::message::Hardware;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// A server of 10.0.0.10 and the next ones, with leases of an hour.
fn server(addresses: u8) -> DhcpServer {
    DhcpServer::new(config(addresses))
}

fn config(addresses: u8) -> ServerConfig {
    let subnet = Subnet {
        gateway: SERVER,
        prefix_len: 24,
        pool: (ip(10), ip(9 + addresses)),
        router: Some(ip(1)),
        dns: vec![ip(3), ip(4)],
    };
    ServerConfig::new(SERVER, subnet, Duration::from_secs(3_600))
}

fn from(client: u8, kind: MessageType) -> DhcpMessage {
    let mut m = DhcpMessage::request(kind, u32::from(client), Hardware::ethernet([2, 0, 0, 0, 0, client]));
    m.broadcast = true;
    m
}

fn selecting(client: u8, server: Ipv4Addr, address: Ipv4Addr) -> DhcpMessage {
    let mut m = from(client, MessageType::Request);
    m.push_address(code::SERVER_ID, server);
    m.push_address(code::REQUESTED_ADDRESS, address);
    m
}

fn rebooting(client: u8, address: Ipv4Addr) -> DhcpMessage {
    let mut m = from(client, MessageType::Request);
    m.push_address(code::REQUESTED_ADDRESS, address);
    m
}

fn with_ciaddr(client: u8, kind: MessageType, address: Ipv4Addr) -> DhcpMessage {
    let mut m = from(client, kind);
    m.ciaddr = address;
    m
}

fn offered(server: &mut DhcpServer, now: Instant, client: u8) -> Option<Ipv4Addr> {
    server.handle_message(now, &from(client, MessageType::Discover)).map(|(offer, _)| offer.yiaddr)
}

fn kind(answer: Option<(DhcpMessage, Destination)>) -> Option<MessageType> {
    answer.map(|(m, _)| m.kind)
}

fn bind(server: &mut DhcpServer, now: Instant, client: u8) -> Ipv4Addr {
    let address = offered(server, now, client).unwrap();
    let answer = server.handle_message(now, &selecting(client, SERVER, address));
    assert_eq!(kind(answer), Some(MessageType::Ack));
    address
}

#[test]
fn dhcps_02_choice_of_address() {
    let mut s = server(3);
    assert_eq!(bind(&mut s, at(0), 1), ip(10));
    s.handle_message(at(1), &with_ciaddr(1, MessageType::Release, ip(10)));
    assert_eq!(bind(&mut s, at(2), 2), ip(11));
    assert_eq!(bind(&mut s, at(3), 1), ip(10));
    let mut wish = from(3, MessageType::Discover);
    wish.push_address(code::REQUESTED_ADDRESS, ip(12));
    assert_eq!(s.handle_message(at(4), &wish).unwrap().0.yiaddr, ip(12));
}

#[test]
fn dhcps_03_an_offer_is_held_for_60_s() {
    let mut s = server(1);
    assert_eq!(offered(&mut s, at(0), 1), Some(ip(10)));
    assert_eq!(offered(&mut s, at(1), 2), None);
    assert_eq!(offered(&mut s, at(61), 2), Some(ip(10)));
}

#[test]
fn dhcps_04_a_request_to_another_server_frees_the_offer() {
    let mut s = server(1);
    offered(&mut s, at(0), 1);
    assert_eq!(kind(s.handle_message(at(1), &selecting(1, ip(99), ip(10)))), None);
    assert_eq!(offered(&mut s, at(1), 2), Some(ip(10)));
}

#[test]
fn dhcps_05_another_address_than_offered_is_refused() {
    let mut s = server(3);
    offered(&mut s, at(0), 1);
    let (nak, to) = s.handle_message(at(0), &selecting(1, SERVER, ip(12))).unwrap();
    assert_eq!((nak.kind, to, nak.yiaddr), (MessageType::Nak, Destination::Broadcast, Ipv4Addr::UNSPECIFIED));
    assert_eq!(nak.codes().collect::<Vec<_>>(), [code::SERVER_ID]);
}

#[test]
fn dhcps_06_init_reboot() {
    let mut s = server(3);
    bind(&mut s, at(0), 1);
    assert_eq!(kind(s.handle_message(at(9), &rebooting(1, ip(10)))), Some(MessageType::Ack));
    assert_eq!(kind(s.handle_message(at(9), &rebooting(1, ip(11)))), Some(MessageType::Nak));
    assert_eq!(kind(s.handle_message(at(9), &rebooting(1, Ipv4Addr::new(192, 168, 0, 1)))), Some(MessageType::Nak));
    assert_eq!(kind(s.handle_message(at(9), &rebooting(2, ip(12)))), None);
}

#[test]
fn dhcps_07_a_renewal_extends_from_now() {
    let mut s = server(1);
    bind(&mut s, at(0), 1);
    let (ack, to) = s.handle_message(at(1_800), &with_ciaddr(1, MessageType::Request, ip(10))).unwrap();
    assert_eq!((ack.kind, ack.yiaddr, to), (MessageType::Ack, ip(10), Destination::Unicast(ip(10))));
    assert_eq!((offered(&mut s, at(5_399), 2), offered(&mut s, at(5_400), 2)), (None, Some(ip(10))));
}

#[test]
fn dhcps_08_a_declined_address_rests_for_a_day() {
    let mut s = server(2);
    bind(&mut s, at(0), 1);
    let mut decline = selecting(1, SERVER, ip(10));
    decline.kind = MessageType::Decline;
    assert_eq!(kind(s.handle_message(at(1), &decline)), None);
    assert_eq!(bind(&mut s, at(2), 1), ip(11));
    assert_eq!((offered(&mut s, at(3), 2), offered(&mut s, at(3_000), 2)), (None, None));
    s.handle_message(at(86_000), &with_ciaddr(1, MessageType::Request, ip(11)));
    assert_eq!((offered(&mut s, at(86_400), 2), offered(&mut s, at(86_401), 2)), (None, Some(ip(10))));
}

#[test]
fn dhcps_09_only_its_owner_releases_an_address() {
    let mut s = server(1);
    bind(&mut s, at(0), 1);
    s.handle_message(at(1), &with_ciaddr(2, MessageType::Release, ip(10)));
    assert_eq!(offered(&mut s, at(1), 2), None);
    s.handle_message(at(2), &with_ciaddr(1, MessageType::Release, ip(10)));
    assert_eq!(offered(&mut s, at(2), 2), Some(ip(10)));
}

#[test]
fn dhcps_10_an_inform_gets_settings_and_no_lease() {
    let mut s = server(1);
    let (ack, to) = s.handle_message(at(0), &with_ciaddr(1, MessageType::Inform, ip(77))).unwrap();
    assert_eq!((ack.yiaddr, to), (Ipv4Addr::UNSPECIFIED, Destination::Unicast(ip(77))));
    assert_eq!(ack.codes().collect::<Vec<_>>(), [code::SERVER_ID, code::SUBNET_MASK, code::ROUTER, code::DNS]);
}

#[test]
fn dhcps_11_where_replies_go() {
    let (relay, unset) = (ip(1), Ipv4Addr::UNSPECIFIED);
    let to = |kind, giaddr, ciaddr, broadcast| {
        let mut m = with_ciaddr(1, MessageType::Request, ciaddr);
        (m.giaddr, m.broadcast) = (giaddr, broadcast);
        let mut reply = DhcpMessage::reply(kind, &m);
        reply.yiaddr = ip(10);
        destination(&m, &reply)
    };
    assert_eq!(to(MessageType::Ack, relay, ip(9), true), Destination::Relay(relay));
    assert_eq!(to(MessageType::Ack, unset, ip(9), true), Destination::Unicast(ip(9)));
    assert_eq!(to(MessageType::Ack, unset, unset, true), Destination::Broadcast);
    assert_eq!(to(MessageType::Ack, unset, unset, false), Destination::OnLink(ip(10)));
    assert_eq!(to(MessageType::Nak, unset, ip(9), false), Destination::Broadcast);
    assert_eq!(to(MessageType::Nak, relay, ip(9), false), Destination::Relay(relay));
}

#[test]
fn dhcps_13_the_lease_asked_for_is_bounded() {
    let mut s = server(9);
    for (asked, granted) in [(86_400, 3_600), (600, 600), (1, 60)] {
        let mut m = from(1, MessageType::Discover);
        m.push_seconds(code::LEASE_TIME, asked);
        let (offer, _) = s.handle_message(at(0), &m).unwrap();
        assert_eq!(offer.u32_option(code::LEASE_TIME), Some(granted));
    }
}

#[test]
fn dhcps_14_an_address_is_free_at_its_expiry_and_not_before() {
    let mut s = server(1);
    bind(&mut s, at(0), 1);
    let just_before = Instant::from_nanos(3_599_999_000_000);
    assert_eq!(offered(&mut s, just_before, 2), None);
    assert_eq!(offered(&mut s, at(3_600), 2), Some(ip(10)));
}

#[test]
fn dhcps_15_an_exhausted_pool_is_silent_and_says_so() {
    let mut s = server(3);
    let given = [1, 2, 3].map(|client| bind(&mut s, at(0), client));
    assert_eq!(given, [ip(10), ip(11), ip(12)]);
    while s.poll_event().is_some() {}
    assert_eq!(offered(&mut s, at(1), 4), None);
    assert_eq!(s.poll_event().map(|e| e.change), Some(LeaseChange::Exhausted));
}

#[test]
fn dhcps_16_repeats_change_nothing() {
    let mut s = server(3);
    let discover = from(1, MessageType::Discover);
    let first = s.handle_message(at(0), &discover);
    assert_eq!(s.handle_message(at(0), &discover), first);
    let request = selecting(1, SERVER, ip(10));
    let first = s.handle_message(at(0), &request);
    assert_eq!(s.handle_message(at(0), &request), first);
    assert_eq!((s.slots.len(), s.clients.len()), (1, 1));
}

#[test]
fn dhcps_17_18_options_come_as_asked_and_the_client_id_comes_back() {
    let mut s = server(1);
    let mut m = from(1, MessageType::Discover);
    m.push_option(code::CLIENT_ID, &[1, 2, 3]);
    m.push_option(code::PARAMETERS, &[code::ROUTER, code::DNS, 15, code::SUBNET_MASK]);
    let (offer, _) = s.handle_message(at(0), &m).unwrap();
    let codes = [54, 51, 58, 59, 1, 3, 6, 61];
    assert_eq!(offer.codes().collect::<Vec<_>>(), codes);
    assert_eq!(offer.addresses_option(code::DNS), [ip(3), ip(4)]);
    assert_eq!(offer.address_option(code::SUBNET_MASK), Some(Ipv4Addr::new(255, 255, 255, 0)));
}

#[test]
fn dhcps_22_a_flood_evicts_nobody_and_takes_bounded_memory() {
    let mut s = server(20);
    let mine = bind(&mut s, at(0), 1);
    for n in 0..100_000_u32 {
        let mut m = from(0, MessageType::Discover);
        let [a, b, c, d] = n.to_be_bytes();
        m.chaddr = Hardware::ethernet([6, 0, a, b, c, d]);
        s.handle_message(at(u64::from(n) / 100), &m);
        while s.poll_event().is_some() {}
    }
    assert_eq!(offered(&mut s, at(1_000), 1), Some(mine));
    assert!(s.slots.len() <= 20 && s.clients.len() <= 20);
}

#[test]
fn dhcps_21_no_two_clients_ever_hold_one_address() {
    let mut s = server(5);
    let mut rng = Seed(7).stream("events");
    let mut held: BTreeMap<u8, (Ipv4Addr, Instant)> = BTreeMap::new();
    let mut now = at(0);
    for _ in 0..10_000 {
        now += Duration::from_secs(rng.below(400));
        let client = rng.below(8) as u8;
        let own = held.get(&client).map_or(ip(10 + rng.below(6) as u8), |(address, _)| *address);
        let message = match rng.below(6) {
            0 | 1 => from(client, MessageType::Discover),
            2 => selecting(client, SERVER, own),
            3 => rebooting(client, own),
            4 => with_ciaddr(client, MessageType::Request, own),
            _ => {
                held.remove(&client);
                with_ciaddr(client, MessageType::Release, own)
            }
        };
        match s.handle_message(now, &message) {
            Some((m, _)) if m.kind == MessageType::Ack => {
                held.insert(client, (m.yiaddr, now + s.config.lease));
            }
            Some((m, _)) if m.kind == MessageType::Offer && held.get(&client).is_none_or(|(_, end)| *end <= now) => {
                let taken = held.iter().any(|(c, (a, end))| *c != client && *a == m.yiaddr && now < *end);
                assert!(!taken, "{} offered at {now} is taken", m.yiaddr);
                s.handle_message(now, &selecting(client, SERVER, m.yiaddr));
                held.insert(client, (m.yiaddr, now + s.config.lease));
            }
            _ => {}
        }
        let live: Vec<Ipv4Addr> = held.values().filter(|(_, end)| now < *end).map(|(a, _)| *a).collect();
        assert_eq!(live.iter().collect::<BTreeSet<_>>().len(), live.len(), "at {now}: {held:?}");
    }
}

#[test]
fn a_client_gets_an_address_and_keeps_it() {
    let mut s = server(1);
    let mut client = DhcpClient::new(Hardware::ethernet([2; 6]), Seed(7).stream("node/phone/dhcp"));
    client.start(at(0));
    let (mut now, mut events) = (at(0), Vec::new());
    while now < at(7_000) {
        while let Some((m, _)) = client.poll_transmit() {
            let heard = DhcpMessage::decode(&m.encode()).unwrap();
            let answer = s.handle_message(now, &heard).map(|(reply, _)| DhcpMessage::decode(&reply.encode()).unwrap());
            answer.iter().for_each(|reply| client.handle_message(now, reply));
        }
        events.extend(std::iter::from_fn(|| client.poll_event()));
        now = client.poll_timeout().unwrap();
        client.handle_timeout(now);
    }
    let info = client.lease().unwrap();
    assert_eq!((info.address, info.prefix_len, info.router, info.server), (ip(10), 24, Some(ip(1)), SERVER));
    assert_eq!((info.dns.as_slice(), info.lease), (&[ip(3), ip(4)][..], Some(Duration::from_secs(3_600))));
    assert_eq!(events.iter().filter(|e| matches!(e, ClientEvent::Bound(_))).count(), 1);
    assert_eq!(events.iter().filter(|e| matches!(e, ClientEvent::Renewed(_))).count(), 3);
}

#[test]
fn dhcps_23_damaged_messages_never_panic() {
    let good = selecting(1, SERVER, ip(10)).encode();
    let mut rng = Seed(7).stream("damage");
    let mut s = server(3);
    for _ in 0..5_000 {
        let mut bytes = good.to_vec();
        for _ in 0..1 + rng.below(4) {
            let at = if rng.below(2) == 0 { rng.below(300) } else { 240 + rng.below(20) };
            bytes[at as usize] = rng.next_u32() as u8;
        }
        if let Ok(m) = DhcpMessage::decode(&bytes) {
            assert_eq!(DhcpMessage::decode(&m.encode()).as_ref(), Ok(&m));
            s.handle_message(at(0), &m);
        }
    }
}

mod features;

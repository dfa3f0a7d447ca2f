//! Relays, reservations, rapid commit, sizes, and the lease file.

use super::*;
use crate::base::wall::WallClock;

#[test]
fn dhcps_01_a_client_identifier_is_the_key_else_the_hardware_address() {
    let mut s = server(3);
    let discover = |mac: u8, id: Option<&[u8]>| {
        let mut m = from(mac, MessageType::Discover);
        id.iter().for_each(|id| m.push_option(code::CLIENT_ID, id));
        m
    };
    let mut offer = |m: DhcpMessage| s.handle_message(at(0), &m).unwrap().0.yiaddr;
    assert_eq!(offer(discover(1, Some(&[9, 9]))), ip(10));
    assert_eq!(offer(discover(2, Some(&[9, 9]))), ip(10), "the same identifier on a new card");
    assert_eq!(offer(discover(1, None)), ip(11), "the same card without it is somebody else");
    assert_eq!(offer(discover(1, None)), ip(11));
}

#[test]
fn dhcps_07_rebinding_is_served_and_strangers_are_not() {
    let mut s = server(3);
    bind(&mut s, at(0), 1);
    // REBINDING is the same message by broadcast.
    let mut rebinding = with_ciaddr(1, MessageType::Request, ip(10));
    rebinding.broadcast = false;
    let (ack, to) = s.handle_message(at(3_150), &rebinding).unwrap();
    assert_eq!((ack.kind, to, ack.ciaddr), (MessageType::Ack, Destination::Unicast(ip(10)), ip(10)));
    assert_eq!(ack.u32_option(code::LEASE_TIME), Some(3_600));
    assert_eq!(kind(s.handle_message(at(3_150), &with_ciaddr(2, MessageType::Request, ip(12)))), None);
    let elsewhere = Ipv4Addr::new(172, 16, 0, 9);
    assert_eq!(
        kind(s.handle_message(at(3_150), &with_ciaddr(2, MessageType::Request, elsewhere))),
        Some(MessageType::Nak)
    );
    assert_eq!(
        kind(s.handle_message(at(3_150), &with_ciaddr(2, MessageType::Request, ip(10)))),
        Some(MessageType::Nak)
    );
}

#[test]
fn dhcps_09_a_forged_release_has_no_effect() {
    let mut s = server(1);
    let mut discover = from(1, MessageType::Discover);
    discover.push_option(code::CLIENT_ID, &[1]);
    let mut request = selecting(1, SERVER, s.handle_message(at(0), &discover).unwrap().0.yiaddr);
    request.push_option(code::CLIENT_ID, &[1]);
    s.handle_message(at(0), &request);
    for id in [None, Some(&[2_u8])] {
        let mut release = with_ciaddr(1, MessageType::Release, ip(10));
        id.iter().for_each(|id| release.push_option(code::CLIENT_ID, *id));
        s.handle_message(at(1), &release);
        assert_eq!(offered(&mut s, at(1), 2), None, "{id:?}");
    }
}

fn two_networks() -> DhcpServer {
    let mut config = config(3);
    config.subnets.push(Subnet {
        gateway: Ipv4Addr::new(10, 9, 0, 1),
        prefix_len: 16,
        pool: (Ipv4Addr::new(10, 9, 0, 50), Ipv4Addr::new(10, 9, 0, 51)),
        router: Some(Ipv4Addr::new(10, 9, 0, 1)),
        dns: vec![ip(3)],
    });
    DhcpServer::new(config)
}

#[test]
fn dhcps_12_a_relay_gets_its_own_pool_and_its_option_back() {
    let (mut s, relay) = (two_networks(), Ipv4Addr::new(10, 9, 0, 1));
    let relayed = |mut m: DhcpMessage| {
        m.giaddr = relay;
        m.push_option(code::RELAY_INFO, &[1, 2, 7, 7]);
        m.push_option(code::CLIENT_ID, &[5]);
        m
    };
    let far = Ipv4Addr::new(10, 9, 0, 50);
    let (offer, to) = s.handle_message(at(0), &relayed(from(1, MessageType::Discover))).unwrap();
    assert_eq!((offer.yiaddr, offer.giaddr, to), (far, relay, Destination::Relay(relay)));
    assert_eq!(offer.address_option(code::SUBNET_MASK), Some(Ipv4Addr::new(255, 255, 0, 0)));
    assert_eq!(offer.address_option(code::ROUTER), Some(relay));
    assert_eq!(
        (offer.codes().last(), offer.option(code::RELAY_INFO)),
        (Some(code::RELAY_INFO), Some(&[1, 2, 7, 7][..]))
    );
    assert_eq!(offered(&mut s, at(0), 1), Some(ip(10)), "the server's own network has its own pool");

    let (ack, _) = s.handle_message(at(1), &relayed(selecting(1, SERVER, far))).unwrap();
    assert_eq!((ack.kind, ack.yiaddr), (MessageType::Ack, far));
    // RENEWING goes past the relay, straight to the server.
    let mut renewal = with_ciaddr(1, MessageType::Request, far);
    renewal.push_option(code::CLIENT_ID, &[5]);
    let (ack, to) = s.handle_message(at(1_800), &renewal).unwrap();
    assert_eq!((ack.kind, ack.yiaddr, to), (MessageType::Ack, far, Destination::Unicast(far)));
    // A client that moved behind the relay asks for the address that it had at home.
    let (nak, to) = s.handle_message(at(9), &relayed(rebooting(2, ip(12)))).unwrap();
    assert_eq!((nak.kind, to, nak.broadcast), (MessageType::Nak, Destination::Relay(relay), true));
    assert_eq!(nak.codes().collect::<Vec<_>>(), [code::SERVER_ID, code::CLIENT_ID, code::RELAY_INFO]);
    let mut stranger = from(3, MessageType::Discover);
    stranger.giaddr = Ipv4Addr::new(172, 16, 0, 1);
    assert_eq!(s.handle_message(at(9), &stranger), None);
}

#[test]
fn dhcps_13_bounds_and_default_are_three_numbers() {
    let seconds = Duration::from_secs;
    let mut config = config(9);
    (config.lease, config.lease_bounds) = (seconds(600), (seconds(60), seconds(7_200)));
    let mut s = DhcpServer::new(config);
    for (asked, granted) in [(None, 600), (Some(86_400), 7_200), (Some(1), 60), (Some(u32::MAX), 7_200)] {
        let mut m = from(1, MessageType::Discover);
        asked.iter().for_each(|secs| m.push_seconds(code::LEASE_TIME, *secs));
        let (offer, _) = s.handle_message(at(0), &m).unwrap();
        assert_eq!(offer.u32_option(code::LEASE_TIME), Some(granted), "{asked:?}");
        assert_eq!(offer.u32_option(code::RENEWAL_TIME), Some(granted / 2));
    }
}

#[test]
fn dhcps_17_a_reply_is_no_larger_than_the_client_takes() {
    let mut config = config(3);
    config.subnets[0].dns = (0..100).map(|n| Ipv4Addr::new(10, 1, 0, n)).collect();
    config.domain = Some("example.org".to_owned());
    let mut s = DhcpServer::new(config);
    let mut m = from(1, MessageType::Discover);
    m.push_option(code::PARAMETERS, &[code::ROUTER, code::DOMAIN_NAME, code::DNS, code::SUBNET_MASK]);
    let (offer, _) = s.handle_message(at(0), &m).unwrap();
    assert!(offer.encode().len() <= 576 - 28);
    assert_eq!(offer.codes().collect::<Vec<_>>(), [54, 51, 58, 59, 1, 3, 15], "what was wanted least is left out");
    m.push_option(code::MAX_SIZE, &1_500_u16.to_be_bytes());
    let (offer, _) = s.handle_message(at(0), &m).unwrap();
    assert_eq!(offer.addresses_option(code::DNS).len(), 100);
    m.remove_option(code::MAX_SIZE);
    m.push_option(code::MAX_SIZE, &100_u16.to_be_bytes());
    let (offer, _) = s.handle_message(at(0), &m).unwrap();
    assert_eq!(offer.option(code::DOMAIN_NAME), Some(&b"example.org"[..]), "576 bytes are the least");
}

#[test]
fn dhcps_18_every_reply_carries_the_client_id_back() {
    let mut s = server(1);
    let with_id = |mut m: DhcpMessage| {
        m.push_option(code::CLIENT_ID, &[0, 1, 2]);
        m
    };
    for m in [from(1, MessageType::Discover), selecting(1, SERVER, ip(10)), selecting(1, SERVER, ip(12))] {
        let (reply, _) = s.handle_message(at(0), &with_id(m)).unwrap();
        assert_eq!(reply.option(code::CLIENT_ID), Some(&[0, 1, 2][..]), "{:?}", reply.kind);
    }
}

#[test]
fn dhcps_19_rapid_commit_where_enabled_and_asked_for() {
    let mut wish = from(1, MessageType::Discover);
    wish.push_option(code::RAPID_COMMIT, &[]);
    assert_eq!(kind(server(1).handle_message(at(0), &wish)), Some(MessageType::Offer), "disabled");
    let mut s = DhcpServer::new(ServerConfig { rapid_commit: true, ..config(1) });
    assert_eq!(
        kind(s.handle_message(at(0), &from(1, MessageType::Discover))),
        Some(MessageType::Offer),
        "not asked for"
    );
    let (ack, _) = s.handle_message(at(0), &wish).unwrap();
    assert_eq!((ack.kind, ack.yiaddr, ack.option(code::RAPID_COMMIT)), (MessageType::Ack, ip(10), Some(&[][..])));
    assert_eq!(offered(&mut s, at(3_599), 2), None, "the binding is made");
}

#[test]
fn dhcps_20_a_reserved_address_is_its_owners_alone() {
    let mut config = config(2);
    config.reservations.insert(Hardware::ethernet([2, 0, 0, 0, 0, 7]), ip(10));
    config.reservations.insert(Hardware::ethernet([2, 0, 0, 0, 0, 8]), ip(200));
    let mut s = DhcpServer::new(config);
    let mut wish = from(1, MessageType::Discover);
    wish.push_address(code::REQUESTED_ADDRESS, ip(10));
    assert_eq!(s.handle_message(at(0), &wish).unwrap().0.yiaddr, ip(11), "asking for it does not help");
    assert_eq!(offered(&mut s, at(0), 2), None, "the pool is empty, the reservation is not for it");
    assert_eq!((bind(&mut s, at(1), 7), bind(&mut s, at(1), 8)), (ip(10), ip(200)), "in the pool or outside of it");
    assert_eq!(offered(&mut s, at(90_000), 3), Some(ip(11)), "even when long expired");
    assert_eq!(kind(s.handle_message(at(90_000), &rebooting(7, ip(10)))), Some(MessageType::Ack));
}

fn lines(s: &mut DhcpServer) -> String {
    std::iter::from_fn(|| s.poll_record()).map(|r| r.to_line(WallClock::SIMULATED)).collect()
}

fn reload(now: Instant, addresses: u8, file: &str) -> DhcpServer {
    let mut s = server(addresses);
    s.restore(now, file.split_inclusive('\n').filter_map(|l| LeaseRecord::from_line(l, WallClock::SIMULATED)));
    s
}

#[test]
fn dhcps_21_a_server_that_dies_keeps_its_promises() {
    let mut s = server(3);
    let address = offered(&mut s, at(0), 1).unwrap();
    let request = selecting(1, SERVER, address);
    assert_eq!(kind(s.handle_message(at(0), &request)), Some(MessageType::Ack));
    let file = lines(&mut s);
    assert_eq!(file, "bound 10.0.0.10 hw:01020000000001 946688400000000000\n");
    // It dies after the line was written and before the ACK left; the client asks again.
    let mut s = reload(at(1), 3, &file);
    assert_eq!(offered(&mut s, at(1), 2), Some(ip(11)));
    assert_eq!(kind(s.handle_message(at(4), &request)), Some(MessageType::Ack));
    assert_eq!(offered(&mut reload(at(3_600), 3, &file), at(3_600), 2), Some(ip(10)), "what has run out is dropped");
    // A line that was cut off in the middle counts for nothing.
    assert_eq!(offered(&mut reload(at(1), 3, &file[..file.len() - 1]), at(1), 2), Some(ip(10)));
    for damaged in [
        "",
        "\n",
        "bound 10.0.0.10 hw:0 1\n",
        "bound 10.0.0.10 xx:01 1\n",
        "bound 1 hw:01 1\n",
        "bound 10.0.0.10 hw:é1 1\n",
    ] {
        assert_eq!(LeaseRecord::from_line(damaged, WallClock::SIMULATED), None, "{damaged}");
    }
}

#[test]
fn dhcps_21_restarts_between_random_events_break_no_promise() {
    let mut rng = Seed(11).stream("restarts");
    let (mut s, mut file, mut now) = (server(6), String::new(), at(0));
    let mut held: BTreeMap<u8, (Ipv4Addr, Instant)> = BTreeMap::new();
    for _ in 0..10_000 {
        now += Duration::from_secs(rng.below(300));
        let client = rng.below(9) as u8;
        if let Some((reply, _)) = s.handle_message(now, &from(client, MessageType::Discover)) {
            let ack = s.handle_message(now, &selecting(client, SERVER, reply.yiaddr));
            file += &lines(&mut s);
            if kind(ack) == Some(MessageType::Ack) {
                held.insert(client, (reply.yiaddr, now + Duration::from_secs(3_600)));
            }
        }
        if let Some((address, _)) = held.get(&client).copied().filter(|_| rng.below(5) == 0) {
            held.remove(&client);
            s.handle_message(now, &with_ciaddr(client, MessageType::Release, address));
            file += &lines(&mut s);
        }
        if rng.below(20) == 0 {
            let kept: Vec<&str> = file.split_inclusive('\n').collect();
            file = kept[kept.len().saturating_sub(200)..].concat();
            s = reload(now, 6, &file);
        }
        held.retain(|_, (_, end)| now < *end);
        let addresses: BTreeSet<Ipv4Addr> = held.values().map(|(a, _)| *a).collect();
        assert_eq!(addresses.len(), held.len(), "at {now}: {held:?}");
    }
}

#[test]
fn dhcps_23_what_is_no_request_is_dropped() {
    let good = selecting(1, SERVER, ip(10)).encode();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = byte;
        DhcpMessage::decode(&bytes).ok().and_then(|m| server(1).handle_message(Instant::ZERO, &m))
    };
    let kinds: Vec<u8> = (0..=255).filter(|k| with(242, *k).is_some()).collect();
    assert_eq!(kinds, [1, 3], "an INFORM needs a ciaddr; replies, 0 and 9 and more are nothing");
    assert_eq!((with(0, 2), with(0, 3), with(2, 17)), (None, None, None));
    assert!(DhcpMessage::decode(&good[..239]).is_err());
}

use super::ask::WANTED;
use super::*;
use crate::base::rng::Seed;
use crate::proto::dhcp::message::INFINITE_LEASE;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const MINE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);

fn mac() -> Hardware {
    Hardware::ethernet([2, 0, 0, 0, 0, 1])
}

fn started(jitter: Duration) -> DhcpClient {
    let mut client = DhcpClient::new(mac(), Seed(7).stream("node/phone/dhcp"));
    client.jitter = jitter;
    client.start(Instant::ZERO);
    client
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn reply(to: &DhcpMessage, kind: MessageType, lease: u32, more: &[(u8, u32)]) -> DhcpMessage {
    let mut m = DhcpMessage::reply(kind, to);
    m.yiaddr = MINE;
    m.push_address(code::SERVER_ID, SERVER);
    m.push_seconds(code::LEASE_TIME, lease);
    more.iter().for_each(|(code, seconds)| m.push_seconds(*code, *seconds));
    m
}

/// A client bound at time zero; the network took no time.
fn bound(lease: u32, more: &[(u8, u32)]) -> DhcpClient {
    let mut client = started(Duration::ZERO);
    let (discover, _) = client.poll_transmit().unwrap();
    client.handle_message(at(0), &reply(&discover, MessageType::Offer, lease, &[]));
    let (request, _) = client.poll_transmit().unwrap();
    client.handle_message(at(0), &reply(&request, MessageType::Ack, lease, more));
    while client.poll_event().is_some() {}
    client
}

/// What a client sends without an answer until `end`, and when, in milliseconds.
fn sends(client: &mut DhcpClient, end: u64) -> Vec<(u64, DhcpMessage, Destination)> {
    let mut out = Vec::new();
    let mut now = Instant::ZERO;
    loop {
        while let Some((m, to)) = client.poll_transmit() {
            out.push((now.since(Instant::ZERO).as_millis(), m, to));
        }
        match client.poll_timeout() {
            Some(due) if due <= at(end) => now = due,
            _ => return out,
        }
        client.handle_timeout(now);
    }
}

fn times(sends: &[(u64, DhcpMessage, Destination)]) -> Vec<u64> {
    sends.iter().map(|(at, ..)| *at).collect()
}

#[test]
fn dhcpc_02_discover_is_sent_again_after_4_8_16_32_64_64() {
    let sent = sends(&mut started(Duration::ZERO), 200);
    assert_eq!(times(&sent), [0, 4_000, 12_000, 28_000, 60_000, 124_000, 188_000]);
    assert!(sent.iter().all(|(_, m, to)| m.xid == sent[0].1.xid && m.broadcast && *to == Destination::Broadcast));
    assert_eq!(sent.iter().map(|(_, m, _)| m.secs).collect::<Vec<_>>(), [0, 4, 12, 28, 60, 124, 188]);
    let jittered = times(&sends(&mut started(Duration::from_secs(1)), 300));
    for (k, wait) in [4_000, 8_000, 16_000, 32_000, 64_000].into_iter().enumerate() {
        assert!((jittered[k + 1] - jittered[k]).abs_diff(wait) <= 1_000, "{jittered:?}");
    }
}

#[test]
fn dhcpc_03_replies_to_others_are_ignored() {
    let mut client = started(Duration::ZERO);
    let (discover, _) = client.poll_transmit().unwrap();
    let offer = reply(&discover, MessageType::Offer, 3_600, &[]);
    let mut forged = [offer.clone(), offer.clone(), offer.clone(), offer.clone()];
    forged[0].xid ^= 1;
    forged[1].chaddr = Hardware::ethernet([9; 6]);
    forged[2].op = Op::Request;
    forged[3].kind = MessageType::Ack;
    forged.iter().for_each(|m| client.handle_message(at(1), m));
    assert!(client.poll_transmit().is_none());
    client.handle_message(at(1), &offer);
    let (request, to) = client.poll_transmit().unwrap();
    assert_eq!((request.kind, to, request.secs), (MessageType::Request, Destination::Broadcast, 0));
    assert_eq!(request.address_option(code::SERVER_ID), Some(SERVER));
    assert_eq!(request.address_option(code::REQUESTED_ADDRESS), Some(MINE));
}

#[test]
fn dhcpc_05_an_unanswered_request_leads_back_to_init_at_60_s() {
    let mut client = started(Duration::ZERO);
    let (discover, _) = client.poll_transmit().unwrap();
    client.handle_message(at(0), &reply(&discover, MessageType::Offer, 3_600, &[]));
    let sent = sends(&mut client, 60);
    assert_eq!(times(&sent), [0, 4_000, 12_000, 28_000, 60_000]);
    assert_eq!(sent[4].1.kind, MessageType::Discover);
    assert_ne!(sent[4].1.xid, sent[3].1.xid);
}

#[test]
fn dhcpc_06_a_nak_leads_back_to_init_at_once() {
    let mut client = started(Duration::ZERO);
    let (discover, _) = client.poll_transmit().unwrap();
    client.handle_message(at(0), &reply(&discover, MessageType::Offer, 3_600, &[]));
    let (request, _) = client.poll_transmit().unwrap();
    client.handle_message(at(1), &reply(&request, MessageType::Nak, 0, &[]));
    assert_eq!(client.poll_transmit().unwrap().0.kind, MessageType::Discover);
    assert!(client.lease().is_none());
}

#[test]
fn dhcpc_07_t1_and_t2() {
    let t1_t2 = |more: &[(u8, u32)]| match bound(7_200, more).state {
        State::Bound(held) => (held.t1, held.t2),
        other => panic!("{other:?}"),
    };
    assert_eq!(t1_t2(&[]), (at(3_600), at(6_300)));
    assert_eq!(t1_t2(&[(code::RENEWAL_TIME, 100), (code::REBINDING_TIME, 200)]), (at(100), at(200)));
    assert_eq!(t1_t2(&[(code::RENEWAL_TIME, 7_000), (code::REBINDING_TIME, 100)]), (at(3_600), at(6_300)));
}

#[test]
fn dhcpc_08_09_renewing_then_rebinding_then_expiry() {
    let mut client = bound(7_200, &[]);
    let sent = sends(&mut client, 7_200);
    let renewing = [3_600_000, 4_950_000, 5_625_000, 5_962_500, 6_131_250, 6_215_625, 6_275_625];
    let rebinding = [6_300_000, 6_750_000, 6_975_000, 7_087_500, 7_147_500];
    assert_eq!(times(&sent), [&renewing[..], &rebinding[..], &[7_200_000]].concat());
    for (k, (_, m, to)) in sent[..12].iter().enumerate() {
        let expected = if k < 7 { Destination::Unicast(SERVER) } else { Destination::Broadcast };
        assert_eq!((*to, m.ciaddr, m.kind), (expected, MINE, MessageType::Request));
        assert_eq!((m.option(code::SERVER_ID), m.option(code::REQUESTED_ADDRESS)), (None, None));
    }
    assert_eq!(sent[12].1.kind, MessageType::Discover);
    let lost = ClientEvent::Lost { address: MINE, server: SERVER, why: LeaseChange::Expired };
    assert!(std::iter::from_fn(|| client.poll_event()).any(|e| e == lost));
}

#[test]
fn dhcpc_10_a_short_lease() {
    assert_eq!(times(&sends(&mut bound(120, &[]), 120)), [60_000, 105_000, 120_000]);
}

#[test]
fn dhcpc_11_an_infinite_lease_has_no_timers() {
    let client = bound(INFINITE_LEASE, &[]);
    assert_eq!((client.poll_timeout(), client.lease().map(|l| l.lease)), (None, Some(None)));
}

#[test]
fn a_renewal_runs_from_its_request() {
    let mut client = bound(7_200, &[]);
    client.handle_timeout(at(3_600));
    let (request, _) = client.poll_transmit().unwrap();
    client.handle_message(at(3_610), &reply(&request, MessageType::Ack, 7_200, &[]));
    assert_eq!(client.poll_timeout(), Some(at(7_200)));
    let last = std::iter::from_fn(|| client.poll_event()).last();
    assert!(matches!(last, Some(ClientEvent::Renewed(_))));
}

#[test]
fn dhcpc_13_a_release_is_sent_once_to_the_server() {
    let mut client = bound(7_200, &[]);
    client.release();
    let (m, to) = client.poll_transmit().unwrap();
    assert_eq!((m.kind, m.ciaddr, to), (MessageType::Release, MINE, Destination::Unicast(SERVER)));
    assert_eq!(m.address_option(code::SERVER_ID), Some(SERVER));
    assert_eq!((client.poll_transmit(), client.poll_timeout(), client.lease()), (None, None, None));
}

#[test]
fn dhcpc_17_an_ack_without_a_lease_or_a_server_is_ignored() {
    let mut client = started(Duration::ZERO);
    let (discover, _) = client.poll_transmit().unwrap();
    client.handle_message(at(0), &reply(&discover, MessageType::Offer, 3_600, &[]));
    let (request, _) = client.poll_transmit().unwrap();
    let mut ack = DhcpMessage::reply(MessageType::Ack, &request);
    ack.yiaddr = MINE;
    client.handle_message(at(0), &ack);
    ack.push_address(code::SERVER_ID, SERVER);
    client.handle_message(at(0), &ack);
    assert!(client.lease().is_none());
}

#[test]
fn dhcpc_19_a_jump_past_every_deadline_ends_the_lease() {
    let mut client = bound(7_200, &[]);
    client.handle_timeout(at(14_400));
    assert!(client.lease().is_none());
    assert_eq!(client.poll_transmit().unwrap().0.kind, MessageType::Discover);
}

fn configured(config: ClientConfig) -> DhcpClient {
    let mut client = DhcpClient::with_config(mac(), Seed(7).stream("node/phone/dhcp"), config);
    client.jitter = Duration::ZERO;
    client
}

/// A client that has just heard the ACK to its REQUEST, at time zero.
fn acknowledged(config: ClientConfig) -> DhcpClient {
    let mut client = configured(config);
    client.start(at(0));
    let (discover, _) = client.poll_transmit().unwrap();
    client.handle_message(at(0), &reply(&discover, MessageType::Offer, 7_200, &[]));
    let (request, _) = client.poll_transmit().unwrap();
    client.handle_message(at(0), &reply(&request, MessageType::Ack, 7_200, &[]));
    client
}

fn events(client: &mut DhcpClient) -> Vec<ClientEvent> {
    std::iter::from_fn(|| client.poll_event()).collect()
}

#[test]
fn dhcpc_01_the_first_discover() {
    let mut client = started(Duration::ZERO);
    let (m, to) = client.poll_transmit().unwrap();
    assert_eq!((m.kind, to, m.secs, m.chaddr), (MessageType::Discover, Destination::Broadcast, 0, mac()));
    assert_eq!(m.option(code::PARAMETERS), Some(&WANTED[..]));
    let bytes = m.encode();
    assert!(bytes.len() >= 300);
    assert_eq!((&bytes[236..240], &bytes[240..243]), (&[0x63, 0x82, 0x53, 0x63][..], &[53, 1, 1][..]));

    let mut waits = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let config = ClientConfig { initial_wait: true, ..ClientConfig::default() };
        let mut client = DhcpClient::with_config(mac(), Seed(seed).stream("dhcp"), config);
        client.start(at(0));
        assert!(client.poll_transmit().is_none());
        let due = client.poll_timeout().unwrap();
        assert!((at(1)..=at(10)).contains(&due));
        client.handle_timeout(due);
        assert_eq!(client.poll_transmit().map(|(m, _)| (m.kind, m.secs)), Some((MessageType::Discover, 0)));
        waits.insert(due);
    }
    assert!(waits.len() > 40, "the waits differ");
}

#[test]
fn dhcpc_04_one_offer_is_taken_and_others_are_dropped() {
    let mut client = started(Duration::ZERO);
    client.handle_timeout(at(4));
    let (_, (again, _)) = (client.poll_transmit().unwrap(), client.poll_transmit().unwrap());
    assert_eq!(again.secs, 4);
    client.handle_message(at(5), &reply(&again, MessageType::Offer, 3_600, &[]));
    let mut other = reply(&again, MessageType::Offer, 9_999, &[]);
    other.yiaddr = Ipv4Addr::new(10, 0, 0, 55);
    client.handle_message(at(5), &other);
    let (request, to) = client.poll_transmit().unwrap();
    assert_eq!((request.kind, to, request.secs), (MessageType::Request, Destination::Broadcast, 4));
    assert_eq!(request.address_option(code::SERVER_ID), Some(SERVER));
    assert_eq!(request.address_option(code::REQUESTED_ADDRESS), Some(MINE));
    assert!(request.ciaddr.is_unspecified() && client.poll_transmit().is_none());
}

#[test]
fn dhcpc_06_a_probe_that_is_answered_leads_to_a_decline() {
    let config = ClientConfig { probe: Duration::from_secs(5), ..ClientConfig::default() };
    let mut client = acknowledged(config.clone());
    assert_eq!(events(&mut client).last(), Some(&ClientEvent::Probe(MINE)));
    assert_eq!((client.lease(), client.poll_timeout()), (None, Some(at(5))));
    client.handle_conflict(at(2), Ipv4Addr::new(10, 0, 0, 9));
    assert!(client.poll_transmit().is_none(), "another address is none of its business");
    client.handle_conflict(at(2), MINE);
    let (m, to) = client.poll_transmit().unwrap();
    assert_eq!((m.kind, to, m.ciaddr), (MessageType::Decline, Destination::Broadcast, Ipv4Addr::UNSPECIFIED));
    assert_eq!(m.address_option(code::REQUESTED_ADDRESS), Some(MINE));
    assert_eq!(m.address_option(code::SERVER_ID), Some(SERVER));
    assert_eq!((m.option(code::PARAMETERS), m.option(code::LEASE_TIME)), (None, None));
    let lost = ClientEvent::Lost { address: MINE, server: SERVER, why: LeaseChange::Declined };
    assert_eq!(events(&mut client), [lost]);
    client.handle_timeout(at(11));
    assert!(client.poll_transmit().is_none());
    client.handle_timeout(at(12));
    assert_eq!(client.poll_transmit().unwrap().0.kind, MessageType::Discover);

    let mut client = acknowledged(config);
    client.handle_timeout(at(5));
    assert!(matches!(events(&mut client).last(), Some(ClientEvent::Bound(_))));
    assert_eq!(client.poll_timeout(), Some(at(3_600)), "the lease runs from the REQUEST, not from the probe");
}

#[test]
fn dhcpc_12_init_reboot_has_three_ends() {
    let old = bound(7_200, &[]).held().cloned().unwrap();
    let reboot = || {
        let mut client = configured(ClientConfig::default());
        client.reboot(at(1_000), old.clone());
        let (m, to) = client.poll_transmit().unwrap();
        assert_eq!((m.kind, to, m.ciaddr), (MessageType::Request, Destination::Broadcast, Ipv4Addr::UNSPECIFIED));
        assert_eq!((m.address_option(code::REQUESTED_ADDRESS), m.option(code::SERVER_ID)), (Some(MINE), None));
        (client, m)
    };
    let (mut client, request) = reboot();
    client.handle_message(at(1_001), &reply(&request, MessageType::Ack, 7_200, &[]));
    assert_eq!((client.lease().map(|l| l.address), client.poll_timeout()), (Some(MINE), Some(at(4_600))));

    let (mut client, request) = reboot();
    client.handle_message(at(1_001), &reply(&request, MessageType::Nak, 0, &[]));
    assert_eq!(client.poll_transmit().unwrap().0.kind, MessageType::Discover);
    assert!(client.lease().is_none());

    let (mut client, _) = reboot();
    for due in [1_004, 1_012, 1_028] {
        client.handle_timeout(at(due));
        assert_eq!(client.poll_transmit().map(|(m, _)| m.kind), Some(MessageType::Request), "at {due}");
    }
    client.handle_timeout(at(1_060));
    assert_eq!(client.held(), Some(&old), "nobody answered: the old lease holds for the rest of its time");
    assert_eq!(client.poll_timeout(), Some(at(3_600)));

    let mut client = configured(ClientConfig::default());
    client.reboot(at(7_200), old);
    assert_eq!(client.poll_transmit().unwrap().0.kind, MessageType::Discover);
}

#[test]
fn dhcpc_14_an_inform_takes_settings_and_no_lease() {
    let mut client = configured(ClientConfig { lease_secs: Some(600), ..ClientConfig::default() });
    client.inform(at(0), MINE);
    let sent = sends(&mut client, 12);
    assert_eq!(times(&sent), [0, 4_000, 12_000]);
    let request = &sent[2].1;
    assert_eq!((request.kind, request.ciaddr), (MessageType::Inform, MINE));
    assert_eq!((request.option(code::LEASE_TIME), request.option(code::REQUESTED_ADDRESS)), (None, None));
    let mut ack = DhcpMessage::reply(MessageType::Ack, request);
    ack.push_address(code::SERVER_ID, SERVER);
    ack.push_address(code::DNS, SERVER);
    // A lease that a careless server adds is not read.
    ack.push_seconds(code::LEASE_TIME, 600);
    client.handle_message(at(13), &ack);
    let informed = events(&mut client);
    let [ClientEvent::Informed(info)] = informed.as_slice() else { panic!("{informed:?}") };
    assert_eq!((info.address, info.dns.as_slice(), info.lease), (MINE, &[SERVER][..], None));
    assert_eq!((client.poll_timeout(), client.lease()), (None, None));
}

#[test]
fn dhcpc_15_the_broadcast_flag_is_set_where_unicast_is_impossible() {
    for broadcast in [true, false] {
        let mut client = configured(ClientConfig { broadcast, ..ClientConfig::default() });
        client.start(at(0));
        let (discover, _) = client.poll_transmit().unwrap();
        assert_eq!(discover.encode()[10] & 0x80 != 0, broadcast);
    }
    let mut renewing = bound(7_200, &[]);
    renewing.handle_timeout(at(3_600));
    assert!(!renewing.poll_transmit().unwrap().0.broadcast, "with an address it takes unicast");
}

#[test]
fn dhcpc_16_all_settings_are_read_and_unknown_options_skipped() {
    let mut client = started(Duration::ZERO);
    let (discover, _) = client.poll_transmit().unwrap();
    client.handle_message(at(0), &reply(&discover, MessageType::Offer, 3_600, &[]));
    let (request, _) = client.poll_transmit().unwrap();
    let mut ack = reply(&request, MessageType::Ack, 3_600, &[(code::SUBNET_MASK, 0xffff_ff80)]);
    ack.push_option(224, &[1, 2, 3]);
    ack.push_address(code::ROUTER, Ipv4Addr::new(10, 0, 0, 1));
    ack.push_address(code::DNS, Ipv4Addr::new(10, 0, 0, 3));
    ack.push_address(code::DNS, Ipv4Addr::new(10, 0, 0, 4));
    ack.push_option(code::DOMAIN_NAME, b"example.org\0");
    ack.push_option(code::HOST_NAME, b"phone");
    ack.push_address(code::BROADCAST, Ipv4Addr::new(10, 0, 0, 127));
    client.handle_message(at(0), &DhcpMessage::decode(&ack.encode()).unwrap());
    let info = client.lease().unwrap();
    assert_eq!((info.prefix_len, info.router), (25, Some(Ipv4Addr::new(10, 0, 0, 1))));
    assert_eq!(info.dns, [Ipv4Addr::new(10, 0, 0, 3), Ipv4Addr::new(10, 0, 0, 4)]);
    assert_eq!((info.domain.as_deref(), info.broadcast), (Some("example.org"), Some(Ipv4Addr::new(10, 0, 0, 127))));
}

#[test]
fn dhcpc_18_rapid_commit_binds_in_two_messages() {
    let mut client = configured(ClientConfig { rapid_commit: true, ..ClientConfig::default() });
    client.start(at(0));
    let (discover, _) = client.poll_transmit().unwrap();
    assert_eq!(discover.option(code::RAPID_COMMIT), Some(&[][..]));
    let mut ack = reply(&discover, MessageType::Ack, 7_200, &[]);
    client.handle_message(at(1), &ack);
    assert!(client.lease().is_none(), "without option 80 the ACK answers nothing that was asked");
    ack.push_option(code::RAPID_COMMIT, &[]);
    client.handle_message(at(1), &ack);
    assert_eq!((client.lease().map(|l| l.address), client.poll_timeout()), (Some(MINE), Some(at(3_600))));
    assert!(client.poll_transmit().is_none());

    let mut plain = started(Duration::ZERO);
    let (discover, _) = plain.poll_transmit().unwrap();
    let mut ack = reply(&discover, MessageType::Ack, 7_200, &[]);
    ack.push_option(code::RAPID_COMMIT, &[]);
    plain.handle_message(at(1), &ack);
    assert!(plain.lease().is_none(), "who did not ask for it does not take it");
}

#[test]
fn dhcpc_13_after_a_release_the_client_can_begin_anew() {
    let mut client = bound(7_200, &[]);
    client.release();
    client.poll_transmit().unwrap();
    client.start(at(9));
    assert_eq!(client.poll_transmit().unwrap().0.kind, MessageType::Discover);
}

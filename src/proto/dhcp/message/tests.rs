use super::*;

fn sample() -> DhcpMessage {
    let mut m = DhcpMessage::request(MessageType::Request, 0xdead_beef, Hardware::ethernet([2, 0, 0, 0, 0, 9]));
    m.secs = 7;
    m.broadcast = true;
    m.push_address(code::REQUESTED_ADDRESS, Ipv4Addr::new(10, 0, 0, 100));
    m
}

#[test]
fn dhcpc_01_a_message_survives_the_wire_and_has_300_bytes() {
    let bytes = sample().encode();
    assert_eq!(bytes.len(), 300);
    assert_eq!(bytes[236..240], [0x63, 0x82, 0x53, 0x63]);
    assert_eq!(DhcpMessage::decode(&bytes), Ok(sample()));
}

#[test]
fn dhcpc_16_split_options_are_one_and_overload_is_followed() {
    let mut bytes = sample().encode().to_vec();
    bytes.truncate(OPTIONS);
    bytes.extend([53, 1, 5, 6, 4, 10, 0, 0, 1, 224, 1, 9, 6, 4, 10, 0, 0, 2, 52, 1, 3, 255]);
    bytes[108..115].copy_from_slice(&[3, 4, 10, 0, 0, 3, 255]);
    bytes[44..51].copy_from_slice(&[1, 4, 255, 255, 255, 0, 255]);
    let m = DhcpMessage::decode(&bytes).unwrap();
    assert_eq!(m.addresses_option(code::DNS), [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)]);
    assert_eq!(m.address_option(code::ROUTER), Some(Ipv4Addr::new(10, 0, 0, 3)));
    assert_eq!(m.address_option(code::SUBNET_MASK), Some(Ipv4Addr::new(255, 255, 255, 0)));
}

#[test]
fn rfc3396_long_options_are_split() {
    let mut m = sample();
    m.push_option(224, &[7; 600]);
    assert_eq!(DhcpMessage::decode(&m.encode()), Ok(m));
}

#[test]
fn dhcpc_17_dhcps_23_malformed_messages_are_refused() {
    let good = sample().encode().to_vec();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        DhcpMessage::decode(&bytes)
    };
    assert_eq!(DhcpMessage::decode(&good[..239]), Err(MalformedDhcp::Short));
    assert_eq!(with(0, 3), Err(MalformedDhcp::Op));
    assert_eq!(with(2, 17), Err(MalformedDhcp::HardwareLength));
    assert_eq!(with(236, 0), Err(MalformedDhcp::Cookie));
    assert_eq!(with(242, 0), Err(MalformedDhcp::MessageType));
    assert_eq!(with(242, 9), Err(MalformedDhcp::MessageType));
    assert_eq!(with(244, 255), Err(MalformedDhcp::Options));
    (240..good.len()).for_each(|n| drop(DhcpMessage::decode(&good[..n])));
}

//! One function per parser that takes any bytes: what the fuzz targets in `fuzz/` call, and what a
//! short run of mutations calls in the tests. Each panics when a promise of its parser is broken.

use std::net::Ipv4Addr;

use bytes::Bytes;

use super::dhcp::message::DhcpMessage;
use super::dns::resolver::Resolver;
use super::dns::server::{DnsServer, Target};
use super::http::client::{ClientConn, ClientEvent};
use super::http::head::HeadLimits;
use super::http::range::{Wanted, parse_content_range, wanted};
use super::http::request::{Method, Request};
use super::http::response::Response;
use super::http::server::{ServerConn, ServerLimits};
use super::http::url::{Url, file_path};
use crate::base::rng::Seed;
use crate::base::time::Instant;

/// A DHCP message: what is understood survives being written and read again.
pub fn dhcp(data: &[u8]) {
    if let Ok(message) = DhcpMessage::decode(data) {
        assert_eq!(DhcpMessage::decode(&message.encode()), Ok(message));
    }
}

/// A DNS message, as a query to a server and as the reply to a resolver's question.
pub fn dns(data: &[u8]) {
    let server = Ipv4Addr::new(10, 0, 0, 53);
    let zone = [("a.example".to_owned(), Target::Address(server))];
    let authority = DnsServer::new(zone, 60).expect("the zone is good");
    if let Some(reply) = authority.handle(data) {
        assert_eq!(reply.data[..2], data[..2], "a reply has the query's id");
        assert!(reply.data[2] & 0x80 != 0 && reply.data.len() <= 1_232);
    }
    let mut resolver = Resolver::new(Seed(1).stream("fuzz"));
    resolver.set_servers(vec![server]);
    resolver.resolve(Instant::ZERO, "a.example");
    let Some(query) = resolver.poll_transmit() else { return };
    // With the right id, as if the sender had guessed it.
    let mut data = data.to_vec();
    data.iter_mut().zip(&query.data[..2]).for_each(|(byte, id)| *byte = *id);
    resolver.handle_message(Instant::ZERO, query.query, server, &data);
}

/// What a server reads does not depend on how the bytes are cut (HTTP-01).
pub fn http_request(data: &[u8]) {
    let read = |parts: &mut dyn Iterator<Item = &[u8]>| {
        let mut server = ServerConn::new(ServerLimits::default(), &[Method::Get, Method::Head]);
        let (mut said, mut out) = (Vec::new(), Vec::new());
        for part in parts {
            server.receive(Bytes::copy_from_slice(part));
            while let Some(request) = server.poll_request() {
                match &request {
                    Ok(_) => server.respond(&Response::new(200), 0),
                    Err(error) => server.respond_text(error.status),
                }
                said.push(request);
            }
            while let Some(bytes) = server.poll_output() {
                out.extend_from_slice(&bytes);
            }
        }
        (said, out)
    };
    assert_eq!(read(&mut std::iter::once(data)), read(&mut data.chunks(1)));
}

/// What a client reads does not depend on how the bytes are cut (HTTP-01).
pub fn http_response(data: &[u8]) {
    let read = |step: usize| {
        let mut client = ClientConn::new(HeadLimits::default());
        client.request(&Request::get("h", "/")).expect("a plain request");
        let (mut heads, mut body, mut end) = (Vec::new(), Vec::new(), None);
        let mut parts = data.chunks(step);
        loop {
            while let Some(event) = client.poll_event() {
                match event {
                    ClientEvent::Head(head) => heads.push(head),
                    ClientEvent::Body(bytes) => body.extend_from_slice(&bytes),
                    other => end = Some(other),
                }
            }
            match parts.next() {
                Some(part) => client.receive(Bytes::copy_from_slice(part)),
                None if end.is_none() => {
                    client.receive_end();
                    end = Some(client.poll_event().unwrap_or(ClientEvent::Done { keep_alive: false }));
                }
                None => return (heads, body, end.map(|e| matches!(e, ClientEvent::Done { .. }))),
            }
        }
    };
    assert_eq!(read(data.len().max(1)), read(1));
}

/// A URL reads back as it was written, and no request path leads out of the root.
pub fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(path) = file_path(text) {
        assert!(!path.starts_with('/') && !path.split('/').any(|s| s == ".."), "{path}");
    }
    let Ok(url) = Url::parse(text) else { return };
    assert_eq!(Url::parse(&url.to_string()), Ok(url.clone()), "{text}");
    let base = Url::parse("http://a/b/c/d;p?q").expect("a good base");
    let _ = base.resolve(&url).place();
}

/// Ranges lie within the representation, apart from each other, and are never many.
pub fn range(data: &[u8]) {
    let Some((length, field)) = data.split_first_chunk::<8>() else { return };
    let length = u64::from_le_bytes(*length) >> (field.len() % 64);
    let Ok(field) = std::str::from_utf8(field) else { return };
    let _ = parse_content_range(field);
    let Wanted::Parts(mut parts) = wanted(field, length) else { return };
    assert!(!parts.is_empty() && parts.len() <= 16);
    parts.sort_by_key(|p| p.first);
    assert!(parts.iter().all(|p| p.first <= p.last && p.last < length));
    assert!(parts.windows(2).all(|w| w[0].last < w[1].first));
}

#[cfg(test)]
mod tests {
    use super::super::dhcp::message::{Hardware, MessageType, code};
    use super::*;
    use crate::base::mutate::mutate;

    #[test]
    fn sys_09_dhcps_23_dhcpc_17_no_bytes_break_the_dhcp_parser() {
        let mut message = DhcpMessage::request(MessageType::Request, 7, Hardware::ethernet([2, 0, 0, 0, 0, 1]));
        message.push_option(code::PARAMETERS, &[1, 3, 6]);
        message.push_option(code::OVERLOAD, &[3]);
        message.push_option(code::CLIENT_ID, &[7; 300]);
        mutate("dhcp", &[&message.encode()], dhcp);
    }

    #[test]
    fn sys_09_no_bytes_break_the_dns_parser() {
        let mut resolver = Resolver::new(Seed(1).stream("sample"));
        resolver.set_servers(vec![Ipv4Addr::new(10, 0, 0, 53)]);
        resolver.resolve(Instant::ZERO, "a.example");
        let query = resolver.poll_transmit().unwrap().data;
        let zone = [("a.example".to_owned(), Target::Alias("b.example".to_owned()))];
        let reply = DnsServer::new(zone, 60).unwrap().handle(&query).unwrap().data;
        mutate("dns", &[&query, &reply], dns);
    }

    #[test]
    fn sys_09_http_01_no_bytes_break_the_http_parsers() {
        let requests: [&[u8]; 3] = [
            b"GET /a?b HTTP/1.1\r\nHost: h\r\nRange: bytes=0-\r\n\r\n",
            b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\n\r\n",
            b"HEAD http://h/ HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
        ];
        mutate("request", &requests, http_request);
        let responses: [&[u8]; 3] = [
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            b"HTTP/1.1 206 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
            b"HTTP/1.0 301 Moved\r\nLocation: http://b/\r\n\r\nto the end",
        ];
        mutate("response", &responses, http_response);
    }

    #[test]
    fn sys_09_no_text_breaks_urls_and_ranges() {
        mutate("url", &[b"http://u@host:80/a/../%2e%2e/b%20c?x=1#f", b"//h", b"/a/./b", b"../g;x=1/../y"], url);
        mutate("range", &[b"\x10\0\0\0\0\0\0\0bytes=0-3,-1,5-", b"\xff\xff\0\0\0\0\0\0bytes 0-1/7"], range);
    }
}

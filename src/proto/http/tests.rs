//! Client and server connections, driven by hand.

use bytes::Bytes;

use super::client::{ClientConn, ClientError, ClientEvent};
use super::fields::Fields;
use super::head::HeadLimits;
use super::request::{Method, Request};
use super::response::Response;
use super::server::{ServerConn, ServerLimits};

const ALLOWED: &[Method] = &[Method::Get, Method::Head];

fn server() -> ServerConn {
    ServerConn::new(ServerLimits::default(), ALLOWED)
}

fn drain(server: &mut ServerConn, out: &mut String) {
    while let Some(data) = server.poll_output() {
        out.push_str(&String::from_utf8_lossy(&data));
    }
}

/// Feeds `parts`, answers every request with its host and target, and gives what was asked for
/// ("400" for an error) and what was sent.
fn serve<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, String, bool) {
    let (mut server, mut asked, mut out) = (server(), Vec::new(), String::new());
    for part in parts {
        server.receive(Bytes::copy_from_slice(part));
        while let Some(request) = server.poll_request() {
            match request {
                Ok(request) => {
                    let text = format!("{} {}{}", request.method.name(), request.host, request.target);
                    server.respond(&Response::new(200), text.len() as u64);
                    server.send_body(Bytes::from(text.clone()));
                    asked.push(text);
                }
                Err(error) => {
                    server.respond_text(error.status);
                    asked.push(error.status.to_string());
                }
            }
            drain(&mut server, &mut out);
        }
    }
    (asked, out, server.is_closed())
}

fn asked(message: &str) -> Vec<String> {
    serve([message.as_bytes()]).0
}

const SAMPLES: &[(&str, &str)] = &[
    ("GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET h/a"),
    ("\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET h/a"),
    ("\r\n\r\n\r\n\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "400"),
    ("GET  /a HTTP/1.1\r\nHost: h\r\n\r\n", "400"),
    ("GET\t/a HTTP/1.1\r\nHost: h\r\n\r\n", "400"),
    ("GET /a HTTP/1.1 \r\nHost: h\r\n\r\n", "400"),
    ("GET /a HTTP/1.1\nHost: h\n\n", "400"),
    ("GET /a HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", "400"),
    ("GET /a http/1.1\r\nHost: h\r\n\r\n", "400"),
    ("GET /a HTTP/1.10\r\nHost: h\r\n\r\n", "400"),
    ("GET /a\r\nHost: h\r\n\r\n", "400"),
    ("GET /a HTTP/1.7\r\nHost: h\r\n\r\n", "GET h/a"),
    ("GET /a HTTP/2.0\r\nHost: h\r\n\r\n", "505"),
    ("get /a HTTP/1.1\r\nHost: h\r\n\r\n", "501"),
    ("G@T /a HTTP/1.1\r\nHost: h\r\n\r\n", "400"),
    ("DELETE /a HTTP/1.1\r\nHost: h\r\n\r\n", "405"),
    ("GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", "GET b/x"),
    ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
    ("GET /a HTTP/1.1\r\n\r\n", "400"),
    ("GET /a HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "400"),
    ("GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
    ("GET /a HTTP/1.1\r\nHost:\r\n\r\n", "400"),
    ("GET /a HTTP/1.0\r\n\r\n", "GET /a"),
    ("GET /a HTTP/1.1\r\nHost : h\r\n\r\n", "400"),
    ("GET /a HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", "400"),
    ("GET /a HTTP/1.1\r\n Host: h\r\n\r\n", "400"),
    ("GET /a HTTP/1.1\r\nHost: h\r\nX: a\0\r\n\r\n", "400"),
    ("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nhello", "400"),
    ("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "GET h/a"),
    ("GET /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "GET h/a"),
    ("GET /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n", "501"),
    ("GET /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "400"),
    ("GET /a HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
    ("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
    ("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", "413"),
];

#[test]
fn http_02_03_04_05_06_07_08_09_10_11_12_13_what_is_read_and_what_is_refused() {
    for (message, expected) in SAMPLES {
        assert_eq!(asked(message), [*expected], "{message:?}");
    }
    let mut latin = b"GET /a HTTP/1.1\r\nHost: h\r\nX: ".to_vec();
    latin.extend_from_slice(b"\xff\r\n\r\n");
    assert_eq!(serve([latin.as_slice()]).0, ["GET h/a"]);
}

#[test]
fn http_01_no_split_changes_anything() {
    for (message, _) in SAMPLES {
        let bytes = message.as_bytes();
        let whole = serve([bytes]);
        assert_eq!(serve(bytes.chunks(1)), whole, "{message:?}");
        for cut in 1..bytes.len() {
            assert_eq!(serve([&bytes[..cut], &bytes[cut..]]), whole, "{message:?} cut at {cut}");
        }
    }
}

#[test]
fn http_13_15_nothing_is_read_after_a_400() {
    let bad = "GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let (asked, out, closed) = serve([format!("{bad}GET /b HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()]);
    assert_eq!(asked, ["400"]);
    assert!(out.contains("Connection: close\r\n") && closed);
}

#[test]
fn http_16_limits() {
    let line = |bytes: usize| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(bytes - 14));
    assert_eq!(asked(&line(8192)).len(), 1);
    assert_ne!(asked(&line(8192)), ["414"]);
    assert_eq!(asked(&line(8193)), ["414"]);
    let fields = |count: usize| format!("GET /a HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(count - 1));
    assert_eq!(asked(&fields(100)), ["GET h/a"]);
    assert_eq!(asked(&fields(101)), ["431"]);
    let long = format!("GET /a HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "a".repeat(16_384));
    assert_eq!(asked(&long), ["431"]);
    let chunk = format!("100001\r\n{}", "a".repeat(0x10_0001));
    let chunked = format!("GET /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}\r\n0\r\n\r\n");
    assert_eq!(asked(&chunked), ["413"]);
}

#[test]
fn http_21_persistence() {
    for (version, connection, persists) in [
        ("1.1", "", true),
        ("1.1", "Connection: foo, Close\r\n", false),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
    ] {
        let message = format!("GET /a HTTP/{version}\r\nHost: h\r\n{connection}\r\n");
        let (_, out, closed) = serve([message.as_bytes()]);
        assert_eq!(closed, !persists, "{message}");
        assert_eq!(out.contains("Connection: close\r\n"), !persists, "{message}");
    }
}

#[test]
fn http_22_pipelined_requests_are_answered_in_order() {
    let mut server = server();
    let requests: String = (1..=3).map(|k| format!("GET /{k} HTTP/1.1\r\nHost: h\r\n\r\n")).collect();
    server.receive(Bytes::from(requests));
    let mut out = String::new();
    for k in 1..=3 {
        assert_eq!(server.poll_request().unwrap().unwrap().target, format!("/{k}"));
        assert!(server.poll_request().is_none());
        server.respond(&Response::new(200), 2);
        server.send_body(Bytes::from(k.to_string()));
        // The second byte is slow: nothing else is handed out meanwhile.
        assert!(server.poll_request().is_none());
        server.send_body(Bytes::from_static(b";too much"));
        drain(&mut server, &mut out);
    }
    let bodies: Vec<_> = out.split("\r\n\r\n").skip(1).map(|s| &s[..2]).collect();
    assert_eq!(bodies, ["1;", "2;", "3;"]);
    assert!(server.is_idle());
}

#[test]
fn http_23_an_unwanted_body_is_read_over() {
    let message = format!("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    let (asked, out, closed) = serve([format!("{message}GET /b HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()]);
    assert_eq!(asked, ["405", "GET h/b"]);
    assert!(out.contains("Allow: GET, HEAD\r\n") && !closed);
}

#[test]
fn http_26_head_is_get_without_the_body() {
    let mut server = server();
    server.receive(Bytes::from_static(b"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_eq!(server.poll_request().unwrap().unwrap().method, Method::Head);
    server.respond(&Response::new(200), 4096);
    assert_eq!(server.body_left(), 0);
    let mut out = String::new();
    drain(&mut server, &mut out);
    assert_eq!(out, "HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n");
}

/// What a client makes of a response that arrives in pieces of `step` bytes and then ends.
fn read(method: Method, response: &str, step: usize) -> Result<(u16, String, bool), ClientError> {
    let mut client = ClientConn::new(HeadLimits::default());
    client.request(&Request { method, ..Request::get("h", "/") })?;
    let (mut status, mut body) = (0, String::new());
    let mut parts = response.as_bytes().chunks(step);
    loop {
        while let Some(event) = client.poll_event() {
            match event {
                ClientEvent::Head(response) => status = response.status,
                ClientEvent::Body(data) => body.push_str(&String::from_utf8_lossy(&data)),
                ClientEvent::Done { keep_alive } => return Ok((status, body, keep_alive)),
                ClientEvent::Failed(error) => return Err(error),
            }
        }
        match parts.next() {
            Some(part) => client.receive(Bytes::copy_from_slice(part)),
            None => client.receive_end(),
        }
    }
}

#[test]
fn http_17_18_19_framing_of_responses() {
    use Method::{Get, Head};
    let ok = |status, body: &str, keep| Ok((status, body.to_owned(), keep));
    for (method, response, expected) in [
        (Get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ok(200, "hello", true)),
        (Get, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", Err(ClientError::Incomplete)),
        (Get, "HTTP/1.1 200\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", ok(200, "", false)),
        (Get, "HTTP/1.1 299 \r\n\r\nto the end", ok(299, "to the end", false)),
        (Get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", ok(200, "hello", true)),
        (Get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", Err(ClientError::Incomplete)),
        (Get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", ok(304, "", true)),
        (Get, "HTTP/1.1 204 No Content\r\n\r\n", ok(204, "", true)),
        (Head, "HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n", ok(200, "", true)),
        (
            Get,
            "HTTP/1.1 103 \r\n\r\nHTTP/1.1 103 \r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
            ok(200, "a", true),
        ),
        (Get, "HTTP/1.1 20\r\n\r\n", Err(ClientError::Malformed)),
        (Get, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Err(ClientError::Malformed)),
        (Get, "", Err(ClientError::Incomplete)),
    ] {
        for step in 1..=response.len().max(1) {
            assert_eq!(read(method, response, step), expected, "{response:?} by {step}");
        }
    }
}

#[test]
fn a_request_that_would_break_its_frame_is_not_sent() {
    for (host, target) in [("h", "/a b"), ("h", "/a\r\nX: y"), ("h\r\n", "/"), ("h", "")] {
        assert_eq!(Request::get(host, target).encode(), None);
    }
    let mut request = Request::get("h", "/a?b");
    request.fields = Fields::new();
    assert_eq!(request.encode().unwrap(), b"GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n");
}

#[test]
fn http_19_a_body_is_asked_for_before_the_final_answer() {
    let mut server = server();
    server.receive(Bytes::from_static(
        b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ));
    assert!(server.poll_request().is_none());
    assert_eq!(server.poll_output().as_deref(), Some(&b"HTTP/1.1 100 Continue\r\n\r\n"[..]));
    server.receive(Bytes::from_static(b"hello"));
    assert_eq!(server.poll_request().map(|r| r.map_err(|e| e.status).map(drop)), Some(Err(405)));
    // A body that is too large is refused at once, without 100.
    let (asked, out, _) =
        serve([&b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n"[..]]);
    assert!(asked == ["413"] && !out.contains("100 Continue"));
}

#[test]
fn http_25_only_a_request_that_may_be_repeated_is_sent_again_and_once() {
    let first = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
    for (method, heard, may) in [(Method::Get, "", true), (Method::Post, "", false), (Method::Get, "HTTP/1.1 2", false)]
    {
        let mut client = ClientConn::new(HeadLimits::default());
        client.request(&Request::get("h", "/1")).unwrap();
        assert!(!client.may_retry(), "a new connection that fails has failed");
        client.receive(Bytes::from_static(first.as_bytes()));
        while client.poll_event().is_some() {}
        client.request(&Request { method, ..Request::get("h", "/2") }).unwrap();
        client.receive(Bytes::copy_from_slice(heard.as_bytes()));
        client.receive_end();
        assert_eq!(client.poll_event(), Some(ClientEvent::Failed(ClientError::Incomplete)));
        assert_eq!(client.may_retry(), may, "{method:?} {heard:?}");
    }
}

#[test]
fn http_27_37_every_error_has_a_date_a_body_and_the_right_connection() {
    for (message, status, closes) in [
        ("GET  /a HTTP/1.1\r\nHost: h\r\n\r\n", 400, true),
        ("GET /404 HTTP/1.1\r\nHost: h\r\n\r\n", 404, false),
        ("PUT /a HTTP/1.1\r\nHost: h\r\n\r\n", 405, false),
        ("GET /a HT", 408, true),
        ("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n", 413, true),
        (&format!("GET /{} HTTP/1.1\r\n", "a".repeat(9_000)), 414, true),
        ("GET /416 HTTP/1.1\r\nHost: h\r\n\r\n", 416, false),
        (&format!("GET /a HTTP/1.1\r\nX: {}\r\n", "a".repeat(17_000)), 431, true),
        ("GET /500 HTTP/1.1\r\nHost: h\r\n\r\n", 500, false),
        ("FOO /a HTTP/1.1\r\nHost: h\r\n\r\n", 501, true),
        ("GET /503 HTTP/1.1\r\nHost: h\r\n\r\n", 503, false),
        ("GET /a HTTP/3.0\r\nHost: h\r\n\r\n", 505, true),
    ] {
        let mut server = server();
        server.set_time(784_111_777);
        server.receive(Bytes::copy_from_slice(message.as_bytes()));
        let answer = match server.poll_request() {
            Some(Ok(request)) => request.target[1..].parse().unwrap(),
            Some(Err(error)) => error.status,
            None => server.time_out().status,
        };
        assert_eq!(answer, status, "{message:.40}");
        server.respond_text(answer);
        let mut out = String::new();
        drain(&mut server, &mut out);
        let (head, body) = out.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")) && head.contains("Date: Sun, 06 Nov 1994 08:49:37 GMT")
        );
        assert!(body.starts_with(&status.to_string()) && head.contains(&format!("Content-Length: {}", body.len())));
        assert_eq!((head.contains("Connection: close"), server.is_closed()), (closes, closes), "{status}");
    }
}

/// Only the cases whose request differs from a good one in what the row is about.
fn refused(cases: &[(&str, &str)]) {
    for (message, expected) in cases {
        assert_eq!(asked(message), [*expected], "{message:?}");
    }
}

#[test]
fn http_03_empty_lines_before_a_request() {
    let with = |n: usize| format!("{}GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "\r\n".repeat(n));
    refused(&[(&with(1), "GET h/a"), (&with(4), "GET h/a"), (&with(5), "400")]);
}

#[test]
fn http_05_versions() {
    let with = |version: &str| format!("GET /a {version}\r\nHost: h\r\n\r\n");
    refused(&[(&with("HTTP/1.1"), "GET h/a"), (&with("HTTP/1.9"), "GET h/a"), (&with("http/1.1"), "400")]);
    refused(&[(&with("HTTP/1.10"), "400"), (&with("HTTP/2.0"), "505"), (&with("HTTP/0.9"), "505")]);
}

#[test]
fn http_06_methods() {
    let with = |method: &str| format!("{method} /f HTTP/1.1\r\nHost: h\r\n\r\n");
    refused(&[(&with("get"), "501"), (&with("G@T"), "400"), (&with("DELETE"), "405"), (&with("HEAD"), "HEAD h/f")]);
    assert!(serve([with("DELETE").as_bytes()]).1.contains("Allow: GET, HEAD\r\n"));
}

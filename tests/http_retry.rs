//! A user against servers that cut connections, put clients off, and send them elsewhere.

mod two_hosts;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use twinwire::base::ids::TransportKind;
use twinwire::base::report::FetchReport;
use twinwire::base::schema::{Data, Params, Value};
use twinwire::base::time::{Duration, Instant};
use twinwire::node::app::{App, AppConn, HostEvent};
use twinwire::node::host::HostCtx;
use twinwire::node::node::{Node, Status};
use twinwire::node::roles::user::USER;
use twinwire::transport::stream::StreamEvent;
use two_hosts::{converse, env, host};

/// What a server says to one request, and whether it then breaks the connection.
struct Say {
    head: String,
    body: Vec<u8>,
    breaks: bool,
}

fn say(head: &str, body: &[u8], breaks: bool) -> Say {
    Say { head: head.to_owned(), body: body.to_vec(), breaks }
}

type Asked = Rc<RefCell<Vec<(Instant, String)>>>;

/// Answers each connection's request with the next line of its script.
struct Scripted {
    script: Vec<Say>,
    asked: Asked,
    conns: BTreeMap<AppConn, (Bytes, bool)>,
}

impl App for Scripted {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        let now = host.now();
        match event {
            HostEvent::Start => host.listen(TransportKind::Tcp, 80),
            HostEvent::Stream { conn, event } => {
                let Some(stream) = host.stream(conn) else { return };
                while let Some(data) = stream.read() {
                    self.asked.borrow_mut().push((now, String::from_utf8_lossy(&data).into_owned()));
                    assert!(!self.script.is_empty(), "asked too often: {:?}", self.asked);
                    let Say { head, body, breaks } = self.script.remove(0);
                    let text = [head.replace('\n', "\r\n").as_bytes(), b"\r\n\r\n", &body].concat();
                    self.conns.insert(conn, (Bytes::from(text), breaks));
                }
                let Some((rest, breaks)) = self.conns.get_mut(&conn) else { return };
                let taken = stream.write(rest.clone());
                *rest = rest.slice(taken..);
                if rest.is_empty() && !*breaks {
                    stream.finish();
                } else if rest.is_empty() && event == StreamEvent::Acknowledged {
                    stream.abort();
                }
            }
            _ => {}
        }
    }
    fn next_wake(&self) -> Option<Instant> {
        None
    }
    fn status(&self) -> Status {
        Status::Done
    }
}

fn user(fetches: &[(u64, &str)], remember: bool) -> Box<dyn App> {
    let value = |data| Value { data, span: 0..0 };
    let fetch = |(at, url): &(u64, &str)| {
        value(Data::Table(Params(BTreeMap::from([
            ("url".to_owned(), value(Data::Text((*url).to_owned()))),
            ("at".to_owned(), value(Data::Duration(Duration::from_secs(*at)))),
        ]))))
    };
    let params = Params(BTreeMap::from([
        ("fetch".to_owned(), value(Data::List(fetches.iter().map(fetch).collect()))),
        ("remember_redirects".to_owned(), value(Data::Bool(remember))),
    ]));
    (USER.build)(&params, &env("user")).unwrap()
}

/// The user and the server on a wire without delay; what was asked, and the downloads.
fn run(user: Box<dyn App>, script: Vec<Say>) -> (Vec<(Instant, String)>, Vec<FetchReport>) {
    let asked = Asked::default();
    let server = Scripted { script, asked: asked.clone(), conns: BTreeMap::new() };
    let mut hosts = [host(1, user), host(2, Box::new(server))];
    converse(&mut hosts, 200);
    (asked.take(), hosts[0].report().fetches)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn film(seed: u8) -> Vec<u8> {
    (0..1_000_000_u32).map(|n| (n % 251) as u8 ^ seed).collect()
}

const WHOLE: &str = "HTTP/1.1 200 OK\nContent-Length: 1000000";

#[test]
fn http_32_a_cut_download_goes_on_where_it_ended() {
    let film = film(0);
    let first = format!("{WHOLE}\nETag: \"one\"");
    let rest = "HTTP/1.1 206 Partial Content\nETag: \"one\"\nContent-Range: bytes 600000-999999/1000000\nContent-Length: 400000";
    let script = vec![say(&first, &film[..600_000], true), say(rest, &film[600_000..], false)];
    let (asked, fetches) = run(user(&[(0, "http://10.0.0.2/f.mp4")], false), script);
    assert!(!asked[0].1.contains("Range"));
    assert!(asked[1].1.contains("\r\nRange: bytes=600000-\r\nIf-Range: \"one\"\r\n"), "{}", asked[1].1);
    assert!(fetches[0].completed(), "{fetches:?}");
    assert_eq!((fetches[0].bytes, fetches[0].sha256.as_deref()), (1_000_000, Some(&*sha256(&film))));
}

#[test]
fn http_32_a_file_that_changed_meanwhile_is_fetched_anew() {
    let (old, new) = (film(0), film(9));
    let first = format!("{WHOLE}\nETag: \"one\"");
    let second = format!("{WHOLE}\nETag: \"two\"");
    let script = vec![say(&first, &old[..600_000], true), say(&second, &new, false)];
    let (asked, fetches) = run(user(&[(0, "http://10.0.0.2/f.mp4")], false), script);
    assert_eq!((asked.len(), fetches[0].bytes), (2, 1_000_000));
    assert!(fetches[0].completed());
    assert_eq!(fetches[0].sha256.as_deref(), Some(&*sha256(&new)), "nothing of the old one is left");
}

#[test]
fn http_32_without_a_strong_tag_or_after_three_cuts_it_fails() {
    let film = film(0);
    for tag in ["", "\nETag: W/\"one\""] {
        let (asked, fetches) =
            run(user(&[(0, "http://10.0.0.2/f")], false), vec![say(&format!("{WHOLE}{tag}"), &film[..9], true)]);
        assert!(asked.len() == 1 && fetches[0].error.is_some(), "{tag}");
    }
    let first = format!("{WHOLE}\nETag: \"one\"");
    let script = (0..4).map(|_| say(&first, &film[..9], true)).collect();
    let (asked, fetches) = run(user(&[(0, "http://10.0.0.2/f")], false), script);
    assert!(asked.len() == 4 && fetches[0].error.is_some(), "{fetches:?}");
    let part = "HTTP/1.1 206 Partial Content\nContent-Range: bytes 5-9/10\nContent-Length: 5";
    let (_, fetches) = run(user(&[(0, "http://10.0.0.2/f")], false), vec![say(part, b"abcde", false)]);
    assert!(!fetches[0].completed(), "a part that nobody asked for is not the file");
}

#[test]
fn http_36_the_user_waits_for_as_long_as_the_server_says() {
    let busy = |after: &str| say(&format!("HTTP/1.1 503 x\nContent-Length: 0\nRetry-After: {after}"), b"", false);
    let ok = || say("HTTP/1.1 200 OK\nContent-Length: 2", b"ok", false);
    // A simulated run begins on 1 January 2000.
    for (after, seconds) in [("3", 3), ("Sat, 01 Jan 2000 00:00:07 GMT", 7), ("Fri, 31 Dec 1999 23:59:59 GMT", 0)] {
        let (asked, fetches) = run(user(&[(0, "http://10.0.0.2/f")], false), vec![busy(after), ok()]);
        assert_eq!(asked[1].0, Instant::ZERO + Duration::from_secs(seconds), "{after}");
        assert!(fetches[0].completed() && fetches[0].status == 200);
    }
    for after in ["61", "99999999999999999999", "later"] {
        let (asked, fetches) = run(user(&[(0, "http://10.0.0.2/f")], false), vec![busy(after)]);
        assert_eq!((asked.len(), fetches[0].status, fetches[0].error.is_some()), (1, 503, true), "{after}");
    }
}

#[test]
fn http_42_a_remembered_redirect_saves_the_detour() {
    for (cache, remember, detours) in [("", true, 1), ("\nCache-Control: no-store", true, 2), ("", false, 2)] {
        let moved = || say(&format!("HTTP/1.1 301 x\nLocation: /new\nContent-Length: 0{cache}"), b"", false);
        let ok = || say("HTTP/1.1 200 OK\nContent-Length: 2", b"ok", false);
        let script = if detours == 1 { vec![moved(), ok(), ok()] } else { vec![moved(), ok(), moved(), ok()] };
        let app = user(&[(0, "http://10.0.0.2/old"), (5, "http://10.0.0.2/old")], remember);
        let (asked, fetches) = run(app, script);
        assert_eq!(asked.iter().filter(|(_, text)| text.contains("GET /old ")).count(), detours);
        assert!(fetches.iter().all(FetchReport::completed), "{fetches:?}");
    }
}

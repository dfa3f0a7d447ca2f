//! A storage server against a client that writes bytes by the clock.

mod two_hosts;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use twinwire::base::ids::TransportKind;
use twinwire::base::schema::{Data, Params, Value};
use twinwire::base::time::{Duration, Instant};
use twinwire::base::units::Size;
use twinwire::node::app::{App, AppConn, ConnectRequest, HostEvent};
use twinwire::node::host::{HostCtx, Settings};
use twinwire::node::node::Status;
use twinwire::node::roles::files::File;
use twinwire::node::roles::serving::{Answer, Server, Site};
use twinwire::node::roles::storage::STORAGE;
use twinwire::proto::http::request::Request;
use twinwire::transport::stream::StreamEvent;
use two_hosts::{converse, env, host};

type Log = Rc<RefCell<Vec<(Instant, String)>>>;

struct Script {
    transport: TransportKind,
    lines: Vec<(Instant, &'static str)>,
    conn: Option<AppConn>,
    log: Log,
}

impl App for Script {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        let (transport, remote) = (self.transport, "10.0.0.2:80".parse().unwrap());
        let conn = *self.conn.get_or_insert_with(|| {
            host.connect(ConnectRequest { transport, remote, name: None, settings: None }).unwrap()
        });
        let now = host.now();
        let Some(stream) = host.stream(conn) else { return };
        while self.lines.first().is_some_and(|(at, _)| *at <= now) {
            stream.write(Bytes::from_static(self.lines.remove(0).1.as_bytes()));
        }
        while let Some(data) = stream.read() {
            self.log.borrow_mut().push((now, String::from_utf8_lossy(&data).into_owned()));
        }
        if let HostEvent::Stream { event: StreamEvent::Finished, .. } = event {
            self.log.borrow_mut().push((now, "FIN".to_owned()));
            stream.finish();
        }
    }
    fn next_wake(&self) -> Option<Instant> {
        self.lines.first().map(|(at, _)| *at)
    }
    fn status(&self) -> Status {
        Status::Done
    }
}

fn storage() -> Box<dyn App> {
    let value = |data| Value { data, span: 0..0 };
    let files = Params(BTreeMap::from([("f".to_owned(), value(Data::Size(Size(4096))))]));
    let params = Params(BTreeMap::from([("files".to_owned(), value(Data::Table(files)))]));
    (STORAGE.build)(&params, &env("storage")).unwrap()
}

/// Two hosts on a wire without delay, for a minute; what the client read, and when.
fn talk(transport: TransportKind, script: &[(u64, &'static str)]) -> Vec<(Instant, String)> {
    let log = Log::default();
    let lines = script.iter().map(|&(s, text)| (Instant::ZERO + Duration::from_secs(s), text)).collect();
    let client = Script { transport, lines, conn: None, log: log.clone() };
    converse(&mut [host(1, Box::new(client)), host(2, storage())], 60);
    log.take()
}

fn at(log: &[(Instant, String)], text: &str) -> Option<Instant> {
    log.iter().find(|(_, t)| t.contains(text)).map(|(at, _)| *at)
}

const BOTH: [TransportKind; 2] = [TransportKind::Tcp, TransportKind::Rudp];

#[test]
fn http_16_a_slow_head_is_408_after_10_s() {
    for transport in BOTH {
        let log = talk(transport, &[(0, "GET /f"), (1, " HT"), (5, "TP/1.1\r\n"), (9, "Host: a\r\n")]);
        let ten = Some(Instant::ZERO + Duration::from_secs(10));
        assert_eq!(at(&log, "408 Request Timeout"), ten, "{log:?}");
        assert_eq!(at(&log, "FIN"), ten);
    }
}

#[test]
fn http_24_an_idle_connection_is_closed_after_15_s() {
    for transport in BOTH {
        let log = talk(transport, &[(3, "HEAD /f HTTP/1.1\r\nHost: a\r\n\r\n")]);
        assert_eq!(at(&log, "Content-Length: 4096"), Some(Instant::ZERO + Duration::from_secs(3)));
        assert_eq!(at(&log, "FIN"), Some(Instant::ZERO + Duration::from_secs(18)), "{log:?}");
        let nothing = talk(transport, &[]);
        assert_eq!(nothing, [(Instant::ZERO + Duration::from_secs(15), "FIN".to_owned())]);
    }
}

#[test]
fn http_27_answers_carry_the_simulated_date() {
    let log = talk(TransportKind::Tcp, &[(3, "GET /f HTTP/1.1\r\nHost: a\r\nRange: bytes=-1\r\n\r\n")]);
    assert!(at(&log, "206 Partial Content").is_some(), "{log:?}");
    assert!(at(&log, "Date: Sat, 01 Jan 2000 00:00:03 GMT\r\n").is_some(), "{log:?}");
    assert!(at(&log, "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT\r\n").is_some());
    assert!(at(&log, "Content-Range: bytes 4095-4095/4096\r\n").is_some());
    let log = talk(TransportKind::Tcp, &[(0, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n")]);
    assert!(at(&log, "404 Not Found").is_some() && at(&log, "Date: ").is_some());
}

/// A file of 200 MB that counts how much of it was read.
#[derive(Debug)]
struct Counted(Rc<std::cell::Cell<u64>>);

impl twinwire::node::roles::source::Source for Counted {
    fn len(&self) -> u64 {
        200_000_000
    }
    fn read(&self, _: u64, count: usize) -> Bytes {
        self.0.set(self.0.get() + count as u64);
        Bytes::from(vec![0; count])
    }
}

#[derive(Debug)]
struct Film(Rc<File>);

impl Site for Film {
    fn answer(&mut self, _: &Request) -> Answer {
        Answer::File(self.0.clone())
    }
}

/// Opens connections, says this on each, and reads nothing.
struct Deaf {
    conns: usize,
    text: &'static str,
}

impl App for Deaf {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        if let HostEvent::Start = event {
            for _ in 0..self.conns {
                let (transport, remote) = (TransportKind::Tcp, "10.0.0.2:80".parse().unwrap());
                let conn = host.connect(ConnectRequest { transport, remote, name: None, settings: None }).unwrap();
                host.stream(conn).unwrap().write(Bytes::from_static(self.text.as_bytes()));
            }
        }
    }
    fn next_wake(&self) -> Option<Instant> {
        None
    }
    fn status(&self) -> Status {
        Status::Done
    }
}

#[test]
fn http_52_no_more_of_a_big_file_is_in_memory_than_the_buffers_hold() {
    let read = Rc::new(std::cell::Cell::new(0));
    let file = Rc::new(File::new("big.mp4", Box::new(Counted(read.clone()))));
    file.sha256();
    read.set(0);
    let server = Server::new(Film(file), &Params::default(), &env("storage"));
    let deaf = Deaf { conns: 1, text: "GET /big.mp4 HTTP/1.1\r\nHost: a\r\n\r\n" };
    converse(&mut [host(1, Box::new(deaf)), host(2, Box::new(server))], 60);
    let tcp = Settings::default().tcp;
    let buffers = tcp.send_buffer + tcp.receive_buffer;
    assert!(read.get() > 0 && read.get() <= buffers + 64 * 1024, "{} bytes for {buffers} of buffers", read.get());
}

#[test]
fn http_53_ten_thousand_half_open_heads_do_not_stop_an_honest_client() {
    struct Both(Deaf, Script);
    impl App for Both {
        fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
            if let HostEvent::Start = event {
                self.0.on_event(event.clone(), host);
            }
            let honest = match (&event, self.1.conn) {
                (HostEvent::Stream { conn, .. }, Some(own)) => *conn == own,
                _ => true,
            };
            if honest {
                self.1.on_event(event, host);
            }
        }
        fn next_wake(&self) -> Option<Instant> {
            self.1.next_wake()
        }
        fn status(&self) -> Status {
            Status::Done
        }
    }
    let log = Log::default();
    let lines = vec![(Instant::ZERO + Duration::from_secs(2), "GET /f HTTP/1.1\r\nHost: a\r\n\r\n")];
    let honest = Script { transport: TransportKind::Tcp, lines, conn: None, log: log.clone() };
    let slow = Deaf { conns: 10_000, text: "GET /f HTTP/1.1\r\nHost: a\r\nX: " };
    converse(&mut [host(1, Box::new(Both(slow, honest))), host(2, storage())], 60);
    let log = log.take();
    assert_eq!(at(&log, "200 OK"), Some(Instant::ZERO + Duration::from_secs(2)), "{log:?}");
}

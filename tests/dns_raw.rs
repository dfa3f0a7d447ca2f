//! The DNS server and the resolver of a user on whole hosts: streams, fallback, limits.

mod two_hosts;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;

use bytes::Bytes;
use twinwire::base::ids::TransportKind;
use twinwire::base::rng::Seed;
use twinwire::base::schema::{Data, Params, Value};
use twinwire::base::time::{Duration, Instant};
use twinwire::node::app::{App, ConnectRequest, HostEvent};
use twinwire::node::host::HostCtx;
use twinwire::node::node::Status;
use twinwire::node::resolver::HostResolver;
use twinwire::node::roles::dns_server::DNS_SERVER;
use twinwire::proto::dns::framing::{Frames, frame};
use twinwire::transport::stream::StreamEvent;
use two_hosts::{SERVER, converse, env, host};

type Log = Rc<RefCell<Vec<(Instant, String)>>>;

fn dns_server() -> Box<dyn App> {
    let value = |data| Value { data, span: 0..0 };
    let many = (0..40).map(|n| value(Data::Address(Ipv4Addr::new(10, 0, 1, n)))).collect();
    let zone = Params(BTreeMap::from([
        ("many.example".to_owned(), value(Data::List(many))),
        ("one.example".to_owned(), value(Data::Address(Ipv4Addr::new(10, 0, 0, 80)))),
    ]));
    let params = Params(BTreeMap::from([("zone".to_owned(), value(Data::Table(zone)))]));
    (DNS_SERVER.build)(&params, &env("dns")).unwrap()
}

/// This client and the server on a wire without delay, for a minute.
fn run(client: Box<dyn App>) {
    converse(&mut [host(1, client), host(2, dns_server())], 60);
}

/// Asks for a name as a user does.
struct Asker {
    resolver: HostResolver,
    log: Log,
}

impl App for Asker {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        match event {
            HostEvent::Start => {
                self.resolver.resolve("many.example", host);
                self.resolver.resolve("one.example", host);
            }
            HostEvent::Datagram { port, from, data, .. } => {
                let truncated = data[2] & 2 != 0;
                self.log.borrow_mut().push((host.now(), format!("datagram, truncated: {truncated}")));
                // As from a server that knows no EDNS and sends what fits into 512 bytes.
                let mut cut = data.to_vec();
                if cut.len() > 512 {
                    cut[2] |= 2;
                    cut[6..12].fill(0);
                    let question_end = 12 + cut[12..].iter().position(|b| *b == 0).unwrap() + 5;
                    cut.truncate(question_end);
                }
                self.resolver.on_datagram(port, from, &cut, host);
            }
            HostEvent::Stream { conn, event } => assert!(self.resolver.on_stream(conn, event, host)),
            HostEvent::Wake => self.resolver.on_wake(host),
            _ => {}
        }
        while let Some((name, answer)) = self.resolver.poll_answer() {
            self.log.borrow_mut().push((host.now(), format!("{name} {answer:?}")));
        }
    }
    fn next_wake(&self) -> Option<Instant> {
        self.resolver.next_wake()
    }
    fn status(&self) -> Status {
        Status::Done
    }
}

#[test]
fn dnsr_06_a_truncated_answer_is_fetched_over_tcp() {
    let log = Log::default();
    run(Box::new(Asker { resolver: HostResolver::new(Seed(3).stream("resolver")), log: log.clone() }));
    let said: Vec<String> = log.take().into_iter().map(|(_, text)| text).collect();
    assert!(said.contains(&"many.example Ok(10.0.1.0)".to_owned()), "{said:?}");
    assert!(said.contains(&"one.example Ok(10.0.0.80)".to_owned()), "{said:?}");
}

/// Opens connections to port 53 and writes these bytes on each; counts replies, and notes ends.
struct Talker {
    conns: usize,
    text: Bytes,
    frames: Frames,
    replies: usize,
    log: Log,
}

impl App for Talker {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        let remote = SocketAddrV4::new(SERVER, 53);
        if let HostEvent::Start = event {
            for _ in 0..self.conns {
                let transport = TransportKind::Tcp;
                let conn = host.connect(ConnectRequest { transport, remote, name: None, settings: None }).unwrap();
                assert_eq!(host.stream(conn).unwrap().write(self.text.clone()), self.text.len());
            }
        }
        let HostEvent::Stream { conn, event } = event else { return };
        let now = host.now();
        if let Some(stream) = host.stream(conn) {
            while let Some(data) = stream.read() {
                self.frames.push(&data);
            }
            if event == StreamEvent::Finished {
                stream.finish();
            }
        }
        while let Ok(Some(reply)) = self.frames.pop() {
            assert_eq!(reply[..2], (self.replies as u16).to_be_bytes(), "replies carry the ids asked with");
            self.replies += 1;
        }
        if matches!(event, StreamEvent::Finished | StreamEvent::Closed(_)) {
            self.log.borrow_mut().push((now, format!("{} {event:?}", self.replies)));
        }
    }
    fn next_wake(&self) -> Option<Instant> {
        None
    }
    fn status(&self) -> Status {
        Status::Done
    }
}

fn talk(conns: usize, text: Vec<u8>) -> Vec<(Instant, String)> {
    let log = Log::default();
    let (text, frames) = (Bytes::from(text), Frames::default());
    run(Box::new(Talker { conns, text, frames, replies: 0, log: log.clone() }));
    log.take()
}

fn query(id: u16) -> Vec<u8> {
    let mut data = id.to_be_bytes().to_vec();
    data.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4]);
    data.extend_from_slice(b"many\x07example\0\0\x01\0\x01");
    data
}

#[test]
fn dnss_07_fifty_queries_in_one_write_are_fifty_replies_and_idleness_ends_it() {
    let text: Vec<u8> = (0..50).flat_map(|id| frame(&query(id)).unwrap()).collect();
    let log = talk(1, text);
    let ten = Instant::ZERO + Duration::from_secs(10);
    assert_eq!(log[0], (ten, "50 Finished".to_owned()), "{log:?}");
}

#[test]
fn dnss_07_a_client_may_hold_twenty_connections() {
    let log = talk(25, vec![]);
    let refused = log.iter().filter(|(at, text)| *at == Instant::ZERO && text.contains("Closed")).count();
    assert_eq!(refused, 5, "{log:?}");
}

#[test]
fn dnsr_07_an_empty_frame_ends_the_stream() {
    let log = talk(1, vec![0, 0, 0, 5]);
    assert_eq!(log[0], (Instant::ZERO, "0 Finished".to_owned()), "{log:?}");
}

/// Draws ephemeral ports, as every question does.
struct Ports(Rc<RefCell<Vec<u16>>>);

impl App for Ports {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        if let HostEvent::Start = event {
            self.0.borrow_mut().extend((0..10_000).map(|_| host.ephemeral_port()));
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
fn dnsr_01_ports_are_uniform() {
    let ports = Rc::new(RefCell::new(Vec::new()));
    run(Box::new(Ports(ports.clone())));
    let mut bins = [0_i64; 256];
    ports.borrow().iter().for_each(|p| bins[usize::from(*p - 49_152) / 64] += 1);
    let chi2 = bins.iter().map(|n| (n * 256 - 10_000) * (n * 256 - 10_000)).sum::<i64>() / (256 * 10_000);
    assert!(chi2 < 330, "{chi2}: 330.5 is exceeded once in a thousand");
    let steps = ports.borrow().windows(2).filter(|w| w[1].wrapping_sub(w[0]) <= 1).count();
    assert!(steps <= 6, "neither constant nor counting: {steps}");
}

//! A storage server against a client that writes bytes by the clock.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use twinwire::base::ids::{NodeId, TransportKind};
use twinwire::base::rng::Seed;
use twinwire::base::schema::{Data, Params, Value};
use twinwire::base::time::{Duration, Instant};
use twinwire::base::units::Size;
use twinwire::node::addressing::Addressing;
use twinwire::node::app::{App, AppConn, ConnectRequest, HostEvent};
use twinwire::node::host::{Host, HostCtx, HostSetup, Settings};
use twinwire::node::node::{Ctx, Input, Node, Status};
use twinwire::node::outbox::Outbox;
use twinwire::node::roles::role::RoleEnv;
use twinwire::node::roles::storage::STORAGE;
use twinwire::transport::stream::StreamEvent;

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

fn host(last: u8, app: Box<dyn App>) -> Host {
    let address = Ipv4Addr::new(10, 0, 0, last);
    let setup = HostSetup {
        name: format!("h{last}").into(),
        addressing: Some(Addressing { address, prefix_len: 24, gateway: None, dns: Vec::new() }),
        settings: vec![Settings::default()].into(),
        names: Arc::new(BTreeMap::new()),
        seed: Seed(1),
        lives: 0,
    };
    Host::new(setup, vec![app])
}

fn storage() -> Box<dyn App> {
    let value = |data| Value { data, span: 0..0 };
    let files = Params(BTreeMap::from([("f".to_owned(), value(Data::Size(Size(4096))))]));
    let params = Params(BTreeMap::from([("files".to_owned(), value(Data::Table(files)))]));
    let env = RoleEnv {
        node: "storage".into(),
        address: None,
        prefix_len: 24,
        gateway: None,
        dns: Vec::new(),
        addresses: Arc::new(BTreeMap::new()),
        folder: PathBuf::new(),
        seed: Seed(1),
    };
    (STORAGE.build)(&params, &env).unwrap()
}

/// Two hosts on a wire without delay, for a minute; what the client read, and when.
fn talk(transport: TransportKind, script: &[(u64, &'static str)]) -> Vec<(Instant, String)> {
    let log = Log::default();
    let lines = script.iter().map(|&(s, text)| (Instant::ZERO + Duration::from_secs(s), text)).collect();
    let client = Script { transport, lines, conn: None, log: log.clone() };
    let mut hosts = [host(1, Box::new(client)), host(2, storage())];
    let (mut counts, mut now) = ([0, 0], Instant::ZERO);
    let mut inputs: Vec<(usize, Input)> = vec![(1, Input::Start), (0, Input::Start)];
    while now < Instant::ZERO + Duration::from_secs(60) {
        while !inputs.is_empty() {
            let (at, input) = inputs.remove(0);
            let mut outbox = Outbox::default();
            let mut ctx = Ctx::new(now, NodeId(at as u32), &mut counts[at], &mut outbox, None);
            hosts[at].handle(input, &mut ctx);
            inputs.extend(outbox.sent.into_iter().map(|(port, packet)| (1 - at, Input::Packet { port, packet })));
        }
        let Some(next) = hosts.iter().filter_map(Node::next_wake).min() else { break };
        now = next;
        inputs.extend((0..2).filter(|&k| hosts[k].next_wake() == Some(next)).map(|k| (k, Input::Wake)));
    }
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

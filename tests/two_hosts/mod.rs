//! Two hosts on a wire without delay: a client at 10.0.0.1 and a server at 10.0.0.2.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use twinwire::base::ids::NodeId;
use twinwire::base::rng::Seed;
use twinwire::base::time::{Duration, Instant};
use twinwire::base::wall::WallClock;
use twinwire::node::addressing::Addressing;
use twinwire::node::app::App;
use twinwire::node::host::{Host, HostSetup, Settings};
use twinwire::node::node::{Ctx, Input, Node};
use twinwire::node::outbox::Outbox;
use twinwire::node::roles::role::RoleEnv;

pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// The host 10.0.0.`last`, whose DNS server is the other.
pub(crate) fn host(last: u8, app: Box<dyn App>) -> Host {
    let address = Ipv4Addr::new(10, 0, 0, last);
    let setup = HostSetup {
        name: format!("h{last}").into(),
        addressing: Some(Addressing { address, prefix_len: 24, gateway: None, dns: vec![SERVER].into() }),
        settings: vec![Settings::default()].into(),
        names: Arc::default(),
        aliases: Arc::default(),
        seed: Seed(1),
        lives: 0,
    };
    Host::new(setup, vec![app])
}

/// What a role is made in.
pub(crate) fn env(node: &str) -> RoleEnv {
    RoleEnv {
        node: node.into(),
        address: Some(SERVER),
        prefix_len: 24,
        gateway: None,
        dns: Vec::new(),
        addresses: Arc::default(),
        outside: Arc::default(),
        shelves: Arc::default(),
        folder: Path::new("").into(),
        seed: Seed(1),
        wall: WallClock::SIMULATED,
    }
}

/// Lets the client and the server talk for so many seconds.
pub(crate) fn converse(hosts: &mut [Host; 2], seconds: u64) {
    let (mut counts, mut now) = ([0, 0], Instant::ZERO);
    let mut inputs = VecDeque::from([(1, Input::Start), (0, Input::Start)]);
    while now < Instant::ZERO + Duration::from_secs(seconds) {
        while let Some((at, input)) = inputs.pop_front() {
            let mut outbox = Outbox::default();
            let mut ctx = Ctx::new(now, NodeId(at as u32), &mut counts[at], &mut outbox, None);
            hosts[at].handle(input, &mut ctx);
            while let Some((port, packet)) = outbox.pop() {
                inputs.push_back((1 - at, Input::Packet { port, packet }));
            }
        }
        let Some(next) = hosts.iter().filter_map(Node::next_wake).min() else { break };
        now = next;
        inputs.extend((0..2).filter(|&k| hosts[k].next_wake() == Some(next)).map(|k| (k, Input::Wake)));
    }
}

//! What a host is made from.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::addressing::Addressing;
use crate::base::rng::{Around, Rng, Seed};
use crate::transport::rudp::RudpConfig;
use crate::transport::tcp::TcpConfig;

/// How a host's connections are configured.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// For TCP.
    pub tcp: Arc<TcpConfig>,
    /// For RUDP.
    pub rudp: Arc<RudpConfig>,
}

/// What a host is made from.
#[derive(Clone, Debug)]
pub struct HostSetup {
    /// Its name in the scenario.
    pub name: Arc<str>,
    /// Its addressing; `None` until an app sets it.
    pub addressing: Option<Addressing>,
    /// The settings of its connections; those numbered from 1 belong to flows.
    pub settings: Arc<[Settings]>,
    /// Whose address is whose, for naming flows.
    pub names: Arc<BTreeMap<Ipv4Addr, Arc<str>>>,
    /// Where nodes are found from outside, and what they are called inside; empty in a simulation.
    pub aliases: Arc<BTreeMap<SocketAddrV4, SocketAddrV4>>,
    /// The run's seed.
    pub seed: Seed,
    /// How often the host was up before.
    pub lives: u32,
}

/// The random streams of a host's parts in its first life.
pub(super) const TCP_STREAM: &Around = &["node/", "/tcp/0"];
pub(super) const RUDP_STREAM: &Around = &["node/", "/rudp/0"];
pub(super) const PORTS_STREAM: &Around = &["node/", "/ports/0"];

impl HostSetup {
    /// The random stream of one of its parts, in this life: the figure at the end counts them.
    pub(super) fn stream(&self, first: &'static Around) -> Rng {
        match self.lives {
            0 => self.seed.stream_of(first, &self.name),
            lives => self.seed.stream(&format!("{}{}{}{lives}", first[0], self.name, first[1].trim_end_matches('0'))),
        }
    }
}

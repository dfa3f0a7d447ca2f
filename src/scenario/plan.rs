//! The checked plan of a run: plain data, every name resolved, every list sorted by name.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::expectation::Expectation;
use crate::base::ids::TransportKind;
use crate::base::schema::Params;
use crate::base::time::Duration;
use crate::base::units::{Rate, Size};

/// A run, ready to be built.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One line about it.
    pub title: String,
    /// The seed of every random stream.
    pub seed: u64,
    /// When the run ends at the latest.
    pub until: Duration,
    /// Whether every packet goes through encoding and decoding.
    pub wire: bool,
    /// The folder that paths are relative to.
    pub folder: PathBuf,
    /// Nodes by name; a node's rank here is its `NodeId`.
    pub nodes: Vec<NodePlan>,
    /// Links by name.
    pub links: Vec<LinkPlan>,
    /// The fault timeline, by time, then by place in the file.
    pub events: Vec<EventPlan>,
    /// Flows by name.
    pub flows: Vec<FlowPlan>,
    /// What must hold afterwards, in the order of the file.
    pub expects: Vec<Expectation>,
    /// `[live.NODE]`.
    pub live: BTreeMap<String, Params>,
}

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeKind {
    /// It runs an app: the role of this name.
    Host,
    /// One broadcast domain.
    Switch,
    /// Forwards by shortest path.
    Router,
}

/// One node.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// `phone`, `sender[3]`.
    pub name: Arc<str>,
    /// Whether it is a host.
    pub kind: NodeKind,
    /// The name of its role.
    pub role: Arc<str>,
    /// All its checked keys, the role's own among them. Shared by the members of a group.
    pub params: Arc<Params>,
    /// Where its table stands in the file.
    pub span: Range<usize>,
    /// True if its address comes by DHCP.
    pub dhcp: bool,
    /// The address it asks for, if the file gives one.
    pub fixed: Option<Ipv4Addr>,
    /// TCP settings of its connections.
    pub tcp: Arc<Params>,
    /// RUDP settings of its connections.
    pub rudp: Arc<Params>,
    /// Its ports, by link name; a port's rank here is its `PortId`.
    pub ports: Vec<PortPlan>,
    /// The nearest router on a host's first network.
    pub gateway: Option<Ipv4Addr>,
    /// A router's table, the longest prefixes first.
    pub routes: Vec<Route>,
}

impl NodePlan {
    /// A host's own address: that of its first port. `None` for switches, for DHCP clients and for
    /// nodes without a link.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.ports.first().and_then(|p| p.address)
    }
}

/// One port of a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortPlan {
    /// The link's rank.
    pub link: usize,
    /// Which end of it: 0 is the first of `between`.
    pub end: usize,
    /// Its address; `None` for switches and DHCP clients.
    pub address: Option<Ipv4Addr>,
    /// The prefix of its network.
    pub prefix_len: u8,
}

/// One link.
#[derive(Clone, Debug)]
pub struct LinkPlan {
    /// `a--b`, or as named.
    pub name: Arc<str>,
    /// Where its `[[connect]]` stands in the file.
    pub span: Range<usize>,
    /// The ranks of the nodes at its ends.
    pub nodes: [usize; 2],
    /// Its port at each of them.
    pub ports: [usize; 2],
    /// Forward and reverse.
    pub channels: [Arc<ChannelPlan>; 2],
}

/// One direction of a link.
#[derive(Clone, PartialEq, Debug)]
pub struct ChannelPlan {
    /// Bit rate; `None`: unlimited.
    pub rate: Option<Rate>,
    /// Propagation delay.
    pub delay: DelayPlan,
    /// Loss model and its keys.
    pub loss: (String, Params),
    /// Queue and its keys.
    pub queue: (String, Params),
}

/// A propagation delay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DelayPlan {
    /// The fixed part.
    pub base: Duration,
    /// The spread of the random part.
    pub jitter: Duration,
    /// `uniform` or `normal`.
    pub distribution: String,
    /// Whether packets may overtake each other.
    pub reorder: bool,
}

/// A change of one direction of a link: what is `None` stays.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ChannelChange {
    /// Bit rate.
    pub rate: Option<Rate>,
    /// Propagation delay.
    pub delay: Option<DelayPlan>,
    /// Loss model and its keys.
    pub loss: Option<(String, Params)>,
    /// Queue and its keys.
    pub queue: Option<(String, Params)>,
    /// True: loses everything.
    pub down: Option<bool>,
}

/// What an event changes.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// A link: its rank, forward, reverse.
    Link(usize, Box<[ChannelChange; 2]>),
    /// A node: its rank, and whether it is dead.
    Node(usize, bool),
}

/// One entry of the fault timeline.
#[derive(Clone, PartialEq, Debug)]
pub struct EventPlan {
    /// When.
    pub at: Duration,
    /// How long; `None`: for good.
    pub lasts: Option<Duration>,
    /// What.
    pub change: Change,
    /// As written: `down = true`.
    pub text: Arc<str>,
}

/// How much a flow sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amount {
    /// So many bytes.
    Bytes(Size),
    /// As much as it can in this time.
    For(Duration),
}

/// One bulk flow.
#[derive(Clone, Debug)]
pub struct FlowPlan {
    /// `bulk[7]`.
    pub name: Arc<str>,
    /// Where its `[[flow]]` stands in the file.
    pub span: Range<usize>,
    /// The rank of the node that opens it and sends.
    pub from: usize,
    /// The rank of the node that receives.
    pub to: usize,
    /// The transport.
    pub transport: TransportKind,
    /// How much.
    pub amount: Amount,
    /// When it is opened.
    pub start: Duration,
    /// Transport settings at the sender: the node's, overridden by the flow's.
    pub sender: Arc<Params>,
    /// The same at the receiver.
    pub receiver: Arc<Params>,
}

/// One line of a router's table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// The network.
    pub prefix: Ipv4Addr,
    /// Length of its prefix.
    pub len: u8,
    /// The port to send from.
    pub port: usize,
    /// The next router; `None`: the destination itself is at that port.
    pub next_hop: Option<Ipv4Addr>,
}

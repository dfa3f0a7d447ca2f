//! What a role is made from.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use super::outside::Outside;
use super::shelf_page::Shelves;
use crate::base::registry::Entry;
use crate::base::rng::Seed;
use crate::base::schema::Params;
use crate::base::wall::WallClock;
use crate::node::app::App;

/// What a role may know when it is made.
#[derive(Clone, Debug)]
pub struct RoleEnv {
    /// The name of its node.
    pub node: Arc<str>,
    /// Its node's own address, unless that comes by DHCP.
    pub address: Option<Ipv4Addr>,
    /// Length of its network's prefix.
    pub prefix_len: u8,
    /// The router of its network, if there is one.
    pub gateway: Option<Ipv4Addr>,
    /// The DNS servers of the scenario, nearest first.
    pub dns: Vec<Ipv4Addr>,
    /// Fixed addresses of all nodes.
    pub addresses: Arc<BTreeMap<Arc<str>, Ipv4Addr>>,
    /// Where strangers find the nodes; empty in a simulation.
    pub outside: Arc<Outside>,
    /// What storage nodes keep.
    pub shelves: Arc<Shelves>,
    /// The folder that paths are relative to.
    pub folder: Arc<Path>,
    /// The run's seed. A role names its streams `node/<name>/<purpose>`.
    pub seed: Seed,
    /// What date it is when the run's clock stands at zero.
    pub wall: WallClock,
}

/// A mistake that only the role can see: the key it is about, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleError {
    /// The key of the node's table that is to blame.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// The mend.
    pub help: Option<String>,
}

/// How a registry entry makes its app.
pub type Build = fn(&Params, &RoleEnv) -> Result<Box<dyn App>, RoleError>;
/// A registry entry for a role.
pub type RoleEntry = Entry<Build>;

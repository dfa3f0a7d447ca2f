//! `live.json` of a live run's folder: what a replay must know beside the inputs, and what it
//! must come to.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::SocketAddrV4;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::live::LiveRunError;
use super::places::Places;
use super::recorder::Recorder;
use super::run::{Run, finish, outcome};
use crate::base::time::Instant;
use crate::base::wall::WallClock;
use crate::live::replay::replay as feed;
use crate::scenario::build::place_names;
use crate::scenario::live::{LiveOptions, live as set_up};
use crate::scenario::plan::Plan;

/// How a live run was set up, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Version of this format: 1.
    pub schema: u32,
    /// The nodes that lived in the process; empty: all.
    pub nodes: Vec<String>,
    /// Where nodes were told to live.
    pub binds: BTreeMap<String, SocketAddrV4>,
    /// Where every node lived.
    pub places: BTreeMap<String, SocketAddrV4>,
    /// The hardware address of each DHCP client that was on an interface.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hardware: BTreeMap<String, [u8; 6]>,
    /// The seed of the hosts.
    pub seed: u64,
    /// The seed of the links.
    pub link_seed: u64,
    /// Nanoseconds since 1970 when the run's clock stood at zero.
    pub zero_nanos: u64,
    /// The digest of all notes.
    pub digest: String,
    /// The hash of all packets and socket requests.
    pub outputs: String,
}

/// A replay of a live run.
#[derive(Debug)]
pub struct Replay {
    /// Its figures; links have none.
    pub run: Run,
    /// The hash of its outputs.
    pub outputs: String,
}

/// Feeds the recorded inputs to the same machines on a virtual clock.
///
/// # Errors
/// When the hosts cannot be made or the journal not be read.
pub fn replay(plan: &Plan, name: &str, recording: &Recording, journal: impl Read) -> Result<Replay, LiveRunError> {
    let plan = Arc::new(Plan { seed: recording.link_seed, ..plan.clone() });
    let options = LiveOptions {
        nodes: recording.nodes.clone(),
        binds: recording.binds.clone(),
        places: recording.places.clone(),
        apply_leases: false,
        hardware: Some(recording.hardware.clone()),
        seed: recording.seed,
        wall: WallClock::real(recording.zero_nanos),
    };
    if let Some(node) = plan.nodes.iter().find(|n| n.params.text("lease_file").is_some()) {
        let message = format!("{} keeps a lease file, whose leases are not recorded: it cannot be replayed", node.name);
        return Err(io::Error::new(io::ErrorKind::Unsupported, message).into());
    }
    let (names, nodes) = place_names(&plan);
    let mut recorder = Recorder::digest_only(Places { names, nodes });
    let setup = set_up(&plan, &options, None).map_err(LiveRunError::Scenario)?;
    let replayed = feed(setup.nodes, journal, &mut recorder)?;
    let (mut figures, failures) = outcome(&plan, name, replayed.nodes);
    (figures.r#virtual, figures.events) = (replayed.end.max(Instant::ZERO), replayed.events);
    let run = finish(&plan, Some(recorder), figures, failures)?;
    Ok(Replay { run, outputs: replayed.outputs })
}

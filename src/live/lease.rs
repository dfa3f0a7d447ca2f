//! What a DHCP client learns, put on the interface that it was learnt on: by `ip`, of iproute2, where that
//! is asked for; told to a person in any case. The system's resolver is left as it is: names are asked
//! for by the client itself.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::process::Command;

use super::error::LiveError;
use crate::base::ids::NodeId;
use crate::node::addressing::Addressing;

/// The metric of a default route: the machine's own, if it has one, is better.
const METRIC: &str = "1024";

/// A client on an interface.
#[derive(Clone, Debug)]
pub struct Lessee {
    /// Its node.
    pub node: NodeId,
    /// That one's name.
    pub name: String,
    /// The interface.
    pub interface: String,
    /// Whether the lease is put on it.
    pub apply: bool,
}

/// Something that a person wants to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseNews {
    /// The client's node.
    pub name: String,
    /// Its interface.
    pub interface: String,
    /// What it has now; `None` once it has lost it.
    pub addressing: Option<Addressing>,
}

#[derive(Debug)]
struct Kept {
    lessee: Lessee,
    has: Option<Addressing>,
}

/// All clients of this process that are on interfaces. What was put on them is taken off with the value.
#[derive(Debug, Default)]
pub struct Leases {
    kept: BTreeMap<NodeId, Kept>,
    news: VecDeque<LeaseNews>,
}

impl Leases {
    /// These clients, which have nothing yet.
    pub fn new(lessees: impl IntoIterator<Item = Lessee>) -> Self {
        let kept = lessees.into_iter().map(|lessee| (lessee.node, Kept { lessee, has: None })).collect();
        Leases { kept, news: VecDeque::new() }
    }

    /// The next news.
    pub fn poll_news(&mut self) -> Option<LeaseNews> {
        self.news.pop_front()
    }

    /// A node has this addressing now; called before its sockets make use of it.
    pub(super) fn follow(&mut self, node: NodeId, now: Option<&Addressing>) -> Result<(), LiveError> {
        let Some(kept) = self.kept.get_mut(&node).filter(|kept| kept.has.as_ref() != now) else { return Ok(()) };
        let Lessee { name, interface, apply, .. } = &kept.lessee;
        let failed = |source| LiveError::Lease { node: name.clone(), interface: interface.clone(), source };
        if *apply && let Some(old) = &kept.has {
            take_off(interface, old);
        }
        // It counts before it is done: half of it must be taken off as well.
        kept.has = now.cloned();
        if *apply && let Some(new) = now {
            put_on(interface, new).map_err(failed)?;
        }
        self.news.push_back(LeaseNews { name: name.clone(), interface: interface.clone(), addressing: now.cloned() });
        Ok(())
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        for Kept { lessee, has } in self.kept.values().filter(|kept| kept.lessee.apply) {
            has.iter().for_each(|addressing| take_off(&lessee.interface, addressing));
        }
    }
}

fn put_on(interface: &str, Addressing { address, prefix_len, gateway, .. }: &Addressing) -> io::Result<()> {
    ip(&["addr", "replace", &format!("{address}/{prefix_len}"), "broadcast", "+", "dev", interface])?;
    match gateway {
        Some(gateway) => {
            let gateway = gateway.to_string();
            ip(&["route", "replace", "default", "via", &gateway, "dev", interface, "metric", METRIC])
        }
        None => Ok(()),
    }
}

/// The routes through an address go with it. Somebody else may have taken it off before.
fn take_off(interface: &str, Addressing { address, prefix_len, .. }: &Addressing) {
    let _ = ip(&["addr", "del", &format!("{address}/{prefix_len}"), "dev", interface]);
}

fn ip(words: &[&str]) -> io::Result<()> {
    let done = Command::new("ip").args(words).output()?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(io::Error::other(format!("ip {}: {said}", words.join(" "))))
}

/// The hardware address of an interface of this machine.
///
/// # Errors
/// When there is none of this name, or it is no Ethernet.
pub fn hardware(interface: &str) -> io::Result<[u8; 6]> {
    if interface.is_empty() || interface.contains('/') {
        return Err(io::ErrorKind::NotFound.into());
    }
    let text = fs::read_to_string(format!("/sys/class/net/{interface}/address"))?;
    let bytes: Option<Vec<u8>> = text.trim().split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect();
    let mac = bytes.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
    mac.ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "it is no Ethernet"))
}

/// The interfaces of this machine.
pub fn interfaces() -> Vec<String> {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    names
}

//! What each table of a scenario file may hold. The checker and the JSON Schema read these.

use super::transport_keys::{self, RUDP, TCP};
use crate::base::schema::{Key, Kind, Need, Part, PartKind};

const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, need: Need::Optional, about }
}
const fn required(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, need: Need::Required, about }
}
const fn default(name: &'static str, kind: Kind, text: &'static str, about: &'static str) -> Key {
    Key { name, kind, need: Need::Default(text), about }
}

/// The transports by name.
pub const TRANSPORTS: &[&str] = &["tcp", "rudp"];

/// Keys outside any table.
pub const TOP: &[Key] = &[
    default("schema", Kind::Integer(1, 1), "1", "version of this format"),
    default("title", Kind::Text, "", "one line about the scenario"),
    default("seed", Kind::Integer(0, u64::MAX), "0", "seed of every random stream"),
    default("until", Kind::Duration, "10 min", "virtual time at which the run ends at the latest"),
];

/// Names of the tables at the top, for messages and the schema.
pub const SECTIONS: &[&str] = &["transport", "link", "node", "connect", "event", "flow", "expect", "live", "sim"];

/// `[sim]`.
pub const SIM: &[Key] = &[default("wire", Kind::Bool, "false", "send every packet through encoding and decoding")];

/// `[live.NODE]`.
pub const LIVE: &[Key] = &[
    optional("bind", Kind::Text, "socket address to serve at"),
    optional("interface", Kind::Text, "network interface to serve DHCP on, or to get a lease on"),
    default("apply_lease", Kind::Bool, "false", "put the lease on the interface (needs root); otherwise it is printed"),
];

/// The table form of `delay`.
pub const DELAY: &[Key] = &[
    required("base", Kind::Duration, "propagation delay"),
    default("jitter", Kind::Duration, "0 s", "spread of the random part"),
    default("distribution", Kind::Choice(&["uniform", "normal"]), "uniform", "shape of the random part"),
    default("reorder", Kind::Bool, "false", "whether packets may overtake each other"),
];

const QUEUE: PartKind =
    PartKind { what: "queue", tag: "kind", parts: transport_keys::queues, short: Some(("drop-tail", "limit")) };
const LOSS: PartKind = PartKind {
    what: "loss model",
    tag: "model",
    parts: transport_keys::loss_models,
    short: Some(("bernoulli", "probability")),
};

/// `[link.NAME]`. Left out everywhere, a rate is unlimited.
pub const LINK: &[Key] = &[
    optional("rate", Kind::PerDirection(&Kind::Rate), "bit rate; left out: unlimited"),
    optional("delay", Kind::PerDirection(&Kind::OneOf(&[Kind::Duration, Kind::Table(DELAY)])), "propagation delay"),
    optional("loss", Kind::PerDirection(&Kind::Part(&LOSS)), "loss model"),
    optional("queue", Kind::PerDirection(&Kind::Part(&QUEUE)), "queue in front of the wire"),
];

/// What holds for a link key that neither its profile nor its `[[connect]]` gives.
pub const LINK_DEFAULTS: &[(&str, &str)] = &[("delay", "0 s"), ("loss", "none"), ("queue", "drop-tail")];

const CONNECT_OWN: &[Key] = &[
    required("between", Kind::List(&Kind::Text), "the two nodes, or groups such as \"sender[*]\""),
    optional("link", Kind::Text, "a link profile"),
    optional("name", Kind::Text, "left out: a--b"),
];

/// `[[connect]]`: any link key may be overridden.
pub fn connect() -> Vec<Key> {
    [CONNECT_OWN, LINK].concat()
}

const NODE_OWN: &[Key] = &[
    required("role", Kind::Text, "what the node does"),
    optional("address", Kind::OneOf(&[Kind::Choice(&["dhcp"]), Kind::Address]), "left out: assigned"),
    optional("count", Kind::Integer(1, 1_000_000), "makes a group: name[0], name[1], ..."),
];

/// Roles that are nodes of their own kind, not hosts.
pub const DEVICES: &[(&str, &str)] =
    &[("switch", "one broadcast domain"), ("router", "forwards between its networks by shortest path")];

/// All role names, given those of hosts.
pub fn role_names(roles: &[Part]) -> Vec<&'static str> {
    roles.iter().map(|r| r.name).chain(DEVICES.iter().map(|(name, _)| *name)).collect()
}

/// `[node.NAME]` with a role: its own keys, then those of all nodes, then overrides of transport
/// keys, which only hosts take.
pub fn node(role: &str, roles: &[Part]) -> Vec<Key> {
    let mut keys = Vec::new();
    match roles.iter().find(|r| r.name == role) {
        Some(part) => {
            keys.extend(part.keys);
            extend(&mut keys, NODE_OWN.iter().copied());
            extend(&mut keys, overrides());
        }
        // A switch is no one's peer and has no address.
        None if role == "switch" => keys.extend(NODE_OWN.iter().filter(|k| k.name != "address")),
        None => keys.extend(NODE_OWN),
    }
    keys
}

/// The keys of both transports, none of them needed.
pub fn overrides() -> Vec<Key> {
    let mut keys = Vec::new();
    extend(&mut keys, TCP.iter().chain(RUDP).map(|k| Key { need: Need::Optional, ..*k }));
    keys
}

fn extend(keys: &mut Vec<Key>, more: impl IntoIterator<Item = Key>) {
    for key in more {
        if !keys.iter().any(|k| k.name == key.name) {
            keys.push(key);
        }
    }
}

/// `[[event]]`. What `set` may hold depends on what it changes.
pub const EVENT: &[Key] = &[
    required("at", Kind::Duration, "when"),
    optional("for", Kind::Duration, "left out: for good"),
    optional("link", Kind::Text, "name of a link"),
    optional("node", Kind::Text, "name of a node"),
];

/// What an event may set on a link.
pub fn event_link() -> Vec<Key> {
    let down = optional("down", Kind::Bool, "true: loses everything");
    LINK.iter().copied().chain([down]).collect()
}

/// What an event may set on a node.
pub const EVENT_NODE: &[Key] = &[required("crashed", Kind::Bool, "true: the node is dead until the event ends")];

const START: &[Key] = &[
    required("at", Kind::Duration, "start of the first of the group"),
    default("every", Kind::Duration, "0 s", "from one start to the next"),
];

const FLOW_OWN: &[Key] = &[
    optional("name", Kind::Text, "left out: from->to"),
    required("from", Kind::Text, "the sending node, or a group such as \"sender[*]\""),
    required("to", Kind::Text, "the receiving node, or a group"),
    default("transport", Kind::Choice(TRANSPORTS), "tcp", "transport"),
    optional("size", Kind::Size, "bytes to send"),
    optional("for", Kind::Duration, "how long to send"),
    default("start", Kind::OneOf(&[Kind::Duration, Kind::Table(START)]), "0 s", "when to open"),
];

/// `[[flow]]` over a transport: its keys may be overridden.
pub fn flow(transport: &str) -> Vec<Key> {
    let mut keys = FLOW_OWN.to_vec();
    extend(&mut keys, transport_keys_of(transport).iter().map(|k| Key { need: Need::Optional, ..*k }));
    keys
}

/// The keys of a transport.
pub fn transport_keys_of(transport: &str) -> &'static [Key] {
    if transport == "rudp" { RUDP } else { TCP }
}

/// `[[expect]]`.
pub const EXPECT: &[Key] = &[required("that", Kind::Text, "what must hold when the run is over")];

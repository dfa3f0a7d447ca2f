//! The keys of the parts that a scenario names but other layers own: the one place through which
//! this layer reads them.

use crate::base::registry::Registry;
use crate::base::schema::{Key, Kind, Need, Part, PartKind};
use crate::transport::congestion::CONTROLLERS;

const fn key(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Key {
    Key { name, kind, need: Need::Default(default), about }
}
const fn required(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, need: Need::Required, about }
}

const CONGESTION: PartKind =
    PartKind { what: "congestion controller", tag: "kind", parts: || CONTROLLERS.parts(), short: None };

/// `[transport.tcp]`.
pub const TCP: &[Key] = &[
    key("congestion", Kind::Part(&CONGESTION), "newreno", "congestion controller"),
    key("mss", Kind::Size, "1448 B", "largest payload of a segment"),
    key("initial_window", Kind::Integer(1, 1_000), "10", "initial window in segments (RFC 6928)"),
    key("sack", Kind::Bool, "true", "selective acknowledgements (RFC 2018)"),
    key("timestamps", Kind::Bool, "true", "timestamps (RFC 7323)"),
    key("delayed_ack", Kind::Bool, "true", "acknowledge every 2nd segment or after 40 ms"),
    key("min_rto", Kind::Duration, "1 s", "smallest retransmission timeout (RFC 6298)"),
    key("receive_buffer", Kind::Size, "16 MiB", "receive buffer"),
    key("send_buffer", Kind::Size, "16 MiB", "send buffer"),
];

/// `[transport.rudp]`.
pub const RUDP: &[Key] = &[
    key("congestion", Kind::Part(&CONGESTION), "reno", "congestion controller"),
    key("mode", Kind::Choice(&["selective-repeat", "stop-and-wait"]), "selective-repeat", "how losses are repaired"),
];

/// Queues: name, line, keys.
pub const QUEUES: Registry<()> = Registry {
    what: "queue",
    entries: &[crate::base::registry::Entry {
        name: "drop-tail",
        about: "takes packets until it is full",
        keys: &[key("limit", Kind::QueueLimit, "100 pkt", "how much may wait")],
        build: (),
    }],
};

const OF: Key = key("of", Kind::Choice(&["data", "ack", "syn", "fin", "any"]), "any", "which packets count");

/// Loss models: name, line, keys.
pub const LOSS_MODELS: Registry<()> = Registry {
    what: "loss model",
    entries: &[
        crate::base::registry::Entry { name: "none", about: "loses nothing", keys: &[], build: () },
        crate::base::registry::Entry {
            name: "bernoulli",
            about: "loses each packet with the same probability",
            keys: &[required("probability", Kind::Probability, "of losing a packet")],
            build: (),
        },
        crate::base::registry::Entry {
            name: "gilbert-elliott",
            about: "loses in bursts: a good and a bad state",
            keys: &[
                required("enter", Kind::Probability, "of going from good to bad, per packet"),
                required("leave", Kind::Probability, "of going from bad to good, per packet"),
                key("good", Kind::Probability, "0 %", "of losing a packet while good"),
                key("bad", Kind::Probability, "100 %", "of losing a packet while bad"),
            ],
            build: (),
        },
        crate::base::registry::Entry {
            name: "list",
            about: "loses the packets with these numbers, counted from 1",
            keys: &[OF, required("drop", Kind::List(&Kind::Integer(1, u64::MAX)), "the numbers")],
            build: (),
        },
        crate::base::registry::Entry {
            name: "every",
            about: "loses every nth packet",
            keys: &[OF, required("nth", Kind::Integer(1, u64::MAX), "one in how many")],
            build: (),
        },
    ],
};

/// All queues.
pub fn queues() -> Vec<Part> {
    QUEUES.parts()
}

/// All loss models.
pub fn loss_models() -> Vec<Part> {
    LOSS_MODELS.parts()
}

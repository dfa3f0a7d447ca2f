//! `profile = "rfc" | "linux"`: the constants of the standards, or those of a Linux kernel, for a
//! comparison with it. A profile stands for its keys, as if they were written in the same table;
//! a key that is written there wins, and what a transport does not have is passed over.

use crate::base::schema::{Key, Kind, Need, Preset};

/// The key of `[transport.tcp]` and `[transport.rudp]`.
pub const PROFILE: Key = Key {
    name: "profile",
    kind: Kind::Preset(PROFILES),
    need: Need::Optional,
    about: "constants of the RFCs or of Linux for the keys that this table leaves out",
};

/// `linux` has TCP_RTO_MIN on the variance term, TCP_RTO_MAX and TCP_DELACK_MIN of the kernel's
/// `include/net/tcp.h`. Both restart from the initial window after an idle RTO, as every profile
/// does here.
pub const PROFILES: &[Preset] = &[
    Preset {
        name: "rfc",
        values: &[
            ("congestion", "newreno"),
            ("initial_rto", "1 s"),
            ("min_rto", "1 s"),
            ("min_rto_on_variance", "false"),
            ("max_rto", "60 s"),
            ("ack_delay", "200 ms"),
            ("max_ack_delay", "200 ms"),
        ],
    },
    Preset {
        name: "linux",
        values: &[
            ("congestion", "cubic"),
            ("byte_counting", "true"),
            ("uncapped_growth", "true"),
            ("ssthresh_of_cwnd", "true"),
            ("quick_acks", "16"),
            ("rtt_every_ack", "true"),
            ("bounded_initial_window", "false"),
            ("initial_rto", "1 s"),
            ("min_rto", "200 ms"),
            ("min_rto_on_variance", "true"),
            ("max_rto", "120 s"),
            ("ack_delay", "40 ms"),
            ("max_ack_delay", "40 ms"),
            ("rack", "true"),
            ("tlp", "true"),
            ("prr", "true"),
            ("impatient", "false"),
            ("undo", "true"),
        ],
    },
];

//! The plots of a run. Each is a file that turns series into a [`figure::Figure`]; how a figure
//! looks is said once, in `style` and `canvas`.

pub mod canvas;
pub mod crowd;
pub mod cwnd;
pub mod figure;
pub mod output;
pub mod queue;
pub mod style;
pub mod throughput;
pub mod twin;

use crate::base::registry::{Entry, Registry};

/// Every plot.
pub const PLOTS: Registry<figure::Plot> = Registry {
    what: "plot",
    entries: &[
        Entry {
            name: "cwnd",
            about: "congestion window and slow-start threshold of each flow",
            keys: &[],
            build: cwnd::figure,
        },
        Entry {
            name: "throughput",
            about: "payload delivered to each flow's receiver over time",
            keys: &[],
            build: throughput::figure,
        },
        Entry {
            name: "queue",
            about: "packets waiting at each link direction over time",
            keys: &[],
            build: queue::figure,
        },
    ],
};

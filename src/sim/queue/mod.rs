//! What holds packets while a link is busy. To add a queue, write its file and add its line to
//! [`QUEUES`].

pub mod buffer;
pub mod discipline;
pub mod drop_tail;

use discipline::Build;

use crate::base::registry::Registry;

/// Every queue a scenario can name.
pub const QUEUES: Registry<Build> = Registry { what: "queue", entries: &[drop_tail::ENTRY] };

//! The fault timeline: what the scenario changes while the run goes on.

use std::sync::Arc;

use super::delay::DelaySettings;
use super::loss::model::LossModel;
use crate::base::ids::{ChannelId, NodeId};
use crate::base::time::Instant;
use crate::base::units::Rate;
use crate::sim::queue::buffer::Buffer;

/// One change.
pub struct Fault {
    /// When.
    pub at: Instant,
    /// As the scenario says it, for the trace.
    pub what: Arc<str>,
    /// True if it takes an earlier change back.
    pub ends: bool,
    /// The change.
    pub change: Change,
}

/// What can be changed.
pub enum Change {
    /// A channel goes down or comes up.
    Down(ChannelId, bool),
    /// A channel's rate.
    Rate(ChannelId, Option<Rate>),
    /// A channel's delay.
    Delay(ChannelId, DelaySettings),
    /// A channel's loss model.
    Loss(ChannelId, Option<Box<dyn LossModel>>),
    /// A channel's queue; what waits moves over.
    Queue(ChannelId, Buffer),
    /// A node loses all it knew (true), or starts anew (false).
    Crashed(NodeId, bool),
}

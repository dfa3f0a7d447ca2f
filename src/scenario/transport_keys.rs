//! The keys of the parts that a scenario names but other layers own: the one place through which
//! this layer reads them.

use crate::base::schema::{Key, Part};
use crate::sim::{loss::LOSS_MODELS, queue::QUEUES};
use crate::transport::{rudp::RudpConfig, tcp::TcpConfig};

/// `[transport.tcp]`.
pub const TCP: &[Key] = TcpConfig::KEYS;

/// `[transport.rudp]`.
pub const RUDP: &[Key] = RudpConfig::KEYS;

/// The queues of a link.
pub fn queues() -> Vec<Part> {
    QUEUES.parts()
}

/// The loss models of a link.
pub fn loss_models() -> Vec<Part> {
    LOSS_MODELS.parts()
}

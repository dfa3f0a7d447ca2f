//! What a queue is.

use super::buffer::Buffer;
use crate::base::note::{Depth, DropCause};
use crate::base::registry::Entry;
use crate::base::schema::Params;
use crate::base::time::{Duration, Instant};
use crate::base::units::Rate;
use crate::wire::packet::Packet;

/// Decides which packets wait, and in which order they leave.
pub trait Queue {
    /// Takes a packet, or gives it back with the reason.
    ///
    /// # Errors
    /// The packet, when the queue will not have it.
    fn enqueue(&mut self, now: Instant, packet: Box<Packet>) -> Result<(), (Box<Packet>, DropCause)>;
    /// The next packet to transmit. Packets it throws away on the way go to `dropped`.
    fn dequeue(&mut self, now: Instant, dropped: &mut Vec<(Box<Packet>, DropCause)>) -> Option<Box<Packet>>;
    /// What waits.
    fn depth(&self) -> Depth;
    /// True if it must see the exact time of each departure (active queue management); the link
    /// then spends a second event on each packet.
    fn needs_departure_time(&self) -> bool {
        false
    }
}

/// What a queue may know of its link.
#[derive(Clone, Copy, Debug)]
pub struct QueueEnv {
    /// The link's rate; `None`: unlimited.
    pub rate: Option<Rate>,
    /// The link's base delay.
    pub delay: Duration,
}

/// How a registry entry makes its queue: as a box, `.into()`.
pub type Build = fn(&Params, &QueueEnv) -> Buffer;
/// A registry entry for a queue.
pub type QueueEntry = Entry<Build>;

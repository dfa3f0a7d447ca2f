//! What a congestion controller is.

use std::fmt::Debug;

use super::governor::Governor;
use crate::base::note::Phase;
use crate::base::registry::Entry;
use crate::base::schema::Params;
use crate::base::time::{Duration, Instant};

/// Window arithmetic. Loss detection, recovery episodes and FlightSize live once, in the
/// transport; a controller is told of their outcome.
pub trait Controller: Debug + Send {
    /// New data was acknowledged outside recovery.
    fn on_ack(&mut self, ack: &Acked);
    /// A loss was found: once per recovery episode. Sets ssthresh, and cwnd to it.
    fn on_loss(&mut self, loss: &Lost);
    /// The retransmission timer expired.
    fn on_timeout(&mut self, loss: &Lost);
    /// Recovery ended; `in_flight` is what is out now. NewReno avoids a burst here.
    fn on_recovered(&mut self, in_flight_bytes: u64);
    /// The sender was idle for longer than an RTO: start again from the restart window
    /// (RFC 5681 section 4.1).
    fn on_idle(&mut self);
    /// The last reduction was needless: take it back, if this controller can.
    fn on_spurious(&mut self) {}
    /// Congestion window in bytes, without the inflation of classic fast recovery.
    fn window(&self) -> u64;
    /// Slow-start threshold in bytes; `None` while unlimited.
    fn ssthresh(&self) -> Option<u64>;
    /// Slow start or congestion avoidance.
    fn phase(&self) -> Phase;
    /// When classic (non-SACK) fast recovery ends.
    fn recovery_ends(&self) -> RecoveryEnds {
        RecoveryEnds::FullAck
    }
    /// The same controller in its connection's own memory, if a governor has a place for it.
    fn unboxed(&self) -> Option<Governor> {
        None
    }
}

/// When classic fast recovery ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecoveryEnds {
    /// On the first ACK of new data (RFC 5681).
    FirstNewAck,
    /// When everything sent before the loss is acknowledged (RFC 6582).
    FullAck,
}

/// What an ACK of new data tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acked {
    /// When it came.
    pub now: Instant,
    /// Bytes it newly acknowledged.
    pub bytes: u64,
    /// FlightSize before it came.
    pub in_flight_bytes: u64,
    /// True if cwnd, not the application or the receiver, held the sender back; only then may
    /// the window grow (RFC 7661).
    pub cwnd_limited: bool,
    /// Newest RTT sample, if this ACK gave one.
    pub rtt: Option<Duration>,
    /// Smoothed RTT.
    pub srtt: Option<Duration>,
    /// True after a retransmission timeout, until what was out then is acknowledged.
    pub after_timeout: bool,
}

/// What is known when a loss is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lost {
    /// When.
    pub now: Instant,
    /// FlightSize without the segments of limited transmit (RFC 5681 section 3.2).
    pub in_flight_bytes: u64,
    /// True if the same segment already timed out once: ssthresh stays (RFC 5681 section 3.1).
    pub repeated: bool,
}

/// What a controller is made from.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Sender maximum segment size in bytes.
    pub smss: u64,
    /// Initial window in bytes.
    pub initial_window: u64,
    /// Whether congestion avoidance counts bytes (RFC 3465) or ACKs (RFC 5681 equation 3).
    pub byte_counting: bool,
    /// Whether slow start grows by all that an ACK acknowledges, as in Linux.
    pub uncapped_growth: bool,
    /// The keys of the controller's own entry.
    pub params: Params,
}

/// How a registry entry makes its controller.
pub type Build = fn(&Setup) -> Box<dyn Controller>;
/// A registry entry for a controller.
pub type ControllerEntry = Entry<Build>;

//! What passes between a host and the operating system that speaks TCP for it.

use std::net::SocketAddrV4;

use bytes::Bytes;

use crate::base::note::CloseReason;
use crate::base::time::Duration;

/// One step of one socket, in either direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SocketMessage {
    /// The host's end.
    pub local: SocketAddrV4,
    /// The other end; 0.0.0.0:0 for listeners and UDP ports.
    pub remote: SocketAddrV4,
    /// What is asked for, or happened.
    pub op: SocketOp,
}

/// What a host asks of a socket, and what a socket tells its host.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum SocketOp {
    /// Host: accept connections at `local`.
    Listen,
    /// Host: receive datagrams at `local`.
    BindUdp,
    /// Host: receive RUDP packets at `local`.
    BindRudp,
    /// Host: no longer.
    UnbindUdp,
    /// Host: connect. Socket: connected, or, where nothing asked for it, accepted.
    #[default]
    Open,
    /// Host: send these bytes. Socket: received these.
    Data(Bytes),
    /// Host: the application has read so many bytes. Socket: the system took so many to send.
    Took(u64),
    /// Host: nothing more will be sent. Socket: nothing more will come.
    Finish,
    /// Host: reset the connection and forget it.
    Abort,
    /// Host: both ways are finished; close and forget it.
    Close,
    /// Socket: the connection is over before its time.
    Failed(CloseReason),
    /// Socket: how the system's sender stands.
    Info(SenderInfo),
}

/// What the system tells of a connection's sending side (tcp(7), TCP_INFO).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderInfo {
    /// Congestion window in bytes.
    pub cwnd_bytes: u64,
    /// Slow-start threshold in bytes; `None` while unlimited.
    pub ssthresh_bytes: Option<u64>,
    /// Bytes out: neither acknowledged nor taken for lost.
    pub in_flight_bytes: u64,
    /// Smoothed round-trip time, once there is a sample.
    pub srtt: Option<Duration>,
    /// Smallest round-trip time.
    pub min_rtt: Option<Duration>,
    /// Retransmission timeout.
    pub rto: Duration,
    /// A loss is being repaired.
    pub recovering: bool,
    /// What was out at a timeout is being sent again.
    pub timed_out: bool,
    /// Data segments sent, repeats included.
    pub segments_sent: u64,
    /// Segments sent again.
    pub retransmits: u64,
    /// Expiries of the retransmission timer, as far as the system counts them.
    pub timeouts: u64,
}

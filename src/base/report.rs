//! What the parts of a run say of themselves when it is over: plain figures, counted whether or
//! not anything was recorded. The summary is made of these.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::ids::{FlowId, TransportKind};
use super::note::CloseReason;
use super::time::{Duration, Instant};

/// One end's count of one connection. Bytes are payload; segments are those with payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowStats {
    /// Name of the congestion controller.
    pub congestion: &'static str,
    /// When this end sent its first segment (the SYN).
    pub opened: Option<Instant>,
    /// When the handshake was complete at this end.
    pub established: Option<Instant>,
    /// When the newest byte this end ever sent was acknowledged.
    pub last_acked: Option<Instant>,
    /// When this end was done with the connection.
    pub closed: Option<(Instant, CloseReason)>,
    /// Payload bytes the application wrote.
    pub bytes_written: u64,
    /// Payload bytes the peer acknowledged.
    pub bytes_acked: u64,
    /// Payload bytes handed to the application, in order.
    pub bytes_delivered: u64,
    /// Data segments sent, repeats included.
    pub segments_sent: u64,
    /// Data segments sent again, for whatever reason.
    pub retransmits: u64,
    /// Of these, those that fast retransmit or recovery sent.
    pub fast_retransmits: u64,
    /// Expiries of the retransmission timer, the SYN's included.
    pub timeouts: u64,
    /// ssthresh in bytes right after the first loss was found.
    pub ssthresh_after_first_loss_bytes: Option<u64>,
    /// Smallest RTT sample.
    pub min_rtt: Option<Duration>,
    /// Smoothed RTT now.
    pub srtt: Option<Duration>,
}

/// One end of one connection, as its host reports it.
#[derive(Clone, Debug)]
pub struct FlowReport {
    /// Which connection.
    pub flow: FlowId,
    /// Which transport.
    pub transport: TransportKind,
    /// Its name, at the initiator only.
    pub name: Option<Arc<str>>,
    /// The figures.
    pub stats: FlowStats,
}

/// One download, successful or not.
#[derive(Clone, Debug, Default)]
pub struct FetchReport {
    /// The URL as the scenario gives it.
    pub url: Arc<str>,
    /// Final status code; 0 if there was no answer.
    pub status: u16,
    /// Every Location followed.
    pub redirects: Vec<Arc<str>>,
    /// Body bytes received.
    pub bytes: u64,
    /// SHA-256 of the body, lower-case hex.
    pub sha256: Option<Arc<str>>,
    /// True if the body is whole and equal to what the serving node says it holds.
    pub intact: bool,
    /// When it began.
    pub start: Option<Instant>,
    /// When its last byte arrived, or it failed.
    pub end: Option<Instant>,
    /// Why it failed.
    pub error: Option<Arc<str>>,
}

impl FetchReport {
    /// A 2xx answer, whole and intact.
    pub fn completed(&self) -> bool {
        (200..300).contains(&self.status) && self.intact && self.error.is_none()
    }
}

/// One address held by DHCP.
#[derive(Clone, Debug)]
pub struct LeaseReport {
    /// The address.
    pub address: Ipv4Addr,
    /// Who granted it.
    pub server: Ipv4Addr,
    /// When it was first granted.
    pub obtained: Instant,
    /// How often it was extended.
    pub renewals: u64,
}

/// Everything one node has to say.
#[derive(Clone, Debug, Default)]
pub struct NodeReport {
    /// Its ends of connections, in the order in which they were opened.
    pub flows: Vec<FlowReport>,
    /// Its downloads, in the order of the scenario.
    pub fetches: Vec<FetchReport>,
    /// Its leases.
    pub leases: Vec<LeaseReport>,
}

/// One direction of one link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkReport {
    /// Packets handed to it.
    pub sent: u64,
    /// Packets that came out.
    pub delivered: u64,
    /// Packets for which the queue had no room, or that it chose to drop.
    pub dropped_queue: u64,
    /// Packets that the loss model or a fault took.
    pub dropped_loss: u64,
    /// Packets still queued or on the wire at the end.
    pub in_transit: u64,
    /// Time spent transmitting.
    pub busy: Duration,
    /// Bytes that came out.
    pub bytes_delivered: u64,
    /// The longest the queue ever was, in packets.
    pub max_queue_packets: u32,
}

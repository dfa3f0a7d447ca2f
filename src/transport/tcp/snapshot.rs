//! Where a connection stands, for those who look from outside.

use super::connection::TcpConnection;
use super::recovery::Episode;
use super::seq;
use super::state::State;
use crate::base::time::Duration;
use crate::transport::congestion::controller::Controller;

/// Where a connection stands. Sequence numbers are those on the wire, sizes are in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpSnapshot {
    /// The state's name in RFC 9293 section 3.3.2, such as `SYN-SENT`.
    pub state: &'static str,
    /// The congestion window, with what fast recovery adds to it, or as PRR has it.
    pub cwnd: u64,
    /// Slow start threshold; `None` is without limit.
    pub ssthresh: Option<u64>,
    /// FlightSize (RFC 5681 section 2): SND.NXT - SND.UNA, SYN and FIN counted.
    pub flight: u64,
    /// What is thought to be in the network (RFC 6675 section 4, or by RACK).
    pub pipe: u64,
    /// Duplicate acknowledgments in a row.
    pub dupacks: u32,
    /// Smoothed round-trip time; `None` before the first sample.
    pub srtt: Option<Duration>,
    /// Round-trip time variation.
    pub rttvar: Duration,
    /// Retransmission timeout, back-off included.
    pub rto: Duration,
    /// Doublings in force.
    pub backoff: u32,
    /// During a recovery, by duplicate ACKs or by timeout: one past the highest number sent when it
    /// began.
    pub recovery_point: Option<u32>,
    /// SND.UNA.
    pub snd_una: u32,
    /// SND.NXT; after a timeout it goes back to SND.UNA.
    pub snd_nxt: u32,
    /// One past the highest number ever sent.
    pub snd_max: u32,
    /// RCV.NXT; 0 before the peer's SYN.
    pub rcv_nxt: u32,
    /// SND.WND, the peer's window, scaled.
    pub snd_wnd: u64,
    /// RCV.WND, scaled: what the last segment that left allows beyond RCV.NXT.
    pub rcv_wnd: u64,
    /// The shifts of our windows and of the peer's (RFC 7323 section 2); `None`: not agreed.
    pub window_scale: Option<(u8, u8)>,
    /// SACK was agreed (RFC 2018).
    pub sack: bool,
    /// TS.Recent, the timestamp to be echoed (RFC 7323 section 4.3); `None`: not agreed.
    pub ts_recent: Option<u32>,
    /// Most data bytes in a segment, as negotiated.
    pub smss: u64,
}

impl TcpSnapshot {
    pub(super) fn of(c: &TcpConnection) -> TcpSnapshot {
        let sent = |offset| seq::wire(c.snd.iss, offset);
        TcpSnapshot {
            state: name(c.state),
            cwnd: c.cwnd(),
            ssthresh: c.controller.ssthresh(),
            flight: c.flight(),
            pipe: c.pipe(),
            dupacks: c.recovery.dup_acks,
            srtt: c.rtt.srtt(),
            rttvar: c.rtt.rttvar(),
            rto: c.rtt.rto(),
            backoff: c.rtt.backoff(),
            recovery_point: (c.recovery.episode != Episode::None).then(|| sent(c.recovery.recover)),
            snd_una: sent(c.snd.una),
            snd_nxt: sent(c.snd.nxt),
            snd_max: sent(c.snd.max),
            rcv_nxt: seq::wire(c.rcv.irs, c.rcv.nxt),
            snd_wnd: c.snd.wnd(),
            rcv_wnd: c.rcv.edge.saturating_sub(c.rcv.nxt),
            window_scale: c.rcv.scaling.then_some((c.rcv.scale, c.snd.scale)),
            sack: c.rcv.sack,
            ts_recent: c.timestamps.on.then_some(c.timestamps.recent),
            smss: c.snd.mss(),
        }
    }
}

fn name(state: State) -> &'static str {
    match state {
        State::SynSent => "SYN-SENT",
        State::SynReceived => "SYN-RECEIVED",
        State::Established => "ESTABLISHED",
        State::FinWait1 => "FIN-WAIT-1",
        State::FinWait2 => "FIN-WAIT-2",
        State::CloseWait => "CLOSE-WAIT",
        State::Closing => "CLOSING",
        State::LastAck => "LAST-ACK",
        State::TimeWait => "TIME-WAIT",
        State::Closed => "CLOSED",
    }
}

//! The parts of a connection: the two sequence spaces and what stands beside them. The first four are
//! made to fill cache lines (`connection`).

use super::config::TcpConfig;
use crate::base::report::FlowStats;
use crate::base::time::Instant;

/// The send sequence space (RFC 9293 section 3.3.1).
#[derive(Debug)]
#[repr(C)]
pub(super) struct SendState {
    pub(super) una: u64,
    /// Next to send; behind `max` after a timeout.
    pub(super) nxt: u64,
    /// One past the highest number ever sent.
    pub(super) max: u64,
    pub(super) wl1: u64,
    pub(super) wl2: u64,
    // No window has more than 30 bits (RFC 7323 section 2.3), no segment more than 16.
    wnd: u32,
    max_wnd: u32,
    pub(super) iss: u32,
    mss: u16,
    pub(super) last_window_field: u16,
    pub(super) scale: u8,
    pub(super) fin_queued: bool,
    pub(super) syn_pending: bool,
    pub(super) probe_pending: bool,
    /// One byte beyond `max` went as a window probe; the peer may have taken it.
    pub(super) probe_byte: bool,
    pub(super) keep_alive_pending: bool,
    pub(super) want_write: bool,
    pub(super) tell_acknowledged: bool,
}

impl SendState {
    /// Nothing is sent.
    pub(super) fn new(iss: u32) -> SendState {
        SendState {
            una: 0,
            nxt: 0,
            max: 0,
            wl1: 0,
            wl2: 0,
            wnd: 0,
            max_wnd: 0,
            iss,
            mss: 0,
            last_window_field: 0,
            scale: 0,
            fin_queued: false,
            syn_pending: true,
            probe_pending: false,
            probe_byte: false,
            keep_alive_pending: false,
            want_write: false,
            tell_acknowledged: false,
        }
    }

    /// SND.WND.
    #[inline]
    pub(super) fn wnd(&self) -> u64 {
        u64::from(self.wnd)
    }

    /// The largest SND.WND there was.
    #[inline]
    pub(super) fn max_wnd(&self) -> u64 {
        u64::from(self.max_wnd)
    }

    /// SMSS.
    #[inline]
    pub(super) fn mss(&self) -> u64 {
        u64::from(self.mss)
    }

    pub(super) fn set_mss(&mut self, mss: u64) {
        self.mss = mss.min(65_535) as u16;
    }

    /// The peer says its window.
    #[inline]
    pub(super) fn set_window(&mut self, field: u16, scale: u8) {
        self.wnd = u32::from(field) << scale;
        self.max_wnd = self.max_wnd.max(self.wnd);
        self.last_window_field = field;
    }
}

/// The receive sequence space.
#[derive(Debug)]
#[repr(C)]
pub(super) struct ReceiveState {
    pub(super) nxt: u64,
    /// Right edge of the window as last advertised.
    pub(super) edge: u64,
    /// When the peer was last heard.
    pub(super) heard: Instant,
    pub(super) inbox_bytes: u64,
    /// The number of the peer's FIN, or [`NO_FIN`].
    pub(super) fin_at: u64,
    pub(super) irs: u32,
    /// Segments still to be acknowledged at once, whatever the delay.
    pub(super) quick_acks: u32,
    /// Window probes since the peer was last heard.
    pub(super) unheard_probes: u32,
    pub(super) unacked_segments: u8,
    pub(super) scale: u8,
    /// Both sides scale their windows.
    pub(super) scaling: bool,
    pub(super) sack: bool,
    pub(super) finished: bool,
    pub(super) ack_now: bool,
    pub(super) readable_told: bool,
    /// The application reads no more.
    pub(super) shut: bool,
    /// The application throws away what it reads.
    pub(super) discarding: bool,
    /// There is something in `reassembly`, or something to be told by SACK.
    pub(super) ahead: bool,
}

impl ReceiveState {
    /// Nothing has come; the scale is what will be offered.
    pub(super) fn new(config: &TcpConfig, now: Instant, rcv_scale: u8) -> ReceiveState {
        ReceiveState {
            nxt: 0,
            edge: 0,
            heard: now,
            inbox_bytes: 0,
            fin_at: NO_FIN,
            irs: 0,
            quick_acks: u32::try_from(config.quick_acks).unwrap_or(u32::MAX),
            unheard_probes: 0,
            unacked_segments: 0,
            scale: rcv_scale,
            scaling: config.window_scaling,
            sack: config.sack,
            finished: false,
            ack_now: false,
            readable_told: false,
            shut: false,
            discarding: false,
            ahead: false,
        }
    }
}

/// No number is as high.
pub(super) const NO_FIN: u64 = u64::MAX;

/// RFC 7323 sections 3 to 5.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Timestamps {
    pub(super) recent_at: Instant,
    pub(super) last_ack_sent: u64,
    pub(super) recent: u32,
    pub(super) offset: u32,
    pub(super) on: bool,
}

impl Timestamps {
    /// Nothing has come.
    pub(super) fn new(on: bool, now: Instant, timestamp_offset: u32) -> Timestamps {
        Timestamps { recent_at: now, last_ack_sent: 0, recent: 0, offset: timestamp_offset, on }
    }
}

/// What is kept of the segments that are out.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Departed {
    /// End and departure of the one segment whose round trip is being timed.
    pub(super) timed: Option<(u64, Instant)>,
    pub(super) last_sent: Instant,
    /// Acknowledgments of data before this offset answer a flight that filled cwnd.
    pub(super) cwnd_limited_until: u64,
    /// Data segments sent, repeats included.
    pub(super) segments_sent: u64,
    /// When the newest byte was acknowledged.
    pub(super) last_acked: Option<Instant>,
}

impl Departed {
    /// Nothing is out.
    pub(super) fn new(now: Instant) -> Departed {
        Departed { timed: None, last_sent: now, cwnd_limited_until: 0, segments_sent: 0, last_acked: None }
    }
}

/// What few segments ask for.
#[derive(Debug)]
pub(super) struct Seldom {
    /// Window probes since the window was last open.
    pub(super) probes: u32,
    /// Keep-alives without an answer.
    pub(super) keep_alives: u64,
    /// When a segment out of the window was last answered: its SEQ, its ACK, its length.
    pub(super) last_out_of_window: Option<(Instant, u32, u32, u32)>,
    pub(super) challenges: (Instant, u32),
    /// The figures that do not follow from the rest.
    pub(super) stats: FlowStats,
}

impl Seldom {
    /// Nothing has happened.
    pub(super) fn new(now: Instant) -> Seldom {
        Seldom {
            probes: 0,
            keep_alives: 0,
            last_out_of_window: None,
            challenges: (now, 0),
            stats: FlowStats::default(),
        }
    }
}

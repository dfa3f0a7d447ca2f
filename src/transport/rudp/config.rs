//! What `[transport.rudp]` may say.

use std::sync::Arc;

use crate::base::schema::{Key, Kind, Need, Params, PartKind};
use crate::base::time::Duration;
use crate::transport::congestion::CONTROLLERS;
use crate::transport::congestion::controller::{ControllerEntry, Setup};
use crate::transport::profile::PROFILE;

/// How losses are repaired.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// The receiver keeps what comes early; only what was lost is sent again.
    #[default]
    SelectiveRepeat,
    /// The receiver drops what comes early; the sender starts again from the hole.
    GoBackN,
    /// One packet at a time.
    StopAndWait,
}

impl Mode {
    /// The value of option 3.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The mode that option 3 names.
    pub const fn from_code(code: u8) -> Option<Mode> {
        match code {
            0 => Some(Mode::SelectiveRepeat),
            1 => Some(Mode::GoBackN),
            2 => Some(Mode::StopAndWait),
            _ => None,
        }
    }
}

/// What a connection is configured by.
#[derive(Clone, PartialEq, Debug)]
pub struct RudpConfig {
    /// Name of the congestion controller.
    pub congestion: String,
    /// Keys of the controller.
    pub congestion_params: Params,
    /// How losses are repaired.
    pub mode: Mode,
    /// Largest payload of a packet in bytes.
    pub payload: u64,
    /// Initial window in packets.
    pub initial_window: u64,
    /// Least retransmission timeout.
    pub min_rto: Duration,
    /// Whether `min_rto` bounds the variance term, as in Linux, instead of the whole.
    pub min_rto_on_variance: bool,
    /// Largest retransmission timeout.
    pub max_rto: Duration,
    /// Receive buffer in bytes.
    pub receive_buffer: u64,
    /// Send buffer in bytes.
    pub send_buffer: u64,
    /// Longest delay of an acknowledgment.
    pub max_ack_delay: Duration,
    /// Silence after which the connection is given up.
    pub idle_timeout: Duration,
    /// Whether an idle connection is kept alive by probes.
    pub keep_alive: bool,
    /// How long the oldest byte may stay unacknowledged.
    pub user_timeout: Duration,
}

static CONTROLLER: PartKind =
    PartKind { what: "congestion controller", tag: "controller", parts: || CONTROLLERS.parts(), short: None };

/// Most that a UDP datagram over IPv4 leaves beside the header, 16 ranges, and the options of the
/// third packet.
const MOST_PAYLOAD: u64 = 65_507 - 48 - 8 * 16 - 68;
/// `MOST_PAYLOAD` as the file writes it.
const PAYLOAD: Kind = Kind::Within(&Kind::Size, "1 B", "65263 B");
/// The window field has 32 bits.
const RECEIVE_BUFFER: Kind = Kind::Within(&Kind::Size, "1 B", "4294967295 B");
const SEND_BUFFER: Kind = Kind::Within(&Kind::Size, "1 B", "1 TB");
const ACK_DELAY: Kind = Kind::Within(&Kind::Duration, "0 s", "255 ms");
/// The cookie carries up to 255 units of 4 s.
const IDLE: Kind = Kind::Within(&Kind::Duration, "1 s", "1020 s");
/// No timer that ends a wait is 0.
const TIMEOUT: Kind = Kind::Within(&Kind::Duration, "1 ms", "24 h");

const MODES: &[&str] = &["selective-repeat", "go-back-n", "stop-and-wait"];

const fn key(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Key {
    Key { name, kind, need: Need::Default(default), about }
}

impl Default for RudpConfig {
    fn default() -> Self {
        RudpConfig {
            congestion: "reno".to_owned(),
            congestion_params: Params::default(),
            mode: Mode::SelectiveRepeat,
            payload: 1152,
            initial_window: 10,
            min_rto: Duration::from_millis(200),
            min_rto_on_variance: false,
            max_rto: Duration::from_secs(60),
            receive_buffer: 16 << 20,
            send_buffer: 16 << 20,
            max_ack_delay: Duration::from_millis(25),
            idle_timeout: Duration::from_secs(30),
            keep_alive: false,
            user_timeout: Duration::from_secs(120),
        }
    }
}

/// What is configured once may open many connections.
impl From<&RudpConfig> for Arc<RudpConfig> {
    fn from(config: &RudpConfig) -> Self {
        Arc::new(config.clone())
    }
}

impl RudpConfig {
    /// The keys of `[transport.rudp]`.
    pub const KEYS: &[Key] = &[
        PROFILE,
        key("congestion", Kind::Part(&CONTROLLER), "reno", "congestion controller"),
        key("mode", Kind::Choice(MODES), "selective-repeat", "how losses are repaired"),
        key("payload", PAYLOAD, "1152 B", "largest payload of a packet"),
        key("initial_window", Kind::Integer(1, 1000), "10", "initial congestion window in packets"),
        key("min_rto", TIMEOUT, "200 ms", "least retransmission timeout"),
        key("min_rto_on_variance", Kind::Bool, "false", "min_rto bounds the variance term of the timeout, as in Linux"),
        key("max_rto", TIMEOUT, "60 s", "largest retransmission timeout"),
        key("receive_buffer", RECEIVE_BUFFER, "16 MiB", "receive buffer"),
        key("send_buffer", SEND_BUFFER, "16 MiB", "send buffer"),
        key(
            "max_ack_delay",
            ACK_DELAY,
            "25 ms",
            "longest delay of an acknowledgment; the peer is told whole milliseconds",
        ),
        key(
            "idle_timeout",
            IDLE,
            "30 s",
            "silence after which a connection is given up; the peer is told whole seconds",
        ),
        key("keep_alive", Kind::Bool, "false", "probe an idle connection at each third of the idle timeout"),
        key("user_timeout", TIMEOUT, "120 s", "how long a byte may stay unacknowledged"),
    ];

    /// Reads a checked table; what is missing keeps its default.
    pub fn from_params(p: &Params) -> Self {
        let d = RudpConfig::default();
        let (congestion, congestion_params) =
            p.part("congestion").map_or((d.congestion, d.congestion_params), |(n, k)| (n.to_owned(), k.clone()));
        let mode = match p.text("mode") {
            Some("go-back-n") => Mode::GoBackN,
            Some("stop-and-wait") => Mode::StopAndWait,
            _ => Mode::SelectiveRepeat,
        };
        let size = |name, default| p.size(name).map_or(default, |s| s.0);
        let time = |name, default| p.duration(name).unwrap_or(default);
        RudpConfig {
            congestion,
            congestion_params,
            mode,
            payload: size("payload", d.payload),
            initial_window: p.integer("initial_window").unwrap_or(d.initial_window),
            min_rto: time("min_rto", d.min_rto),
            min_rto_on_variance: p.bool("min_rto_on_variance").unwrap_or(d.min_rto_on_variance),
            max_rto: time("max_rto", d.max_rto),
            receive_buffer: size("receive_buffer", d.receive_buffer),
            send_buffer: size("send_buffer", d.send_buffer),
            max_ack_delay: time("max_ack_delay", d.max_ack_delay),
            idle_timeout: time("idle_timeout", d.idle_timeout),
            keep_alive: p.bool("keep_alive").unwrap_or(d.keep_alive),
            user_timeout: time("user_timeout", d.user_timeout),
        }
    }

    /// Largest payload, within what a UDP datagram can hold.
    pub(super) fn max_payload(&self) -> u16 {
        self.payload.clamp(1, MOST_PAYLOAD) as u16
    }

    /// The controller's registry entry; an unknown name means Reno.
    pub(super) fn controller(&self) -> &'static ControllerEntry {
        CONTROLLERS.find(&self.congestion).unwrap_or(&CONTROLLERS.entries[0])
    }

    /// What the controller of a connection with this largest payload is made from. The initial
    /// window is min(10 P, max(2 P, 14600)) (RFC 6928 section 2), scaled for other counts than 10.
    pub(super) fn setup(&self, payload: u64) -> Setup {
        let n = self.initial_window.max(1);
        let initial_window = (n * payload).min((2 * payload).max(1460 * n));
        let params = self.congestion_params.clone();
        Setup { smss: payload, initial_window, byte_counting: false, uncapped_growth: false, params }
    }

    /// Idle timeout in whole seconds as option 5 carries it, never 0.
    pub(super) fn idle_seconds(&self) -> u16 {
        self.idle_timeout.as_secs().clamp(1, 65_535) as u16
    }

    /// Longest acknowledgment delay in milliseconds as option 6 carries it.
    pub(super) fn ack_delay_millis(&self) -> u8 {
        self.max_ack_delay.as_millis().min(255) as u8
    }
}

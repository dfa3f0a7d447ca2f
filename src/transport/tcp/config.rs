//! The keys of `[transport.tcp]`.

use std::sync::Arc;

use crate::base::schema::{Key, Kind, Need, Params, PartKind};
use crate::base::time::Duration;
use crate::transport::congestion::CONTROLLERS;
use crate::transport::congestion::controller::Setup;
use crate::transport::congestion::governor::Governor;
use crate::transport::profile::PROFILE;
use crate::transport::rtt::RtoLimits;

/// Bytes that timestamps take in every segment (RFC 7323 appendix A).
pub const TIMESTAMP_BYTES: u64 = 12;

const CONGESTION: PartKind =
    PartKind { what: "congestion controller", tag: "controller", parts: || CONTROLLERS.parts(), short: None };

const MSS: Kind = Kind::Within(&Kind::Size, "64 B", "65000 B");
/// What the largest window scale can announce (RFC 7323 section 2.3).
const RECEIVE_BUFFER: Kind = Kind::Within(&Kind::Size, "1 B", "1 GiB");
const SEND_BUFFER: Kind = Kind::Within(&Kind::Size, "1 B", "1 TB");
/// No timer that ends a wait is 0.
const TIMEOUT: Kind = Kind::Within(&Kind::Duration, "1 ms", "24 h");

const fn key(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Key {
    Key { name, kind, need: Need::Default(default), about }
}

/// When a listener answers SYNs without keeping anything of them (RFC 4987 section 3.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SynCookies {
    /// Never: SYNs beyond the backlog are dropped.
    Never,
    /// Beyond the backlog.
    #[default]
    Overflow,
    /// Always.
    Always,
}

impl SynCookies {
    const WORDS: &[&str] = &["never", "overflow", "always"];

    fn named(word: &str) -> SynCookies {
        match word {
            "never" => SynCookies::Never,
            "always" => SynCookies::Always,
            _ => SynCookies::Overflow,
        }
    }
}

/// How a TCP connection behaves.
#[derive(Clone, PartialEq, Debug)]
pub struct TcpConfig {
    /// Name of the congestion controller.
    pub congestion: String,
    /// The controller's own keys.
    pub congestion_params: Params,
    /// Most data bytes in a segment, the timestamp option already subtracted.
    pub mss: u64,
    /// Initial window in segments (RFC 6928).
    pub initial_window: u64,
    /// Whether RFC 6928 and RFC 5681 bound the initial window in bytes; Linux does not.
    pub bounded_initial_window: bool,
    /// Whether congestion avoidance counts bytes (RFC 3465) instead of ACKs.
    pub byte_counting: bool,
    /// Grow by all that an ACK acknowledges, as Linux does, not by a segment at most.
    pub uncapped_growth: bool,
    /// Take ssthresh from cwnd, as Linux does, instead of FlightSize (RFC 5681 equation 4).
    pub ssthresh_of_cwnd: bool,
    /// Offer selective acknowledgment (RFC 2018).
    pub sack: bool,
    /// Report data that arrives twice (RFC 2883); needs `sack`.
    pub dsack: bool,
    /// Proportional rate reduction in recovery (RFC 9937).
    pub prr: bool,
    /// Find losses by time instead of by counting (RFC 8985); needs `sack`.
    pub rack: bool,
    /// Probe for a lost tail before the retransmission timer (RFC 8985 section 7); needs `rack`.
    pub tlp: bool,
    /// The longest that the peer is thought to hold an acknowledgment back (RFC 8985 section 7.2).
    pub tlp_ack_delay: Duration,
    /// Take a reduction back when DSACK (RFC 3708) or timestamps (RFC 3522) show it was needless.
    pub undo: bool,
    /// Offer timestamps (RFC 7323).
    pub timestamps: bool,
    /// Offer window scaling (RFC 7323 section 2).
    pub window_scaling: bool,
    /// In recovery without SACK only the first partial ACK restarts the retransmission timer
    /// (RFC 6582 section 3.2, step 3); false: each does, slow but steady.
    pub impatient: bool,
    /// Acknowledge every second segment only (RFC 5681 section 4.2).
    pub delayed_ack: bool,
    /// Longest wait of a delayed acknowledgment.
    pub ack_delay: Duration,
    /// Segments that are acknowledged at once at the beginning.
    pub quick_acks: u64,
    /// Whether the echo of every ACK is a sample of full weight, as in Linux.
    pub rtt_every_ack: bool,
    /// Limits of the retransmission timeout.
    pub rto: RtoLimits,
    /// Bytes held for an application that does not read.
    pub receive_buffer: u64,
    /// Bytes held until the peer acknowledges them.
    pub send_buffer: u64,
    /// Hold small segments back while data is outstanding (RFC 9293 section 3.7.4).
    pub nagle: bool,
    /// Length of TIME-WAIT: twice the maximum segment lifetime.
    pub time_wait: Duration,
    /// Repeats of a SYN before giving up.
    pub syn_retries: u64,
    /// Repeats of the same data before giving up (R2 of RFC 9293 section 3.8.3).
    pub retries: u64,
    /// Ask an idle peer whether it is still there (RFC 9293 section 3.8.4).
    pub keepalive: bool,
    /// Silence before the first such question.
    pub keepalive_idle: Duration,
    /// Time between unanswered questions.
    pub keepalive_interval: Duration,
    /// Unanswered questions before giving up.
    pub keepalive_probes: u64,
    /// Give up when data stays unacknowledged so long (RFC 5482); `None`: only R2 counts.
    pub user_timeout: Option<Duration>,
    /// Connections that may wait at a listening port, half-open or not accepted yet: one more than
    /// this, as in Linux. A SYN beyond them is dropped, or answered by a cookie.
    pub backlog: u64,
    /// When a listener answers by SYN cookies.
    pub syn_cookies: SynCookies,
}

/// What is configured once may open many connections.
impl From<&TcpConfig> for Arc<TcpConfig> {
    fn from(config: &TcpConfig) -> Self {
        Arc::new(config.clone())
    }
}

impl TcpConfig {
    /// Whether repairs may be watched more closely than RFC 6675 does it.
    #[inline]
    pub(super) fn watches_repairs(&self) -> bool {
        self.prr | self.rack | self.undo
    }

    /// The keys of `[transport.tcp]`.
    pub const KEYS: &[Key] = &[
        PROFILE,
        key("congestion", Kind::Part(&CONGESTION), "newreno", "how the congestion window moves"),
        key(
            "mss",
            MSS,
            "1448 B",
            "most data bytes in a segment, with the 12 bytes of timestamps left out: 1448 B makes 1500-byte packets; the MSS option says 12 more when timestamps are on",
        ),
        key(
            "initial_window",
            Kind::Integer(1, 1000),
            "10",
            "segments of the first flight; from 5 to 10 the bounds of RFC 6928 apply, up to 4 those of RFC 5681",
        ),
        key(
            "bounded_initial_window",
            Kind::Bool,
            "true",
            "the bounds of RFC 6928 and RFC 5681 hold for the initial window; false: so many segments, as in Linux",
        ),
        key(
            "byte_counting",
            Kind::Bool,
            "false",
            "congestion avoidance counts acknowledged bytes (RFC 3465) instead of ACKs",
        ),
        key(
            "uncapped_growth",
            Kind::Bool,
            "false",
            "slow start grows by all that an ACK acknowledges, as in Linux; false: by one segment at most (RFC 5681), or abc_limit",
        ),
        key(
            "ssthresh_of_cwnd",
            Kind::Bool,
            "false",
            "ssthresh comes from cwnd and is set once for a window of data, as in Linux; false: from FlightSize (RFC 5681)",
        ),
        key("sack", Kind::Bool, "true", "selective acknowledgment (RFC 2018, RFC 6675)"),
        key("dsack", Kind::Bool, "true", "report data that arrives twice (RFC 2883); needs sack"),
        key("prr", Kind::Bool, "false", "proportional rate reduction in recovery (RFC 9937)"),
        key("rack", Kind::Bool, "false", "find losses by time instead of by counting (RFC 8985); needs sack"),
        key("tlp", Kind::Bool, "false", "tail loss probe (RFC 8985 section 7); needs rack"),
        key(
            "tlp_ack_delay",
            Kind::Duration,
            "200 ms",
            "how long the peer may hold the last ACK back, for the tail loss probe",
        ),
        key(
            "undo",
            Kind::Bool,
            "false",
            "take a reduction back that DSACK or timestamps show to have been needless (RFC 3708, RFC 3522)",
        ),
        key(
            "impatient",
            Kind::Bool,
            "true",
            "in recovery without SACK only the first partial ACK restarts the timer (RFC 6582); false: each does, slow but steady",
        ),
        key("timestamps", Kind::Bool, "true", "timestamps (RFC 7323)"),
        key("window_scaling", Kind::Bool, "true", "window scaling (RFC 7323)"),
        key(
            "delayed_ack",
            Kind::Bool,
            "true",
            "acknowledge every second segment, or after ack_delay; false: every segment at once",
        ),
        key("ack_delay", Kind::Duration, "40 ms", "longest wait of a delayed acknowledgment"),
        key(
            "quick_acks",
            Kind::Integer(0, 1000),
            "0",
            "segments acknowledged at once at the beginning, whatever delayed_ack says; Linux: 16",
        ),
        key(
            "rtt_every_ack",
            Kind::Bool,
            "false",
            "the echo of every ACK is an RTT sample of full weight, as in Linux; false: one exact sample a round trip (RFC 6298); needs timestamps",
        ),
        key("initial_rto", TIMEOUT, "1 s", "retransmission timeout before there is an RTT sample"),
        key("min_rto", TIMEOUT, "1 s", "least retransmission timeout"),
        key(
            "min_rto_on_variance",
            Kind::Bool,
            "false",
            "min_rto bounds the variance term, as in Linux: RTO = SRTT + max(min_rto, 4 RTTVAR)",
        ),
        key("max_rto", TIMEOUT, "60 s", "largest retransmission timeout, backed off or not"),
        key(
            "receive_buffer",
            RECEIVE_BUFFER,
            "16 MiB",
            "bytes held for an application that does not read; bounds the window",
        ),
        key("send_buffer", SEND_BUFFER, "16 MiB", "bytes held until the peer acknowledges them"),
        key("nagle", Kind::Bool, "true", "hold small segments back while data is outstanding"),
        key("time_wait", Kind::Duration, "240 s", "twice the maximum segment lifetime"),
        key("syn_retries", Kind::Integer(0, 100), "7", "repeats of a SYN before giving up"),
        key("retries", Kind::Integer(0, 100), "15", "repeats of the same data before giving up"),
        key("keepalive", Kind::Bool, "false", "ask an idle peer whether it is still there"),
        key("keepalive_idle", TIMEOUT, "7200 s", "silence before the first keep-alive"),
        key("keepalive_interval", TIMEOUT, "75 s", "time between unanswered keep-alives"),
        key("keepalive_probes", Kind::Integer(1, 100), "9", "unanswered keep-alives before giving up"),
        Key {
            name: "user_timeout",
            kind: TIMEOUT,
            need: Need::Optional,
            about: "give up when data stays unacknowledged so long (RFC 5482); left out: only retries count",
        },
        key(
            "backlog",
            Kind::Integer(0, 1_000_000),
            "4096",
            "connections, less one, that may wait at a listening port: half-open or not accepted yet",
        ),
        key(
            "syn_cookies",
            Kind::Choice(SynCookies::WORDS),
            "overflow",
            "when SYNs are answered without keeping anything of them (RFC 4987): overflow is beyond the backlog",
        ),
    ];

    /// Reads checked values; what is not there has its default.
    pub fn from_params(params: &Params) -> TcpConfig {
        let d = TcpConfig::default();
        let bool = |key, otherwise| params.bool(key).unwrap_or(otherwise);
        let size = |key, otherwise| params.size(key).map_or(otherwise, |s| s.0);
        let duration = |key, otherwise| params.duration(key).unwrap_or(otherwise);
        let integer = |key, otherwise| params.integer(key).unwrap_or(otherwise);
        let (congestion, congestion_params) = match params.part("congestion") {
            Some((name, own)) => (name.to_owned(), own.clone()),
            None => (d.congestion, d.congestion_params),
        };
        TcpConfig {
            congestion,
            congestion_params,
            mss: size("mss", d.mss).clamp(64, 65_000),
            initial_window: integer("initial_window", d.initial_window),
            bounded_initial_window: bool("bounded_initial_window", d.bounded_initial_window),
            byte_counting: bool("byte_counting", d.byte_counting),
            uncapped_growth: bool("uncapped_growth", d.uncapped_growth),
            ssthresh_of_cwnd: bool("ssthresh_of_cwnd", d.ssthresh_of_cwnd),
            sack: bool("sack", d.sack),
            dsack: bool("dsack", d.dsack),
            prr: bool("prr", d.prr),
            rack: bool("rack", d.rack),
            tlp: bool("tlp", d.tlp),
            tlp_ack_delay: duration("tlp_ack_delay", d.tlp_ack_delay),
            undo: bool("undo", d.undo),
            timestamps: bool("timestamps", d.timestamps),
            window_scaling: bool("window_scaling", d.window_scaling),
            impatient: bool("impatient", d.impatient),
            delayed_ack: bool("delayed_ack", d.delayed_ack),
            ack_delay: duration("ack_delay", d.ack_delay),
            rtt_every_ack: bool("rtt_every_ack", d.rtt_every_ack),
            quick_acks: integer("quick_acks", d.quick_acks),
            rto: RtoLimits {
                initial: duration("initial_rto", d.rto.initial),
                min: duration("min_rto", d.rto.min),
                max: duration("max_rto", d.rto.max),
                min_bounds_variance: bool("min_rto_on_variance", d.rto.min_bounds_variance),
                ..d.rto
            },
            receive_buffer: size("receive_buffer", d.receive_buffer).clamp(1, 1 << 30),
            send_buffer: size("send_buffer", d.send_buffer).max(1),
            nagle: bool("nagle", d.nagle),
            time_wait: duration("time_wait", d.time_wait),
            syn_retries: integer("syn_retries", d.syn_retries),
            retries: integer("retries", d.retries),
            keepalive: bool("keepalive", d.keepalive),
            keepalive_idle: duration("keepalive_idle", d.keepalive_idle),
            keepalive_interval: duration("keepalive_interval", d.keepalive_interval),
            keepalive_probes: integer("keepalive_probes", d.keepalive_probes),
            user_timeout: params.duration("user_timeout").or(d.user_timeout),
            backlog: integer("backlog", d.backlog),
            syn_cookies: params.text("syn_cookies").map_or(d.syn_cookies, SynCookies::named),
        }
    }

    /// The bounds that the scenario's reader holds, for a configuration made in code: the field
    /// that breaks one, and what it must be.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let rules = [
            (CONTROLLERS.find(&self.congestion).is_some(), "congestion", "the name of a controller"),
            ((64..=65_000).contains(&self.mss), "mss", "from 64 to 65000"),
            ((1..=1000).contains(&self.initial_window), "initial_window", "from 1 to 1000"),
            ((1..=1 << 30).contains(&self.receive_buffer), "receive_buffer", "from 1 byte to 1 GiB"),
            (self.send_buffer > 0, "send_buffer", "above 0"),
        ];
        rules.into_iter().find(|(holds, ..)| !holds).map_or(Ok(()), |(_, key, must)| Err((key, must)))
    }

    /// What the MSS option says: the peer counts the timestamp option as part of the segment
    /// (RFC 6691 section 2).
    pub(super) fn mss_option(&self) -> u16 {
        let options = if self.timestamps { TIMESTAMP_BYTES } else { 0 };
        (self.mss + options).min(65_535) as u16
    }

    /// The controller that it names; NewReno if there is none of that name.
    pub(super) fn controller(&self, smss: u64, initial_window: u64) -> Governor {
        let entry = CONTROLLERS.find(&self.congestion).unwrap_or(&CONTROLLERS.entries[1]);
        let params = self.congestion_params.clone();
        let (byte_counting, uncapped_growth) = (self.byte_counting, self.uncapped_growth);
        (entry.build)(&Setup { smss, initial_window, byte_counting, uncapped_growth, params }).into()
    }

    /// The initial window for segments of `smss` bytes (RFC 6928 section 2).
    pub(super) fn initial_window_bytes(&self, smss: u64) -> u64 {
        let most = match self.initial_window {
            _ if !self.bounded_initial_window => u64::MAX,
            // Without IW10: four segments, three or two (RFC 5681 section 3.1).
            0..=4 if smss > 2190 => 2 * smss,
            0..=4 if smss > 1095 => 3 * smss,
            5..=10 => (2 * smss).max(14_600),
            _ => u64::MAX,
        };
        (self.initial_window * smss).min(most)
    }
}

impl Default for TcpConfig {
    fn default() -> Self {
        TcpConfig {
            congestion: "newreno".to_owned(),
            congestion_params: Params::default(),
            mss: 1448,
            initial_window: 10,
            bounded_initial_window: true,
            byte_counting: false,
            uncapped_growth: false,
            ssthresh_of_cwnd: false,
            sack: true,
            dsack: true,
            prr: false,
            rack: false,
            tlp: false,
            tlp_ack_delay: Duration::from_millis(200),
            undo: false,
            timestamps: true,
            window_scaling: true,
            impatient: true,
            delayed_ack: true,
            ack_delay: Duration::from_millis(40),
            quick_acks: 0,
            rtt_every_ack: false,
            rto: RtoLimits::default(),
            receive_buffer: 16 << 20,
            send_buffer: 16 << 20,
            nagle: true,
            time_wait: Duration::from_secs(240),
            syn_retries: 7,
            retries: 15,
            keepalive: false,
            keepalive_idle: Duration::from_secs(7200),
            keepalive_interval: Duration::from_secs(75),
            keepalive_probes: 9,
            user_timeout: None,
            backlog: 4096,
            syn_cookies: SynCookies::Overflow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reno_01_initial_window() {
        let c = TcpConfig::default();
        let windows = [500, 1448, 1460, 4000, 8948].map(|mss| c.initial_window_bytes(mss));
        assert_eq!(windows, [5000, 14_480, 14_600, 14_600, 17_896]);
    }
}

//! Who is compared, and how our end is set up to be like them: like with like, or the comparison says nothing.

/// A run of somebody else's, by the names of the reference, and the keys that make ours alike.
#[derive(Clone, Debug)]
pub(crate) enum Stack {
    /// A setting of the kernel: `newreno`, `sack` or `sack_def`.
    Linux(&'static str),
    /// A variant of ns-3.
    Ns3(Ns3),
    /// RFC 5681 and RFC 6582 by the letter: variant, and minimum RTO in milliseconds.
    Textbook(&'static str, &'static str),
}

/// A variant of ns-3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ns3 {
    pub linux_reno: bool,
    pub prr: bool,
    pub sack: bool,
    /// An ACK for every second segment.
    pub delayed: bool,
    /// Minimum RTO 1 s; otherwise 200 ms.
    pub slow_rto: bool,
}

impl Ns3 {
    /// All thirty-two.
    pub(crate) fn all() -> impl Iterator<Item = Ns3> {
        (0..32).map(|n| {
            let bit = |k: u32| n >> k & 1 == 1;
            Ns3 { linux_reno: bit(4), prr: bit(3), sack: bit(2), delayed: bit(1), slow_rto: !bit(0) }
        })
    }

    #[allow(dead_code, reason = "the page tells it")]
    pub(crate) fn name(self) -> String {
        let cc = if self.linux_reno { "LinuxReno" } else { "NewReno" };
        let recovery = if self.prr { "PRR" } else { "classic" };
        let sack = if self.sack { "SACK" } else { "no SACK" };
        let acks = if self.delayed { "every 2nd" } else { "every" };
        let rto = if self.slow_rto { "1 s" } else { "200 ms" };
        format!("{cc}, {recovery}, {sack}, ACK of {acks}, RTO {rto}")
    }

    /// The fields of `ns3/summary.csv` that name its row.
    pub(crate) fn fields(self) -> [(&'static str, &'static str); 5] {
        let pick = |on: bool, yes, no| if on { yes } else { no };
        [
            ("cc", pick(self.linux_reno, "TcpLinuxReno", "TcpNewReno")),
            ("recovery", pick(self.prr, "TcpPrrRecovery", "TcpClassicRecovery")),
            ("sack", pick(self.sack, "1", "0")),
            ("delack", pick(self.delayed, "2", "1")),
            ("min_rto_s", pick(self.slow_rto, "1", "0.2")),
        ]
    }
}

type Sets = Vec<(&'static str, &'static str)>;

impl Stack {
    /// The column it stands in.
    pub(crate) fn column(&self) -> &'static str {
        match self {
            Stack::Linux(_) => "Linux",
            Stack::Ns3(_) => "ns-3",
            Stack::Textbook(..) => "textbook",
        }
    }

    /// The keys that make ours alike, on top of the case's file.
    pub(crate) fn sets(&self, case: &str) -> Sets {
        match self {
            Stack::Linux(setting) => linux(setting, case),
            Stack::Ns3(variant) => ns3(*variant),
            Stack::Textbook(variant, min_rto) => textbook(variant, min_rto, case),
        }
    }
}

fn linux(setting: &str, case: &str) -> Sets {
    let mut sets = vec![
        ("transport.tcp.profile", "linux"),
        ("transport.tcp.congestion", "newreno"),
        ("transport.tcp.min_rto", "200 ms"),
        ("transport.tcp.sack", if setting == "newreno" { "false" } else { "true" }),
        ("transport.tcp.delayed_ack", if setting == "sack_def" { "true" } else { "false" }),
    ];
    if setting != "sack_def" {
        // Switched off in the kernel too, for these settings.
        sets.extend([
            ("transport.tcp.tlp", "false"),
            ("transport.tcp.undo", "false"),
            ("transport.tcp.dsack", "false"),
        ]);
    }
    if case == "overflow_q50" {
        // Its 50 places hold the packet that is being sent as well: segment 250 is the first that is lost, not 252.
        sets.push(("link.wire.queue", "49 pkt"));
    }
    sets
}

fn ns3(v: Ns3) -> Sets {
    let flag = |on: bool| if on { "true" } else { "false" };
    vec![
        ("transport.tcp.initial_rto", "3 s"),
        ("transport.tcp.min_rto", if v.slow_rto { "1 s" } else { "200 ms" }),
        ("transport.tcp.sack", flag(v.sack)),
        ("transport.tcp.prr", flag(v.prr)),
        ("transport.tcp.delayed_ack", flag(v.delayed)),
        // Its receiver acknowledges the first segment at once, and waits up to 200 ms with others.
        ("transport.tcp.quick_acks", "1"),
        ("transport.tcp.ack_delay", "200 ms"),
        // TcpLinuxReno grows by segments acknowledged and halves cwnd.
        ("transport.tcp.uncapped_growth", flag(v.linux_reno)),
        ("transport.tcp.byte_counting", flag(v.linux_reno)),
        ("transport.tcp.ssthresh_of_cwnd", flag(v.linux_reno)),
    ]
}

fn textbook(variant: &'static str, min_rto: &str, case: &str) -> Sets {
    let mut sets = vec![
        ("transport.tcp.congestion", variant),
        ("transport.tcp.min_rto", if min_rto == "200" { "200 ms" } else { "1 s" }),
        // It restarts the timer on every ACK of new data.
        ("transport.tcp.impatient", "false"),
    ];
    if case == "synlost" {
        // It begins with one segment after a lost SYN (RFC 5681 section 3.1); RFC 6928 lets ten stand.
        sets.push(("transport.tcp.initial_window", "1"));
    }
    sets
}

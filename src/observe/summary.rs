//! `summary.json`: what a run came to, in plain figures. Nothing here depends on the wall clock.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::ids::Direction;
use crate::base::order::natural_order;
use crate::base::report::{FetchReport, FlowReport, LinkReport, NodeReport};
use crate::base::time::{Duration, Instant};
use crate::base::units::Rate;

/// What a finished run hands over.
#[derive(Clone, Debug, Default)]
pub struct RunOutcome {
    /// The scenario's name: its file without the ending.
    pub scenario: String,
    /// The seed it ran with.
    pub seed: u64,
    /// The digest's hex digits; `None` if nothing was recorded.
    pub digest: Option<String>,
    /// When the run ended.
    pub r#virtual: Instant,
    /// Events handled.
    pub events: u64,
    /// Packets carried over links, each hop counted.
    pub packet_hops: u64,
    /// Each node's name and what it says of itself, sorted by name.
    pub nodes: Vec<(Arc<str>, NodeReport)>,
    /// Each direction of each link.
    pub links: Vec<LinkOutcome>,
    /// What was expected, and what came.
    pub expect: Vec<ExpectSummary>,
}

/// One direction of one link, named.
#[derive(Clone, Debug)]
pub struct LinkOutcome {
    /// The link's name.
    pub name: Arc<str>,
    /// Which way.
    pub direction: Direction,
    /// How fast it is.
    pub rate: Rate,
    /// Its figures.
    pub report: LinkReport,
}

/// The summary of a run, field by field as `summary.json` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Version of this format: 1.
    pub schema: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The seed it ran with.
    pub seed: u64,
    /// The digest's hex digits; `None` if nothing was recorded.
    pub digest: Option<String>,
    /// Length of the run in virtual seconds.
    pub virtual_s: f64,
    /// Events handled.
    pub events: u64,
    /// Packets carried over links, each hop counted.
    pub packet_hops: u64,
    /// Connections, in the order in which they were opened.
    pub flows: Vec<FlowSummary>,
    /// Downloads.
    pub fetches: Vec<FetchSummary>,
    /// Both directions of every link.
    pub links: Vec<LinkSummary>,
    /// Addresses held by DHCP.
    pub leases: Vec<LeaseSummary>,
    /// What was expected, and what came.
    pub expect: Vec<ExpectSummary>,
}

/// One connection: the direction in which more payload was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowSummary {
    /// `phone->appstore#1`, or the name of a `[[flow]]`.
    pub name: Arc<str>,
    /// `tcp` or `rudp`.
    pub transport: Cow<'static, str>,
    /// The sender's congestion controller.
    pub congestion: Cow<'static, str>,
    /// Payload delivered to the receiving application.
    pub bytes: u64,
    /// First SYN.
    pub start_s: Option<f64>,
    /// Acknowledgement of the newest byte, at the sender.
    pub end_s: Option<f64>,
    /// `bytes` over the time from start to end; 0 if nothing came through.
    pub goodput_bps: u64,
    /// Data segments sent, repeats included.
    pub segments_sent: u64,
    /// Data segments sent again.
    pub retransmits: u64,
    /// Of these, those that fast retransmit or recovery sent.
    pub fast_retransmits: u64,
    /// Expiries of the retransmission timer.
    pub timeouts: u64,
    /// ssthresh right after the first loss was found.
    pub ssthresh_after_first_loss_bytes: Option<u64>,
    /// Smallest RTT sample.
    pub min_rtt_s: Option<f64>,
    /// Smoothed RTT at the end.
    pub srtt_s: Option<f64>,
}

/// One download.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FetchSummary {
    /// Who asked.
    pub node: Arc<str>,
    /// The URL as the scenario gives it.
    pub url: Arc<str>,
    /// Final status code; 0 if there was no answer.
    pub status: u16,
    /// Every Location followed.
    pub redirects: Vec<Arc<str>>,
    /// Body bytes received.
    pub bytes: u64,
    /// SHA-256 of the body.
    pub sha256: Option<Arc<str>>,
    /// True if the body is what the serving node holds.
    pub intact: bool,
    /// When it began.
    pub start_s: Option<f64>,
    /// When its last byte arrived, or it failed.
    pub end_s: Option<f64>,
    /// Why it failed; left out if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<str>>,
}

/// One direction of one link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkSummary {
    /// The link's name.
    pub name: Arc<str>,
    /// `forward` or `reverse`.
    pub direction: Cow<'static, str>,
    /// Packets handed to it.
    pub sent: u64,
    /// Packets that came out.
    pub delivered: u64,
    /// Packets that the queue threw away.
    pub dropped_queue: u64,
    /// Packets that the loss model or a fault took.
    pub dropped_loss: u64,
    /// Share of the run spent transmitting.
    pub utilisation: f64,
    /// Bits per second it can carry.
    pub rate_bps: u64,
    /// Bytes that came out.
    pub bytes_delivered: u64,
    /// The longest its queue ever was.
    pub max_queue_packets: u32,
    /// Packets still queued or on the wire when the run ended: what makes
    /// sent == delivered + dropped + in transit.
    #[serde(default)]
    pub in_transit: u64,
}

/// One address held by DHCP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseSummary {
    /// Who holds it.
    pub node: Arc<str>,
    /// The address.
    pub address: String,
    /// Who granted it.
    pub server: String,
    /// When it was first granted.
    pub obtained_s: f64,
    /// How often it was extended.
    pub renewals: u64,
}

/// One expectation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectSummary {
    /// As written in the scenario.
    pub that: String,
    /// Whether it holds.
    pub met: bool,
    /// What the left-hand side came to.
    pub value: String,
}

impl Summary {
    /// Makes the summary of a finished run.
    pub fn new(run: &RunOutcome) -> Self {
        let told = |(_, report): &&(Arc<str>, NodeReport)| !report.fetches.is_empty() || !report.leases.is_empty();
        let nodes: Vec<_> = run.nodes.iter().filter(told).collect();
        let order = natural_order(nodes.iter().map(|(name, _)| &**name));
        let nodes = || order.iter().map(|rank| nodes[*rank as usize]);
        let links = natural_order(run.links.iter().map(|l| &*l.name));
        Summary {
            schema: 1,
            scenario: run.scenario.clone(),
            seed: run.seed,
            digest: run.digest.clone(),
            virtual_s: run.r#virtual.as_secs_f64(),
            events: run.events,
            packet_hops: run.packet_hops,
            flows: flows(&run.nodes),
            fetches: nodes().flat_map(|(node, report)| report.fetches.iter().map(|f| fetch(node, f))).collect(),
            links: links.into_iter().map(|rank| link(&run.links[rank as usize], run.r#virtual)).collect(),
            leases: nodes().flat_map(|(node, report)| leases(node, report)).collect(),
            expect: run.expect.clone(),
        }
    }

    /// What expectations ask: the figures of the whole, and of the lists only those that are wanted.
    ///
    /// # Errors
    /// None but those of a mistake in this crate.
    pub fn figures(&self, wanted: &dyn Fn(&str) -> bool) -> serde_json::Result<serde_json::Value> {
        let bare = Summary {
            scenario: self.scenario.clone(),
            digest: self.digest.clone(),
            flows: Vec::new(),
            fetches: Vec::new(),
            links: Vec::new(),
            leases: Vec::new(),
            expect: Vec::new(),
            ..*self
        };
        let mut figures = serde_json::to_value(bare)?;
        if wanted("flows") {
            figures["flows"] = serde_json::to_value(&self.flows)?;
        }
        if wanted("fetches") {
            figures["fetches"] = serde_json::to_value(&self.fetches)?;
        }
        if wanted("links") {
            figures["links"] = serde_json::to_value(&self.links)?;
        }
        if wanted("leases") {
            figures["leases"] = serde_json::to_value(&self.leases)?;
        }
        Ok(figures)
    }

    /// True if every expectation is met and no download failed: exit status 0.
    pub fn succeeded(&self) -> bool {
        self.expect.iter().all(|e| e.met) && self.fetches.iter().all(FetchSummary::completed)
    }

    /// As indented JSON with a newline at the end.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

impl FetchSummary {
    /// A 2xx answer, whole and intact.
    pub fn completed(&self) -> bool {
        (200..300).contains(&self.status) && self.intact && self.error.is_none()
    }
}

fn seconds(at: Option<Instant>) -> Option<f64> {
    at.map(Instant::as_secs_f64)
}

/// Merges the two ends of every connection.
fn flows(nodes: &[(Arc<str>, NodeReport)]) -> Vec<FlowSummary> {
    let mut ends: Vec<&FlowReport> = nodes.iter().flat_map(|(_, report)| &report.flows).collect();
    ends.sort_by_key(|end| end.flow);
    let merged = ends.chunk_by(|a, b| a.flow == b.flow).filter_map(merge);
    let mut all: Vec<(Instant, FlowSummary)> = merged.map(|(at, flow)| (at.unwrap_or(Instant::MAX), flow)).collect();
    all.sort_by_key(|(start, _)| *start);
    let at_once = all.chunk_by(|(a, _), (b, _)| a == b).flat_map(|flows| {
        natural_order(flows.iter().map(|(_, flow)| &*flow.name)).into_iter().map(|rank| flows[rank as usize].1.clone())
    });
    at_once.collect()
}

/// One connection of which one or both ends are known. The figures are those of the end that sent
/// more payload; of equal ends, of the initiator.
fn merge(ends: &[&FlowReport]) -> Option<(Option<Instant>, FlowSummary)> {
    let initiator = ends.iter().find(|e| e.name.is_some()).or(ends.first())?;
    let mut sender = initiator;
    for end in ends {
        if end.stats.bytes_written > sender.stats.bytes_written {
            sender = end;
        }
    }
    let receiver = ends.iter().find(|e| !std::ptr::eq(**e, *sender));
    let s = &sender.stats;
    let bytes = receiver.map_or(s.bytes_acked, |r| r.stats.bytes_delivered);
    // Of a stranger's connection only the accepting end is known.
    let start = initiator.stats.opened.or(initiator.stats.established);
    let goodput_bps = match (start, s.last_acked) {
        (Some(start), Some(end)) if end > start => bits_per_second(bytes, end.since(start)),
        _ => 0,
    };
    let summary = FlowSummary {
        name: initiator.name.clone().unwrap_or_else(|| format!("{:016x}", initiator.flow.0).into()),
        transport: sender.transport.name().into(),
        congestion: s.congestion.into(),
        bytes,
        start_s: seconds(start),
        end_s: seconds(s.last_acked),
        goodput_bps,
        segments_sent: s.segments_sent,
        retransmits: s.retransmits,
        fast_retransmits: s.fast_retransmits,
        timeouts: s.timeouts,
        ssthresh_after_first_loss_bytes: s.ssthresh_after_first_loss_bytes,
        min_rtt_s: s.min_rtt.map(Duration::as_secs_f64),
        srtt_s: s.srtt.map(Duration::as_secs_f64),
    };
    Some((start, summary))
}

fn bits_per_second(bytes: u64, time: Duration) -> u64 {
    let bps = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(time.as_nanos().max(1));
    u64::try_from(bps).unwrap_or(u64::MAX)
}

fn fetch(node: &Arc<str>, f: &FetchReport) -> FetchSummary {
    FetchSummary {
        node: node.clone(),
        url: f.url.clone(),
        status: f.status,
        redirects: f.redirects.clone(),
        bytes: f.bytes,
        sha256: f.sha256.clone(),
        intact: f.intact,
        start_s: seconds(f.start),
        end_s: seconds(f.end),
        error: f.error.clone(),
    }
}

fn link(l: &LinkOutcome, end: Instant) -> LinkSummary {
    let share = l.report.busy.as_secs_f64() / end.as_secs_f64();
    LinkSummary {
        name: l.name.clone(),
        direction: l.direction.name().into(),
        sent: l.report.sent,
        delivered: l.report.delivered,
        dropped_queue: l.report.dropped_queue,
        dropped_loss: l.report.dropped_loss,
        // Six decimals are plenty; a run of no length was never busy.
        utilisation: if share.is_finite() { (share * 1e6).round() / 1e6 } else { 0.0 },
        rate_bps: l.rate.0,
        bytes_delivered: l.report.bytes_delivered,
        max_queue_packets: l.report.max_queue_packets,
        in_transit: l.report.in_transit,
    }
}

fn leases<'a>(node: &'a Arc<str>, report: &'a NodeReport) -> impl Iterator<Item = LeaseSummary> + 'a {
    report.leases.iter().map(|l| LeaseSummary {
        node: node.clone(),
        address: l.address.to_string(),
        server: l.server.to_string(),
        obtained_s: l.obtained.as_secs_f64(),
        renewals: l.renewals,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{FlowId, TransportKind};
    use crate::base::report::FlowStats;

    fn end(name: Option<&str>, written: u64, delivered: u64, opened_ms: u64, last_acked_ms: u64) -> NodeReport {
        let at = |ms| Some(Instant::ZERO + Duration::from_millis(ms));
        let (a, b) = ("10.0.0.1:49152".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let stats = FlowStats {
            congestion: "reno",
            opened: at(opened_ms),
            last_acked: at(last_acked_ms),
            bytes_written: written,
            bytes_delivered: delivered,
            segments_sent: written / 1000,
            ..FlowStats::default()
        };
        let flow = FlowReport {
            flow: FlowId::new(TransportKind::Rudp, a, b),
            transport: TransportKind::Rudp,
            name: name.map(Arc::from),
            stats,
        };
        NodeReport { flows: vec![flow], ..NodeReport::default() }
    }

    #[test]
    fn a_flow_is_its_heavier_direction_named_by_its_initiator() {
        let nodes = vec![
            ("phone".into(), end(Some("phone->store#1"), 100, 5_000_000, 200, 260)),
            ("store".into(), end(None, 5_000_000, 100, 225, 4_200)),
        ];
        let summary = Summary::new(&RunOutcome { nodes, ..RunOutcome::default() });
        let [flow] = summary.flows.as_slice() else { panic!("{:?}", summary.flows) };
        assert_eq!((&*flow.name, flow.bytes, flow.segments_sent), ("phone->store#1", 5_000_000, 5_000));
        assert_eq!((flow.start_s, flow.end_s, flow.goodput_bps), (Some(0.2), Some(4.2), 10_000_000));
    }

    #[test]
    fn utilisation_is_the_busy_share_of_the_run() {
        let report = LinkReport { busy: Duration::from_millis(471), ..LinkReport::default() };
        let link = LinkOutcome { name: "a--b".into(), direction: Direction::Reverse, rate: Rate(1), report };
        let end = Instant::ZERO + Duration::from_millis(4710);
        let run = RunOutcome { r#virtual: end, links: vec![link], ..RunOutcome::default() };
        let summary = Summary::new(&run);
        assert_eq!((summary.links[0].utilisation, summary.virtual_s), (0.1, 4.71));
        assert_eq!(Summary::new(&RunOutcome { r#virtual: Instant::ZERO, ..run }).links[0].utilisation, 0.0);
    }

    #[test]
    fn figures_have_the_lists_that_are_wanted() {
        let nodes = vec![("phone".into(), end(Some("phone->store#1"), 100, 5_000_000, 200, 260))];
        let summary = Summary::new(&RunOutcome { nodes, seed: 7, ..RunOutcome::default() });
        let all = serde_json::to_value(&summary).unwrap();
        assert_eq!(summary.figures(&|_| true).unwrap(), all);
        let none = summary.figures(&|_| false).unwrap();
        assert_eq!((&none["seed"], &none["flows"]), (&serde_json::json!(7), &serde_json::json!([])));
    }

    #[test]
    fn json_has_the_public_fields_in_order() {
        let json = Summary::new(&RunOutcome::default()).to_json().unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "schema",
                "scenario",
                "seed",
                "digest",
                "virtual_s",
                "events",
                "packet_hops",
                "flows",
                "fetches",
                "links",
                "leases",
                "expect"
            ]
        );
    }
}

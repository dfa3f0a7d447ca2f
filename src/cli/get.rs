//! `twinwire get`: a user on real sockets.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;

use indicatif::ProgressBar;

use super::args::{Carrier, GetArgs};
use super::exit::{Exit, bad_input, mention, say};
use super::part_file::PartFile;
use super::progress;
use crate::base::ids::{NodeId, TransportKind};
use crate::base::note::{FlowNote, HttpChange, NameChange, Note, Place, Sink};
use crate::base::rng::Seed;
use crate::base::time::Instant;
use crate::base::units::parse_duration;
use crate::live::LiveError;
use crate::live::addresses::AddressMap;
use crate::live::clock::Clock;
use crate::live::driver::{Driver, LiveNode};
use crate::live::entropy;
use crate::live::medium::Nothing;
use crate::node::addressing::Addressing;
use crate::node::app::App;
use crate::node::host::{Host, HostSetup, Settings};
use crate::node::roles::user::download;
use crate::proto::dns;

/// Prints what a download sees.
struct Seen {
    bar: ProgressBar,
}

impl Sink for Seen {
    fn note(&mut self, at: Instant, _place: Place, note: &Note) {
        let line = match note {
            Note::Name { name, change: NameChange::Answered, address: Some(address) } => format!("{name} is {address}"),
            Note::Name { name, change, .. } if *change != NameChange::Asked => format!("{name}: {}", change.word()),
            Note::Http { target, change: HttpChange::Requested, .. } => format!("GET {target}"),
            Note::Http { target, change: HttpChange::Redirected, status, .. } => format!("{status}: see {target}"),
            Note::Opened { transport, to, .. } => {
                format!("connecting to {to} by {transport}")
            }
            Note::Flow { note: FlowNote::Timeout { timer, .. }, .. } => format!("time-out ({})", timer.word()),
            _ => return,
        };
        let line = format!("{:>9.3} s  {line}", at.as_secs_f64());
        if self.bar.is_hidden() {
            mention(line);
        } else {
            self.bar.println(line);
        }
    }
}

/// Downloads one file.
pub(super) fn get(args: &GetArgs) -> Exit {
    let timeout = match parse_duration(&args.timeout) {
        Ok(timeout) => timeout,
        Err(error) => return bad_input(format!("--timeout: {} ({})", error.message, error.help)),
    };
    let dns = match args.dns.as_deref().map_or_else(|| Ok(system_dns()), |text| server(text).map(Some)) {
        Ok(dns) => dns,
        Err(exit) => return exit,
    };
    let target = match args.out.clone().or_else(|| name_in(&args.url)) {
        Some(target) => target,
        None => return bad_input(format!("{} names no file: say where to save it with -o FILE", args.url)),
    };
    if target.is_dir() {
        return bad_input(format!("{} is a folder: name a file with -o FILE", target.display()));
    }
    let seed = match entropy::seed() {
        Ok(seed) => Seed(seed),
        Err(error) => return bad_input(format!("no randomness: {error}")),
    };
    let bar = progress::bar(0, "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
    let clock = Clock::start();
    let transport = match args.transport {
        Carrier::Tcp => TransportKind::Tcp,
        Carrier::Rudp => TransportKind::Rudp,
    };
    let file = Box::new(PartFile::new(&target, bar.clone()));
    let app = match download(&args.url, transport, timeout, clock.wall(), file, seed.stream("resolver")) {
        Ok(app) => app,
        Err(error) => return bad_input(format!("{}: {error}; write http://HOST[:PORT]/PATH", args.url)),
    };
    let mut seen = Seen { bar: bar.clone() };
    let report = run(clock, host(app, dns, seed), dns, &mut seen);
    bar.finish_and_clear();
    let (report, interrupted) = match report {
        Ok(report) => report,
        Err(error) => return bad_input(error),
    };
    let Some(fetch) = report.fetches.first() else { return Exit::Failed };
    if fetch.completed() {
        let time = fetch.end.unwrap_or_default().since(fetch.start.unwrap_or_default());
        let sha256 = fetch.sha256.as_deref().unwrap_or_default();
        say(format_args!("{}: {} bytes in {:.3} s", target.display(), fetch.bytes, time.as_secs_f64()));
        say(format_args!("status {}, {} redirects, sha256 {sha256}", fetch.status, fetch.redirects.len()));
        return Exit::Good;
    }
    let why = fetch.error.as_deref().unwrap_or(if interrupted { "ended by a signal" } else { "it did not end" });
    mention(format_args!("error: {}: {why}", args.url));
    if interrupted && fetch.bytes > 0 {
        mention(format_args!("what came is kept in {}.part; the same command goes on from there", target.display()));
    }
    Exit::Failed
}

fn host(app: Box<dyn App>, dns: Option<SocketAddrV4>, seed: Seed) -> Host {
    // Everything is on the way out of whatever interface the system chooses.
    let addressing = Addressing {
        address: Ipv4Addr::UNSPECIFIED,
        prefix_len: 0,
        gateway: None,
        dns: dns.iter().map(|server| *server.ip()).collect::<Vec<_>>().into(),
    };
    let setup = HostSetup {
        name: "get".into(),
        addressing: Some(addressing),
        settings: vec![Settings::default()].into(),
        names: Arc::default(),
        aliases: Arc::default(),
        seed,
        lives: 0,
    };
    Host::new(setup, vec![app]).with_kernel_tcp()
}

fn run(
    clock: Clock,
    host: Host,
    dns: Option<SocketAddrV4>,
    seen: &mut Seen,
) -> Result<(crate::base::report::NodeReport, bool), LiveError> {
    let mut map = AddressMap::default();
    if let Some(dns) = dns {
        map.add_service(SocketAddrV4::new(*dns.ip(), dns::PORT), dns);
    }
    let node = LiveNode { id: NodeId(0), name: "get".into(), host, interface: None };
    let mut driver = Driver::new(clock, vec![node], map, Box::new(Nothing::default()), Some(seen))?;
    driver.start()?;
    while driver.is_busy() && !driver.interrupted() {
        driver.step(Instant::MAX)?;
    }
    let interrupted = driver.interrupted();
    let report = driver.node_reports().pop().map(|(_, report, _)| report).unwrap_or_default();
    Ok((report, interrupted))
}

/// `ADDRESS` or `ADDRESS:PORT`.
fn server(text: &str) -> Result<SocketAddrV4, Exit> {
    let plain = text.parse().map(|address| SocketAddrV4::new(address, dns::PORT));
    plain.or_else(|_| text.parse()).map_err(|_| bad_input(format!("--dns {text}: write ADDRESS or ADDRESS:PORT")))
}

/// The first DNS server that the system knows.
fn system_dns() -> Option<SocketAddrV4> {
    let text = fs::read_to_string("/etc/resolv.conf").ok()?;
    let servers = text.lines().filter_map(|line| line.strip_prefix("nameserver"));
    servers.filter_map(|rest| rest.trim().parse().ok()).map(|a| SocketAddrV4::new(a, dns::PORT)).next()
}

/// The last part of a URL's path.
fn name_in(url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?.split_once("://")?.1;
    let (_, name) = path.rsplit_once('/')?;
    (!name.is_empty() && name != "." && name != "..").then(|| PathBuf::from(name))
}

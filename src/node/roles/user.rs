//! `user`: fetches files over HTTP: resolves, asks, follows redirects, and checks what came.

use std::net::SocketAddrV4;

use super::fetch::{Fetch, Step};
use super::keep::Keep;
use super::manner::Manner;
use super::role::{RoleEntry, RoleEnv, RoleError};
use crate::base::ids::TransportKind;
use crate::base::report::NodeReport;
use crate::base::rng::Rng;
use crate::base::schema::{Data, Key, Kind, Need, Params};
use crate::base::time::{Duration, Instant};
use crate::base::wall::WallClock;
use crate::node::app::{App, AppConn, ConnectRequest, HostEvent};
use crate::node::host::HostCtx;
use crate::node::node::Status;
use crate::node::resolver::HostResolver;
use crate::proto::http::redirect::Permanent;
use crate::proto::http::url::{Url, UrlError};
use crate::transport::stream::StreamEvent;

const TRANSPORTS: Kind = Kind::Choice(&["rudp", "tcp"]);

/// The role.
pub const USER: RoleEntry = RoleEntry {
    name: "user",
    about: "fetches files over HTTP and follows redirects",
    keys: &[
        Key { name: "transport", kind: TRANSPORTS, need: Need::Default("tcp"), about: "what carries its requests" },
        Key {
            name: "fetch",
            kind: Kind::List(&Kind::Table(&[
                Key { name: "url", kind: Kind::Url, need: Need::Required, about: "what to fetch" },
                Key { name: "at", kind: Kind::Duration, need: Need::Default("0 s"), about: "when to begin" },
                Key {
                    name: "transport",
                    kind: TRANSPORTS,
                    need: Need::Optional,
                    about: "what carries this one; otherwise the node's transport",
                },
            ])),
            need: Need::Optional,
            about: "its downloads",
        },
        Key {
            name: "redirect_limit",
            kind: Kind::Integer(0, 100),
            need: Need::Default("10"),
            about: "redirects followed for one download",
        },
        Key {
            name: "timeout",
            kind: Kind::Duration,
            need: Need::Default("60 s"),
            about: "a download that takes longer is given up",
        },
        Key {
            name: "retries",
            kind: Kind::Integer(0, 1_000),
            need: Need::Default("3"),
            about: "how often a download goes on after a cut (by Range) or a 503 or 429 with Retry-After",
        },
        Key {
            name: "stall",
            kind: Kind::Duration,
            need: Need::Default("20 s"),
            about: "a download that hears nothing for so long counts as cut, and goes on by a retry",
        },
        Key {
            name: "remember_redirects",
            kind: Kind::Bool,
            need: Need::Default("false"),
            about: "go straight to where a 301 or 308 led before (RFC 9110 section 15.4.2)",
        },
    ],
    build: |params, env| Ok(Box::new(User::from_params(params, env)?)),
};

#[derive(Debug)]
struct User {
    /// In the order of the scenario, which is that of the report.
    fetches: Vec<Fetch>,
    resolver: HostResolver,
    /// Where 301 and 308 led, if that is to be remembered.
    permanent: Option<Permanent>,
}

/// A user of one download whose body is kept; no answer at all for `timeout` ends it.
///
/// # Errors
/// When `url` is no http URL.
pub fn download(
    url: &str,
    transport: TransportKind,
    timeout: Duration,
    wall: WallClock,
    keep: Box<dyn Keep>,
    rng: Rng,
) -> Result<Box<dyn App>, UrlError> {
    let parsed = Url::parse(url)?;
    let place = parsed.place()?;
    let manner = Manner { transport, at: Instant::ZERO, timeout, stall: timeout, redirect_limit: 10, retries: 3, wall };
    let fetches = vec![Fetch::new(url, (parsed, place), manner).keep(keep)];
    Ok(Box::new(User { fetches, resolver: HostResolver::new(rng), permanent: None }))
}

impl User {
    fn from_params(params: &Params, env: &RoleEnv) -> Result<Self, RoleError> {
        let transport = |p: &Params| {
            p.text("transport").map(|t| if t == "rudp" { TransportKind::Rudp } else { TransportKind::Tcp })
        };
        let own = transport(params).unwrap_or(TransportKind::Tcp);
        let redirect_limit = params.integer("redirect_limit").unwrap_or(10);
        let retries = params.integer("retries").unwrap_or(3);
        let stall = params.duration("stall").unwrap_or(Duration::from_secs(20));
        let timeout = params.duration("timeout").unwrap_or(Duration::from_secs(60));
        let entries = params.list("fetch").unwrap_or_default();
        let mut fetches = Vec::with_capacity(entries.len());
        for entry in entries {
            let Data::Table(entry) = &entry.data else { continue };
            let text = entry.text("url").unwrap_or_default();
            let located = Url::parse(text).map(|url| env.outside.locate(url));
            let found = located.and_then(|url| url.place().map(|place| (url, place)));
            let (url, place) = found.map_err(|error| RoleError {
                key: "fetch",
                message: format!("\"{text}\": {error}"),
                help: Some("write it as \"http://host/path\"".to_owned()),
            })?;
            let at = Instant::ZERO + entry.duration("at").unwrap_or(Duration::ZERO);
            let (transport, wall) = (transport(entry).unwrap_or(own), env.wall);
            fetches.push(Fetch::new(
                text,
                (url, place),
                Manner { transport, at, timeout, redirect_limit, retries, stall, wall },
            ));
        }
        let resolver = HostResolver::new(env.seed.stream_of(&["node/", "/resolver"], &env.node));
        let permanent = params.bool("remember_redirects").unwrap_or(false).then(Permanent::default);
        Ok(User { fetches, resolver, permanent })
    }

    /// Begins, connects and gives up whatever is due.
    fn advance(&mut self, host: &mut HostCtx<'_>) {
        for k in 0..self.fetches.len() {
            self.fetches[k].expire(host);
            self.advance_one(k, host);
        }
        while let Some((name, answer)) = self.resolver.poll_answer() {
            for fetch in &mut self.fetches {
                let Step::Resolve(asked) = &fetch.step else { continue };
                if **asked != *name {
                    continue;
                }
                match &answer {
                    Ok(address) => fetch.step = Step::Connect(*address),
                    Err(error) => fetch.fail(&error.to_string(), host),
                }
            }
            for k in 0..self.fetches.len() {
                self.advance_one(k, host);
            }
        }
    }

    fn advance_one(&mut self, k: usize, host: &mut HostCtx<'_>) {
        let usable = host.addressing().is_some();
        let fetch = &mut self.fetches[k];
        match &fetch.step {
            Step::Begin if fetch.at <= host.now() && usable => {
                self.permanent.iter().for_each(|known| fetch.go_straight(known));
                let name = fetch.place.host.clone();
                if let Ok(address) = name.parse() {
                    fetch.step = Step::Connect(address);
                    return self.advance_one(k, host);
                }
                fetch.step = Step::Resolve(name.clone());
                // One question serves all that wait for the same name.
                let asked = |f: &Fetch| matches!(&f.step, Step::Resolve(other) if *other == name);
                if self.fetches.iter().filter(|f| asked(f)).count() == 1 {
                    self.resolver.resolve(&name, host);
                }
            }
            Step::Connect(address) if usable => {
                let remote = SocketAddrV4::new(*address, fetch.place.port);
                let request = ConnectRequest { transport: fetch.transport, remote, name: None, settings: None };
                if let Some(conn) = host.connect(request) {
                    fetch.open(conn, host);
                }
            }
            _ => {}
        }
    }

    fn on_stream(&mut self, conn: AppConn, event: StreamEvent, host: &mut HostCtx<'_>) {
        if self.resolver.on_stream(conn, event, host) {
            return;
        }
        if let Some(fetch) = self.fetches.iter_mut().find(|f| f.owns(conn)) {
            fetch.on_stream(conn, event, host);
            if let (Some((from, response, to)), Some(known)) = (fetch.learnt.take(), &mut self.permanent) {
                known.learn(&from, &response, &to);
            }
        }
    }
}

impl App for User {
    fn on_event(&mut self, event: HostEvent, host: &mut HostCtx<'_>) {
        match event {
            HostEvent::Datagram { port, from, data, .. } => {
                self.resolver.on_datagram(port, from, &data, host);
            }
            HostEvent::Stream { conn, event } => self.on_stream(conn, event, host),
            HostEvent::Wake => self.resolver.on_wake(host),
            HostEvent::Start | HostEvent::Addressed(_) | HostEvent::Accepted { .. } => {}
        }
        self.advance(host);
    }

    fn next_wake(&self) -> Option<Instant> {
        self.fetches.iter().filter_map(Fetch::next_wake).chain(self.resolver.next_wake()).min()
    }

    fn status(&self) -> Status {
        if self.fetches.iter().any(|f| !f.is_over()) {
            return Status::Busy;
        }
        match self.fetches.iter().find_map(|f| f.report.error.as_ref().map(|e| (f, e))) {
            Some((fetch, error)) => Status::Failed(format!("{}: {error}", fetch.report.url)),
            None => Status::Done,
        }
    }

    fn report(&self, report: &mut NodeReport) {
        report.fetches.extend(self.fetches.iter().map(|f| f.report.clone()));
    }
}

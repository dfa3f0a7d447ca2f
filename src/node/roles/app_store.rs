//! `app-store`: serves what it holds, and sends clients to a storage server for the rest.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;

use super::files::{FILES, File, FileSet};
use super::outside::Outside;
use super::policy::POLICIES;
use super::policy::choice::{Build, Candidate, Policy};
use super::role::{RoleEntry, RoleEnv, RoleError};
use super::serving::{Answer, MAX_TRANSFERS, RETRY_AFTER, Server, Site};
use super::shelf_page::{self, Held, Line, Rule, Shelves};
use crate::base::schema::{Data, Key, Kind, Need, Params, PartKind};
use crate::proto::http::request::Request;
use crate::proto::http::url::{encode_path, file_path};

/// The role.
pub const APP_STORE: RoleEntry = RoleEntry {
    name: "app-store",
    about: "serves its files over HTTP and redirects (301) to storage servers for the rest",
    keys: &[
        FILES,
        MAX_TRANSFERS,
        RETRY_AFTER,
        Key {
            name: "policy",
            kind: Kind::Part(&PartKind { what: "policy", tag: "kind", parts: || POLICIES.parts(), short: None }),
            need: Need::Default("by-type"),
            about: "how it chooses among the servers of a route",
        },
        Key {
            name: "routes",
            kind: Kind::List(&Kind::Table(&[
                Key {
                    name: "match",
                    kind: Kind::Text,
                    need: Need::Required,
                    about: "paths it is for; * stands for any text, ? for any one character",
                },
                Key {
                    name: "to",
                    kind: Kind::List(&Kind::Node),
                    need: Need::Required,
                    about: "the storage servers that hold them",
                },
            ])),
            need: Need::Optional,
            about: "where to redirect; the first that matches counts",
        },
        Key {
            name: "weights",
            kind: Kind::Map(&Kind::Integer(0, 1_000_000)),
            need: Need::Optional,
            about: "shares of the storage servers for policy weighted; 1 where left out",
        },
    ],
    build: |params, env| Ok(Box::new(Server::new(AppStore::from_params(params, env)?, params, env))),
};

#[derive(Debug)]
struct AppStore {
    files: FileSet,
    routes: Vec<Route>,
    outside: Arc<Outside>,
    /// Redirects so far, by server.
    redirects: BTreeMap<Arc<str>, u64>,
    /// What stands at `/`.
    page: Rc<File>,
}

#[derive(Debug)]
struct Route {
    glob: String,
    to: Vec<Candidate>,
    policy: Box<dyn Policy>,
}

impl AppStore {
    fn from_params(params: &Params, env: &RoleEnv) -> Result<Self, RoleError> {
        let policy = params.part("policy").map_or("by-type", |(name, _)| name);
        let build = POLICIES.find(policy).map(|entry| entry.build).ok_or_else(|| RoleError {
            key: "policy",
            message: format!("there is no policy \"{policy}\""),
            help: Some(format!("one of {}", POLICIES.names().collect::<Vec<_>>().join(", "))),
        })?;
        let weights = params.table("weights");
        let mut routes = Vec::new();
        for route in params.list("routes").unwrap_or_default() {
            if let Data::Table(table) = &route.data {
                routes.push(Route::from_params(table, weights, build, env)?);
            }
        }
        let stray = |name: &&String| !routes.iter().any(|r| r.to.iter().any(|c| *c.name == ***name));
        if let Some(name) = weights.and_then(|w| w.0.keys().find(stray)) {
            return Err(RoleError {
                key: "weights",
                message: format!("no route leads to \"{name}\""),
                help: Some("weigh only servers that stand in a route's `to`".to_owned()),
            });
        }
        let (files, outside) = (FileSet::from_params(params, env)?, env.outside.clone());
        let rules: Vec<Rule> = routes.iter().map(Route::rule).collect();
        let page = shelf_page::page(&env.node, policy, &lines(&files, &routes, &env.shelves), &rules);
        let page = Rc::new(File::new("index.html", Box::new(Held(page))));
        Ok(AppStore { files, routes, outside, redirects: BTreeMap::new(), page })
    }
}

impl Route {
    fn rule(&self) -> Rule {
        Rule { glob: self.glob.clone(), to: self.to.iter().map(|c| c.name.clone()).collect() }
    }

    fn from_params(table: &Params, weights: Option<&Params>, build: Build, env: &RoleEnv) -> Result<Self, RoleError> {
        let glob = table.text("match").unwrap_or_default();
        let mut to = Vec::new();
        for value in table.list("to").unwrap_or_default() {
            let Data::Node(name) = &value.data else { continue };
            to.push(Candidate {
                name: name.as_str().into(),
                address: address_of(name, env)?,
                weight: weights.and_then(|w| w.integer(name)).unwrap_or(1),
                redirects: 0,
            });
        }
        if to.is_empty() {
            return Err(RoleError {
                key: "routes",
                message: format!("the route for \"{glob}\" leads nowhere"),
                help: Some("name at least one storage server in `to`".to_owned()),
            });
        }
        Ok(Route { glob: glob.trim_start_matches('/').to_owned(), to, policy: build() })
    }
}

/// What there is on this store's page: its own files, and those that its routes lead to.
fn lines(files: &FileSet, routes: &[Route], shelves: &Shelves) -> Vec<Line> {
    let mut lines: BTreeMap<&str, Line> = BTreeMap::new();
    for (node, shelf) in shelves {
        for (name, bytes) in shelf {
            let route = routes.iter().find(|r| matches(&r.glob, name));
            let Some(keeper) = route.and_then(|r| r.to.iter().find(|c| *c.name == **node)) else { continue };
            let empty = || Line { name: name.clone(), bytes: None, keepers: Vec::new() };
            let line = lines.entry(name).or_insert_with(empty);
            line.bytes = line.bytes.or(*bytes);
            line.keepers.push(keeper.name.clone());
        }
    }
    for (name, file) in files.iter() {
        lines.insert(name, Line { name: name.to_owned(), bytes: Some(file.len()), keepers: vec!["this store".into()] });
    }
    lines.into_values().collect()
}

fn address_of(name: &str, env: &RoleEnv) -> Result<Ipv4Addr, RoleError> {
    env.addresses.get(name).copied().ok_or_else(|| RoleError {
        key: "routes",
        message: format!("\"{name}\" has no fixed address to redirect to"),
        help: Some(format!("give [node.{name}] an address")),
    })
}

impl Site for AppStore {
    fn answer(&mut self, request: &Request) -> Answer {
        let Ok(name) = file_path(&request.target) else { return Answer::Error(400) };
        if let Some(file) = self.files.get(&name) {
            return Answer::File(file.clone());
        }
        if name.is_empty() {
            return Answer::File(self.page.clone());
        }
        let Some(route) = self.routes.iter_mut().find(|r| matches(&r.glob, &name)) else {
            return Answer::Error(404);
        };
        for candidate in &mut route.to {
            candidate.redirects = self.redirects.get(&candidate.name).copied().unwrap_or(0);
        }
        let chosen = route.policy.choose(&name, &route.to);
        let Some(server) = route.to.get(chosen) else { return Answer::Error(500) };
        *self.redirects.entry(server.name.clone()).or_default() += 1;
        // Encoded anew, so that no escaped CR LF of the request can end the field.
        let path = encode_path(&name);
        Answer::Moved(match self.outside.nodes.get(&*server.name) {
            Some(place) => format!("http://{place}{path}"),
            None => format!("http://{}{path}", server.address),
        })
    }
}

/// Whether the whole text fits the pattern: `*` stands for any text, `?` for any one character.
fn matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut g, mut t) = (0, 0);
    // Where to go on after a mismatch: behind the last star, with one character more given to it.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                retry = Some((g + 1, t));
                g += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                g += 1;
                t += 1;
            }
            _ => {
                let Some((after_star, taken)) = retry else { return false };
                retry = Some((after_star, taken + 1));
                g = after_star;
                t = taken + 1;
            }
        }
    }
    glob[g..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::super::policy::choice::candidates;
    use super::*;

    #[test]
    fn globs() {
        for (glob, text, fits) in [
            ("*.mp4", "Butterfly2.mp4", true),
            ("*.mp4", "a/b.mp4", true),
            ("*.mp4", "b.mp4x", false),
            ("*", "", true),
            ("a?c*e", "abcde", true),
            ("a?c*e", "abcd", false),
            ("*aab", "aaaab", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(glob, text), fits, "{glob} {text}");
        }
    }

    #[test]
    fn http_20_held_redirected_or_not_found() {
        let mut files = FileSet::default();
        files.insert("here.mp4", File::generated("here.mp4", 10));
        let policy = (POLICIES.find("by-type").unwrap().build)();
        let route = Route { glob: "*.mp4".to_owned(), to: candidates(&[1]), policy };
        let shelf =
            |node: &str| (node.to_owned(), [("far.mp4".to_owned(), Some(7)), ("x.pdf".to_owned(), None)].into());
        let name = route.to[0].name.clone();
        let listed = lines(&files, std::slice::from_ref(&route), &[shelf(&name), shelf("stranger")].into());
        let listed: Vec<_> = listed.iter().map(|l| (l.name.as_str(), l.bytes, l.keepers.len())).collect();
        assert_eq!(listed, [("far.mp4", Some(7), 1), ("here.mp4", Some(10), 1)]);
        let page = Rc::new(File::new("index.html", Box::new(Held("page".into()))));
        let redirects = BTreeMap::new();
        let mut store = AppStore { files, routes: vec![route], outside: Arc::default(), redirects, page };
        let mut ask = |target: &str| match store.answer(&Request::get("store", target)) {
            Answer::File(file) => format!("200 {}", file.len()),
            Answer::Moved(location) => format!("301 {location}"),
            Answer::Error(status) => status.to_string(),
        };
        assert_eq!(ask("/"), "200 4");
        assert_eq!(ask("/here.mp4"), "200 10");
        assert_eq!(ask("/a%20b.mp4?x=1"), "301 http://10.0.0.1/a%20b.mp4");
        assert_eq!(ask("/a%0d%0aSet-Cookie:x.mp4"), "301 http://10.0.0.1/a%0D%0ASet-Cookie%3Ax.mp4");
        assert_eq!(ask("/a.txt"), "404");
        assert_eq!(ask("/..%2fa.mp4"), "400");
    }
}

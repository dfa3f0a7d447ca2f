//! Where the nodes of a live run are found by clients that know nothing of the scenario.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::proto::http::url::Url;

/// Real places. In a simulation there are none, and everything is where the scenario says.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Each node's service, by the node's name.
    pub nodes: BTreeMap<String, SocketAddrV4>,
    /// The service behind each name of a DNS zone and behind each address of the scenario.
    pub hosts: BTreeMap<String, SocketAddrV4>,
}

impl Outside {
    /// The address that `node` is known by to everyone, if it has one.
    pub fn address(&self, node: &str) -> Option<Ipv4Addr> {
        self.nodes.get(node).map(|place| *place.ip())
    }

    /// The URL with the port, and for an address of the scenario the address, at which its host
    /// really serves. A port in the URL stays.
    pub fn locate(&self, url: Url) -> Url {
        if self.hosts.is_empty() {
            return url;
        }
        let Some(place) = url.authority.as_ref().and_then(|host| self.hosts.get(host.to_ascii_lowercase().as_str()))
        else {
            return url;
        };
        let host = url.authority.as_deref().unwrap_or_default();
        let is_address = host.parse::<Ipv4Addr>().is_ok();
        let authority = match (is_address, place.port()) {
            (true, _) => place.to_string(),
            (false, 80) => host.to_owned(),
            (false, port) => format!("{host}:{port}"),
        };
        Url { authority: Some(authority), ..url }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_where_its_host_serves() {
        let place: SocketAddrV4 = "127.0.1.2:8080".parse().unwrap();
        let hosts = ["store.example", "10.0.1.2"].map(|host| (host.to_owned(), place)).into();
        let outside = Outside { hosts, ..Outside::default() };
        for (url, real) in [
            ("http://store.example/a", "http://store.example:8080/a"),
            ("http://10.0.1.2/a", "http://127.0.1.2:8080/a"),
            ("http://store.example:99/a", "http://store.example:99/a"),
            ("http://other.example/a", "http://other.example/a"),
        ] {
            assert_eq!(outside.locate(Url::parse(url).unwrap()).to_string(), real);
        }
    }
}

//! The same scenario with nothing left unsaid: every default written out, `--set` and the seed
//! applied. What `scenario.toml` in a run folder holds; running it gives the same run.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use toml::de::DeTable;

use super::check::Checker;
use super::keys;
use super::load::set;
use super::plan::Plan;
use super::settings::only;
use super::tables::{Table, listed, named, single};
use super::text::Source;
use super::transport_keys::{RUDP, TCP};
use crate::base::schema::{Data, Key, Kind, Params, Part, Value};
use crate::node::roles::ROLES;

/// More nodes than these are not listed with their addresses.
const MAX_LISTED: usize = 200;

/// The text of the scenario in full, for a file that will stand in the folder `at`. `plan` is what
/// [`super::load::load`] made of the same source; its seed goes before the file's.
pub fn resolved(source: &Source, sets: &[(String, String)], plan: &Plan, at: &Path) -> String {
    let (root, _) = DeTable::parse_recoverable(&source.text);
    let mut root = root.into_inner();
    for (path, value) in sets {
        // A wrong one was reported when the plan was made.
        let _ = set(&mut root, path, value);
    }
    let mut writer = Writer { out: String::new(), checker: Checker::default(), folder: source.folder(), at };
    writer.document(&root, plan, &ROLES.parts());
    writer.addresses(plan);
    writer.out
}

struct Writer<'p> {
    out: String,
    checker: Checker,
    folder: PathBuf,
    at: &'p Path,
}

impl Writer<'_> {
    fn document(&mut self, root: &DeTable<'_>, plan: &Plan, roles: &[Part]) {
        self.out.push_str("# Fully resolved by twinwire: defaults, --set and --seed are written out.\n");
        let top: DeTable<'_> = root
            .iter()
            .filter(|(name, _)| {
                keys::TOP.iter().any(|k| k.name == name.get_ref().as_ref()) && *name.get_ref() != "seed"
            })
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let top = self.checker.table("", &(0..0), &top, keys::TOP);
        let without_seed: Vec<Key> = keys::TOP.iter().filter(|k| k.name != "seed").copied().collect();
        self.keys(&without_seed, &top);
        let _ = writeln!(self.out, "seed = {}", plan.seed);
        for (at, own) in [("transport.rudp", RUDP), ("transport.tcp", TCP), ("sim", keys::SIM)] {
            let params = single(&mut self.checker, root, at, own);
            self.head(&format!("[{at}]"));
            self.keys(own, &params);
        }
        for table in named(&mut self.checker, root, "link") {
            self.named_table("link", &table, keys::LINK, true);
        }
        for table in named(&mut self.checker, root, "node") {
            let role = table.raw.get("role").and_then(|v| v.get_ref().as_str()).unwrap_or_default();
            let mut own = keys::node(role, roles);
            own.sort_by_key(|k| k.name != "role");
            self.named_table("node", &table, &own, false);
        }
        for table in listed(&mut self.checker, root, "connect") {
            let link_keys = !table.raw.contains_key("link");
            self.listed_table("connect", &table, &keys::connect(), link_keys);
        }
        for table in listed(&mut self.checker, root, "event") {
            self.event(&table);
        }
        for table in listed(&mut self.checker, root, "flow") {
            let word = table.raw.get("transport").and_then(|v| v.get_ref().as_str()).unwrap_or("tcp");
            self.listed_table("flow", &table, &keys::flow(word), false);
        }
        for table in listed(&mut self.checker, root, "expect") {
            self.listed_table("expect", &table, keys::EXPECT, false);
        }
        for table in named(&mut self.checker, root, "live") {
            self.named_table("live", &table, keys::LIVE, false);
        }
    }

    fn head(&mut self, head: &str) {
        let _ = writeln!(self.out, "\n{head}");
    }

    fn named_table(&mut self, section: &str, table: &Table<'_>, keys: &[Key], link: bool) {
        self.head(&format!("[{section}.{}]", key(table.name)));
        self.table(table, table.raw, keys, link);
    }

    fn listed_table(&mut self, section: &str, table: &Table<'_>, keys: &[Key], link: bool) {
        self.head(&format!("[[{section}]]"));
        self.table(table, table.raw, keys, link);
    }

    /// The keys of a table; with `link`, what holds for link keys that nobody gives as well.
    fn table(&mut self, table: &Table<'_>, raw: &DeTable<'_>, keys: &[Key], link: bool) {
        let mut params = self.checker.table(&table.at, &table.span, raw, keys);
        for (name, text) in keys::LINK_DEFAULTS.iter().filter(|_| link) {
            let kind = keys::LINK.iter().find(|k| k.name == *name).map(|k| k.kind);
            if let (Some(kind), false) = (kind, params.0.contains_key(*name))
                && let Some(value) = self.checker.default_value(name, text, &kind)
            {
                params.0.insert((*name).to_owned(), value);
            }
        }
        self.keys(keys, &params);
    }

    fn event(&mut self, table: &Table<'_>) {
        self.head("[[event]]");
        let outer = table.raw.iter().filter(|(k, _)| *k.get_ref() != "set");
        let outer: DeTable<'_> = outer.map(|(k, v)| (k.clone(), v.clone())).collect();
        self.table(table, &outer, keys::EVENT, false);
        let Some(changes) = table.raw.get("set").and_then(|v| v.get_ref().as_table()) else { return };
        let own = if outer.contains_key("link") { keys::event_link() } else { keys::EVENT_NODE.to_vec() };
        let params = self.checker.table(&table.at, &table.span, changes, &own);
        let text = self.inline(&own, &params);
        let _ = writeln!(self.out, "set = {text}");
    }

    /// A line for each key that has a value, in the order in which they were declared.
    fn keys(&mut self, keys: &[Key], params: &Params) {
        for own in keys {
            if let Some(value) = params.get(own.name) {
                let text = self.value(&own.kind, value);
                let _ = writeln!(self.out, "{} = {text}", own.name);
            }
        }
    }

    fn inline(&self, keys: &[Key], params: &Params) -> String {
        let own = only(params, keys);
        let pairs = keys.iter().filter_map(|k| Some(format!("{} = {}", k.name, self.value(&k.kind, own.get(k.name)?))));
        braces(pairs.collect())
    }

    /// A value as the file writes it.
    fn value(&self, kind: &Kind, value: &Value) -> String {
        match (kind, &value.data) {
            (Kind::OneOf(kinds), data) => match kinds.iter().find(|k| gives(k, data)) {
                Some(kind) => self.value(kind, value),
                None => String::new(),
            },
            (Kind::PerDirection(inner), Data::PerDirection(both)) => {
                let [forward, reverse] = both.each_ref().map(|v| self.value(inner, v));
                if forward == reverse { forward } else { format!("{{ forward = {forward}, reverse = {reverse} }}") }
            }
            (Kind::Part(kind), Data::Part(name, params)) => {
                let parts = (kind.parts)();
                let keys = parts.iter().find(|p| p.name == name).map_or(&[][..], |p| p.keys);
                let own = keys
                    .iter()
                    .filter_map(|k| Some(format!("{} = {}", k.name, self.value(&k.kind, params.get(k.name)?))));
                braces(std::iter::once(format!("{} = {}", kind.tag, quoted(name))).chain(own).collect())
            }
            (Kind::List(inner), Data::List(items)) => {
                format!("[{}]", items.iter().map(|v| self.value(inner, v)).collect::<Vec<_>>().join(", "))
            }
            (Kind::Table(keys), Data::Table(params)) => self.inline(keys, params),
            (Kind::Map(inner), Data::Table(params)) => {
                braces(params.0.iter().map(|(name, v)| format!("{} = {}", key(name), self.value(inner, v))).collect())
            }
            (Kind::Path, Data::Text(text)) => quoted(&self.path(text)),
            (Kind::NodeAddress, Data::Node(name)) => quoted(&format!("@{name}")),
            (_, data) => plain(data),
        }
    }

    /// A path that means the same file from where the resolved scenario stands.
    fn path(&self, text: &str) -> String {
        let file = self.folder.join(text);
        let (Ok(file), Ok(at)) = (std::path::absolute(&file), std::path::absolute(self.at)) else {
            return text.to_owned();
        };
        // Through links `..` would lead elsewhere.
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let at = at.parent().map_or_else(|| at.clone(), |parent| real(parent).join(at.file_name().unwrap_or_default()));
        relative(&real(&file), &at).display().to_string()
    }

    /// Which addresses were given, for readers.
    fn addresses(&mut self, plan: &Plan) {
        let assigned = plan.nodes.iter().flat_map(|n| n.ports.iter().map(move |p| (n, p)));
        let assigned = assigned.filter_map(|(node, port)| Some((node, port, port.address?)));
        if plan.nodes.len() > MAX_LISTED {
            return;
        }
        self.out.push_str("\n# Addresses:\n");
        for (node, port, address) in assigned {
            let link = &plan.links[port.link].name;
            let _ = writeln!(self.out, "# {}: {address}/{} on {link}", node.name, port.prefix_len);
        }
    }
}

/// Whether a value of this kind has data of this form.
fn gives(kind: &Kind, data: &Data) -> bool {
    if let Kind::Within(inner, ..) = kind {
        return gives(inner, data);
    }
    match data {
        Data::Bool(_) => matches!(kind, Kind::Bool),
        Data::Integer(_) => matches!(kind, Kind::Integer(..)),
        Data::Text(_) => matches!(kind, Kind::Text | Kind::Choice(_) | Kind::Preset(_) | Kind::Path | Kind::Url),
        Data::Rate(_) => matches!(kind, Kind::Rate),
        Data::Duration(_) => matches!(kind, Kind::Duration),
        Data::Size(_) => matches!(kind, Kind::Size),
        Data::Probability(_) => matches!(kind, Kind::Probability),
        Data::Address(_) => matches!(kind, Kind::Address),
        Data::AddressRange(..) => matches!(kind, Kind::AddressRange),
        Data::Node(_) => matches!(kind, Kind::Node | Kind::NodeAddress),
        Data::List(_) => matches!(kind, Kind::List(_)),
        Data::Table(_) => matches!(kind, Kind::Table(_) | Kind::Map(_)),
        Data::Part(..) => matches!(kind, Kind::Part(_)),
        Data::PerDirection(_) => matches!(kind, Kind::PerDirection(_)),
        Data::QueueLimit(_) => matches!(kind, Kind::QueueLimit),
    }
}

/// A value that needs no kind to be written.
fn plain(data: &Data) -> String {
    match data {
        Data::Bool(b) => b.to_string(),
        Data::Integer(n) => n.to_string(),
        Data::Text(text) | Data::Node(text) => quoted(text),
        Data::Rate(rate) => quoted(&rate.to_string()),
        Data::Duration(time) => quoted(&time.with_unit().to_string()),
        Data::Size(size) => quoted(&size.to_string()),
        Data::Probability(p) => quoted(&p.to_string()),
        Data::Address(address) => quoted(&address.to_string()),
        Data::AddressRange(first, last) => quoted(&format!("{first}..{last}")),
        Data::QueueLimit(limit) => quoted(&limit.to_string()),
        Data::List(_) | Data::Table(_) | Data::Part(..) | Data::PerDirection(_) => String::new(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A key, in quotes if it needs them.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { name.to_owned() } else { quoted(name) }
}

fn braces(pairs: Vec<String>) -> String {
    if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
}

/// The way from the folder `from` to `to`; both absolute.
fn relative(to: &Path, from: &Path) -> PathBuf {
    let (to_parts, from_parts): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (to.components().collect(), from.components().collect());
    let common = to_parts.iter().zip(&from_parts).take_while(|(a, b)| a == b).count();
    let up = from_parts[common..].iter().map(|_| Component::ParentDir);
    up.chain(to_parts[common..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_from_the_folder_to_the_file() {
        let way = |to, from| relative(Path::new(to), Path::new(from)).display().to_string();
        assert_eq!(way("/a/b/c.pdf", "/a/out/run"), "../../b/c.pdf");
        assert_eq!(way("/a/b/c.pdf", "/a/b"), "c.pdf");
    }

    #[test]
    fn texts_and_keys_are_quoted_as_toml_wants() {
        assert_eq!([key("a-b"), key("a.b"), key("")], ["a-b", "\"a.b\"", "\"\""]);
        let text = quoted("say \"no\"\n\\");
        assert_eq!(
            toml::from_str::<toml::Table>(&format!("a = {text}")).unwrap()["a"].as_str(),
            Some("say \"no\"\n\\")
        );
    }
}

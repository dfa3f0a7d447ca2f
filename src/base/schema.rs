//! What a table of the scenario file may hold, said once. The checker, the JSON Schema,
//! `twinwire list` and the defaults all read the same entries.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;

use super::time::Duration;
use super::units::{Probability, QueueLimit, Rate, Size};

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As written in the file.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// Whether it may be left out, and what then holds.
    pub need: Need,
    /// One line for people.
    pub about: &'static str,
}

/// Whether a key may be left out.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// It must be there.
    Required,
    /// It may be left out: nothing is assumed.
    Optional,
    /// It may be left out: this text, read like a value of its kind, is assumed.
    Default(&'static str),
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number from the first to the second, both included.
    Integer(u64, u64),
    /// Any text.
    Text,
    /// `"10 Mbit/s"`.
    Rate,
    /// `"25 ms"`.
    Duration,
    /// `"64 kB"`.
    Size,
    /// `"0.5 %"` or a ratio such as `0.005`.
    Probability,
    /// `"10.0.0.7"`.
    Address,
    /// `"10.0.0.100..10.0.0.199"`.
    AddressRange,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The name of one of these sets of values for the other keys of the same table.
    Preset(&'static [Preset]),
    /// The name of a node of this file.
    Node,
    /// `"@name"`: the address of a node of this file.
    NodeAddress,
    /// A file of this machine, relative to the scenario file.
    Path,
    /// `"http://host/path"`.
    Url,
    /// `[ … ]`, each element of this kind.
    List(&'static Kind),
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table with any keys, each value of this kind.
    Map(&'static Kind),
    /// Any of these, tried in order.
    OneOf(&'static [Kind]),
    /// A part from a registry: its name, or a table with the part's keys.
    Part(&'static PartKind),
    /// A value of this kind, or `{ forward = …, reverse = … }`.
    PerDirection(&'static Kind),
    /// `"100 pkt"`, `"64 kB"`, `"20 ms"`, `"1 BDP"`.
    QueueLimit,
    /// A quantity of this kind from the first to the second, both included and written like it.
    Within(&'static Kind, &'static str, &'static str),
}

/// Values for several keys under one name: what a key has that its table leaves out. A key that the
/// table does not know is passed over.
#[derive(Debug)]
pub struct Preset {
    /// As written in the file.
    pub name: &'static str,
    /// Keys and their values, read like defaults.
    pub values: &'static [(&'static str, &'static str)],
}

/// How a part of a registry is written: `"drop-tail"`, `{ kind = "drop-tail", limit = … }`, or, in
/// short, the value of one key of one part: `"100 pkt"`.
#[derive(Debug)]
pub struct PartKind {
    /// What the parts are called: `queue`.
    pub what: &'static str,
    /// The key of the table form that holds the part's name: `kind`.
    pub tag: &'static str,
    /// The parts there are.
    pub parts: fn() -> Vec<Part>,
    /// The part and the key that the short form means.
    pub short: Option<(&'static str, &'static str)>,
}

/// One part, without the way to build it.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// As written in the scenario file.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// The keys it takes.
    pub keys: &'static [Key],
}

/// A checked value, with the bytes of the file that it was read from.
#[derive(Clone, PartialEq, Debug)]
pub struct Value {
    /// What it is.
    pub data: Data,
    /// Where it stands in the file; empty for a default.
    pub span: Range<usize>,
}

/// What a value is.
#[derive(Clone, PartialEq, Debug)]
pub enum Data {
    /// From [`Kind::Bool`].
    Bool(bool),
    /// From [`Kind::Integer`].
    Integer(u64),
    /// From [`Kind::Text`], [`Kind::Choice`], [`Kind::Preset`], [`Kind::Path`] and [`Kind::Url`].
    Text(String),
    /// From [`Kind::Rate`].
    Rate(Rate),
    /// From [`Kind::Duration`].
    Duration(Duration),
    /// From [`Kind::Size`].
    Size(Size),
    /// From [`Kind::Probability`].
    Probability(Probability),
    /// From [`Kind::Address`].
    Address(Ipv4Addr),
    /// From [`Kind::AddressRange`]: first and last.
    AddressRange(Ipv4Addr, Ipv4Addr),
    /// From [`Kind::Node`] and [`Kind::NodeAddress`]: the node's name.
    Node(String),
    /// From [`Kind::List`].
    List(Vec<Value>),
    /// From [`Kind::Table`] and [`Kind::Map`].
    Table(Params),
    /// From [`Kind::Part`]: its name and its keys.
    Part(String, Params),
    /// From [`Kind::PerDirection`]: forward, reverse; the same twice when written once.
    PerDirection(Box<[Value; 2]>),
    /// From [`Kind::QueueLimit`].
    QueueLimit(QueueLimit),
}

/// A checked table: every key is known, every value has its kind, defaults are filled in.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Params(pub BTreeMap<String, Value>);

/// The getters below give `None` where the key was left out and has no default. They panic when
/// the entry that declared the key gave it another kind: that is a mistake in this crate.
impl Params {
    /// The value of `key`, if any.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }
    /// Its span in the file, if it was written there.
    pub fn span(&self, key: &str) -> Range<usize> {
        self.get(key).map_or(0..0, |v| v.span.clone())
    }
}

macro_rules! getters {
    ($($(#[$meta:meta])* $name:ident -> $out:ty, $pattern:pat => $result:expr;)+) => {
        impl Params {
            $($(#[$meta])*
            pub fn $name(&self, key: &str) -> Option<$out> {
                self.get(key).map(|v| match &v.data {
                    $pattern => $result,
                    other => panic!("key {key} is declared otherwise: {other:?}"),
                })
            })+
        }
    };
}

getters! {
    /// A truth value.
    bool -> bool, Data::Bool(b) => *b;
    /// A whole number.
    integer -> u64, Data::Integer(n) => *n;
    /// Text, a choice, a path or a URL.
    text -> &str, Data::Text(s) => s.as_str();
    /// A bit rate.
    rate -> Rate, Data::Rate(r) => *r;
    /// A length of time.
    duration -> Duration, Data::Duration(d) => *d;
    /// A number of bytes.
    size -> Size, Data::Size(s) => *s;
    /// A probability.
    probability -> Probability, Data::Probability(p) => *p;
    /// An IPv4 address.
    address -> Ipv4Addr, Data::Address(a) => *a;
    /// A range of IPv4 addresses, both ends included.
    address_range -> (Ipv4Addr, Ipv4Addr), Data::AddressRange(a, b) => (*a, *b);
    /// The name of a node.
    node -> &str, Data::Node(n) => n.as_str();
    /// A list.
    list -> &[Value], Data::List(l) => l.as_slice();
    /// A table.
    table -> &Params, Data::Table(t) => t;
    /// A part of a registry: its name and keys.
    part -> (&str, &Params), Data::Part(name, params) => (name.as_str(), params);
    /// Forward and reverse.
    per_direction -> &[Value; 2], Data::PerDirection(both) => both.as_ref();
    /// The limit of a queue.
    queue_limit -> QueueLimit, Data::QueueLimit(l) => *l;
}

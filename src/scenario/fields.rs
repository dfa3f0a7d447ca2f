//! What an expectation can speak of: the collections of the summary and their fields.

use super::nearest::nearest;

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dimension {
    /// Things, or a ratio.
    Plain,
    /// Seconds.
    Time,
    /// Bits per second.
    Rate,
    /// Bytes.
    Size,
    /// Text.
    Text,
    /// True or false.
    Bool,
}

/// How a field's value is found in an element of the summary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Under this name.
    Key(&'static str),
    /// The length of the list under this name.
    Length(&'static str),
    /// `end_s` minus `start_s`.
    Span,
    /// How many elements there are.
    Count,
    /// How many are complete.
    Completed,
    /// How many are not.
    Failed,
}

/// One field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name without a unit.
    pub name: &'static str,
    /// Where its value is.
    pub source: Source,
    /// What it counts.
    pub dimension: Dimension,
}

/// One collection.
#[derive(Debug)]
pub struct Collection {
    /// As an expectation calls it.
    pub name: &'static str,
    /// As the summary calls it; empty for the summary itself.
    pub list: &'static str,
    /// The field that a selector is compared with.
    pub selected_by: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

const fn key(name: &'static str, source: &'static str, dimension: Dimension) -> Field {
    Field { name, source: Source::Key(source), dimension }
}
const fn total(name: &'static str, source: Source) -> Field {
    Field { name, source, dimension: Dimension::Plain }
}
const SPAN: Field = Field { name: "duration", source: Source::Span, dimension: Dimension::Time };
const COUNT: Field = total("count", Source::Count);

use Dimension::{Bool, Plain, Rate, Size, Text, Time};

/// Every collection.
pub const COLLECTIONS: &[Collection] = &[
    Collection {
        name: "fetch",
        list: "fetches",
        selected_by: "node",
        fields: &[
            COUNT,
            total("completed", Source::Completed),
            total("failed", Source::Failed),
            SPAN,
            key("node", "node", Text),
            key("url", "url", Text),
            key("status", "status", Plain),
            Field { name: "redirects", source: Source::Length("redirects"), dimension: Plain },
            key("bytes", "bytes", Size),
            key("sha256", "sha256", Text),
            key("intact", "intact", Bool),
            key("start", "start_s", Time),
            key("end", "end_s", Time),
        ],
    },
    Collection {
        name: "flow",
        list: "flows",
        selected_by: "name",
        fields: &[
            COUNT,
            total("completed", Source::Completed),
            total("failed", Source::Failed),
            SPAN,
            key("name", "name", Text),
            key("transport", "transport", Text),
            key("congestion", "congestion", Text),
            key("bytes", "bytes", Size),
            key("start", "start_s", Time),
            key("end", "end_s", Time),
            key("goodput", "goodput_bps", Rate),
            key("segments_sent", "segments_sent", Plain),
            key("retransmits", "retransmits", Plain),
            key("fast_retransmits", "fast_retransmits", Plain),
            key("timeouts", "timeouts", Plain),
            key("ssthresh_after_first_loss", "ssthresh_after_first_loss_bytes", Size),
            key("min_rtt", "min_rtt_s", Time),
            key("srtt", "srtt_s", Time),
        ],
    },
    Collection {
        name: "link",
        list: "links",
        selected_by: "name",
        fields: &[
            COUNT,
            key("name", "name", Text),
            key("direction", "direction", Text),
            key("sent", "sent", Plain),
            key("delivered", "delivered", Plain),
            key("dropped_queue", "dropped_queue", Plain),
            key("dropped_loss", "dropped_loss", Plain),
            key("in_transit", "in_transit", Plain),
            key("utilisation", "utilisation", Plain),
        ],
    },
    Collection {
        name: "lease",
        list: "leases",
        selected_by: "node",
        fields: &[
            COUNT,
            key("node", "node", Text),
            key("address", "address", Text),
            key("server", "server", Text),
            key("obtained", "obtained_s", Time),
            key("renewals", "renewals", Plain),
        ],
    },
];

/// The run itself, whose fields are written bare.
pub const RUN: Collection = Collection {
    name: "run",
    list: "",
    selected_by: "",
    fields: &[
        key("virtual", "virtual_s", Time),
        key("events", "events", Plain),
        key("packet_hops", "packet_hops", Plain),
        key("digest", "digest", Text),
    ],
};

impl Collection {
    /// The field called `name`, with or without its unit.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| {
            f.name == name
                || matches!(f.source, Source::Key(key) if key == name)
                || (f.source == Source::Span && name == "duration_s")
        })
    }

    /// The mend for a field that is not there.
    pub fn suggest(&self, wrong: &str) -> String {
        let names = || self.fields.iter().map(|f| f.name);
        match nearest(wrong, names()) {
            Some(right) => format!("did you mean `{right}`?"),
            None => format!("the fields of {} are {}", self.name, names().collect::<Vec<_>>().join(", ")),
        }
    }
}

/// The collection called `name`.
pub fn collection(name: &str) -> Option<&'static Collection> {
    if name == RUN.name { Some(&RUN) } else { COLLECTIONS.iter().find(|c| c.name == name) }
}

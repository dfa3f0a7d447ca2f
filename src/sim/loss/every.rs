//! Every n-th packet.

use super::model::{LossEntry, LossModel, OF, is_of};
use crate::base::schema::{Key, Kind, Need};
use crate::wire::packet::SegmentKind;

pub(super) const ENTRY: LossEntry = LossEntry {
    name: "every",
    about: "every n-th packet, counted from 1 as the link is handed them",
    keys: &[
        Key { name: "of", kind: OF, need: Need::Default("data"), about: "the kind of packet that is counted" },
        Key {
            name: "nth",
            kind: Kind::Integer(1, u64::MAX >> 1),
            need: Need::Required,
            about: "3 loses the 3rd, 6th, 9th …",
        },
    ],
    build: |params, _| {
        let of = params.text("of").unwrap_or("data").to_owned();
        Box::new(Every { of, nth: params.integer("nth").unwrap_or(1).max(1), count: 0 })
    },
};

struct Every {
    of: String,
    nth: u64,
    count: u64,
}

impl LossModel for Every {
    fn loses(&mut self, kind: SegmentKind) -> bool {
        if !is_of(&self.of, kind) {
            return false;
        }
        self.count += 1;
        self.count.is_multiple_of(self.nth)
    }
}

//! Exactly these packets, by number: for experiments by the book.

use super::model::{LossEntry, LossModel, OF, is_of};
use crate::base::schema::{Data, Key, Kind, Need};
use crate::wire::packet::SegmentKind;

pub(super) const ENTRY: LossEntry = LossEntry {
    name: "list",
    about: "the packets with these numbers, counted from 1 as the link is handed them",
    keys: &[
        Key { name: "of", kind: OF, need: Need::Default("data"), about: "the kind of packet that is counted" },
        Key {
            name: "drop",
            kind: Kind::List(&Kind::Integer(1, u64::MAX >> 1)),
            need: Need::Required,
            about: "the numbers to lose, retransmissions counted too",
        },
    ],
    build: |params, _| {
        let mut drop: Vec<u64> = params
            .list("drop")
            .unwrap_or_default()
            .iter()
            .filter_map(|v| match v.data {
                Data::Integer(n) => Some(n),
                _ => None,
            })
            .collect();
        drop.sort();
        drop.reverse();
        Box::new(List { of: params.text("of").unwrap_or("data").to_owned(), drop, count: 0 })
    },
};

struct List {
    of: String,
    // Descending: the next number to lose stands last.
    drop: Vec<u64>,
    count: u64,
}

impl LossModel for List {
    fn loses(&mut self, kind: SegmentKind) -> bool {
        if !is_of(&self.of, kind) {
            return false;
        }
        self.count += 1;
        let mut hit = false;
        while self.drop.last() == Some(&self.count) {
            self.drop.pop();
            hit = true;
        }
        hit
    }
}

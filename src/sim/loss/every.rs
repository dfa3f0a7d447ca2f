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
        Key {
            name: "first",
            kind: Kind::Integer(1, u64::MAX >> 1),
            need: Need::Optional,
            about: "the first one lost, if it is not the n-th",
        },
    ],
    build: |params, _| {
        let of = params.text("of").unwrap_or("data").to_owned();
        let nth = params.integer("nth").unwrap_or(1).max(1);
        Box::new(Every { of, nth, until: params.integer("first").unwrap_or(nth) })
    },
};

struct Every {
    of: String,
    nth: u64,
    /// So many more, and the last of them is lost.
    until: u64,
}

impl LossModel for Every {
    fn loses(&mut self, kind: SegmentKind) -> bool {
        if !is_of(&self.of, kind) {
            return false;
        }
        self.until -= 1;
        let hit = self.until == 0;
        if hit {
            self.until = self.nth;
        }
        hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the first twelve that get lost.
    fn lost(nth: u64, until: u64) -> Vec<u64> {
        let mut model = Every { of: "data".to_owned(), nth, until };
        let data = SegmentKind { data: true, ..SegmentKind::default() };
        let ack = SegmentKind::default();
        assert!(!model.loses(ack), "it counts data only");
        (1..=12).filter(|_| model.loses(data)).collect()
    }

    #[test]
    fn every_third_from_the_third_or_from_another() {
        assert_eq!(lost(3, 3), [3, 6, 9, 12]);
        assert_eq!(lost(3, 4), [4, 7, 10]);
        assert_eq!(lost(4, 1), [1, 5, 9]);
        assert_eq!(lost(1, 1).len(), 12);
    }
}

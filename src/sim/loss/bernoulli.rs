//! Each packet alone, with the same probability.

use super::model::{LossEntry, LossModel};
use crate::base::rng::Rng;
use crate::base::schema::{Key, Kind, Need};
use crate::base::units::Probability;
use crate::wire::packet::SegmentKind;

pub(super) const ENTRY: LossEntry = LossEntry {
    name: "bernoulli",
    about: "each packet is lost with the same probability",
    keys: &[Key { name: "probability", kind: Kind::Probability, need: Need::Required, about: "of losing a packet" }],
    build: |params, rng| Box::new(Bernoulli { p: params.probability("probability").unwrap_or_default(), rng }),
};

struct Bernoulli {
    p: Probability,
    rng: Rng,
}

impl LossModel for Bernoulli {
    fn loses(&mut self, _: SegmentKind) -> bool {
        self.rng.chance(self.p)
    }
}

//! Loss in bursts: a good and a bad state, each with a loss probability of its own
//! (Gilbert 1960, Elliott 1963).

use super::model::{LossEntry, LossModel};
use crate::base::rng::Rng;
use crate::base::schema::{Key, Kind, Need};
use crate::base::units::Probability;
use crate::wire::packet::SegmentKind;

pub(super) const ENTRY: LossEntry = LossEntry {
    name: "gilbert-elliott",
    about: "bursts: a good and a bad state with a loss probability each",
    keys: &[
        Key { name: "enter", kind: Kind::Probability, need: Need::Required, about: "of turning bad, per packet" },
        Key { name: "leave", kind: Kind::Probability, need: Need::Required, about: "of turning good, per packet" },
        Key { name: "good", kind: Kind::Probability, need: Need::Default("0 %"), about: "of loss while good" },
        Key { name: "bad", kind: Kind::Probability, need: Need::Default("100 %"), about: "of loss while bad" },
    ],
    build: |params, rng| {
        let p = |key| params.probability(key).unwrap_or_default();
        Box::new(GilbertElliott {
            enter: p("enter"),
            leave: p("leave"),
            good: p("good"),
            bad: p("bad"),
            is_bad: false,
            rng,
        })
    },
};

struct GilbertElliott {
    enter: Probability,
    leave: Probability,
    good: Probability,
    bad: Probability,
    is_bad: bool,
    rng: Rng,
}

impl LossModel for GilbertElliott {
    /// The state moves first, then the packet's fate is drawn in the new state: two words each
    /// time, whatever happens.
    fn loses(&mut self, _: SegmentKind) -> bool {
        if self.rng.chance(if self.is_bad { self.leave } else { self.enter }) {
            self.is_bad = !self.is_bad;
        }
        self.rng.chance(if self.is_bad { self.bad } else { self.good })
    }
}

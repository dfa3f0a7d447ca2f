//! What a loss model is.

use crate::base::registry::Entry;
use crate::base::rng::Rng;
use crate::base::schema::{Kind, Params};
use crate::wire::packet::SegmentKind;

/// Decides the fate of each packet that a link is handed, in order.
pub trait LossModel {
    /// True if this packet shall be lost.
    fn loses(&mut self, kind: SegmentKind) -> bool;
}

/// How a registry entry makes its model, with a random stream of its own.
pub type Build = fn(&Params, Rng) -> Box<dyn LossModel>;
/// A registry entry for a loss model.
pub type LossEntry = Entry<Build>;

/// The kinds of packet that `of` can choose.
pub(super) const OF: Kind = Kind::Choice(&["data", "ack", "syn", "fin", "any"]);

/// Whether a packet is of the kind that `of` names.
pub(super) fn is_of(of: &str, kind: SegmentKind) -> bool {
    match of {
        "data" => kind.data,
        "ack" => !kind.data,
        "syn" => kind.syn,
        "fin" => kind.fin,
        _ => true,
    }
}

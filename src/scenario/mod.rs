//! Layer 7: from the text of a scenario to a checked plan.

pub mod check;
pub mod diagnostic;
pub mod keys;
pub mod nearest;
pub mod text;
pub mod transport_keys;

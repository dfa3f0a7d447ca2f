//! Layer 7: from the text of a scenario to a checked plan.

pub mod addresses;
pub mod build;
pub mod check;
pub mod diagnostic;
mod expand;
pub mod expect;
pub mod fields;
pub mod keys;
pub mod load;
pub mod names;
pub mod nearest;
pub mod plan;
pub mod routes;
mod settings;
pub mod text;
mod traffic;
pub mod transport_keys;

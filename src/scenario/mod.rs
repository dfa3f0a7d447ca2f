//! Layer 7: from the text of a scenario to a checked plan.

pub mod addresses;
pub mod build;
pub mod check;
pub mod diagnostic;
pub mod evaluate;
mod expand;
mod expect;
pub mod expectation;
pub mod fields;
pub mod fuzz;
mod hosts;
pub mod json_schema;
pub mod keys;
mod lists;
pub mod live;
pub mod load;
pub mod medium;
pub mod names;
pub mod nearest;
mod net;
mod physics;
pub mod plan;
pub mod resolve;
pub mod routes;
mod scalar;
mod settings;
mod tables;
pub mod template;
pub mod text;
mod topology;
mod traffic;
pub mod transport_keys;

#[cfg(test)]
mod tests;

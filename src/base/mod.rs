//! Layer 0: what every other layer is said in. Time, quantities, randomness, names, the
//! vocabulary of notes and the shape of a registry. Nothing here knows about packets' contents,
//! machines or files.

pub mod calendar;
pub mod cause;
pub mod ids;
#[cfg(test)]
pub(crate) mod mutate;
pub mod note;
pub mod order;
pub mod outline;
pub mod prefetch;
pub mod rare_queue;
pub mod registry;
pub mod report;
pub mod rng;
mod scale;
pub mod schema;
pub mod sinks;
pub mod time;
pub mod timing_wheel;
pub mod units;
pub mod wall;

//! How an app store chooses among the storage servers of a route. To add a policy, write its file
//! and add its line to [`POLICIES`].

mod by_type;
pub mod choice;
mod consistent_hash;
mod least_loaded;
mod round_robin;
mod weighted;

use choice::Build;

use crate::base::registry::Registry;

/// Every policy.
pub const POLICIES: Registry<Build> = Registry {
    what: "policy",
    entries: &[
        by_type::BY_TYPE,
        round_robin::ROUND_ROBIN,
        weighted::WEIGHTED,
        least_loaded::LEAST_LOADED,
        consistent_hash::CONSISTENT_HASH,
    ],
};

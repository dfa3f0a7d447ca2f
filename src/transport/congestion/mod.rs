//! Congestion controllers: window arithmetic only. To add one, write its file and add its line to
//! [`CONTROLLERS`].

mod ack_train;
pub mod controller;
pub mod cube_root;
mod cubic;
mod fixed;
pub mod governor;
mod hystart;
mod newreno;
mod reno;
mod window;

use controller::Build;

use crate::base::registry::Registry;

/// Every controller a scenario can name.
pub const CONTROLLERS: Registry<Build> =
    Registry { what: "congestion controller", entries: &[reno::ENTRY, newreno::ENTRY, cubic::ENTRY, fixed::ENTRY] };

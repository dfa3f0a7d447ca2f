//! What a program that uses twinwire most often names: `use twinwire::prelude::*`.

pub use crate::base::time::{Duration, Instant};
pub use crate::observe::run::Run;
pub use crate::observe::scenario::{Keys, Refused, Scenario};
pub use crate::observe::summary::{FetchSummary, FlowSummary, LinkSummary, Summary};

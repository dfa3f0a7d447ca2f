//! Which packets a wire loses. To add a model, write its file and add its line to [`LOSS_MODELS`].

mod bernoulli;
mod every;
mod gilbert_elliott;
mod list;
pub mod model;
mod none;

use model::Build;

use crate::base::registry::Registry;

/// Every loss model a scenario can name.
pub const LOSS_MODELS: Registry<Build> = Registry {
    what: "loss model",
    entries: &[none::ENTRY, bernoulli::ENTRY, gilbert_elliott::ENTRY, list::ENTRY, every::ENTRY],
};

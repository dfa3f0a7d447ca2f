//! `twinwire list`, `schema` and `new`: what a scenario can say.

use super::exit::{Exit, bad_input, say};
use crate::base::registry::Registry;
use crate::base::schema::Need;
use crate::node::roles::ROLES;
use crate::node::roles::policy::POLICIES;
use crate::scenario::{json_schema, template};
use crate::sim::loss::LOSS_MODELS;
use crate::sim::queue::QUEUES;
use crate::transport::congestion::CONTROLLERS;
use crate::transport::profile::PROFILES;

/// Everything with a name.
pub(super) fn list() -> Exit {
    show(&ROLES);
    say(format_args!("  switch            one broadcast domain\n  router            forwards by shortest path\n"));
    show(&POLICIES);
    say("");
    show(&CONTROLLERS);
    say("");
    show(&QUEUES);
    say("");
    show(&LOSS_MODELS);
    say("\ntransport profile:");
    for profile in PROFILES {
        let values: Vec<String> = profile.values.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        say(format_args!("  {:<17} {}", profile.name, values.join(", ")));
    }
    Exit::Good
}

fn show<B>(registry: &Registry<B>) {
    say(format_args!("{}:", registry.what));
    for entry in registry.entries {
        say(format_args!("  {:<17} {}", entry.name, entry.about));
        for key in entry.keys {
            let need = match key.need {
                Need::Required => " (required)".to_owned(),
                Need::Optional => String::new(),
                Need::Default(text) => format!(" (default {text})"),
            };
            say(format_args!("    {:<15} {}{need}", key.name, key.about));
        }
    }
}

/// The JSON Schema of scenario files.
pub(super) fn schema() -> Exit {
    match serde_json::to_string_pretty(&json_schema::schema()) {
        Ok(text) => {
            say(format_args!("{text}"));
            Exit::Good
        }
        Err(error) => bad_input(error),
    }
}

/// A scenario to start from.
pub(super) fn new(name: &str) -> Exit {
    say(template::new(name).trim_end());
    Exit::Good
}

//! The shape of every list of interchangeable parts: controllers, queues, loss models, roles,
//! policies, plots. Adding one is a file and a line in its registry.

use super::schema::{Key, Part};

/// One part that a scenario can name.
#[derive(Clone, Copy, Debug)]
pub struct Entry<B: 'static> {
    /// As written in the scenario file.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// The keys it takes, beside those that all of its kind take.
    pub keys: &'static [Key],
    /// How to make one.
    pub build: B,
}

/// All parts of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Registry<B: 'static> {
    /// What they are called: `congestion controller`.
    pub what: &'static str,
    /// In the order in which `twinwire list` shows them.
    pub entries: &'static [Entry<B>],
}

impl<B> Registry<B> {
    /// The part called `name`.
    pub fn find(&self, name: &str) -> Option<&'static Entry<B>> {
        self.entries.iter().find(|e| e.name == name)
    }
    /// The parts without their builders.
    pub fn parts(&self) -> Vec<Part> {
        self.entries.iter().map(|e| Part { name: e.name, about: e.about, keys: e.keys }).collect()
    }
    /// All names, for messages.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<B> {
        self.entries.iter().map(|e| e.name)
    }
}

//! What connections are called, learnt from the notes of those who opened them.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::base::ids::FlowId;
use crate::base::note::Note;

/// The flows of a run, numbered in the order in which they are first heard of.
#[derive(Clone, Debug, Default)]
pub struct FlowNames(IndexMap<FlowId, Option<Arc<str>>, FxBuildHasher>);

impl FlowNames {
    /// Remembers the name if `note` gives one.
    #[inline]
    pub fn learn(&mut self, note: &Note) {
        if let Note::Opened { flow, name, .. } = note {
            self.0.insert(*flow, Some(name.clone()));
        }
    }

    /// The number of `flow`.
    #[inline]
    pub fn number(&mut self, flow: FlowId) -> u32 {
        match self.0.get_index_of(&flow) {
            Some(number) => number as u32,
            None => self.0.insert_full(flow, None).0 as u32,
        }
    }

    /// The name of the flow of this number, or its id in hexadecimal digits.
    pub fn name(&self, number: u32) -> Arc<str> {
        let Some((flow, name)) = self.0.get_index(number as usize) else { return "?".into() };
        name.clone().unwrap_or_else(|| format!("{:016x}", flow.0).into())
    }
}

//! `host`: a host that does nothing of its own, for flows to begin and end at.

use super::role::RoleEntry;
use crate::base::time::Instant;
use crate::node::app::{App, HostEvent};
use crate::node::host::HostCtx;
use crate::node::node::Status;

/// The role.
pub const HOST: RoleEntry = RoleEntry {
    name: "host",
    about: "does nothing of its own; an end of flows",
    keys: &[],
    build: |_, _| Ok(Box::new(Idle)),
};

#[derive(Debug)]
struct Idle;

impl App for Idle {
    fn on_event(&mut self, _event: HostEvent, _host: &mut HostCtx<'_>) {}
    fn next_wake(&self) -> Option<Instant> {
        None
    }
    fn status(&self) -> Status {
        Status::Done
    }
}

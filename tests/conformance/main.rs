//! The rows of the conformance checklist, each a test named after it, on a virtual clock.

mod bench;
mod cubic;
mod every_controller;
mod newreno;
mod reno;
mod rto;

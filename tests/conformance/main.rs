//! The rows of the conformance checklist, each a test named after it, on a virtual clock.

mod bench;
mod cubic;
mod every_controller;
mod newreno;
mod prr;
mod rack;
mod reno;
mod rto;
mod sack;
mod script;

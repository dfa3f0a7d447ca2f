//! The rows of the conformance checklist, each a test named after it, on a virtual clock.

mod attacks;
mod bench;
mod closing;
mod cubic;
mod delays;
mod every_controller;
mod handshake;
mod newreno;
mod reno;
mod rto;
mod script;
mod segments;
mod timestamps;
mod windows;

//! The rows of the conformance checklist, each a test named after it, on a virtual clock.

mod attacks;
mod bench;
mod closing;
mod cubic;
mod delays;
mod every_controller;
mod handshake;
mod host;
mod newreno;
mod prr;
mod rack;
mod reno;
mod rto;
mod sack;
mod segments;
mod sender;
mod states;
mod timestamps;
mod trace;
mod windows;

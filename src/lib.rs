//! A deterministic network simulator whose state machines also run on real sockets.
//!
//! Layers, each importing only those above it in this list:
//! [`base`], [`wire`], [`transport`] (its shared parts, then `tcp` and `rudp`), [`proto`],
//! [`node`], [`sim`], [`scenario`], [`observe`], [`report`], [`cli`].

pub mod base;
pub mod cli;
pub mod live;
pub mod node;
pub mod observe;
pub mod proto;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod transport;
pub mod wire;

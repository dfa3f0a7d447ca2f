//! A switch.

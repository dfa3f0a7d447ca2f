//! Live runs: real sockets, real clients, whole processes. Clients that are not installed are
//! skipped aloud; `.ci/run` installs them.

#[expect(clippy::disallowed_methods, reason = "waits for other processes in real time")]
mod clients;
mod dhcp;
#[expect(clippy::disallowed_methods, reason = "kills processes at some moment in real time")]
mod killed;
#[expect(clippy::disallowed_methods, reason = "waits for other processes in real time")]
mod lab;
mod lease;
#[expect(clippy::disallowed_methods, reason = "watches an idle process for a second of real time")]
mod many;
mod process;
mod robust;
mod runs;
mod twin;
mod versions;
mod web;

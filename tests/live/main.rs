//! Live runs: real sockets, real clients, whole processes. Clients that are not installed are
//! skipped aloud; `.ci/run` installs them.

#[expect(clippy::disallowed_methods, reason = "waits for other processes in real time")]
mod clients;
mod dhcp;
#[expect(clippy::disallowed_methods, reason = "waits for other processes in real time")]
mod lab;
mod lease;
mod process;
mod robust;
mod runs;

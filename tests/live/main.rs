//! Live runs: real sockets, real clients, whole processes. Clients that are not installed are
//! skipped aloud; `.ci/run` installs them.

mod clients;
mod process;
mod robust;
mod runs;

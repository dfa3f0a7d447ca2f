//! How many sockets a process may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files as far as the system allows this process to raise it by itself: each
/// connection takes one, and the usual limit of 1,024 is meant for other programs.
pub fn raise_file_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Without it, connections beyond the limit wait until others end.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

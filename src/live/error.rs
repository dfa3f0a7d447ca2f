//! What can be wrong with real sockets.

use std::io;

use thiserror::Error;

/// Why a live run cannot begin or go on.
#[derive(Debug, Error)]
pub enum LiveError {
    /// A socket could not be had.
    #[error("{node}: cannot serve at {address}: {source}{help}")]
    Bind {
        /// Whose.
        node: String,
        /// Where.
        address: String,
        /// The system's word.
        source: io::Error,
        /// The mend.
        help: &'static str,
    },
    /// A lease could not be put on its interface.
    #[error("{node}: cannot put its lease on {interface}: {source} (it needs root and iproute2)")]
    Lease {
        /// Whose.
        node: String,
        /// Where.
        interface: String,
        /// What `ip` says.
        source: io::Error,
    },
    /// The poll loop failed.
    #[error("cannot wait for sockets: {0}")]
    Poll(#[source] io::Error),
}

impl LiveError {
    /// A refused bind, with a hint for the usual reasons.
    pub(super) fn bind(node: &str, address: impl ToString, source: io::Error) -> Self {
        let help = match source.kind() {
            _ if source.raw_os_error() == Some(libc::EMFILE) => {
                " (each node and each connection takes a file: raise the limit, ulimit -n, or run fewer nodes)"
            }
            io::ErrorKind::PermissionDenied => " (ports below 1024 and interfaces need the privilege; choose another)",
            io::ErrorKind::AddrInUse => " (another process has it; choose another with --bind NODE=ADDRESS:PORT)",
            io::ErrorKind::AddrNotAvailable => " (no interface of this machine has that address)",
            _ => "",
        };
        LiveError::Bind { node: node.to_owned(), address: address.to_string(), source, help }
    }
}

//! Ctrl-C and SIGTERM as bytes in a pipe.

use std::io::Read as _;
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use super::error::LiveError;
use super::poller::{Key, Poller};

/// Says when somebody wants the run to end.
pub(super) struct Signals {
    pipe: UnixStream,
    /// True once a signal came.
    pub(super) end: bool,
}

impl Signals {
    pub(super) fn new(poller: &Poller) -> Result<Self, LiveError> {
        let (pipe, write) = UnixStream::pair().map_err(LiveError::Poll)?;
        pipe.set_nonblocking(true).map_err(LiveError::Poll)?;
        for signal in [SIGINT, SIGTERM] {
            pipe::register(signal, write.try_clone().map_err(LiveError::Poll)?).map_err(LiveError::Poll)?;
        }
        poller.watch(&pipe, Key::Signal, true, false).map_err(LiveError::Poll)?;
        Ok(Signals { pipe, end: false })
    }

    pub(super) fn read(&mut self) {
        let mut bytes = [0; 16];
        while self.pipe.read(&mut bytes).is_ok_and(|n| n > 0) {
            self.end = true;
        }
    }

    /// Before the pipe goes.
    pub(super) fn forget(&self, poller: &Poller) {
        poller.forget(&self.pipe);
    }
}

//! Waiting for sockets. A file with `unsafe`: the poller must be told of a socket before
//! the socket is dropped, and whoever registers here calls [`Poller::forget`] first.

use std::io;
use std::os::fd::AsFd;

use polling::{Event, Events, PollMode};

use super::error::LiveError;
use crate::base::time::Duration;

/// What a socket is waited for as.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Key {
    /// The pipe that signals write to.
    Signal,
    /// A UDP socket, by its place.
    Udp(u32),
    /// A TCP listener.
    Listener(u32),
    /// A TCP connection.
    Tcp(u32),
}

impl Key {
    fn number(self) -> usize {
        let (kind, place) = match self {
            Key::Signal => (0, 0),
            Key::Udp(place) => (1, place),
            Key::Listener(place) => (2, place),
            Key::Tcp(place) => (3, place),
        };
        place as usize * 4 + kind
    }

    fn from_number(number: usize) -> Self {
        let place = (number / 4) as u32;
        match number % 4 {
            0 => Key::Signal,
            1 => Key::Udp(place),
            2 => Key::Listener(place),
            _ => Key::Tcp(place),
        }
    }
}

/// A socket is ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    /// Which.
    pub(super) key: Key,
    /// It can be read, or has failed.
    pub(super) read: bool,
    /// It can be written, or has failed.
    pub(super) write: bool,
}

/// The poll loop's waiting.
pub(super) struct Poller {
    poller: polling::Poller,
    events: Events,
}

impl Poller {
    pub(super) fn new() -> Result<Self, LiveError> {
        Ok(Poller { poller: polling::Poller::new().map_err(LiveError::Poll)?, events: Events::new() })
    }

    /// Waits for a socket from now on, as long as it is ready (level-triggered).
    #[expect(unsafe_code, reason = "sockets are forgotten before they are dropped")]
    pub(super) fn watch(&self, socket: &impl AsFd, key: Key, read: bool, write: bool) -> io::Result<()> {
        use std::os::fd::AsRawFd as _;
        let interest = Event::new(key.number(), read, write);
        // SAFETY: every owner of a watched socket calls `forget` before it drops the socket.
        unsafe { self.poller.add_with_mode(socket.as_fd().as_raw_fd(), interest, PollMode::Level) }
    }

    /// Waits for something else on the same socket.
    pub(super) fn change(&self, socket: &impl AsFd, key: Key, read: bool, write: bool) -> io::Result<()> {
        self.poller.modify_with_mode(socket.as_fd(), Event::new(key.number(), read, write), PollMode::Level)
    }

    /// Waits for it no longer.
    pub(super) fn forget(&self, socket: &impl AsFd) {
        // One that was never watched is no harm.
        let _ = self.poller.delete(socket.as_fd());
    }

    /// Waits until something is ready or the time has passed; `None` waits for ever.
    pub(super) fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> Result<(), LiveError> {
        self.events.clear();
        let timeout = timeout.map(|t| std::time::Duration::from_nanos(t.as_nanos()));
        self.poller.wait(&mut self.events, timeout).map_err(LiveError::Poll)?;
        ready.clear();
        ready.extend(self.events.iter().map(|e| Ready {
            key: Key::from_number(e.key),
            read: e.readable,
            write: e.writable,
        }));
        Ok(())
    }
}

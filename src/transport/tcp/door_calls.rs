//! What the application of a byte-level door calls, and sees.

use bytes::Bytes;

use super::config::TcpConfig;
use super::connection::TcpConnection;
use super::door::{DoorError, TcpDoor};
use super::snapshot::TcpSnapshot;
use super::state::State;
use crate::base::note::CloseReason;
use crate::transport::endpoint::ConnId;
use crate::transport::stream::{Stream, StreamEvent};

impl TcpDoor {
    /// Takes as much as the send buffer has room for; says how much that was.
    pub fn write(&mut self, conn: ConnId, data: impl Into<Bytes>) -> usize {
        self.on(conn, |c| c.write(data.into())).unwrap_or(0)
    }

    /// How many bytes [`TcpDoor::write`] would take.
    pub fn writable(&self, conn: ConnId) -> usize {
        self.endpoint.connection(conn).map_or(0, |c| c.writable())
    }

    /// At most so many of the next bytes in order; no bytes: the peer has finished. `None`: nothing
    /// has come yet, or nothing will ([`TcpDoor::end`]).
    pub fn read(&mut self, conn: ConnId, most: usize) -> Option<Bytes> {
        if most == 0 {
            return None;
        }
        if let Some(e) = self.ended.get_mut(&conn) {
            let part = e.unread.front_mut().filter(|data| data.len() > most).map(|data| data.split_to(most));
            let data = part.or_else(|| e.unread.pop_front());
            return data.or_else(|| e.finished.then(Bytes::new));
        }
        self.on(conn, |c| {
            let part = c.inbox.front_mut().filter(|data| data.len() > most).map(|data| data.split_to(most));
            if part.is_some() {
                c.rcv.inbox_bytes -= most as u64;
                c.consider_window_update();
            }
            part.or_else(|| c.read()).or_else(|| c.rcv.finished.then(Bytes::new))
        })?
    }

    /// Everything that can be read, which stays there and keeps its place in the window.
    pub fn peek(&self, conn: ConnId) -> Vec<u8> {
        let ended = self.ended.get(&conn).map(|e| &e.unread);
        let inbox = ended.or_else(|| self.endpoint.connection(conn).map(|c| &c.inbox));
        inbox.into_iter().flatten().flatten().copied().collect()
    }

    /// How many bytes [`TcpDoor::read`] has ready.
    pub fn readable(&self, conn: ConnId) -> u64 {
        match self.ended.get(&conn) {
            Some(e) => e.unread.iter().map(|data| data.len() as u64).sum(),
            None => self.endpoint.connection(conn).map_or(0, |c| c.rcv.inbox_bytes),
        }
    }

    /// Ends this direction: a FIN follows the last byte written. Reading goes on.
    pub fn finish(&mut self, conn: ConnId) {
        self.on(conn, Stream::finish);
    }

    /// Ends both directions. Data left unread, or more that arrives, is answered by a reset
    /// (RFC 9293 section 3.6.1).
    pub fn close(&mut self, conn: ConnId) {
        self.on(conn, TcpConnection::close);
    }

    /// Gives the connection up with a reset (RFC 9293 section 3.10.5).
    pub fn abort(&mut self, conn: ConnId) {
        self.on(conn, Stream::abort);
    }

    /// Changes how a connection goes on. What the handshake has settled (`mss`, `sack`,
    /// `timestamps`, `window_scaling`), the controller and the buffers stay as they are; `nagle`,
    /// `delayed_ack`, `ack_delay`, `retries`, `time_wait`, `keepalive` and its times, and
    /// `user_timeout` count from now on.
    ///
    /// ```
    /// # use twinwire::base::{rng::Seed, time::Instant};
    /// # use twinwire::transport::tcp::{TcpConfig, TcpDoor};
    /// # let (local, remote) = ("10.0.0.1:5000".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
    /// # let mut door = TcpDoor::new(Seed(1));
    /// # let conn = door.connect(Instant::ZERO, local, remote, &TcpConfig::default()).unwrap();
    /// door.reconfigure(conn, |config| config.nagle = false)?; // TCP_NODELAY
    /// # Ok::<_, twinwire::transport::tcp::DoorError>(())
    /// ```
    pub fn reconfigure(&mut self, conn: ConnId, change: impl FnOnce(&mut TcpConfig)) -> Result<(), DoorError> {
        let changed = self.on(conn, |c| {
            let mut config = TcpConfig::clone(&c.config);
            change(&mut config);
            config.check()?;
            let old = &c.config;
            config.receive_buffer = old.receive_buffer;
            (config.mss, config.timestamps, config.window_scaling) = (old.mss, old.timestamps, old.window_scaling);
            let asks = config.keepalive && (!old.keepalive || config.keepalive_idle != old.keepalive_idle);
            c.config = config.into();
            let opening = matches!(c.state, State::SynSent | State::SynReceived);
            let open = !opening && !matches!(c.state, State::TimeWait | State::Closed);
            if open && (asks || !c.config.keepalive) {
                c.start_keep_alive();
            }
            if open && c.snd.max > c.snd.una {
                c.start_user_timer();
            }
            Ok(())
        });
        changed.unwrap_or(Ok(())).map_err(|(key, must)| DoorError::Config(key, must))
    }

    /// Where a connection stands; after its end, `CLOSED` and its last figures.
    pub fn snapshot(&self, conn: ConnId) -> Option<TcpSnapshot> {
        let ended = || self.ended.get(&conn).map(|e| TcpSnapshot { state: "CLOSED", ..e.last });
        self.endpoint.connection(conn).map(TcpSnapshot::of).or_else(ended)
    }

    /// What happened next, on whichever connection. Nobody need ask.
    pub fn event(&mut self) -> Option<(ConnId, StreamEvent)> {
        self.events.pop_front()
    }

    /// Why the application's part of a connection is over, once it is: `Finished` when both sides
    /// have, `Aborted` by us, `Reset` by the peer, `Refused` while opening, `TimedOut`.
    pub fn end(&self, conn: ConnId) -> Option<CloseReason> {
        self.ended.get(&conn).map(|e| e.reason)
    }

    /// Drops what is kept of a connection that is over.
    pub fn forget(&mut self, conn: ConnId) {
        self.ended.remove(&conn);
    }

    pub(super) fn on<T>(&mut self, conn: ConnId, act: impl FnOnce(&mut TcpConnection) -> T) -> Option<T> {
        let connection = self.endpoint.connection_mut(conn)?;
        connection.now = self.now;
        let done = act(connection);
        self.hear(self.now);
        Some(done)
    }
}

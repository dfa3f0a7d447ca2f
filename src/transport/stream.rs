//! The half of a connection that an application sees. A kernel TCP socket is one too.

use bytes::Bytes;

use crate::base::note::CloseReason;

/// An ordered, reliable stream of bytes in both directions.
pub trait Stream {
    /// Takes as much of `data` as the send buffer has room for; says how many bytes it took.
    fn write(&mut self, data: Bytes) -> usize;
    /// How many bytes [`Stream::write`] would take now.
    fn writable(&self) -> usize;
    /// The next in-order bytes, if any. Reading opens the receive window.
    fn read(&mut self) -> Option<Bytes>;
    /// The application throws away whatever arrives: the stream may do so itself and need not say that
    /// there is something to read. Whoever asks for it still reads what there is.
    fn discard_input(&mut self) {}
    /// No more data from this side: a FIN follows the last byte. Reading goes on.
    fn finish(&mut self);
    /// Like [`Stream::finish`], but what was written and never sent is forgotten: the stream ends
    /// where transmission has come to.
    fn finish_here(&mut self) {
        self.finish();
    }
    /// Gives the connection up at once.
    fn abort(&mut self);
    /// What happened since the last call.
    fn poll_event(&mut self) -> Option<StreamEvent>;
}

/// Something the application may want to act on. Readable and Writable are edges: they come once
/// when the state begins, and again only after a read found nothing or a write was cut short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamEvent {
    /// The handshake is complete.
    Connected,
    /// There is data to read.
    Readable,
    /// A write that was cut short may go on.
    Writable,
    /// Every byte written so far has been acknowledged by the peer.
    Acknowledged,
    /// The peer finished: after the bytes still to be read there will be no more.
    Finished,
    /// The connection is over. Always the last event.
    Closed(CloseReason),
}

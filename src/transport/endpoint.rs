//! All connections of one transport on one host, listeners included.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::stream::{Stream, StreamEvent};
use crate::base::note::{FlowNote, Noting};
use crate::base::report::FlowReport;
use crate::base::time::Instant;

/// Names one connection of one endpoint; never used again for another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnId {
    /// Place in the table.
    pub index: u32,
    /// Counts the tenants of that place.
    pub generation: u32,
}

/// A segment on its way out.
#[derive(Debug)]
pub struct Outgoing<S> {
    /// Which of the host's addresses it leaves from.
    pub src: Ipv4Addr,
    /// Where it goes.
    pub dst: Ipv4Addr,
    /// The segment.
    pub segment: S,
}

/// What an endpoint tells its host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndpointEvent {
    /// A listener accepted a connection. Its stream events follow.
    Accepted {
        /// The new connection.
        conn: ConnId,
        /// The listening port.
        port: u16,
        /// Who opened it.
        peer: SocketAddrV4,
    },
    /// Something happened on a connection.
    Stream(ConnId, StreamEvent),
}

/// One transport of one host: demultiplexing, listeners, timers, and the connections themselves.
///
/// After any call that takes `now`, and after using [`Endpoint::stream`], the host polls events
/// until there are none, then segments until there are none.
pub trait Endpoint {
    /// What travels.
    type Segment: Default;
    /// What a connection is configured by. Connections share it.
    type Config;

    /// Opens a connection. `name` is what reports call it.
    fn connect(
        &mut self,
        now: Instant,
        local: SocketAddrV4,
        remote: SocketAddrV4,
        config: impl Into<Arc<Self::Config>>,
        name: Arc<str>,
    ) -> ConnId;
    /// Accepts connections to `port` from now on.
    fn listen(&mut self, port: u16, config: impl Into<Arc<Self::Config>>);
    /// A segment arrived from `src` for the host's address `dst`; what it carries is taken out of it.
    /// False: nobody wanted it.
    fn take_segment(&mut self, now: Instant, src: Ipv4Addr, dst: Ipv4Addr, segment: &mut Self::Segment) -> bool;
    /// The same for a segment that has no other place.
    fn handle_segment(&mut self, now: Instant, src: Ipv4Addr, dst: Ipv4Addr, mut segment: Self::Segment) -> bool {
        self.take_segment(now, src, dst, &mut segment)
    }
    /// The time of [`Endpoint::poll_timeout`] has come.
    fn handle_timeout(&mut self, now: Instant);
    /// The next event.
    fn poll_event(&mut self) -> Option<EndpointEvent>;
    /// Makes the next segment to send in the place of `segment`, whatever that was before, and says
    /// which of the host's addresses it leaves from and where it goes. `None`: there is no segment,
    /// and what `segment` is now means nothing. What connections noted until then goes to `noting`.
    fn fill_segment(
        &mut self,
        now: Instant,
        segment: &mut Self::Segment,
        noting: Option<Noting<'_>>,
    ) -> Option<(Ipv4Addr, Ipv4Addr)>;
    /// The next segment to send, for one that has no place yet.
    fn poll_transmit(&mut self, now: Instant) -> Option<Outgoing<Self::Segment>> {
        let mut segment = Self::Segment::default();
        let (src, dst) = self.fill_segment(now, &mut segment, None)?;
        Some(Outgoing { src, dst, segment })
    }
    /// Whether [`Endpoint::poll_event`] may have something to tell.
    fn has_events(&self) -> bool;
    /// Whether [`Endpoint::fill_segment`] must be asked.
    fn has_work(&self) -> bool;
    /// When the earliest timer of any connection fires.
    fn poll_timeout(&self) -> Option<Instant>;
    /// Takes out what connections noted that were not asked by somebody who is noting.
    fn take_notes(&mut self) -> Vec<FlowNote>;
    /// The stream of a connection, while there is one.
    fn stream(&mut self, conn: ConnId) -> Option<&mut dyn Stream>;
    /// Figures of every connection there was, in order of opening.
    fn reports(&self) -> Vec<FlowReport>;
}

//! What a participant is, in either world.

use super::outbox::Outbox;
use crate::base::ids::{NodeId, PacketId, PortId};
use crate::base::note::{Note, Notebook, Noting};
use crate::base::report::NodeReport;
use crate::base::time::Instant;
use crate::wire::packet::Packet;

/// One participant. It knows no clock, no socket, no queue: only inputs.
pub trait Node {
    /// One input. Whatever it sends, notes or schedules goes through `ctx`.
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>);
    /// When it wants [`Input::Wake`]; changes only inside [`Node::handle`].
    fn next_wake(&self) -> Option<Instant>;
    /// Whether the run still waits for it.
    fn status(&self) -> Status;
    /// Whether [`Node::status`] is busy; asked after every input.
    fn is_busy(&self) -> bool {
        self.status() == Status::Busy
    }
    /// True if it only passes packets on: it never wakes and is never busy, and nobody asks it.
    /// Holds for all its lives.
    fn only_forwards(&self) -> bool {
        false
    }
    /// Asked before [`Node::handle`] of a node that only forwards: the port to which the packet
    /// goes on, made ready for it. `None`: nothing was done, the packet is for `handle`.
    fn forward(&mut self, _port: PortId, _packet: &mut Packet) -> Option<PortId> {
        None
    }
    /// A packet is coming: asks the memory for what it will touch, in steps from 0, each as far as
    /// the one before has brought the pointers.
    fn prefetch(&self, _step: usize) {}
    /// The same for a node that only forwards: asks for the route of the far packet, and says where the
    /// near one will leave, whose route was asked for when it was far.
    fn prefetch_routes(&self, _near: Option<&Packet>, _far: &Packet) -> Option<PortId> {
        None
    }
    /// [`Node::handle`], and what the driver asks after it.
    fn take(&mut self, input: Input, ctx: &mut Ctx<'_>) -> Wish {
        self.handle(input, ctx);
        Wish { wake: self.next_wake(), busy: self.is_busy() }
    }
    /// Its figures so far.
    fn report(&self) -> NodeReport;
}

/// What a node wants after an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// [`Node::next_wake`].
    pub wake: Option<Instant>,
    /// [`Node::is_busy`].
    pub busy: bool,
}

/// What can happen to a node.
#[derive(Debug)]
pub enum Input {
    /// The run begins, or the node restarts after a crash. Always the first input.
    Start,
    /// A packet arrived.
    Packet {
        /// At this port.
        port: PortId,
        /// The packet.
        packet: Box<Packet>,
    },
    /// The time of [`Node::next_wake`] has come.
    Wake,
}

/// Whether a run still waits for a participant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// It has work of its own to finish.
    Busy,
    /// It has none, or only serves others.
    Done,
    /// It could not do its work.
    Failed(String),
}

/// The driver's side of one call to a node: the simulator's or the live driver's.
pub struct Ctx<'a> {
    now: Instant,
    node: NodeId,
    last_packet: &'a mut u32,
    outbox: &'a mut Outbox,
    notebook: Option<&'a mut dyn Notebook>,
}

impl<'a> Ctx<'a> {
    /// For drivers. `last_packet` counts the node's packets over the whole run; `notebook` is `None`
    /// when nothing is recorded.
    pub fn new(
        now: Instant,
        node: NodeId,
        last_packet: &'a mut u32,
        outbox: &'a mut Outbox,
        notebook: Option<&'a mut dyn Notebook>,
    ) -> Self {
        Ctx { now, node, last_packet, outbox, notebook }
    }

    /// The same, for a shorter time.
    pub fn reborrow(&mut self) -> Ctx<'_> {
        Ctx {
            now: self.now,
            node: self.node,
            last_packet: self.last_packet,
            outbox: self.outbox,
            notebook: match &mut self.notebook {
                Some(notebook) => Some(&mut **notebook),
                None => None,
            },
        }
    }

    /// The time, the same throughout one call.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Puts a new packet on the link at `port`.
    #[inline]
    pub fn send(&mut self, port: PortId, packet: Packet) {
        let packet = self.outbox.pack(packet);
        self.outbox.push(port, packet);
    }

    /// A box to put a packet into, to be sent by [`Ctx::forward`]. What it holds is of no use.
    #[inline]
    pub fn spare(&mut self) -> Box<Packet> {
        self.outbox.spare()
    }

    /// Sends a packet on that has its box: one that came from elsewhere, or a filled spare one.
    #[inline]
    pub fn forward(&mut self, port: PortId, packet: Box<Packet>) {
        self.outbox.push(port, packet);
    }

    /// Gives the box of a packet back that ended here.
    #[inline]
    pub fn recycle(&mut self, packet: Box<Packet>) {
        self.outbox.recycle(packet);
    }

    /// A name for a new packet.
    pub fn new_packet_id(&mut self) -> PacketId {
        *self.last_packet += 1;
        PacketId { origin: self.node, number: *self.last_packet }
    }

    /// Whether notes are wanted; spares the making of costly ones.
    pub fn noting(&self) -> bool {
        self.notebook.is_some()
    }

    /// Where connections note while `packet` is being handled, if notes are wanted.
    #[inline]
    pub(super) fn noting_of(&mut self, packet: Option<PacketId>) -> Option<Noting<'_>> {
        self.notebook.as_mut().map(|notebook| Noting { packet, notebook: &mut **notebook })
    }

    /// Notes something at this node.
    pub fn note(&mut self, note: Note) {
        if let Some(notebook) = &mut self.notebook {
            notebook.note(&note);
        }
    }
}

//! A recorded live run again, without sockets and without a clock.

use std::io::{self, Read};

use super::driver::LiveNode;
use super::journal::{Entries, Entry, Outputs};
use crate::base::ids::NodeId;
use crate::base::note::{Depth, DropCause, Note, Place, Sink};
use crate::base::report::NodeReport;
use crate::base::sinks::Here;
use crate::base::time::Instant;
use crate::node::node::{Ctx, Input, Node as _, Status};
use crate::node::outbox::Outbox;

/// What a replay came to.
pub struct Replayed {
    /// What each host says of itself.
    pub nodes: Vec<(NodeId, NodeReport, Status)>,
    /// The hash of all that the hosts gave back.
    pub outputs: String,
    /// The time of the last input.
    pub end: Instant,
    /// Inputs.
    pub events: u64,
}

/// Feeds a journal to fresh hosts.
///
/// # Errors
/// When the journal cannot be read, or speaks of a host that is not there.
pub fn replay(mut nodes: Vec<LiveNode>, journal: impl Read, sink: &mut dyn Sink) -> io::Result<Replayed> {
    let mut entries = Entries::new(journal);
    let mut outputs = Outputs::default();
    let mut last_packets = vec![0; nodes.len()];
    let mut outbox = Outbox::default();
    let (mut end, mut events) = (Instant::ZERO, 0);
    while let Some((now, id, entry)) = entries.next_entry()? {
        let slot = nodes.iter().position(|n| n.id == id);
        let slot =
            slot.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it names a node that is not there"))?;
        (end, events) = (now, events + 1);
        match &entry {
            Entry::Packet(packet) => last_packets[slot] = packet.id.number,
            Entry::Malformed { id, bytes } => {
                last_packets[slot] = id.number;
                let (cause, queue) = (DropCause::Malformed, Depth::default());
                let note = Note::PacketDropped { packet: *id, bytes: *bytes, cause, queue };
                sink.note(now, Place(id.origin.0), &note);
                continue;
            }
            _ => {}
        }
        let host = &mut nodes[slot].host;
        let mut here = Here { at: now, place: Place(id.0), sink: &mut *sink };
        let mut ctx = Ctx::new(now, id, &mut last_packets[slot], &mut outbox, Some(&mut here));
        match entry {
            Entry::Start => host.handle(Input::Start, &mut ctx),
            Entry::Wake => host.handle(Input::Wake, &mut ctx),
            Entry::Packet(packet) => {
                host.handle(Input::Packet { port: Default::default(), packet: Box::new(packet) }, &mut ctx)
            }
            Entry::Socket(message) => host.handle_socket(message, &mut ctx),
            Entry::Malformed { .. } => {}
        }
        while let Some(message) = host.poll_socket() {
            outputs.socket(id, &message);
        }
        while let Some((port, packet)) = outbox.pop() {
            outputs.packet(id, port, &packet);
        }
    }
    let nodes = nodes.iter().map(|n| (n.id, n.host.report(), n.host.status())).collect();
    Ok(Replayed { nodes, outputs: outputs.hex(), end, events })
}

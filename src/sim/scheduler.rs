//! The calendar: one entry per event source.
//!
//! Links' arrivals come and go with every packet and lie close together: they stand in a timing
//! wheel. A node's wake lies far ahead and is mostly put off: nodes have a heap. Putting a wake off
//! costs nothing: the entry stays where it is and is moved only when it has come to the top.

use crate::base::calendar::Calendar;
use crate::base::ids::{ChannelId, NodeId};
use crate::base::time::Instant;
use crate::base::timing_wheel::TimingWheel;

/// Something that has a next event, in the order of simultaneous events: first the fault timeline,
/// then the link directions by name, then the nodes by name. So a packet that arrives at the
/// moment a timer fires is seen before the timer, and adding or renaming a bystander keeps
/// everybody else's order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Source {
    /// The fault timeline.
    Faults,
    /// One direction of a link.
    Channel(ChannelId),
    /// A node's own wake.
    Node(NodeId),
}

/// No event.
const NEVER: Instant = Instant::MAX;

/// When a node wants to be woken, and what the heap holds for it, which is no later.
#[derive(Clone, Copy)]
struct Wake {
    wanted: Instant,
    entry: Instant,
}

/// Holds each source's next event, at most one each.
pub struct Scheduler {
    // The fault timeline is 0, channels follow.
    links: TimingWheel,
    // The time of the first entry in the heap.
    first_wake: Instant,
    wakes: Vec<Wake>,
    nodes: Calendar,
}

impl Default for Scheduler {
    fn default() -> Self {
        let (links, nodes) = (TimingWheel::default(), Calendar::default());
        Scheduler { links, first_wake: NEVER, wakes: Vec::new(), nodes }
    }
}

impl Scheduler {
    /// Sets or clears the time of the fault timeline's next event.
    pub fn set_faults(&mut self, at: Option<Instant>) {
        self.links.set(0, at);
    }

    /// Sets or clears the time of a channel's next event.
    pub fn set_channel(&mut self, id: ChannelId, at: Option<Instant>) {
        self.links.set(id.0 + 1, at);
    }

    /// Sets the time of the next event of a channel that has none.
    #[inline]
    pub fn start_channel(&mut self, id: ChannelId, at: Instant) {
        self.links.insert(id.0 + 1, at);
    }

    /// Sets or clears the time of a node's wake.
    #[inline]
    pub fn set_node(&mut self, id: NodeId, at: Option<Instant>) {
        if self.wakes.len() <= id.0 as usize {
            self.wakes.resize(id.0 as usize + 1, Wake { wanted: NEVER, entry: NEVER });
        }
        let wake = &mut self.wakes[id.0 as usize];
        wake.wanted = at.unwrap_or(NEVER);
        if wake.wanted < wake.entry {
            wake.entry = wake.wanted;
            self.nodes.set(id.0, at);
            self.first_wake = self.first_wake.min(wake.wanted);
        }
    }

    /// The earliest event; at [`Instant::MAX`] there is none.
    #[inline(always)]
    fn first(&mut self) -> (Instant, Source) {
        let (at, key) = self.links.first();
        if at <= self.first_wake {
            let source = if key == 0 { Source::Faults } else { Source::Channel(ChannelId(key - 1)) };
            return (at, source);
        }
        self.first_of_nodes(at, key)
    }

    /// The same when an entry of a node is the first, which may be there only because its wake was put off.
    #[inline(never)]
    fn first_of_nodes(&mut self, link: Instant, link_key: u32) -> (Instant, Source) {
        while let Some((entry, key)) = self.nodes.peek().filter(|(entry, _)| *entry < link) {
            self.first_wake = entry;
            let wake = &mut self.wakes[key as usize];
            if wake.wanted == entry {
                return (entry, Source::Node(NodeId(key)));
            }
            wake.entry = wake.wanted;
            self.nodes.set(key, Some(wake.wanted).filter(|at| *at < NEVER));
        }
        self.first_wake = self.nodes.peek().map_or(NEVER, |(entry, _)| entry);
        let source = if link_key == 0 { Source::Faults } else { Source::Channel(ChannelId(link_key - 1)) };
        (link, source)
    }

    /// The earliest event.
    pub fn peek(&mut self) -> Option<(Instant, Source)> {
        Some(self.first()).filter(|(at, _)| *at < NEVER)
    }

    /// The earliest event, if it is no later than `until`. A channel or the fault timeline has none
    /// from then on until it is set again; a node keeps its own.
    #[inline(always)]
    pub fn pop(&mut self, until: Instant) -> Option<(Instant, Source)> {
        let (at, source) = self.first();
        if at > until || at == NEVER {
            return None;
        }
        if !matches!(source, Source::Node(_)) {
            self.links.pop();
        }
        Some((at, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sys_02_simultaneous_events_come_in_the_order_of_their_sources() {
        let mut s = Scheduler::default();
        let at = |nanos| Some(Instant::from_nanos(nanos));
        s.set_node(NodeId(1), at(5));
        s.set_node(NodeId(0), at(5));
        s.set_channel(ChannelId(3), at(5));
        s.set_channel(ChannelId(1), at(5));
        s.set_channel(ChannelId(9), at(4));
        s.set_faults(at(5));
        let mut order = Vec::new();
        while let Some((_, source)) = s.pop(Instant::MAX) {
            order.push(source);
            if let Source::Node(id) = source {
                s.set_node(id, None);
            }
        }
        let channel = |n| Source::Channel(ChannelId(n));
        let node = |n| Source::Node(NodeId(n));
        assert_eq!(order, [channel(9), Source::Faults, channel(1), channel(3), node(0), node(1)]);
    }

    #[test]
    fn a_wake_that_is_put_off_comes_once_and_late() {
        let mut s = Scheduler::default();
        let at = |nanos| Some(Instant::from_nanos(nanos));
        s.set_node(NodeId(0), at(5));
        s.set_node(NodeId(0), at(9));
        s.set_node(NodeId(1), at(7));
        assert_eq!(s.peek(), Some((Instant::from_nanos(7), Source::Node(NodeId(1)))));
        s.set_node(NodeId(1), None);
        assert_eq!(s.peek(), Some((Instant::from_nanos(9), Source::Node(NodeId(0)))));
        s.set_node(NodeId(0), at(3));
        assert_eq!(s.peek(), Some((Instant::from_nanos(3), Source::Node(NodeId(0)))));
        s.set_node(NodeId(0), None);
        assert_eq!(s.peek(), None);
    }
}

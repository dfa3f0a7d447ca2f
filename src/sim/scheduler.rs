//! The calendar: one entry per event source.
//!
//! Nodes and all other sources have a heap each: links' arrivals come and go with every packet,
//! while a node's wake lies far ahead and is mostly put off. Putting it off costs nothing: the
//! entry stays where it is and is moved only when it has come to the top.

use crate::base::calendar::Calendar;
use crate::base::ids::{ChannelId, NodeId};
use crate::base::time::Instant;

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

/// Holds each source's next event, at most one each.
#[derive(Default)]
pub struct Scheduler {
    // The fault timeline is 0, channels follow.
    links: Calendar,
    // Entries may be earlier than what the nodes want now.
    nodes: Calendar,
    wakes: Vec<Option<Instant>>,
}

impl Scheduler {
    /// Sets or clears the time of the fault timeline's next event.
    pub fn set_faults(&mut self, at: Option<Instant>) {
        self.links.set(0, at);
    }

    /// Sets or clears the time of a channel's next event.
    #[inline]
    pub fn set_channel(&mut self, id: ChannelId, at: Option<Instant>) {
        self.links.set(id.0 + 1, at);
    }

    /// Sets or clears the time of a node's wake.
    #[inline]
    pub fn set_node(&mut self, id: NodeId, at: Option<Instant>) {
        if self.wakes.len() <= id.0 as usize {
            self.wakes.resize(id.0 as usize + 1, None);
        }
        let wake = &mut self.wakes[id.0 as usize];
        if *wake == at {
            return;
        }
        *wake = at;
        if let Some(at) = at
            && self.nodes.get(id.0).is_none_or(|entry| at < entry)
        {
            self.nodes.set(id.0, Some(at));
        }
    }

    /// The earliest event.
    #[inline]
    pub fn peek(&mut self) -> Option<(Instant, Source)> {
        let link = self.links.peek();
        loop {
            let node = self.nodes.peek();
            match (link, node) {
                (Some((at, key)), _) if node.is_none_or(|(wake, _)| at <= wake) => {
                    let source = if key == 0 { Source::Faults } else { Source::Channel(ChannelId(key - 1)) };
                    return Some((at, source));
                }
                (_, Some((entry, key))) => {
                    let wake = self.wakes[key as usize];
                    if wake == Some(entry) {
                        return Some((entry, Source::Node(NodeId(key))));
                    }
                    self.nodes.set(key, wake);
                }
                _ => return None,
            }
        }
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
        while let Some((_, source)) = s.peek() {
            order.push(source);
            match source {
                Source::Faults => s.set_faults(None),
                Source::Channel(id) => s.set_channel(id, None),
                Source::Node(id) => s.set_node(id, None),
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

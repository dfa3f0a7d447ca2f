//! The calendar: one entry per event source.
//!
//! Links' arrivals come and go with every packet and lie close together, while a node's wake lies far
//! ahead: each kind has a timing wheel of its own width. A wake is mostly put off, which costs
//! nothing: the entry stays where it is and is moved only when its turn has come.

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

/// Which of the two wheels an event is in.
enum Kind {
    Link,
    Node,
}

/// No event.
const NEVER: Instant = Instant::MAX;

/// When a node wants to be woken, and where its entry stands, which is no later.
#[derive(Clone, Copy, Debug)]
pub struct Wake {
    wanted: Instant,
    entry: Instant,
}

impl Default for Wake {
    fn default() -> Self {
        Wake { wanted: NEVER, entry: NEVER }
    }
}

/// Where the nodes' wakes stand: with the nodes, whose memory is touched anyway.
pub trait Wakes {
    /// That of a node.
    fn wake(&mut self, id: NodeId) -> &mut Wake;
}

/// Holds each source's next event, at most one each.
pub struct Scheduler {
    // Slots of 8 microseconds. The fault timeline is 0, channels follow.
    links: TimingWheel<13>,
    // Slots of two milliseconds, so that timers that were backed off are mostly on the wheel, too.
    nodes: TimingWheel<21>,
    // No node's entry is earlier.
    first_entry: Instant,
}

impl Default for Scheduler {
    fn default() -> Self {
        let (links, nodes) = (TimingWheel::default(), TimingWheel::default());
        Scheduler { links, nodes, first_entry: NEVER }
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
    pub fn set_node(&mut self, wake: &mut Wake, id: NodeId, at: Option<Instant>) {
        wake.wanted = at.unwrap_or(NEVER);
        if wake.wanted < wake.entry {
            wake.entry = wake.wanted;
            self.first_entry = self.first_entry.min(wake.wanted);
            self.nodes.set(id.0, at);
        }
    }

    /// The channel whose event comes next, if nothing changes; the memory of its entry is asked for.
    #[inline(always)]
    pub(super) fn prefetch_channel(&self) -> Option<ChannelId> {
        Some(ChannelId(self.links.prefetch_earliest()?.checked_sub(1)?))
    }

    /// Which node will be woken next, if nothing changes.
    pub(super) fn next_wake(&mut self, wakes: &mut impl Wakes) -> Option<NodeId> {
        self.first_wake(NEVER, wakes).map(|(_, node)| NodeId(node))
    }

    /// The earliest event; at [`Instant::MAX`] there is none.
    #[inline(always)]
    fn first(&mut self, wakes: &mut impl Wakes) -> (Instant, u32, Kind) {
        let (at, channel) = self.links.first();
        if self.first_entry < at
            && let Some((at, node)) = self.first_wake(at, wakes)
        {
            return (at, node, Kind::Node);
        }
        (at, channel, Kind::Link)
    }

    /// The first wake, if one comes before `end`.
    #[inline(never)]
    fn first_wake(&mut self, end: Instant, wakes: &mut impl Wakes) -> Option<(Instant, u32)> {
        self.move_put_off(wakes);
        let first = self.nodes.first();
        self.first_entry = first.0;
        Some(first).filter(|(at, _)| *at < end)
    }

    /// Moves entries whose wakes were put off, until the first one is none of them.
    fn move_put_off(&mut self, wakes: &mut impl Wakes) {
        loop {
            let (at, id) = self.nodes.first();
            if at == NEVER {
                return;
            }
            let wake = wakes.wake(NodeId(id));
            if wake.wanted == at {
                return;
            }
            self.nodes.pop((at, id));
            wake.entry = wake.wanted;
            if wake.wanted < NEVER {
                self.nodes.insert(id, wake.wanted);
            }
        }
    }

    /// The earliest event's time.
    pub fn peek(&mut self, wakes: &mut impl Wakes) -> Option<Instant> {
        Some(self.first(wakes).0).filter(|at| *at < NEVER)
    }

    /// The earliest event, if it is no later than `until`. Its source has none from then on until it
    /// is set again.
    #[inline(always)]
    pub fn pop(&mut self, until: Instant, wakes: &mut impl Wakes) -> Option<(Instant, Source)> {
        let (at, key, kind) = self.first(wakes);
        if at > until || at == NEVER {
            return None;
        }
        let source = match kind {
            Kind::Link => {
                self.links.pop((at, key));
                if key == 0 { Source::Faults } else { Source::Channel(ChannelId(key - 1)) }
            }
            Kind::Node => {
                self.nodes.pop((at, key));
                *wakes.wake(NodeId(key)) = Wake::default();
                Source::Node(NodeId(key))
            }
        };
        Some((at, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Wakes for [Wake; 2] {
        fn wake(&mut self, id: NodeId) -> &mut Wake {
            &mut self[id.0 as usize]
        }
    }

    #[test]
    fn sys_02_simultaneous_events_come_in_the_order_of_their_sources() {
        let (mut s, mut wakes) = (Scheduler::default(), [Wake::default(); 2]);
        let at = |nanos| Some(Instant::from_nanos(nanos));
        s.set_node(&mut wakes[1], NodeId(1), at(5));
        s.set_node(&mut wakes[0], NodeId(0), at(5));
        s.set_channel(ChannelId(3), at(5));
        s.set_channel(ChannelId(1), at(5));
        s.set_channel(ChannelId(9), at(4));
        s.set_faults(at(5));
        let mut order = Vec::new();
        while let Some((_, source)) = s.pop(Instant::MAX, &mut wakes) {
            order.push(source);
            if let Source::Node(id) = source {
                s.set_node(wakes.wake(id), id, None);
            }
        }
        let channel = |n| Source::Channel(ChannelId(n));
        let node = |n| Source::Node(NodeId(n));
        assert_eq!(order, [channel(9), Source::Faults, channel(1), channel(3), node(0), node(1)]);
    }

    #[test]
    fn a_wake_that_is_put_off_comes_once_and_late() {
        let (mut s, mut wakes) = (Scheduler::default(), [Wake::default(); 2]);
        let at = |nanos| Some(Instant::from_nanos(nanos));
        s.set_node(&mut wakes[0], NodeId(0), at(5));
        s.set_node(&mut wakes[0], NodeId(0), at(9));
        s.set_node(&mut wakes[1], NodeId(1), at(7));
        assert_eq!(s.peek(&mut wakes), at(7));
        s.set_node(&mut wakes[1], NodeId(1), None);
        assert_eq!(s.peek(&mut wakes), at(9));
        s.set_node(&mut wakes[0], NodeId(0), at(3));
        assert_eq!(s.peek(&mut wakes), at(3));
        s.set_node(&mut wakes[0], NodeId(0), None);
        assert_eq!(s.peek(&mut wakes), None);
    }
}

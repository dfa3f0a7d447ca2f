//! The calendar: one entry per event source.

use std::cmp::Reverse;

use priority_queue::PriorityQueue;
use rustc_hash::FxBuildHasher;

use crate::base::time::Instant;

/// Something that has a next event. Its number is also its rank among simultaneous events: first
/// the fault timeline, then the link directions by name, then the nodes by name. So a packet that
/// arrives at the moment a timer fires is seen before the timer, and adding or renaming a
/// bystander keeps everybody else's order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Source(pub u32);

/// Holds each source's next event, at most one each.
#[derive(Default)]
pub struct Scheduler {
    calendar: PriorityQueue<Source, Reverse<(Instant, Source)>, FxBuildHasher>,
}

impl Scheduler {
    /// Sets or clears the time of a source's next event.
    pub fn set(&mut self, source: Source, at: Option<Instant>) {
        match at {
            Some(at) => {
                self.calendar.push(source, Reverse((at, source)));
            }
            None => {
                self.calendar.remove(&source);
            }
        }
    }

    /// The earliest event.
    pub fn peek(&self) -> Option<(Instant, Source)> {
        self.calendar.peek().map(|(_, Reverse(first))| *first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sys_02_simultaneous_events_come_in_the_order_of_their_sources() {
        let mut s = Scheduler::default();
        let at = Some(Instant::from_nanos(5));
        [3, 1, 2].into_iter().for_each(|n| s.set(Source(n), at));
        s.set(Source(9), Some(Instant::from_nanos(4)));
        let mut order = Vec::new();
        while let Some((_, source)) = s.peek() {
            order.push(source.0);
            s.set(source, None);
        }
        assert_eq!(order, [9, 1, 2, 3]);
    }
}

//! A queue where its link stands: with thousands of links, each pointer on the way to a packet is a walk through
//! memory.

use super::discipline::Queue;
use super::drop_tail::DropTail;
use crate::base::note::{Depth, DropCause};
use crate::base::time::Instant;
use crate::wire::packet::Packet;

/// Any queue. The most common one stands in it.
pub enum Buffer {
    /// First in, first out.
    DropTail(DropTail),
    /// Another, with its length at hand: only who comes and goes can change that.
    Other {
        /// What waits in it.
        depth: Depth,
        /// Itself.
        queue: Box<dyn Queue>,
    },
}

impl From<Box<dyn Queue>> for Buffer {
    fn from(queue: Box<dyn Queue>) -> Self {
        Buffer::Other { depth: queue.depth(), queue }
    }
}

impl Queue for Buffer {
    #[inline]
    fn enqueue(&mut self, now: Instant, packet: Box<Packet>) -> Result<(), (Box<Packet>, DropCause)> {
        match self {
            Buffer::DropTail(queue) => queue.enqueue(now, packet),
            Buffer::Other { depth, queue } => {
                let taken = queue.enqueue(now, packet);
                *depth = queue.depth();
                taken
            }
        }
    }

    #[inline]
    fn dequeue(&mut self, now: Instant, dropped: &mut Vec<(Box<Packet>, DropCause)>) -> Option<Box<Packet>> {
        match self {
            Buffer::DropTail(queue) => queue.dequeue(now, dropped),
            Buffer::Other { depth, queue } => {
                let next = queue.dequeue(now, dropped);
                *depth = queue.depth();
                next
            }
        }
    }

    #[inline]
    fn depth(&self) -> Depth {
        match self {
            Buffer::DropTail(queue) => queue.depth(),
            Buffer::Other { depth, .. } => *depth,
        }
    }

    fn needs_departure_time(&self) -> bool {
        match self {
            Buffer::DropTail(queue) => queue.needs_departure_time(),
            Buffer::Other { queue, .. } => queue.needs_departure_time(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Duration;
    use crate::base::units::{QueueLimit, Rate};
    use crate::sim::queue::discipline::QueueEnv;
    use proptest::prelude::*;

    fn drop_tail() -> DropTail {
        let env = QueueEnv { rate: Some(Rate(1_000_000)), delay: Duration::from_millis(1) };
        DropTail::new(QueueLimit::Packets(3), &env)
    }

    proptest! {
        #[test]
        fn a_queue_in_place_is_the_same_as_behind_a_pointer(steps in prop::collection::vec(any::<bool>(), 1..40)) {
            let boxed: Box<dyn Queue> = Box::new(drop_tail());
            let (mut here, mut there) = (Buffer::DropTail(drop_tail()), Buffer::from(boxed));
            let is_behind_a_pointer = matches!(there, Buffer::Other { .. });
            prop_assert!(is_behind_a_pointer);
            for (number, comes) in steps.into_iter().enumerate() {
                let now = Instant::from_nanos(number as u64);
                if comes {
                    let mut packet = Packet::default();
                    packet.id.number = number as u32;
                    let [a, b] = [&mut here, &mut there].map(|queue| queue.enqueue(now, Box::new(packet.clone())));
                    prop_assert_eq!(a, b);
                } else {
                    let [a, b] = [&mut here, &mut there].map(|queue| queue.dequeue(now, &mut Vec::new()));
                    prop_assert_eq!(a, b);
                }
                prop_assert_eq!(here.depth(), there.depth());
            }
        }
    }
}

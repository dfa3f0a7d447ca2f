//! The connections of one endpoint: their timers, and which of them want attention.
//! Both transports' endpoints are built on it.

use std::net::SocketAddrV4;
use std::sync::Arc;

use super::connection::{Connection, Filled};
use super::endpoint::{ConnId, EndpointEvent};
use super::places::{Place, Places, Slot};
use super::stream::Stream;
use crate::base::calendar::Calendar;
use crate::base::ids::{FlowId, TransportKind};
use crate::base::note::{FlowNote, Noting};
use crate::base::report::FlowReport;
use crate::base::time::Instant;

/// A queue of places, threaded through their slots: it needs no memory of its own.
#[derive(Clone, Copy, Debug)]
struct Row {
    first: u32,
    last: u32,
}

impl Row {
    const EMPTY: Row = Row { first: END, last: END };

    /// Puts a place at the end, unless it is in the row; `next` is where its slot keeps what follows
    /// it. Says which place it is to follow; [`END`]: none.
    #[inline]
    fn enter(&mut self, index: u32, next: &mut u32) -> u32 {
        if *next != ABSENT {
            return END;
        }
        *next = END;
        let before = std::mem::replace(&mut self.last, index);
        if before == END {
            self.first = index;
        }
        before
    }

    /// Takes the first place out.
    #[inline]
    fn leave(&mut self, next: &mut u32) {
        self.first = std::mem::replace(next, ABSENT);
        if self.first == END {
            self.last = END;
        }
    }
}

/// The rows: places whose events, and whose segments, have not been polled to the end.
const EVENTS: usize = 0;
const READY: usize = 1;
/// Follows the last place of a row.
const END: u32 = u32::MAX;
/// Follows a place that is not in the row.
const ABSENT: u32 = u32::MAX - 1;

/// Connections by place, with one timer entry each. What every segment needs comes first.
#[repr(C)]
pub struct Table<C> {
    rows: [Row; 2],
    // When the first timer fires.
    earliest: Option<Instant>,
    // Whether the only connection sends.
    sends: bool,
    // There is more than one place.
    several: bool,
    places: Places<C>,
    // Used from the second place on. Re-armed lazily: an entry may be earlier than its slot's wake,
    // the first one never is.
    timers: Calendar,
    finished: Vec<(u64, FlowReport)>,
    opened: u64,
    transport: TransportKind,
}

impl<C: Connection> Table<C> {
    /// The part of a table that every segment needs, the connection not counted.
    pub const HOT_BYTES: usize = std::mem::offset_of!(Self, places);
    /// Where the machine of the first connection stands.
    pub const MACHINE: usize = Self::HOT_BYTES + Place::<C>::MACHINE;

    /// No connections.
    pub fn new(transport: TransportKind) -> Self {
        Table {
            transport,
            places: Places::default(),
            timers: Calendar::default(),
            rows: [Row::EMPTY; 2],
            earliest: None,
            sends: false,
            several: false,
            finished: Vec::new(),
            opened: 0,
        }
    }

    /// Takes a connection in. The initiator gives the flow its `name`; the responder has none.
    pub fn insert(
        &mut self,
        connection: C,
        local: SocketAddrV4,
        remote: SocketAddrV4,
        name: Option<Arc<str>>,
    ) -> ConnId {
        let (initiator, responder) = if name.is_some() { (local, remote) } else { (remote, local) };
        let flow = FlowId::new(self.transport, initiator, responder);
        let (index, generation) = self.places.free();
        if index > 0 && !self.several {
            self.several = true;
            self.timers.set(0, self.earliest);
        }
        self.opened += 1;
        let (order, next, wake) = (self.opened, [ABSENT; 2], None);
        let slot = Slot { connection, generation, local, remote, flow, order, name, next, wake };
        self.places.take(index, slot);
        self.touch(index);
        ConnId { index, generation }
    }

    /// Asks the memory for what any next segment will touch of the first connection.
    #[inline]
    pub fn prefetch_first(&self) {
        self.places.first().prefetch(0, C::HOT.any);
    }

    /// Asks for what the next segment will touch besides, if there is one connection.
    #[inline]
    pub fn prefetch_rest(&self) {
        if !self.several {
            let (from, to) = if self.sends { C::HOT.sender } else { C::HOT.receiver };
            self.places.first().prefetch(from, to);
        }
    }

    /// The flow of a connection.
    pub fn flow(&self, id: ConnId) -> Option<FlowId> {
        self.get(id).map(|s| s.flow)
    }

    /// How many connections there are, TIME-WAIT included.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Looks without touching.
    #[inline]
    pub fn get(&self, id: ConnId) -> Option<&Slot<C>> {
        self.places.get(id.index).filter(|slot| slot.generation == id.generation)
    }

    /// Access that may change what the connection wants to send, say or be woken for.
    #[inline]
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut Slot<C>> {
        self.get(id)?;
        self.touch(id.index)
    }

    /// A segment arrives at a connection; false: it does not exist.
    #[inline]
    pub fn take_segment(&mut self, id: ConnId, now: Instant, segment: &mut C::Segment) -> bool {
        let alone = !self.several;
        let there = self.places.get_mut(id.index).filter(|slot| slot.generation == id.generation);
        let Some(slot) = there else { return false };
        slot.connection.take_segment(now, segment);
        // Mostly it says nothing; then nobody need ask.
        if slot.connection.has_events() {
            return self.touch(id.index).is_some();
        }
        // And often it answers nothing.
        if alone && slot.next[READY] == ABSENT && slot.connection.is_silent() {
            slot.wake = slot.connection.poll_timeout();
            (self.earliest, self.sends) = (slot.wake, slot.connection.sends());
            return true;
        }
        let before = self.rows[READY].enter(id.index, &mut slot.next[READY]);
        if before != END {
            self.follow(id.index, [END, before]);
        }
        true
    }

    /// The stream half, for the application.
    pub fn stream(&mut self, id: ConnId) -> Option<&mut dyn Stream> {
        self.get_mut(id).map(|s| &mut s.connection as &mut dyn Stream)
    }

    /// Puts a place at the end of both rows, unless it is in them.
    #[inline]
    fn touch(&mut self, index: u32) -> Option<&mut Slot<C>> {
        let slot = self.places.get_mut(index)?;
        let before = [EVENTS, READY].map(|row| self.rows[row].enter(index, &mut slot.next[row]));
        if before != [END; 2] {
            self.follow(index, before);
        }
        self.places.get_mut(index)
    }

    /// A place is to follow another in either row.
    #[inline(never)]
    fn follow(&mut self, index: u32, before: [u32; 2]) {
        for row in [EVENTS, READY] {
            if let Some(before) = self.places.get_mut(before[row]) {
                before.next[row] = index;
            }
        }
    }

    /// Runs every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.several {
            let Some(slot) = self.places.get_mut(0).filter(|s| s.wake.is_some_and(|at| at <= now)) else { return };
            slot.wake = None;
            slot.connection.handle_timeout(now);
            self.touch(0);
            return self.find_earliest();
        }
        while let Some((at, index)) = self.timers.peek().filter(|(at, _)| *at <= now) {
            let mut slot = self.places.get_mut(index);
            let wake = slot.as_mut().and_then(|s| if s.wake == Some(at) { s.wake.take() } else { s.wake });
            let due = wake == Some(at);
            self.timers.set(index, wake.filter(|_| !due));
            if let Some(slot) = slot.filter(|_| due) {
                slot.connection.handle_timeout(now);
                self.touch(index);
            }
        }
        self.find_earliest();
    }

    /// The next stream event of any touched connection.
    #[inline]
    pub fn poll_event(&mut self) -> Option<EndpointEvent> {
        while let index @ 0..ABSENT = self.rows[EVENTS].first {
            let Some(slot) = self.places.get_mut(index) else { unreachable!("a place in a row is taken") };
            if let Some(event) = slot.connection.poll_event() {
                return Some(EndpointEvent::Stream(ConnId { index, generation: slot.generation }, event));
            }
            self.rows[EVENTS].leave(&mut slot.next[EVENTS]);
        }
        None
    }

    /// Whether there are touched connections whose events have not been polled to the end.
    #[inline]
    pub fn has_events(&self) -> bool {
        self.rows[EVENTS].first != END
    }

    /// Whether there are touched connections that are not settled.
    #[inline]
    pub fn has_work(&self) -> bool {
        self.rows[READY].first != END
    }

    /// Makes the next segment of any touched connection in the place of `segment`; says between
    /// which ends it goes. A connection that has none left is settled: its timer is set, its notes
    /// are taken, and if it is closed it is removed and given to `removed`.
    #[inline]
    pub fn fill_segment(
        &mut self,
        now: Instant,
        segment: &mut C::Segment,
        mut noting: Option<Noting<'_>>,
        mut removed: impl FnMut(ConnId, &Slot<C>),
    ) -> Option<(SocketAddrV4, SocketAddrV4)> {
        while let index @ 0..ABSENT = self.rows[READY].first {
            let alone = !self.several;
            let Some(slot) = self.places.get_mut(index) else { unreachable!("a place in a row is taken") };
            let filled = slot.connection.fill_segment(now, segment);
            if let Some(noting) = &mut noting
                && let Some(made) = slot.connection.notes()
                && !made.is_empty()
            {
                noting.take(slot.flow, made);
            }
            let ends = (slot.local, slot.remote);
            if filled == Filled::Segment {
                return Some(ends);
            }
            self.rows[READY].leave(&mut slot.next[READY]);
            slot.wake = slot.connection.poll_timeout();
            // Its last events must have been heard before it may go.
            if slot.connection.is_closed() && slot.next[EVENTS] == ABSENT {
                self.remove(index, &mut removed);
            } else if alone {
                (self.earliest, self.sends) = (slot.wake, slot.connection.sends());
            } else {
                self.set_timer(index);
            }
            if filled == Filled::Last {
                return Some(ends);
            }
        }
        None
    }

    #[cold]
    #[inline(never)]
    fn remove(&mut self, index: u32, removed: &mut impl FnMut(ConnId, &Slot<C>)) {
        if let Some(slot) = self.places.leave(index) {
            removed(ConnId { index, generation: slot.generation }, &slot);
            self.finished.push((slot.order, report(self.transport, &slot)));
        }
        self.timers.set(index, None);
        self.find_earliest();
    }

    #[inline(never)]
    fn set_timer(&mut self, index: u32) {
        let Some(slot) = self.places.get(index) else { return };
        if let Some(at) = slot.wake
            && self.timers.get(index).is_none_or(|entry| at < entry)
        {
            self.timers.set(index, slot.wake);
        }
        self.find_earliest();
    }

    fn find_earliest(&mut self) {
        if !self.several {
            self.earliest = self.places.get(0).and_then(|slot| slot.wake);
            return;
        }
        self.earliest = loop {
            let Some((at, index)) = self.timers.peek() else { break None };
            let wake = self.places.get(index).and_then(|slot| slot.wake);
            if wake == Some(at) {
                break wake;
            }
            self.timers.set(index, wake);
        };
    }

    /// When the earliest timer fires.
    #[inline]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.earliest
    }

    /// Takes out what connections noted that were not asked by somebody who is noting.
    pub fn take_notes(&mut self) -> Vec<FlowNote> {
        self.places.iter_mut().filter_map(|slot| slot.connection.notes()).flat_map(std::mem::take).collect()
    }

    /// Figures of every connection there was, in order of opening.
    pub fn reports(&self) -> Vec<FlowReport> {
        let live = self.places.iter().map(|s| (s.order, report(self.transport, s)));
        let mut all: Vec<_> = self.finished.iter().cloned().chain(live).collect();
        all.sort_by_key(|(order, _)| *order);
        all.into_iter().map(|(_, r)| r).collect()
    }
}

fn report<C: Connection>(transport: TransportKind, slot: &Slot<C>) -> FlowReport {
    FlowReport { flow: slot.flow, transport, name: slot.name.clone(), stats: slot.connection.stats() }
}

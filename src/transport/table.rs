//! The connections of one endpoint: their timers, and which of them want attention.
//! Both transports' endpoints are built on it.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::sync::Arc;

use super::connection::Connection;
use super::endpoint::{ConnId, EndpointEvent};
use super::stream::Stream;
use crate::base::calendar::Calendar;
use crate::base::ids::{FlowId, TransportKind};
use crate::base::note::FlowNote;
use crate::base::report::FlowReport;
use crate::base::time::Instant;

/// One connection and what its endpoint knows of it.
#[derive(Debug)]
pub struct Slot<C> {
    /// The machine.
    pub connection: C,
    /// This end.
    pub local: SocketAddrV4,
    /// The other end.
    pub remote: SocketAddrV4,
    flow: FlowId,
    order: u64,
    name: Option<Arc<str>>,
    in_events: bool,
    in_ready: bool,
    // When its timer fires.
    wake: Option<Instant>,
}

/// Connections by place, with one timer entry each.
pub struct Table<C> {
    transport: TransportKind,
    slots: Vec<(u32, Option<Slot<C>>)>,
    free: Vec<u32>,
    // Re-armed lazily: an entry may be earlier than its slot's wake, the first one never is.
    timers: Calendar,
    // Places whose events or segments have not been polled to the end.
    events: VecDeque<u32>,
    ready: VecDeque<u32>,
    notes: VecDeque<(FlowId, FlowNote)>,
    finished: Vec<(u64, FlowReport)>,
    opened: u64,
}

impl<C: Connection> Table<C> {
    /// No connections.
    pub fn new(transport: TransportKind) -> Self {
        Table {
            transport,
            slots: Vec::new(),
            free: Vec::new(),
            timers: Calendar::default(),
            events: VecDeque::new(),
            ready: VecDeque::new(),
            notes: VecDeque::new(),
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
        self.opened += 1;
        let (order, in_events, in_ready, wake) = (self.opened, false, false, None);
        let slot = Slot { connection, local, remote, flow, order, name, in_events, in_ready, wake };
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            self.slots.len() as u32 - 1
        });
        let (generation, place) = &mut self.slots[index as usize];
        *place = Some(slot);
        let id = ConnId { index, generation: *generation };
        self.touch(id);
        id
    }

    /// The flow of a connection.
    pub fn flow(&self, id: ConnId) -> Option<FlowId> {
        self.get(id).map(|s| s.flow)
    }

    /// How many connections there are, TIME-WAIT included.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Looks without touching.
    pub fn get(&self, id: ConnId) -> Option<&Slot<C>> {
        let (generation, slot) = self.slots.get(id.index as usize)?;
        slot.as_ref().filter(|_| *generation == id.generation)
    }

    /// Access that may change what the connection wants to send, say or be woken for.
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut Slot<C>> {
        self.get(id)?;
        self.touch(id);
        self.slots[id.index as usize].1.as_mut()
    }

    /// The stream half, for the application.
    pub fn stream(&mut self, id: ConnId) -> Option<&mut dyn Stream> {
        self.get_mut(id).map(|s| &mut s.connection as &mut dyn Stream)
    }

    fn touch(&mut self, id: ConnId) {
        let Some(slot) = self.slots[id.index as usize].1.as_mut() else { return };
        if !slot.in_events {
            slot.in_events = true;
            self.events.push_back(id.index);
        }
        if !slot.in_ready {
            slot.in_ready = true;
            self.ready.push_back(id.index);
        }
    }

    /// Runs every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, index)) = self.timers.peek().filter(|(at, _)| *at <= now) {
            let (generation, slot) = &mut self.slots[index as usize];
            let generation = *generation;
            let wake = slot.as_mut().and_then(|s| if s.wake == Some(at) { s.wake.take() } else { s.wake });
            let due = wake == Some(at);
            self.timers.set(index, wake.filter(|_| !due));
            if let Some(slot) = slot.as_mut().filter(|_| due) {
                slot.connection.handle_timeout(now);
                self.touch(ConnId { index, generation });
            }
        }
    }

    /// The next stream event of any touched connection.
    pub fn poll_event(&mut self) -> Option<EndpointEvent> {
        while let Some(&index) = self.events.front() {
            let (generation, slot) = &mut self.slots[index as usize];
            let generation = *generation;
            if let Some(slot) = slot {
                if let Some(event) = slot.connection.poll_event() {
                    return Some(EndpointEvent::Stream(ConnId { index, generation }, event));
                }
                slot.in_events = false;
            }
            self.events.pop_front();
        }
        None
    }

    /// The next segment of any touched connection, with its two ends. A connection that has none
    /// left is settled: its timer is set, its notes are taken, and if it is closed it is removed
    /// and given to `removed`.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        mut removed: impl FnMut(ConnId, &Slot<C>),
    ) -> Option<(SocketAddrV4, SocketAddrV4, C::Segment)> {
        while let Some(&index) = self.ready.front() {
            if let Some(slot) = self.slots[index as usize].1.as_mut() {
                let segment = slot.connection.poll_transmit(now);
                while let Some(note) = slot.connection.poll_note() {
                    self.notes.push_back((slot.flow, note));
                }
                if let Some(segment) = segment {
                    return Some((slot.local, slot.remote, segment));
                }
                slot.in_ready = false;
                self.settle(index, &mut removed);
            }
            self.ready.pop_front();
        }
        None
    }

    fn settle(&mut self, index: u32, removed: &mut impl FnMut(ConnId, &Slot<C>)) {
        let (generation, place) = &mut self.slots[index as usize];
        let Some(slot) = place.as_mut() else { return };
        // Its last events must have been heard before it may go.
        if slot.connection.is_closed() && !slot.in_events {
            removed(ConnId { index, generation: *generation }, slot);
            self.finished.push((slot.order, report(self.transport, slot)));
            *place = None;
            *generation += 1;
            self.timers.set(index, None);
            self.free.push(index);
            return self.correct_first_timer();
        }
        slot.wake = slot.connection.poll_timeout();
        if let Some(at) = slot.wake
            && self.timers.get(index).is_none_or(|entry| at < entry)
        {
            self.timers.set(index, slot.wake);
        }
        self.correct_first_timer();
    }

    fn correct_first_timer(&mut self) {
        while let Some((at, index)) = self.timers.peek() {
            let wake = self.slots[index as usize].1.as_ref().and_then(|slot| slot.wake);
            if wake == Some(at) {
                return;
            }
            self.timers.set(index, wake);
        }
    }

    /// When the earliest timer fires.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.peek().map(|(at, _)| at)
    }

    /// The next note of any connection.
    pub fn poll_note(&mut self) -> Option<(FlowId, FlowNote)> {
        self.notes.pop_front()
    }

    /// Figures of every connection there was, in order of opening.
    pub fn reports(&self) -> Vec<FlowReport> {
        let live = self.slots.iter().filter_map(|(_, s)| s.as_ref()).map(|s| (s.order, report(self.transport, s)));
        let mut all: Vec<_> = self.finished.iter().cloned().chain(live).collect();
        all.sort_by_key(|(order, _)| *order);
        all.into_iter().map(|(_, r)| r).collect()
    }
}

fn report<C: Connection>(transport: TransportKind, slot: &Slot<C>) -> FlowReport {
    FlowReport { flow: slot.flow, transport, name: slot.name.clone(), stats: slot.connection.stats().clone() }
}

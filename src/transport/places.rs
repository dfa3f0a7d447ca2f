//! Where the connections of a table stand.

use std::mem::offset_of;
use std::net::SocketAddrV4;
use std::sync::Arc;

use crate::base::ids::FlowId;
use crate::base::prefetch::prefetch_part;
use crate::base::time::Instant;

/// One connection and what its endpoint knows of it. What every segment needs comes first.
#[derive(Debug)]
#[repr(C)]
pub struct Slot<C> {
    // When its timer fires.
    pub(super) wake: Option<Instant>,
    // What follows it in each row.
    pub(super) next: [u32; 2],
    /// This end.
    pub local: SocketAddrV4,
    /// The other end.
    pub remote: SocketAddrV4,
    // Counts the tenants of its place.
    pub(super) generation: u32,
    /// The machine.
    pub connection: C,
    pub(super) name: Option<Arc<str>>,
    pub(super) flow: FlowId,
    pub(super) order: u64,
}

/// Where a connection stands, or may stand again. It says first whether there is one; an `Option` may say so in a
/// field that is seldom touched.
#[repr(u32)]
pub(super) enum Place<C> {
    Free,
    Taken(Slot<C>),
}

impl<C> Place<C> {
    /// Where the slot is (RFC 2195 of Rust): behind the tag, a `u32`.
    const SLOT: usize = size_of::<u32>().next_multiple_of(align_of::<Slot<C>>());
    pub(super) const MACHINE: usize = Self::SLOT + offset_of!(Slot<C>, connection);

    #[inline]
    fn slot(&self) -> Option<&Slot<C>> {
        if let Place::Taken(slot) = self { Some(slot) } else { None }
    }

    #[inline]
    fn slot_mut(&mut self) -> Option<&mut Slot<C>> {
        if let Place::Taken(slot) = self { Some(slot) } else { None }
    }

    /// Asks the memory for a part of the connection; from its first byte on that includes what stands before.
    #[inline(always)]
    pub(super) fn prefetch(&self, from: usize, to: usize) {
        prefetch_part(self, if from == 0 { 0 } else { Self::MACHINE + from }, Self::MACHINE + to);
    }
}

/// A place that begins with a cache line, which the machine's first fields fill up.
#[repr(align(64))]
struct Line<C>(Place<C>);

/// The places of a table. The first one stands in it, because most hosts have one connection, whose memory can be
/// asked for together with the host's.
#[repr(C)]
pub(super) struct Places<C> {
    first: Place<C>,
    others: Vec<Line<C>>,
    // Those that are free again, and the generations of who comes next.
    free: Vec<(u32, u32)>,
    // The first one was taken once.
    begun: bool,
}

impl<C> Default for Places<C> {
    fn default() -> Self {
        Places { first: Place::Free, others: Vec::new(), free: Vec::new(), begun: false }
    }
}

impl<C> Places<C> {
    /// A place that is free, and the generation of who takes it.
    pub(super) fn free(&mut self) -> (u32, u32) {
        if let Some(again) = self.free.pop() {
            return again;
        }
        if std::mem::replace(&mut self.begun, true) {
            self.others.push(Line(Place::Free));
        }
        (self.others.len() as u32, 0)
    }

    /// Puts a connection into a free place.
    pub(super) fn take(&mut self, index: u32, slot: Slot<C>) {
        if let Some(place) = self.place(index) {
            *place = Place::Taken(slot);
        }
    }

    /// Takes a connection out.
    pub(super) fn leave(&mut self, index: u32) -> Option<Slot<C>> {
        let place = std::mem::replace(self.place(index)?, Place::Free);
        let Place::Taken(slot) = place else { return None };
        self.free.push((index, slot.generation + 1));
        Some(slot)
    }

    /// How many are taken.
    pub(super) fn len(&self) -> usize {
        usize::from(self.begun) + self.others.len() - self.free.len()
    }

    /// The first one, taken or not.
    #[inline]
    pub(super) fn first(&self) -> &Place<C> {
        &self.first
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Slot<C>> {
        match index.checked_sub(1) {
            None => self.first.slot(),
            Some(other) => self.others.get(other as usize)?.0.slot(),
        }
    }

    #[inline]
    fn place(&mut self, index: u32) -> Option<&mut Place<C>> {
        match index.checked_sub(1) {
            None => Some(&mut self.first),
            Some(other) => self.others.get_mut(other as usize).map(|line| &mut line.0),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Slot<C>> {
        self.place(index)?.slot_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot<C>> {
        std::iter::once(&self.first).chain(self.others.iter().map(|line| &line.0)).filter_map(Place::slot)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot<C>> {
        std::iter::once(&mut self.first)
            .chain(self.others.iter_mut().map(|line| &mut line.0))
            .filter_map(Place::slot_mut)
    }
}

//! All of a host but its apps: endpoints, ports, addressing, and who owns what.

use super::addressing::Addressing;
use super::app::HostEvent;
use super::node::Ctx;
use super::owners::Owners;
use super::setup::{HostSetup, RUDP_STREAM};
use crate::base::ids::{PacketId, PortId, TransportKind};
use crate::base::note::{Depth, DropCause, Note};
use crate::base::rare_queue::RareQueue;
use crate::base::rng::Rng;
use crate::transport::endpoint::{Endpoint, EndpointEvent};
use crate::transport::kernel::{KernelEndpoint, SocketOp};
use crate::transport::rudp::RudpEndpoint;
use crate::transport::tcp::TcpEndpoint;
use crate::wire::packet::{Hop, Packet};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// A host has one interface.
const INTERFACE: PortId = PortId(0);
/// All of a host but its apps, so that an app can be lent the rest. What every segment needs comes
/// first.
#[repr(C)]
pub(super) struct Core {
    pub(super) addressing: Option<Addressing>,
    pub(super) pending: RareQueue<(usize, HostEvent)>,
    // Made when it is first used: most hosts speak one transport.
    pub(super) rudp: Option<Box<RudpEndpoint>>,
    // In a live run TCP is the operating system's, and `tcp` stays empty.
    pub(super) kernel: Option<Box<KernelEndpoint>>,
    pub(super) tcp: TcpEndpoint,
    pub(super) owners: Owners,
    pub(super) noting: bool,
    pub(super) connections_opened: u32,
    pub(super) apps: usize,
    pub(super) rng: Rng,
    pub(super) ports: BTreeMap<u16, usize>,
    pub(super) listeners: BTreeMap<(TransportKind, u16), usize>,
    pub(super) setup: HostSetup,
}

impl Core {
    /// Its RUDP.
    pub(super) fn rudp(&mut self) -> &mut RudpEndpoint {
        self.rudp.get_or_insert_with(|| {
            let mut rudp = RudpEndpoint::new(self.setup.stream(RUDP_STREAM));
            rudp.set_noting(self.noting);
            Box::new(rudp)
        })
    }

    /// Whether an app may have something to hear.
    #[inline]
    pub(super) fn has_events(&self) -> bool {
        !self.pending.is_empty()
            || self.tcp.has_events()
            || self.rudp.as_ref().is_some_and(|rudp| rudp.has_events())
            || self.kernel.is_some()
    }

    pub(super) fn endpoint_event(&mut self) -> Option<(TransportKind, EndpointEvent)> {
        let tcp = match &mut self.kernel {
            None => self.tcp.poll_event(),
            Some(kernel) => kernel.poll_event(),
        };
        let tcp = tcp.map(|e| (TransportKind::Tcp, e));
        tcp.or_else(|| self.rudp.as_mut()?.poll_event().map(|e| (TransportKind::Rudp, e)))
    }

    pub(super) fn tell_addressing(&mut self) {
        for app in 0..self.apps {
            self.pending.push_back((app, HostEvent::Addressed(self.addressing.clone())));
        }
    }

    /// Sends what the endpoints have; says whether there was any.
    #[inline(always)]
    pub(super) fn transmit(&mut self, cause: Option<PacketId>, ctx: &mut Ctx<'_>) -> bool {
        let (mut any, now) = (false, ctx.now());
        while self.tcp.has_work() {
            let mut packet = ctx.spare();
            let Some((src, dst)) = self.tcp.fill_segment(now, packet.body.tcp(), ctx.noting_of(cause)) else {
                ctx.recycle(packet);
                break;
            };
            any = true;
            self.send(src, dst, packet, None, ctx);
        }
        if self.rudp.as_ref().is_some_and(|rudp| rudp.has_work()) {
            any |= self.transmit_rudp(cause, ctx);
        }
        if let Some(kernel) = &mut self.kernel {
            kernel.flush(now, ctx.noting_of(cause));
        }
        any
    }

    /// The same for RUDP.
    #[inline(never)]
    fn transmit_rudp(&mut self, cause: Option<PacketId>, ctx: &mut Ctx<'_>) -> bool {
        let (mut any, now) = (false, ctx.now());
        while self.rudp().has_work() {
            let mut packet = ctx.spare();
            let Some((src, dst)) = self.rudp().fill_segment(now, packet.body.rudp(), ctx.noting_of(cause)) else {
                ctx.recycle(packet);
                break;
            };
            any = true;
            self.send(src, dst, packet, None, ctx);
        }
        while let Some(port) = self.rudp().poll_freed() {
            self.ask(port, SocketOp::UnbindUdp);
        }
        any
    }

    /// Asks the operating system, if there is one.
    pub(super) fn ask(&mut self, port: u16, op: SocketOp) {
        if let Some(kernel) = &mut self.kernel {
            kernel.request(port, op);
        }
    }

    /// Sends what stands in the packet's body.
    #[inline(always)]
    pub(super) fn send(
        &mut self,
        src: Ipv4Addr,
        dst: Ipv4Addr,
        mut packet: Box<Packet>,
        on_link: Option<Ipv4Addr>,
        ctx: &mut Ctx<'_>,
    ) {
        let from = self.addressing.as_ref().map_or(Ipv4Addr::UNSPECIFIED, |a| a.address);
        let routed = || match &self.addressing {
            Some(addressing) => addressing.next_hop(dst),
            None => dst.is_broadcast().then_some(dst),
        };
        // In the real world the system knows the way to strangers.
        let hop = on_link.or_else(routed).or(self.kernel.is_some().then_some(dst)).map(|to| Hop { from, to });
        let id = ctx.new_packet_id();
        packet.address(id, src, dst, hop.unwrap_or(Hop { from, to: dst }));
        if hop.is_some() {
            return ctx.forward(INTERFACE, packet);
        }
        let (bytes, queue) = (packet.wire_bytes(), Depth::default());
        ctx.note(Note::PacketDropped { packet: id, bytes, cause: DropCause::NoRoute, queue });
        ctx.recycle(packet);
    }
}

//! A host: one interface, UDP ports, one endpoint per transport, and the apps that use them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::addressing::Addressing;
use super::app::{App, AppConn, HostEvent};
use super::host_core::Core;
pub use super::host_ctx::HostCtx;
use super::node::{Ctx, Input, Node, Status, Wish};
use super::owners::Owners;
pub use super::setup::{HostSetup, Settings};
use super::setup::{PORTS_STREAM, TCP_STREAM};
use crate::base::calendar::Calendar;
use crate::base::ids::PacketId;
use crate::base::note::{Depth, DropCause, Note};
use crate::base::prefetch::prefetch_first;
use crate::base::rare_queue::RareQueue;
use crate::base::report::NodeReport;
use crate::base::time::Instant;
use crate::transport::endpoint::{Endpoint, EndpointEvent};
use crate::transport::kernel::SocketMessage;
use crate::transport::stream::StreamEvent;
use crate::transport::tcp::TcpEndpoint;
use crate::wire::packet::{Body, Packet};
use crate::wire::udp::Datagram;

/// The node that runs apps. What every segment needs comes first, in two cache lines, and behind them the first
/// TCP connection.
#[repr(C, align(64))]
pub struct Host {
    // When the first app wants to be woken.
    first_wake: Option<Instant>,
    busy_apps: usize,
    core: Core,
    apps: Vec<AppSlot>,
    wakes: Calendar,
}

/// The part of a host that every segment needs, whatever its connection.
const HOT_BYTES: usize = 2 * 64;

/// An app, and what it said after its last event.
struct AppSlot {
    app: Box<dyn App>,
    wish: Wish,
}

impl Host {
    /// A host with these apps; the first to bind a port owns it.
    pub fn new(setup: HostSetup, apps: Vec<Box<dyn App>>) -> Self {
        let core = Core {
            addressing: setup.addressing.clone(),
            tcp: TcpEndpoint::new(setup.stream(TCP_STREAM)),
            rudp: None,
            noting: false,
            kernel: None,
            rng: setup.stream(PORTS_STREAM),
            ports: BTreeMap::new(),
            listeners: BTreeMap::new(),
            owners: Owners::default(),
            connections_opened: 0,
            pending: RareQueue::default(),
            apps: apps.len(),
            setup,
        };
        let idle = Wish { wake: None, busy: false };
        let apps = apps.into_iter().map(|app| AppSlot { app, wish: idle }).collect();
        let mut host = Host { core, apps, wakes: Calendar::default(), first_wake: None, busy_apps: 0 };
        for index in 0..host.apps.len() {
            let app = &host.apps[index].app;
            host.remember(index, Wish { wake: app.next_wake(), busy: app.is_busy() });
        }
        host
    }

    /// The same host with the operating system's TCP instead of its own. Its sockets are told by
    /// [`Host::handle_socket`] and asked for by [`Host::poll_socket`].
    pub fn with_kernel_tcp(mut self) -> Self {
        self.core.kernel = Some(Box::default());
        self
    }

    /// Its address, once it has one.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.core.addressing.as_ref().map(|a| a.address)
    }

    /// Its address and what came with it, once it has one.
    pub fn addressing(&self) -> Option<&Addressing> {
        self.core.addressing.as_ref()
    }

    /// One of its sockets says something.
    pub fn handle_socket(&mut self, message: SocketMessage, ctx: &mut Ctx<'_>) {
        if let Some(kernel) = &mut self.core.kernel {
            kernel.handle(ctx.now(), message);
        }
        self.pump(None, ctx);
    }

    /// The next thing it asks of its sockets.
    pub fn poll_socket(&mut self) -> Option<SocketMessage> {
        self.core.kernel.as_mut()?.poll_message()
    }

    fn dispatch(&mut self, app: usize, event: HostEvent, ctx: &mut Ctx<'_>) {
        let slot = &mut self.apps[app];
        let wish = slot.app.take(event, &mut HostCtx { core: &mut self.core, ctx: ctx.reborrow(), app });
        // They change only while an app handles an event, and mostly not even then.
        if slot.wish != wish {
            self.remember(app, wish);
        }
    }

    #[inline(never)]
    fn remember(&mut self, app: usize, wish: Wish) {
        let before = std::mem::replace(&mut self.apps[app].wish, wish);
        self.busy_apps = self.busy_apps + usize::from(wish.busy) - usize::from(before.busy);
        self.wakes.set(app as u32, wish.wake);
        self.first_wake = self.wakes.peek().map(|(at, _)| at);
    }

    /// Delivers every event, then sends every segment, until there is neither.
    #[inline(always)]
    fn pump(&mut self, cause: Option<PacketId>, ctx: &mut Ctx<'_>) {
        loop {
            while self.core.has_events() && self.deliver(ctx) {}
            // What an app is told of may make more to send, and the other way round.
            if !self.core.transmit(cause, ctx) || !self.core.has_events() {
                return;
            }
        }
    }

    /// Delivers the next event, if there is one.
    #[inline]
    fn deliver(&mut self, ctx: &mut Ctx<'_>) -> bool {
        if let Some((app, event)) = self.core.pending.pop_front() {
            self.dispatch(app, event, ctx);
            return true;
        }
        let Some((transport, event)) = self.core.endpoint_event() else { return false };
        match event {
            EndpointEvent::Stream(id, event) => {
                let conn = AppConn { transport, id };
                let Some(app) = self.core.owners.get(conn) else { return true };
                if matches!(event, StreamEvent::Closed(_)) {
                    self.core.owners.remove(conn);
                }
                self.dispatch(app, HostEvent::Stream { conn, event }, ctx);
            }
            EndpointEvent::Accepted { conn: id, port, peer } => {
                let conn = AppConn { transport, id };
                if let Some(&app) = self.core.listeners.get(&(transport, port)) {
                    self.core.owners.insert(conn, app);
                    self.dispatch(app, HostEvent::Accepted { conn, port, peer }, ctx);
                }
            }
        }
        true
    }

    #[inline(always)]
    fn handle_packet(&mut self, packet: &mut Packet, ctx: &mut Ctx<'_>) -> Result<(), DropCause> {
        let mine = self.core.addressing.as_ref().map(|a| a.address);
        if mine != Some(packet.dst) || packet.hop.to != packet.dst {
            // A switch may have flooded what is for somebody else.
            let for_me = packet.hop.to.is_broadcast() || mine.is_none_or(|mine| packet.hop.to == mine);
            if !for_me {
                return Ok(());
            }
            if !packet.dst.is_broadcast() && mine.is_some_and(|mine| packet.dst != mine) {
                return Err(DropCause::NotMine);
            }
        }
        let (src, dst, now) = (packet.src, packet.dst, ctx.now());
        let wanted = match &mut packet.body {
            Body::Udp(datagram) => return self.handle_datagram(src, dst, datagram, ctx),
            Body::Tcp(segment) => self.core.tcp.take_segment(now, src, dst, segment),
            Body::Rudp(segment) => self.core.rudp().take_segment(now, src, dst, segment),
        };
        if !wanted {
            ctx.note(Note::PacketDropped {
                packet: packet.id,
                bytes: 0,
                cause: DropCause::NoListener,
                queue: Depth::default(),
            });
        }
        Ok(())
    }

    #[inline(never)]
    fn handle_datagram(
        &mut self,
        src: Ipv4Addr,
        to: Ipv4Addr,
        datagram: &Datagram,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), DropCause> {
        let Some(&app) = self.core.ports.get(&datagram.dst_port) else { return Err(DropCause::NoListener) };
        let from = SocketAddrV4::new(src, datagram.src_port);
        let (port, data) = (datagram.dst_port, datagram.payload.clone());
        self.dispatch(app, HostEvent::Datagram { port, from, to, data }, ctx);
        Ok(())
    }

    #[inline(never)]
    fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.core.tcp.set_noting(ctx.noting());
        self.core.noting = ctx.noting();
        if let Some(kernel) = &mut self.core.kernel {
            kernel.set_noting(ctx.noting());
        }
        for app in 0..self.apps.len() {
            self.dispatch(app, HostEvent::Start, ctx);
        }
        if let Some(addressing) = self.core.addressing.clone() {
            for app in 0..self.apps.len() {
                self.dispatch(app, HostEvent::Addressed(Some(addressing.clone())), ctx);
            }
        }
    }

    #[inline(never)]
    fn wake(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.core.tcp.poll_timeout()) {
            self.core.tcp.handle_timeout(now);
        }
        if let Some(rudp) = self.core.rudp.as_mut().filter(|r| due(r.poll_timeout())) {
            rudp.handle_timeout(now);
        }
        if let Some(kernel) = self.core.kernel.as_mut().filter(|k| due(k.poll_timeout())) {
            kernel.handle_timeout(now);
        }
        if !due(self.first_wake) {
            return;
        }
        for app in 0..self.apps.len() {
            if due(self.apps[app].wish.wake) {
                self.dispatch(app, HostEvent::Wake, ctx);
            }
        }
    }
}

impl Node for Host {
    #[inline(always)]
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        let mut cause = None;
        match input {
            Input::Start => self.start(ctx),
            Input::Packet { mut packet, .. } => {
                cause = Some(packet.id);
                if let Err(cause) = self.handle_packet(&mut packet, ctx) {
                    let (bytes, queue) = (packet.wire_bytes(), Depth::default());
                    ctx.note(Note::PacketDropped { packet: packet.id, bytes, cause, queue });
                }
                ctx.recycle(packet);
            }
            Input::Wake => self.wake(ctx),
        }
        self.pump(cause, ctx);
    }

    fn prefetch(&self, step: usize) {
        match step {
            0 => {
                prefetch_first(self, HOT_BYTES);
                self.core.tcp.prefetch_first();
            }
            _ => match &self.core.rudp {
                Some(rudp) => rudp.prefetch(),
                None => self.core.tcp.prefetch_rest(),
            },
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        let rudp = self.core.rudp.as_ref().and_then(|rudp| rudp.poll_timeout());
        let kernel = self.core.kernel.as_ref().and_then(|kernel| kernel.poll_timeout());
        Instant::earliest([self.core.tcp.poll_timeout(), self.first_wake, rudp, kernel])
    }

    fn is_busy(&self) -> bool {
        self.busy_apps > 0
    }

    fn status(&self) -> Status {
        let mut worst = Status::Done;
        for AppSlot { app, .. } in &self.apps {
            match app.status() {
                Status::Busy => return Status::Busy,
                Status::Failed(why) => worst = Status::Failed(why),
                Status::Done => {}
            }
        }
        worst
    }

    fn report(&self) -> NodeReport {
        let mut report = NodeReport::default();
        report.flows.extend(self.core.tcp.reports());
        report.flows.extend(self.core.rudp.iter().flat_map(|rudp| rudp.reports()));
        report.flows.extend(self.core.kernel.iter().flat_map(|k| k.reports()));
        report.flows.sort_by_key(|f| f.stats.opened.or(f.stats.established));
        // Most hosts have one.
        report.flows.shrink_to_fit();
        self.apps.iter().for_each(|slot| slot.app.report(&mut report));
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    #[test]
    fn what_every_segment_touches_is_two_cache_lines_with_the_first_connection_behind_them() {
        let end = offset_of!(Host, core) + offset_of!(Core, tcp) + TcpEndpoint::HOT_BYTES;
        assert_eq!((align_of::<Host>(), end), (64, HOT_BYTES));
    }
}

//! LISTEN (RFC 9293 section 3.10.7.2): how many connections wait at a port, and what becomes of
//! the SYNs beyond that (RFC 4987).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::config::{SynCookies, TcpConfig};
use super::connection::TcpConnection;
use super::cookie;
use super::endpoint::TcpEndpoint;
use super::seq;
use crate::base::time::Instant;
use crate::transport::connection::Connection;
use crate::transport::endpoint::{ConnId, Outgoing};
use crate::wire::tcp::TcpSegment;

/// One listening port.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) config: Arc<TcpConfig>,
    /// Connections in SYN-RECEIVED.
    pub(super) half_open: u64,
    /// Established and not accepted yet.
    pub(super) waiting: u64,
    /// When the last cookie went out.
    last_cookie: Option<Instant>,
}

/// What a listener can do about a SYN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Room {
    Connection,
    Cookie,
    None,
}

impl Listener {
    pub(super) fn new(config: Arc<TcpConfig>) -> Listener {
        Listener { config, half_open: 0, waiting: 0, last_cookie: None }
    }

    /// As in Linux, one more than the backlog says.
    fn room(&self) -> Room {
        let (most, cookies) = (self.config.backlog, self.config.syn_cookies);
        if self.waiting > most {
            Room::None // a cookie would bring a connection that nobody takes
        } else if cookies == SynCookies::Always {
            Room::Cookie
        } else if self.half_open + self.waiting <= most {
            Room::Connection
        } else if cookies == SynCookies::Overflow {
            Room::Cookie
        } else {
            Room::None
        }
    }

    /// Acknowledgments may end a handshake that nothing was kept of.
    fn awaits_cookies(&self, now: Instant) -> bool {
        self.last_cookie.is_some_and(|at| now.since(at) <= cookie::LIFETIME)
    }
}

impl TcpEndpoint {
    /// True if a connection in TIME-WAIT gave way to this SYN (RFC 9293 section 3.6.1, RFC 6191).
    /// Its last sequence number is then where the next one may begin.
    #[inline]
    pub(super) fn makes_way(&mut self, id: ConnId, syn: &TcpSegment) -> Option<u32> {
        if !syn.flags.syn || self.listeners.get(&syn.dst_port)?.room() != Room::Connection {
            return None;
        }
        let c = self.connection(id).filter(|c| c.makes_way_for(syn))?;
        let last = seq::wire(c.snd.iss, c.snd.max);
        self.connection_mut(id)?.leave_time_wait();
        Some(last)
    }

    /// A segment for a listening port and no connection: first RST, second ACK, third SYN. `after`
    /// is the last number of an earlier connection between the same ends.
    #[inline(never)]
    pub(super) fn on_listen(
        &mut self,
        now: Instant,
        pair: (SocketAddrV4, SocketAddrV4),
        s: &mut TcpSegment,
        after: Option<u32>,
    ) {
        let Some(listener) = self.listeners.get_mut(&s.dst_port) else { return };
        if s.flags.rst {
            return;
        }
        let (src, dst): (Ipv4Addr, Ipv4Addr) = (*pair.1.ip(), *pair.0.ip());
        let offset = self.iss.timestamp_offset(pair.0, pair.1);
        if s.flags.ack {
            let syn = self.cookies.check(now, pair, s).filter(|_| listener.awaits_cookies(now) && !s.flags.syn);
            let Some(syn) = syn else { return self.reset(src, dst, s) };
            if listener.waiting <= listener.config.backlog {
                listener.half_open += 1;
                let mut c = TcpConnection::accept(listener.config.clone(), now, &syn, s.ack.wrapping_sub(1), offset);
                c.answered_by_cookie();
                let id = self.insert(c, pair, None);
                self.connection_mut(id).expect("inserted").take_segment(now, s);
            }
            return;
        }
        if !s.flags.syn {
            return;
        }
        match listener.room() {
            Room::None => {}
            Room::Connection => {
                listener.half_open += 1;
                let iss = self.iss.iss_after(now, pair.0, pair.1, after);
                let c = TcpConnection::accept(listener.config.clone(), now, s, iss, offset);
                self.insert(c, pair, None);
            }
            Room::Cookie => {
                listener.last_cookie = Some(now);
                let cookie = self.cookies.make(now, pair, s);
                let mut c = TcpConnection::accept(listener.config.clone(), now, s, cookie, offset);
                let mut answer = c.poll_transmit(now).expect("a SYN is answered");
                if let Some((clock, _)) = &mut answer.options.timestamps {
                    *clock = cookie::timestamp(*clock, &s.options);
                } else {
                    // Nothing to remember them by.
                    (answer.options.window_scale, answer.options.sack_permitted) = (None, false);
                }
                self.replies.push_back(Outgoing { src: dst, dst: src, segment: answer });
            }
        }
    }

    /// One connection that `port` accepted was taken by the application.
    pub(super) fn taken(&mut self, port: u16) {
        if let Some(l) = self.listeners.get_mut(&port) {
            l.waiting = l.waiting.saturating_sub(1);
        }
    }
}

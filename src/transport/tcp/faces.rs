//! The two faces of a connection: what the application sees, and what the host does.

use bytes::Bytes;

use super::connection::TcpConnection;
use super::state::State;
use crate::base::note::{CloseReason, FlowNote};
use crate::base::report::FlowStats;
use crate::base::time::Instant;
use crate::transport::connection::Connection;
use crate::transport::stream::{Stream, StreamEvent};
use crate::wire::tcp::TcpSegment;

impl Stream for TcpConnection {
    fn write(&mut self, data: Bytes) -> usize {
        if self.snd.fin_queued || self.state == State::Closed {
            return 0;
        }
        let asked = data.len();
        let taken = self.snd.buffer.write(data);
        self.stats.bytes_written += taken as u64;
        self.snd.want_write |= taken < asked;
        self.snd.tell_acknowledged |= taken > 0;
        taken
    }

    fn writable(&self) -> usize {
        if self.snd.fin_queued || self.state == State::Closed { 0 } else { self.snd.buffer.room() as usize }
    }

    fn read(&mut self) -> Option<Bytes> {
        let data = self.rcv.inbox.pop_front();
        match &data {
            Some(data) => {
                self.rcv.inbox_bytes -= data.len() as u64;
                self.consider_window_update();
            }
            None => self.rcv.readable_told = false,
        }
        data
    }

    fn discard_input(&mut self) {
        self.rcv.discarding = true;
    }

    fn finish_here(&mut self) {
        self.stats.bytes_written -= self.snd.buffer.truncate(self.snd.max);
        self.finish();
    }

    fn finish(&mut self) {
        if !self.snd.fin_queued && self.state != State::Closed {
            self.snd.fin_queued = true;
            self.state = match self.state {
                State::Established => State::FinWait1,
                State::CloseWait => State::LastAck,
                other => other, // the FIN waits for the handshake
            };
        }
    }

    fn abort(&mut self) {
        self.reset(CloseReason::Aborted);
    }

    fn poll_event(&mut self) -> Option<StreamEvent> {
        self.events.pop_front()
    }
}

impl Connection for TcpConnection {
    type Segment = TcpSegment;

    fn take_segment(&mut self, now: Instant, segment: &mut TcpSegment) {
        self.now = now;
        match self.state {
            State::Closed => {}
            State::SynSent => self.on_syn_sent(segment),
            _ => self.on_segment(segment),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.run_timers();
    }

    fn transmit_into(&mut self, now: Instant, segment: &mut TcpSegment) -> bool {
        self.now = now;
        self.next_segment(segment)
    }

    fn is_drained(&self) -> bool {
        self.drained
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.earliest()
    }

    fn poll_note(&mut self) -> Option<FlowNote> {
        if self.noting { self.notes.pop_front() } else { None }
    }

    fn stats(&self) -> &FlowStats {
        &self.stats
    }

    fn is_closed(&self) -> bool {
        self.state == State::Closed && self.snd.rst_pending.is_none()
    }
}

//! Taking back a reduction that was needless: the segments were late, not lost.

use super::connection::TcpConnection;
use super::recovery::Episode;
use super::seq;
use crate::base::note::WindowCause;
use crate::transport::congestion::controller::Controller;
use crate::wire::tcp::TcpSegment;

/// What the last reduction rested upon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Undo {
    /// SND.UNA when the episode began.
    una: u64,
    /// Segments repeated that no DSACK has shown to be needless.
    repeats: u32,
    /// First byte and timestamp of the first repeat.
    first: Option<(u64, u32)>,
}

impl TcpConnection {
    /// An episode begins: the controller has just reduced.
    pub(super) fn remember_for_undo(&mut self) {
        let mark = Undo { una: self.snd.una, repeats: 0, first: None };
        self.recovery.undo = self.config.undo.then(|| Box::new(mark));
    }

    /// A segment leaves once more.
    pub(super) fn undo_counts_repeat(&mut self, start: u64) {
        let stamp = self.timestamp_now();
        if let Some(undo) = &mut self.recovery.undo {
            undo.repeats += 1;
            undo.first.get_or_insert((start, stamp));
        }
    }

    /// After an ACK: `advanced` if SND.UNA moved; `dsack` the range that arrived twice.
    pub(super) fn consider_undo(&mut self, s: &TcpSegment, advanced: bool, dsack: Option<(i64, i64)>) {
        let (una, recover, episode) = (self.snd.una, self.recovery.recover as i64, self.recovery.episode);
        let Some(undo) = &mut self.recovery.undo else { return };
        // RFC 3522: what was repeated first is acknowledged, by a segment that left before the repeat.
        let late = advanced
            && episode != Episode::None
            && self.timestamps.on
            && (undo.first.zip(s.options.timestamps))
                .is_some_and(|((start, stamp), (_, echo))| una > start && seq::before(echo, stamp));
        // RFC 3708: every repeat arrived a second time.
        let twice = dsack.is_some_and(|(left, right)| left >= undo.una as i64 && right <= recover) && undo.repeats > 0;
        if twice {
            undo.repeats -= 1;
        }
        if late || (twice && undo.repeats == 0) {
            self.undo_reduction();
        }
    }

    fn undo_reduction(&mut self) {
        self.controller.on_spurious();
        let r = &mut self.recovery;
        r.undo = None;
        r.episode = Episode::None;
        (r.inflation, r.dup_acks, r.resend, r.prr) = (0, 0, None, None);
        if let Some(rack) = r.rack.as_deref_mut() {
            rack.unmark();
        }
        // Nothing of what is out needs to be sent again.
        self.snd.nxt = self.snd.max;
        self.note_window(WindowCause::Undo);
    }
}

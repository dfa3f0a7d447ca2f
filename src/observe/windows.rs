//! Changes of congestion windows, kept in a scratch file until it is known which end of each flow
//! is its main sender.

use std::io::{self, Write};

use crate::base::note::{Window, WindowCause};
use crate::base::time::{Duration, Instant};

use super::ascii::{Names, Row, Stamp};
use super::files::{Lines, Scratch, Spool};

/// Which end of which flow: its rank in the series.
pub(super) type End = u32;

/// An absent number in the scratch file.
const ABSENT: u64 = u64::MAX;

pub(super) struct Windows(Scratch<7>);

/// A row of `cwnd.csv`, as far as a picture shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowRow {
    /// When.
    pub at: Instant,
    /// Why.
    pub cause: WindowCause,
    /// Congestion window in bytes.
    pub cwnd_bytes: u64,
    /// Slow-start threshold in bytes, unless unlimited.
    pub ssthresh_bytes: Option<u64>,
}

impl Windows {
    pub(super) fn new(spool: Box<dyn Spool>) -> Self {
        Windows(Scratch::new(spool))
    }

    #[inline]
    pub(super) fn push(&mut self, at: Instant, end: End, w: &Window) {
        let nanos = |d: Option<Duration>| d.map_or(ABSENT, Duration::as_nanos);
        self.0.push([
            at.as_nanos(),
            u64::from(end) << 8 | w.cause as u64,
            w.cwnd_bytes,
            w.ssthresh_bytes.unwrap_or(ABSENT),
            w.in_flight_bytes,
            nanos(w.srtt),
            w.rto.as_nanos(),
        ]);
    }

    /// Writes `cwnd.csv`: the changes at those ends for which `name` has the name of a flow. Shows each
    /// of them.
    pub(super) fn write_csv(
        &mut self,
        out: impl Write,
        names: &Names<48>,
        name: impl Fn(End) -> Option<usize>,
        mut show: impl FnMut(End, WindowRow),
    ) -> io::Result<()> {
        let mut lines = Lines::new(out);
        lines.text(b"time_s,flow,cause,cwnd_bytes,ssthresh_bytes,in_flight_bytes,srtt_s,rto_s\n");
        let mut causes: Names = Names::default();
        for cause in WindowCause::ALL {
            causes.push(format!(",{},", cause.word()).as_bytes());
        }
        let mut stamp = Stamp::default();
        self.0.each(|words| {
            let [at, what, cwnd_bytes, ssthresh, ..] = *words;
            let (end, cause) = ((what >> 8) as End, WindowCause::ALL.get((what & 0xff) as usize));
            let (Some(name), Some(&cause)) = (name(end), cause) else { return };
            stamp.set(Instant::from_nanos(at));
            let mut row = lines.row();
            row.stamp(&stamp);
            if names.are_short() {
                row.name(names, name);
            } else {
                let length = row.length();
                lines.end(length);
                lines.text(&names.whole(name));
                row = lines.row();
            }
            row.name(&causes, cause as usize);
            columns(&mut row, words);
            let length = row.length();
            lines.end(length);
            let ssthresh_bytes = (ssthresh != ABSENT).then_some(ssthresh);
            show(end, WindowRow { at: Instant::from_nanos(at), cause, cwnd_bytes, ssthresh_bytes });
        })?;
        lines.finish()
    }
}

/// The columns behind the cause.
fn columns(row: &mut Row<'_>, words: &[u64; 7]) {
    let [_, _, cwnd, ssthresh, in_flight, srtt, rto] = *words;
    row.number(cwnd);
    row.byte(b',');
    if ssthresh != ABSENT {
        row.number(ssthresh);
    }
    row.byte(b',');
    row.number(in_flight);
    row.byte(b',');
    if srtt != ABSENT {
        row.seconds(srtt);
    }
    row.byte(b',');
    row.seconds(rto);
    row.byte(b'\n');
}

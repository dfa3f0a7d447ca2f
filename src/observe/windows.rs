//! Changes of congestion windows, kept in a scratch file until it is known which end of each flow
//! is its main sender.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use crate::base::note::{Window, WindowCause};
use crate::base::time::{Duration, Instant};

use super::ascii::{csv_field, number, seconds};
use super::files::Spool;

/// Which end of which flow: its rank in the series.
pub(super) type End = u32;

/// Bytes of a change in the scratch file.
const SIZE: usize = 8 * 8;
/// So much is written at once.
const CHUNK: usize = SIZE << 10;
/// An absent number in the scratch file.
const ABSENT: u64 = u64::MAX;

pub(super) struct Windows {
    spool: Box<dyn Spool>,
    pending: Vec<u8>,
    result: io::Result<()>,
}

impl Windows {
    pub(super) fn new(spool: Box<dyn Spool>) -> Self {
        Windows { spool, pending: Vec::with_capacity(CHUNK), result: Ok(()) }
    }

    pub(super) fn push(&mut self, at: Instant, end: End, w: &Window) {
        let nanos = |d: Option<Duration>| d.map_or(ABSENT, Duration::as_nanos);
        let words = [
            at.as_nanos(),
            u64::from(end) << 8 | w.cause as u64,
            w.cwnd_bytes,
            w.ssthresh_bytes.unwrap_or(ABSENT),
            w.in_flight_bytes,
            nanos(w.srtt),
            w.rto.as_nanos(),
            0,
        ];
        words.iter().for_each(|word| self.pending.extend_from_slice(&word.to_le_bytes()));
        if self.pending.len() >= CHUNK {
            self.spill();
        }
    }

    fn spill(&mut self) {
        if self.result.is_ok() {
            self.result = self.spool.write_all(&self.pending);
        }
        self.pending.clear();
    }

    /// Writes `cwnd.csv`: the changes at those ends for which `name` has a name.
    pub(super) fn write_csv<'n>(
        &mut self,
        mut out: impl Write,
        name: impl Fn(End) -> Option<&'n [u8]>,
    ) -> io::Result<()> {
        self.spill();
        std::mem::replace(&mut self.result, Ok(()))?;
        let length = self.spool.stream_position()?;
        self.spool.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::with_capacity(CHUNK, &mut self.spool).take(length);
        let mut text = b"time_s,flow,cause,cwnd_bytes,ssthresh_bytes,in_flight_bytes,srtt_s,rto_s\n".to_vec();
        let mut change = [0; SIZE];
        for _ in 0..length / SIZE as u64 {
            reader.read_exact(&mut change)?;
            row(&mut text, &change, &name);
            if text.len() >= CHUNK {
                out.write_all(&text)?;
                text.clear();
            }
        }
        self.spool.seek(SeekFrom::Start(length))?;
        out.write_all(&text)?;
        out.flush()
    }
}

fn row<'n>(text: &mut Vec<u8>, change: &[u8; SIZE], name: &impl Fn(End) -> Option<&'n [u8]>) {
    let word = |i: usize| change[i * 8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let Some(name) = name((word(1) >> 8) as End) else { return };
    let cause = WindowCause::ALL.get((word(1) & 0xff) as usize).map_or("?", |cause| cause.word());
    seconds(text, word(0));
    for field in [name, cause.as_bytes()] {
        text.push(b',');
        text.extend_from_slice(field);
    }
    for (i, write) in [(2, number as fn(&mut Vec<u8>, u64)), (3, number), (4, number), (5, seconds), (6, seconds)] {
        text.push(b',');
        if word(i) != ABSENT {
            write(text, word(i));
        }
    }
    text.push(b'\n');
}

/// A flow's name as a field of `cwnd.csv`.
pub(super) fn field(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    csv_field(&mut out, name);
    out
}

//! Where a full recording goes while the run goes on: its memory does not grow with the run.

use std::io::{self, Cursor, Read, Seek, Write};

/// A scratch file: written during the run, read once at its end.
pub trait Spool: Read + Write + Seek {}
impl<T: Read + Write + Seek> Spool for T {}

/// The files of a full recording.
pub struct Files {
    /// `events.jsonl`.
    pub events: Box<dyn Write>,
    /// `queue.csv`.
    pub queue: Box<dyn Write>,
    /// Every change of a congestion window, in a form of our own: only at the end is it known which
    /// end of a flow sent more, and `cwnd.csv` shows that one.
    pub windows: Box<dyn Spool>,
}

impl Files {
    /// Keeps only the events; windows stay in memory.
    pub fn events(events: impl Write + 'static) -> Self {
        Files { events: Box::new(events), queue: Box::new(io::sink()), windows: Box::new(Cursor::new(Vec::new())) }
    }
}

/// Text on its way to a file. The first failure to write is kept for the end.
pub(super) struct Lines {
    /// What is not yet written; whoever appends a line calls [`Lines::spill`].
    pub(super) text: Vec<u8>,
    out: Box<dyn Write>,
    result: io::Result<()>,
}

/// So much is written at once.
const CHUNK: usize = 1 << 16;

impl Lines {
    pub(super) fn new(out: Box<dyn Write>) -> Self {
        Lines { text: Vec::with_capacity(CHUNK + (CHUNK >> 2)), out, result: Ok(()) }
    }

    /// Writes what has gathered, once it is much.
    #[inline]
    pub(super) fn spill(&mut self) {
        if self.text.len() >= CHUNK {
            self.write();
        }
    }

    #[inline(never)]
    fn write(&mut self) {
        if self.result.is_ok() {
            self.result = self.out.write_all(&self.text);
        }
        self.text.clear();
    }

    /// Writes the rest, and says whether everything could be written.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.write();
        self.result?;
        self.out.flush()
    }
}

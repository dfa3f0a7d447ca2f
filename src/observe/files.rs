//! Where a full recording goes while the run goes on: its memory does not grow with the run.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use super::ascii::Pen;

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
    /// Every change of a queue's length, for the picture: reading `queue.csv` back would take longer
    /// than it took to write it.
    pub depths: Box<dyn Spool>,
}

impl Files {
    /// Keeps only the events; what else is kept stays in memory.
    pub fn events(events: impl Write + 'static) -> Self {
        let memory = || Box::new(Cursor::new(Vec::new()));
        Files { events: Box::new(events), queue: Box::new(io::sink()), windows: memory(), depths: memory() }
    }
}

/// Text on its way to a file. The first failure to write is kept for the end.
pub(super) struct Lines<W = Box<dyn Write>> {
    /// What is not yet written, and behind it room for more.
    buffer: Vec<u8>,
    used: usize,
    out: W,
    result: io::Result<()>,
}

/// So much is written at once.
const CHUNK: usize = 1 << 16;

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Lines { buffer: vec![0; CHUNK], used: 0, out, result: Ok(()) }
    }

    /// A pen with room for `most` bytes. When the line is written, [`Lines::end`] must be told how
    /// much is left of the room.
    #[inline]
    pub(super) fn pen(&mut self, most: usize) -> Pen<'_> {
        if self.buffer.len() - self.used < most {
            self.make_room(most);
        }
        Pen::new(&mut self.buffer[self.used..])
    }

    #[inline]
    pub(super) fn end(&mut self, left: usize) {
        self.used = self.buffer.len() - left;
    }

    /// A line that is known already.
    pub(super) fn line(&mut self, text: &[u8]) {
        let mut pen = self.pen(text.len());
        pen.text(text);
        let left = pen.left();
        self.end(left);
    }

    #[inline(never)]
    fn make_room(&mut self, most: usize) {
        self.write();
        if self.buffer.len() < most {
            self.buffer.resize(most, 0);
        }
    }

    fn write(&mut self) {
        if self.result.is_ok() {
            self.result = self.out.write_all(&self.buffer[..self.used]);
        }
        self.used = 0;
    }

    /// Writes the rest, and says whether everything could be written.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.write();
        self.result?;
        self.out.flush()
    }
}

/// Rows of numbers in a scratch file. The first failure to write is kept for the end.
pub(super) struct Scratch<const WORDS: usize> {
    spool: Box<dyn Spool>,
    pending: Vec<u8>,
    result: io::Result<()>,
}

/// So many rows are written and read at once.
const ROWS: usize = 1 << 10;

impl<const WORDS: usize> Scratch<WORDS> {
    pub(super) fn new(spool: Box<dyn Spool>) -> Self {
        Scratch { spool, pending: Vec::with_capacity(8 * WORDS * ROWS), result: Ok(()) }
    }

    #[inline]
    pub(super) fn push(&mut self, row: [u64; WORDS]) {
        self.pending.extend_from_slice(row.map(u64::to_le_bytes).as_flattened());
        if self.pending.len() >= 8 * WORDS * ROWS {
            self.spill();
        }
    }

    #[inline(never)]
    fn spill(&mut self) {
        if self.result.is_ok() {
            self.result = self.spool.write_all(&self.pending);
        }
        self.pending.clear();
    }

    /// Hands over every row; more may be pushed afterwards.
    pub(super) fn each(&mut self, mut take: impl FnMut(&[u64; WORDS])) -> io::Result<()> {
        self.spill();
        std::mem::replace(&mut self.result, Ok(()))?;
        let mut left = self.spool.stream_position()?;
        self.spool.seek(SeekFrom::Start(0))?;
        let mut bytes = vec![0; 8 * WORDS * ROWS];
        while left > 0 {
            let piece = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.spool.read_exact(&mut bytes[..piece])?;
            left -= piece as u64;
            for row in bytes[..piece].chunks_exact(8 * WORDS) {
                let mut words = [0; WORDS];
                for (word, bytes) in words.iter_mut().zip(row.as_chunks().0) {
                    *word = u64::from_le_bytes(*bytes);
                }
                take(&words);
            }
        }
        Ok(())
    }
}

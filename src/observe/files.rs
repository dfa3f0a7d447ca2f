//! Where a full recording goes while the run goes on: its memory does not grow with the run.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use super::ascii::{ROOM, Row};

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
    /// What is not yet written, which is less than a chunk before each row, and room for a row.
    buffer: Box<[u8; CHUNK + ROOM]>,
    used: usize,
    out: W,
    result: io::Result<()>,
}

/// So much is written at once.
const CHUNK: usize = 1 << 18;

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        let buffer = vec![0; CHUNK + ROOM].try_into().unwrap_or_else(|_| unreachable!("it is of this size"));
        Lines { buffer, used: 0, out, result: Ok(()) }
    }

    /// Room for a row. When it is written, [`Lines::end`] must be told how long it is.
    #[inline(always)]
    pub(super) fn row(&mut self) -> Row<'_> {
        if self.used >= CHUNK {
            self.write();
        }
        // Changes nothing, and says to the compiler that there is room.
        let rest = &mut self.buffer[self.used & (CHUNK - 1)..];
        Row::new(rest.first_chunk_mut().expect("there is always room for a row"))
    }

    #[inline(always)]
    pub(super) fn end(&mut self, length: usize) {
        self.used += length;
    }

    /// Text of any length.
    pub(super) fn text(&mut self, text: &[u8]) {
        for piece in text.chunks(ROOM) {
            if self.used >= CHUNK {
                self.write();
            }
            self.buffer[self.used..self.used + piece.len()].copy_from_slice(piece);
            self.used += piece.len();
        }
    }

    #[inline(never)]
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
    pending: Box<[[[u8; 8]; WORDS]; ROWS]>,
    used: usize,
    result: io::Result<()>,
}

/// So many rows are written and read at once.
const ROWS: usize = 1 << 10;

impl<const WORDS: usize> Scratch<WORDS> {
    pub(super) fn new(spool: Box<dyn Spool>) -> Self {
        let pending = vec![[[0; 8]; WORDS]; ROWS].try_into().unwrap_or_else(|_| unreachable!("it is of this size"));
        Scratch { spool, pending, used: 0, result: Ok(()) }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, row: [u64; WORDS]) {
        self.pending[self.used & (ROWS - 1)] = row.map(u64::to_le_bytes);
        self.used += 1;
        if self.used == ROWS {
            self.spill();
        }
    }

    #[inline(never)]
    fn spill(&mut self) {
        if self.result.is_ok() {
            self.result = self.spool.write_all(self.pending[..self.used].as_flattened().as_flattened());
        }
        self.used = 0;
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

//! What lines about a packet and a queue end with. Few sizes of packets and lengths of queues come again
//! and again, so that their texts are kept.

use crate::base::note::Depth;

use super::ascii::{ROOM, Row};

/// The newest texts of each kind.
pub(super) struct Tails {
    all: Box<[Tail; TAILS]>,
    /// Room to write one.
    room: Box<[u8; ROOM]>,
}

/// So many are kept.
const TAILS: usize = 256;

/// How a packet of this size and a queue of this length are written.
#[derive(Clone)]
pub(super) struct Tail {
    bytes: u32,
    queue: Depth,
    line: [u8; LINE],
    line_length: u8,
    row: [u8; ROW],
    row_length: u8,
}

/// The longest end of a line has 85 bytes.
const LINE: usize = 96;
/// Most have fewer than this.
const SHORT_LINE: usize = 64;
/// The longest end of a row has 32 bytes.
const ROW: usize = 32;

impl Default for Tails {
    fn default() -> Self {
        let mut room = Box::new([0; ROOM]);
        let all = vec![Tail::new(0, Depth::default(), &mut room); TAILS];
        Tails { all: all.try_into().unwrap_or_else(|_| unreachable!("it is of this size")), room }
    }
}

impl Tails {
    /// The texts for a packet of this size and a queue of this length.
    #[inline(always)]
    pub(super) fn of(&mut self, bytes: u32, queue: Depth) -> &Tail {
        // Acknowledgments of several sizes find an empty queue.
        let slot = queue.packets as usize * 2 + usize::from(bytes >= 100) + bytes as usize / 4 * 16;
        let tail = &mut self.all[slot % TAILS];
        if tail.bytes != bytes || tail.queue != queue {
            *tail = Tail::new(bytes, queue, &mut self.room);
        }
        tail
    }
}

impl Tail {
    #[inline(never)]
    fn new(bytes: u32, queue: Depth, room: &mut [u8; ROOM]) -> Self {
        let (line, line_length) = kept(room, |row| {
            row.text(b"\",\"bytes\":");
            row.number(u64::from(bytes));
            row.text(b",\"queue_packets\":");
            row.number(u64::from(queue.packets));
            row.text(b",\"queue_bytes\":");
            row.number(queue.bytes);
            row.text(b"}\n");
        });
        let (row, row_length) = kept(room, |row| {
            row.number(u64::from(queue.packets));
            row.byte(b',');
            row.number(queue.bytes);
            row.byte(b'\n');
        });
        Tail { bytes, queue, line, line_length, row, row_length }
    }

    /// Ends a line of `events.jsonl`: `","bytes":1500,"queue_packets":2,"queue_bytes":3000}`.
    #[inline(always)]
    pub(super) fn end_line(&self, row: &mut Row<'_>) {
        let length = usize::from(self.line_length);
        match self.line.first_chunk::<SHORT_LINE>() {
            Some(short) if length <= SHORT_LINE => row.block(short, length),
            _ => row.block(&self.line, length),
        }
    }

    /// Ends a row of `queue.csv`: `2,3000`.
    #[inline(always)]
    pub(super) fn end_row(&self, row: &mut Row<'_>) {
        row.block(&self.row, usize::from(self.row_length));
    }
}

/// A text of fewer than `N` bytes, and how long it is.
fn kept<const N: usize>(room: &mut [u8; ROOM], write: impl Fn(&mut Row<'_>)) -> ([u8; N], u8) {
    let mut row = Row::new(room);
    write(&mut row);
    let length = row.length();
    let mut text = [0; N];
    text.copy_from_slice(&room[..N]);
    (text, length as u8)
}

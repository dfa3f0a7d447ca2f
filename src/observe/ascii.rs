//! Text, written fast: a full recording writes some twenty pieces of it for every packet-hop, which
//! `format!` would make dearer than the run itself.
//!
//! A short piece is copied in a block of fixed size, of which the next piece overwrites what is too
//! much: that takes a few instructions where a copy of just its length would take twenty. A row has
//! room for a block behind its longest text, so that nothing has to be checked.

use crate::base::time::{Instant, NANOS_PER_SEC};

/// The numbers below 1000, without leading zeros; behind them, how many digits they have.
static SHORT: [[u8; 4]; 1000] = thousand(false);
/// The same in three digits each.
static THREE: [[u8; 4]; 1000] = thousand(true);

const fn thousand(zeros: bool) -> [[u8; 4]; 1000] {
    let mut all = [[0; 4]; 1000];
    let mut n = 0;
    while n < 1000 {
        let digits = [n / 100, n / 10 % 10, n % 10];
        let skip = if zeros || n >= 100 {
            0
        } else if n >= 10 {
            1
        } else {
            2
        };
        let mut place = skip;
        while place < 3 {
            all[n][place - skip] = b'0' + digits[place] as u8;
            place += 1;
        }
        all[n][3] = (3 - skip) as u8;
        n += 1;
    }
    all
}

/// Room for a row, and for as much again behind it.
pub const ROOM: usize = 2 * LONGEST;
/// A row has fewer bytes than this.
pub const LONGEST: usize = 1024;
/// Bytes of a block of a name.
const BLOCK: usize = 32;
/// Names of at most so many bytes are written by [`Row::name`].
pub const LONGEST_NAME: usize = 2 * BLOCK;
/// The most bytes of a whole number.
pub const NUMBER: usize = 20;
/// The most bytes of a time in seconds.
pub const SECONDS: usize = NUMBER + 1;

/// Writes pieces one behind the other. Who writes a row knows that it is shorter than [`LONGEST`].
pub struct Row<'b> {
    room: &'b mut [u8; ROOM],
    end: usize,
}

impl<'b> Row<'b> {
    /// A row at the start of `room`.
    #[inline(always)]
    pub const fn new(room: &'b mut [u8; ROOM]) -> Self {
        Row { room, end: 0 }
    }

    /// How long it is.
    #[inline(always)]
    pub const fn length(&self) -> usize {
        self.end
    }

    /// A block, of which only the first `length` bytes count.
    #[inline(always)]
    pub fn block<const N: usize>(&mut self, block: &[u8; N], length: usize) {
        debug_assert!(self.end + length < LONGEST, "a row is longer than was thought");
        // Changes nothing, and says to the compiler that the block has room.
        let at = self.end & (LONGEST - 1);
        self.room[at..at + N].copy_from_slice(block);
        self.end = at + length;
    }

    /// One byte.
    #[inline(always)]
    pub fn byte(&mut self, byte: u8) {
        self.block(&[byte], 1);
    }

    /// Text whose length the compiler knows.
    #[inline(always)]
    pub fn text<const N: usize>(&mut self, text: &[u8; N]) {
        self.block(text, N);
    }

    /// A name of a table, of at most [`LONGEST_NAME`] bytes.
    #[inline(always)]
    pub fn name(&mut self, names: &Names, rank: usize) {
        let Some(head) = names.heads.get(rank) else { return self.byte(b'?') };
        let length = head.length as usize;
        if length <= BLOCK {
            return self.block(&head.block, length);
        }
        self.block(&head.block, BLOCK);
        if let Some(tail) = names.tails.get(head.tail as usize) {
            self.block(tail, length - BLOCK);
        }
    }

    /// A whole number.
    #[inline(always)]
    pub fn number(&mut self, value: u64) {
        match value {
            0..1_000 => self.short(value as u32),
            1_000..1_000_000 => {
                self.short(value as u32 / 1_000);
                self.three(value as u32);
            }
            _ => self.end = large(self.room, self.end, value),
        }
    }

    /// A number of at most three digits.
    #[inline(always)]
    fn short(&mut self, value: u32) {
        let entry = &SHORT[value as usize];
        self.block(entry, usize::from(entry[3] & 3));
    }

    /// The last three digits of a number.
    #[inline(always)]
    fn three(&mut self, value: u32) {
        self.block(&THREE[(value % 1_000) as usize], 3);
    }

    /// Nanoseconds as decimal seconds, exact, without trailing zeros: `0.0503`.
    #[inline]
    pub fn seconds(&mut self, nanos: u64) {
        self.number(nanos / NANOS_PER_SEC);
        let part = (nanos % NANOS_PER_SEC) as u32;
        if part == 0 {
            return;
        }
        self.byte(b'.');
        self.three(part / 1_000_000);
        self.three(part / 1_000);
        self.three(part);
        while self.room[(self.end - 1) & (LONGEST - 1)] == b'0' {
            self.end -= 1;
        }
    }

    /// The text of `stamp`.
    #[inline(always)]
    pub fn stamp(&mut self, stamp: &Stamp) {
        if let Some(block) = stamp.begin[OPEN.len()..].first_chunk::<BLOCK>() {
            self.block(block, stamp.end - OPEN.len());
        }
    }

    /// What a record with this time begins with: `{"time_s":0.0503,"place":"`.
    #[inline(always)]
    pub fn begin(&mut self, stamp: &Stamp) {
        self.block(&stamp.begin, stamp.end + PLACE.len());
    }
}

/// Writes a number of more than six digits at `end`, and says where it ends. Not a part of [`Row`],
/// which then need not stand in memory.
#[inline(never)]
fn large(room: &mut [u8; ROOM], end: usize, value: u64) -> usize {
    let mut row = Row { room, end };
    if value < 1_000_000_000 {
        row.short(value as u32 / 1_000_000);
    } else {
        row.number(value / 1_000_000_000);
        row.three((value % 1_000_000_000) as u32 / 1_000_000);
    }
    let last = (value % 1_000_000) as u32;
    row.three(last / 1_000);
    row.three(last);
    row.end
}

/// Names as they stand in a file, in whole blocks. All in one piece, because ten thousand names
/// apart from each other would each be a walk through memory.
#[derive(Default)]
pub struct Names {
    heads: Vec<Head>,
    /// What is longer than a block goes on here.
    tails: Vec<[u8; BLOCK]>,
    longest: usize,
}

struct Head {
    block: [u8; BLOCK],
    length: u32,
    tail: u32,
}

impl Names {
    /// Adds a name; says its rank.
    pub fn push(&mut self, name: &[u8]) -> usize {
        let block = |part: &[u8]| {
            let mut block = [0; BLOCK];
            block[..part.len()].copy_from_slice(part);
            block
        };
        let (head, tail) = name.split_at(name.len().min(BLOCK));
        self.heads.push(Head { block: block(head), length: name.len() as u32, tail: self.tails.len() as u32 });
        self.tails.extend(tail.chunks(BLOCK).map(block));
        self.longest = self.longest.max(name.len());
        self.heads.len() - 1
    }

    /// The name of this rank, however long it is.
    pub fn whole(&self, rank: usize) -> Vec<u8> {
        let Some(head) = self.heads.get(rank) else { return b"?".to_vec() };
        let blocks = [head.block].into_iter().chain(self.tails[head.tail as usize..].iter().copied());
        blocks.flatten().take(head.length as usize).collect()
    }

    /// Whether [`Row::name`] can write all of them.
    #[inline]
    pub const fn are_short(&self) -> bool {
        self.longest <= LONGEST_NAME
    }
}

/// Bytes of a stamp.
const STAMP: usize = 48;
const OPEN: &[u8] = b"{\"time_s\":";
const PLACE: &[u8; 10] = b",\"place\":\"";

/// The text of the newest instant: several records in a row have the same.
#[derive(Clone, Debug)]
pub struct Stamp {
    at: Option<Instant>,
    /// The start of the millisecond whose text stands in `begin`, and where that ends.
    millis: Option<u64>,
    millis_end: usize,
    /// The text with what stands around it in a record, and where the text ends.
    begin: [u8; STAMP],
    end: usize,
}

impl Default for Stamp {
    fn default() -> Self {
        Stamp { at: None, millis: None, millis_end: 0, begin: [0; STAMP], end: OPEN.len() }
    }
}

impl Stamp {
    /// Which instant it is.
    pub fn at(&self) -> Instant {
        self.at.unwrap_or(Instant::ZERO)
    }

    /// Sets it to `at`.
    #[inline(always)]
    pub fn set(&mut self, at: Instant) {
        if self.at != Some(at) {
            self.write(at);
        }
    }

    #[inline(never)]
    fn write(&mut self, at: Instant) {
        self.at = Some(at);
        let nanos = at.as_nanos();
        let rest = match self.millis.and_then(|start| nanos.checked_sub(start)) {
            Some(rest) if rest < 1_000_000 => rest as u32,
            _ => self.write_millis(nanos),
        };
        // At most 10 bytes before the time, which has 21 at most.
        let start = self.millis_end & 31;
        self.begin[start..start + 4].copy_from_slice(&THREE[(rest / 1_000) as usize]);
        self.begin[start + 3..start + 7].copy_from_slice(&THREE[(rest % 1_000) as usize]);
        let mut end = start + 6;
        while self.begin[end - 1] == b'0' {
            end -= 1;
        }
        if self.begin[end - 1] == b'.' {
            end -= 1;
        }
        if end < start {
            // What comes behind overwrites digits of the milliseconds.
            self.millis = None;
        }
        self.begin[end..end + PLACE.len()].copy_from_slice(PLACE);
        self.end = end;
    }

    /// Writes the whole milliseconds of an instant, and says how many nanoseconds are left.
    #[inline(never)]
    fn write_millis(&mut self, nanos: u64) -> u32 {
        let (millis, rest) = (nanos / 1_000_000, (nanos % 1_000_000) as u32);
        self.millis = Some(nanos - u64::from(rest));
        let mut room = [0; ROOM];
        let mut row = Row::new(&mut room);
        row.number(millis / 1_000);
        row.byte(b'.');
        row.three((millis % 1_000) as u32);
        let length = row.length();
        self.begin[..OPEN.len()].copy_from_slice(OPEN);
        self.begin[OPEN.len()..OPEN.len() + length].copy_from_slice(&room[..length]);
        self.millis_end = OPEN.len() + length;
        rest
    }
}

/// Appends a name as a field of a CSV file, quoted where it must be.
pub fn csv_field(out: &mut Vec<u8>, name: &str) {
    if !name.contains([',', '"', '\n', '\r']) {
        return out.extend_from_slice(name.as_bytes());
    }
    out.push(b'"');
    out.extend_from_slice(name.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Duration;

    fn text(write: impl FnOnce(&mut Row<'_>)) -> String {
        let mut room = [b'~'; ROOM];
        let mut row = Row::new(&mut room);
        write(&mut row);
        let length = row.length();
        String::from_utf8(room[..length].to_vec()).unwrap()
    }

    #[test]
    fn numbers_and_times_are_what_display_makes_of_them() {
        let mut values = vec![0, 9, 10, 99, 100, 101, 1_000_000_000, 50_300_000, 1, u64::MAX];
        values.extend((0..64).flat_map(|shift| [1 << shift, (1 << shift) - 1]));
        values.extend((0..20).flat_map(|zeros| [10_u64.pow(zeros), 10_u64.pow(zeros) - 1]));
        let mut stamp = Stamp::default();
        for value in values {
            assert_eq!(text(|row| row.number(value)), value.to_string());
            assert_eq!(text(|row| row.seconds(value)), Duration::from_nanos(value).to_string());
            let at = Instant::from_nanos(value);
            stamp.set(at);
            assert_eq!(text(|row| [0; 2].iter().for_each(|_| row.stamp(&stamp))), format!("{at}{at}"));
            assert_eq!(text(|row| row.begin(&stamp)), format!("{{\"time_s\":{at},\"place\":\""));
        }
        for value in 0..20_000 {
            assert_eq!(text(|row| row.number(value)), value.to_string());
            let at = Instant::from_nanos(value * 1_234_500);
            stamp.set(at);
            assert_eq!(text(|row| row.stamp(&stamp)), at.to_string());
        }
    }

    #[test]
    fn names_come_out_whole() {
        let mut names = Names::default();
        let all: Vec<String> = (0..=LONGEST_NAME).map(|length| "0123456789".repeat(10)[..length].to_owned()).collect();
        let ranks: Vec<usize> = all.iter().map(|name| names.push(name.as_bytes())).collect();
        for (name, rank) in all.iter().zip(ranks) {
            assert_eq!(&text(|row| row.name(&names, rank)), name);
        }
        assert_eq!(text(|row| row.name(&names, 100)), "?");
        assert!(names.are_short());
        names.push(&[b'x'; LONGEST_NAME + 1]);
        assert!(!names.are_short());
        assert_eq!(names.whole(LONGEST_NAME + 1), [b'x'; LONGEST_NAME + 1]);
        assert_eq!(names.whole(40), all[40].as_bytes());
    }

    #[test]
    fn a_field_of_a_csv_file_is_quoted_where_it_must_be() {
        for name in ["a--b", "a,b", "say \"a\"", "two\nlines", ""] {
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.write_record(["x", name]).unwrap();
            let line = String::from_utf8(csv.into_inner().unwrap()).unwrap();
            let mut field = Vec::new();
            csv_field(&mut field, name);
            assert_eq!(format!("x,{}\n", String::from_utf8(field).unwrap()), line);
        }
    }
}

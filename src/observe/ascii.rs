//! Text, written fast: a full recording writes some twenty pieces of it for every packet-hop, which
//! `format!` would make dearer than the run itself.
//!
//! A short piece is copied in a block of fixed size, of which the next piece overwrites what is too
//! much: that takes a few instructions where a copy of just its length would take twenty. A row has
//! room for a block behind its longest text, so that nothing has to be checked.

use crate::base::time::{Instant, NANOS_PER_SEC};

/// The numbers below 1000, without leading zeros; behind them, how many digits they have.
static SHORT: [[u8; 4]; 1000] = thousand(false);
/// The same in three digits each, and a zero behind them.
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
        all[n][3] = if zeros { 0 } else { (3 - skip) as u8 };
        n += 1;
    }
    all
}

/// The last six digits of a number, the first of them in the lowest byte.
#[inline(always)]
fn six(value: u32) -> u64 {
    let three = |value: u32| u64::from(u32::from_le_bytes(THREE[(value % 1_000) as usize]));
    three(value / 1_000) | three(value) << 24
}

/// How many of six digits are left without the zeros at their end.
#[inline(always)]
const fn without_zeros(digits: u64) -> usize {
    let bits = u64::BITS - (digits ^ 0x3030_3030_3030).leading_zeros();
    bits.div_ceil(8) as usize
}

/// Room for a row, and for as much again behind it.
pub const ROOM: usize = 2 * LONGEST;
/// A row has fewer bytes than this.
pub const LONGEST: usize = 1024;
/// Bytes of a block, unless it is told otherwise.
const BLOCK: usize = 32;

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

    /// A name of a table, if that has only short ones.
    #[inline(always)]
    pub fn name<const N: usize>(&mut self, names: &Names<N>, rank: usize) {
        let head = names.heads.get(rank).unwrap_or(&names.unknown);
        let length = head.length as usize;
        if length <= N {
            return self.block(&head.block, length);
        }
        self.block(&head.block, N);
        if let Some(tail) = names.tails.get(head.tail as usize) {
            self.block(tail, length - N);
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
        let digits = six(part);
        self.block(&digits.to_le_bytes(), without_zeros(digits));
        while self.room[(self.end - 1) & (LONGEST - 1)] == b'0' {
            self.end -= 1;
        }
    }

    /// The text of `stamp`.
    #[inline(always)]
    pub fn stamp(&mut self, stamp: &Stamp) {
        if let Some(millis) = stamp.begin[OPEN.len()..].first_chunk() {
            self.time(millis, stamp, OPEN.len());
        }
    }

    /// What a record with this time begins with: `{"time_s":0.0503`.
    #[inline(always)]
    pub fn begin(&mut self, stamp: &Stamp) {
        if let Some(millis) = stamp.begin.first_chunk() {
            self.time(millis, stamp, 0);
        }
    }

    /// Milliseconds, and behind them the digits of nanoseconds.
    #[inline(always)]
    fn time(&mut self, millis: &[u8; BLOCK], stamp: &Stamp, skip: usize) {
        self.block(millis, stamp.millis_end - skip);
        self.block(&stamp.digits.to_le_bytes(), 0);
        self.end = self.end + stamp.end - stamp.millis_end;
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
    row.block(&six((value % 1_000_000) as u32).to_le_bytes(), 6);
    row.end
}

/// Names as they stand in a file, in whole blocks. All in one piece, because ten thousand names
/// apart from each other would each be a walk through memory.
pub struct Names<const N: usize = BLOCK> {
    heads: Vec<Head<N>>,
    /// What is longer than a block goes on here.
    tails: Vec<[u8; N]>,
    longest: usize,
    /// Stands for a rank that none of them has.
    unknown: Head<N>,
}

struct Head<const N: usize> {
    block: [u8; N],
    length: u32,
    tail: u32,
}

impl<const N: usize> Head<N> {
    fn new(name: &[u8], tail: usize) -> Self {
        Head { block: block(&name[..name.len().min(N)]), length: name.len() as u32, tail: tail as u32 }
    }
}

fn block<const N: usize>(part: &[u8]) -> [u8; N] {
    let mut block = [0; N];
    block[..part.len()].copy_from_slice(part);
    block
}

impl<const N: usize> Default for Names<N> {
    fn default() -> Self {
        Names::new(b"?")
    }
}

impl<const N: usize> Names<N> {
    /// Names of at most so many bytes are written by [`Row::name`].
    pub const LONGEST: usize = 2 * N;

    /// No names; for one that is not there stands `unknown`, which is no longer than a block.
    pub fn new(unknown: &[u8]) -> Self {
        Names { heads: Vec::new(), tails: Vec::new(), longest: 0, unknown: Head::new(unknown, 0) }
    }

    /// Adds a name; says its rank.
    pub fn push(&mut self, name: &[u8]) -> usize {
        self.heads.push(Head::new(name, self.tails.len()));
        self.tails.extend(name.chunks(N).skip(1).map(block));
        self.longest = self.longest.max(name.len());
        self.heads.len() - 1
    }

    /// The name of this rank, however long it is.
    pub fn whole(&self, rank: usize) -> Vec<u8> {
        let head = self.heads.get(rank).unwrap_or(&self.unknown);
        let blocks = [head.block].into_iter().chain(self.tails[head.tail as usize..].iter().copied());
        blocks.flatten().take(head.length as usize).collect()
    }

    /// Whether [`Row::name`] can write all of them.
    #[inline]
    pub const fn are_short(&self) -> bool {
        self.longest <= Self::LONGEST
    }
}

/// Bytes of a stamp, so that a block from the time on is inside.
const STAMP: usize = 48;
const OPEN: &[u8] = b"{\"time_s\":";

/// The text of the newest instant: several records in a row have the same. Its digits stand in a
/// word of their own, because a block that is read right after a part of it was written waits for memory.
#[derive(Clone, Debug)]
pub struct Stamp {
    at: Instant,
    /// The start of the second whose text stands in `begin`, and where that ends.
    second: u64,
    second_end: usize,
    /// The start of the millisecond, and where its text ends.
    millis: u64,
    millis_end: usize,
    /// What stands before the time in a record, and the time up to the millisecond.
    begin: [u8; STAMP],
    /// The six digits behind it, and where all of it ends, without needless zeros.
    digits: u64,
    end: usize,
}

impl Default for Stamp {
    fn default() -> Self {
        let mut begin = [0; STAMP];
        begin[..OPEN.len()].copy_from_slice(OPEN);
        let (second, second_end, millis, millis_end) = (0, 0, 0, 0);
        let mut stamp = Stamp { at: Instant::ZERO, second, second_end, millis, millis_end, begin, digits: 0, end: 0 };
        stamp.write_second(0);
        stamp.write_millis(0);
        stamp.write(Instant::ZERO);
        stamp
    }
}

impl Stamp {
    /// Which instant it is.
    pub const fn at(&self) -> Instant {
        self.at
    }

    /// Sets it to `at`.
    #[inline(always)]
    pub fn set(&mut self, at: Instant) {
        if self.at != at {
            self.write(at);
        }
    }

    #[inline(never)]
    fn write(&mut self, at: Instant) {
        self.at = at;
        let rest = match at.as_nanos().checked_sub(self.millis) {
            Some(rest) if rest < 1_000_000 => rest,
            _ => self.write_millis(at.as_nanos()),
        };
        self.digits = six(rest as u32);
        self.end = self.millis_end + without_zeros(self.digits);
        if self.end == self.millis_end {
            self.trim();
        }
    }

    /// A whole number of milliseconds has no zeros at its end either.
    #[cold]
    #[inline(never)]
    fn trim(&mut self) {
        while self.begin[self.end - 1] == b'0' {
            self.end -= 1;
        }
        if self.begin[self.end - 1] == b'.' {
            self.end -= 1;
        }
    }

    /// Writes the whole milliseconds of an instant, and says how many nanoseconds are left.
    #[inline(never)]
    fn write_millis(&mut self, nanos: u64) -> u64 {
        let rest = match nanos.checked_sub(self.second) {
            Some(rest) if rest < NANOS_PER_SEC => rest,
            _ => self.write_second(nanos),
        };
        let start = self.second_end & 31;
        self.begin[start] = b'.';
        self.begin[start + 1..start + 5].copy_from_slice(&THREE[(rest / 1_000_000) as usize]);
        self.millis_end = start + 4;
        let rest = rest % 1_000_000;
        self.millis = nanos - rest;
        rest
    }

    #[cold]
    fn write_second(&mut self, nanos: u64) -> u64 {
        let text = (nanos / NANOS_PER_SEC).to_string();
        self.second_end = OPEN.len() + text.len();
        self.begin[OPEN.len()..self.second_end].copy_from_slice(text.as_bytes());
        let rest = nanos % NANOS_PER_SEC;
        self.second = nanos - rest;
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
            assert_eq!(text(|row| row.begin(&stamp)), format!("{{\"time_s\":{at}"));
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
        let mut names: Names = Names::default();
        let all: Vec<String> =
            (0..=Names::<BLOCK>::LONGEST).map(|length| "0123456789".repeat(10)[..length].to_owned()).collect();
        let ranks: Vec<usize> = all.iter().map(|name| names.push(name.as_bytes())).collect();
        for (name, rank) in all.iter().zip(ranks) {
            assert_eq!(&text(|row| row.name(&names, rank)), name);
        }
        assert_eq!(text(|row| row.name(&names, 100)), "?");
        assert!(names.are_short());
        names.push(&[b'x'; Names::<BLOCK>::LONGEST + 1]);
        assert!(!names.are_short());
        assert_eq!(names.whole(Names::<BLOCK>::LONGEST + 1), [b'x'; Names::<BLOCK>::LONGEST + 1]);
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

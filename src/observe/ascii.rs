//! Text, written fast: a full recording writes some thirty pieces of it for every packet-hop, which
//! `format!` would make dearer than the run itself.
//!
//! Room is asked for once per line. A short piece is then copied in a block of fixed size, of which
//! the next piece overwrites what is too much: that takes two instructions where a copy of just its
//! length would take twenty.

use std::mem::take;

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

/// Room that a number needs.
pub const NUMBER: usize = 24;
/// Room that a time in seconds needs.
pub const SECONDS: usize = 32;
/// Bytes of a block of a name.
const BLOCK: usize = 32;

/// Writes pieces one behind the other. Who makes one gives it enough room.
pub struct Pen<'b> {
    rest: &'b mut [u8],
}

impl<'b> Pen<'b> {
    /// A pen at the start of `room`.
    #[inline(always)]
    pub const fn new(room: &'b mut [u8]) -> Self {
        Pen { rest: room }
    }

    /// How much of its room is left.
    #[inline(always)]
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    #[inline(always)]
    fn go(&mut self, bytes: usize) {
        self.rest = &mut take(&mut self.rest)[bytes..];
    }

    /// A block, of which only the first `length` bytes count.
    #[inline(always)]
    pub fn block<const N: usize>(&mut self, block: &[u8; N], length: usize) {
        *self.rest.first_chunk_mut().expect("room was asked for") = *block;
        self.go(length);
    }

    /// One byte.
    #[inline(always)]
    pub fn byte(&mut self, byte: u8) {
        self.rest[0] = byte;
        self.go(1);
    }

    /// Text as it stands; cheap where its length is known to the compiler.
    #[inline(always)]
    pub fn text(&mut self, text: &[u8]) {
        self.rest[..text.len()].copy_from_slice(text);
        self.go(text.len());
    }

    /// `,"name":`
    #[inline(always)]
    pub fn member(&mut self, name: &'static str) {
        let (room, rest) = take(&mut self.rest).split_at_mut(name.len() + 4);
        let end = name.len() + 2;
        room[..2].copy_from_slice(b",\"");
        room[2..end].copy_from_slice(name.as_bytes());
        room[end..].copy_from_slice(b"\":");
        self.rest = rest;
    }

    /// A name of a table.
    #[inline(always)]
    pub fn name(&mut self, names: &Names, rank: usize) {
        match names.heads.get(rank) {
            Some(head) if head.length as usize <= BLOCK => self.block(&head.block, head.length as usize),
            Some(head) => self.long_name(names, head),
            None => self.byte(b'?'),
        }
    }

    #[inline(always)]
    fn long_name(&mut self, names: &Names, head: &Head) {
        self.block(&head.block, BLOCK);
        let mut left = head.length as usize - BLOCK;
        for block in &names.tails[head.tail as usize..] {
            if left <= BLOCK {
                return self.block(block, left);
            }
            self.block(block, BLOCK);
            left -= BLOCK;
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
            _ => self.rest = long(take(&mut self.rest), value),
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
        let mut digits = [b'.'; 14];
        let mut pen = Pen::new(&mut digits[1..]);
        pen.three(part / 1_000_000);
        pen.three(part / 1_000);
        pen.three(part);
        let mut end = 10;
        while digits[end - 1] == b'0' {
            end -= 1;
        }
        self.block(&digits, end);
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

    /// Text that is known beforehand.
    #[inline(always)]
    pub fn fixed(&mut self, text: &Fixed) {
        self.block(&text.block, text.length);
    }
}

/// A number of more than six digits.
#[inline(never)]
fn long(room: &mut [u8], value: u64) -> &mut [u8] {
    let mut pen = Pen::new(room);
    pen.number(value / 1_000_000);
    let last = (value % 1_000_000) as u32;
    pen.three(last / 1_000);
    pen.three(last);
    pen.rest
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

    /// Room that any of them needs.
    pub const fn room(&self) -> usize {
        self.longest + BLOCK
    }
}

/// A longer block.
const LONG_BLOCK: usize = 48;

/// Text of at most a long block.
pub struct Fixed {
    block: [u8; LONG_BLOCK],
    length: usize,
}

impl Fixed {
    /// Of this text.
    pub const fn new(text: &str) -> Self {
        let (mut block, bytes) = ([0; LONG_BLOCK], text.as_bytes());
        let mut i = 0;
        while i < bytes.len() {
            block[i] = bytes[i];
            i += 1;
        }
        Fixed { block, length: bytes.len() }
    }
}

const OPEN: &[u8] = b"{\"time_s\":";
const PLACE: &[u8] = b",\"place\":\"";

/// The text of the newest instant: several records in a row have the same.
#[derive(Clone, Debug)]
pub struct Stamp {
    at: Option<Instant>,
    /// The instant in whole milliseconds, and where their text ends.
    millis: Option<u64>,
    millis_end: usize,
    /// The text with what stands around it in a record, and where the text ends.
    begin: [u8; LONG_BLOCK],
    end: usize,
}

impl Default for Stamp {
    fn default() -> Self {
        Stamp { at: None, millis: None, millis_end: 0, begin: [0; LONG_BLOCK], end: OPEN.len() }
    }
}

impl Stamp {
    /// Sets it to `at`.
    #[inline]
    pub fn set(&mut self, at: Instant) {
        if self.at != Some(at) {
            self.write(at);
        }
    }

    #[inline(never)]
    fn write(&mut self, at: Instant) {
        self.at = Some(at);
        let (millis, rest) = (at.as_nanos() / 1_000_000, (at.as_nanos() % 1_000_000) as u32);
        if self.millis != Some(millis) {
            self.millis = Some(millis);
            let mut pen = Pen::new(&mut self.begin);
            pen.text(OPEN);
            pen.number(millis / 1_000);
            pen.byte(b'.');
            pen.three((millis % 1_000) as u32);
            self.millis_end = LONG_BLOCK - pen.left();
        }
        let mut pen = Pen::new(&mut self.begin[self.millis_end..]);
        pen.three(rest / 1_000);
        pen.three(rest);
        let mut end = self.millis_end + 6;
        while self.begin[end - 1] == b'0' {
            end -= 1;
        }
        if self.begin[end - 1] == b'.' {
            end -= 1;
        }
        if end < self.millis_end {
            // What comes behind overwrites digits of the milliseconds.
            self.millis = None;
        }
        // At most ten bytes, 21, and ten.
        self.begin[end..end + PLACE.len()].copy_from_slice(PLACE);
        self.end = end;
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

    fn text(write: impl FnOnce(&mut Pen<'_>)) -> String {
        let mut out = vec![b'~'; 256];
        let mut pen = Pen::new(&mut out);
        write(&mut pen);
        let left = pen.left();
        out.truncate(256 - left);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_and_times_are_what_display_makes_of_them() {
        let mut values = vec![0, 9, 10, 99, 100, 101, 1_000_000_000, 50_300_000, 1, u64::MAX];
        values.extend((0..64).flat_map(|shift| [1 << shift, (1 << shift) - 1]));
        values.extend((0..20).flat_map(|zeros| [10_u64.pow(zeros), 10_u64.pow(zeros) - 1]));
        let mut stamp = Stamp::default();
        for value in values {
            assert_eq!(text(|pen| pen.number(value)), value.to_string());
            assert_eq!(text(|pen| pen.seconds(value)), Duration::from_nanos(value).to_string());
            let at = Instant::from_nanos(value);
            stamp.set(at);
            assert_eq!(text(|pen| [0; 2].iter().for_each(|_| pen.stamp(&stamp))), format!("{at}{at}"));
            assert_eq!(text(|pen| pen.begin(&stamp)), format!("{{\"time_s\":{at},\"place\":\""));
        }
        for value in 0..20_000 {
            assert_eq!(text(|pen| pen.number(value)), value.to_string());
            let at = Instant::from_nanos(value * 1_234_500);
            stamp.set(at);
            assert_eq!(text(|pen| pen.stamp(&stamp)), at.to_string());
        }
    }

    #[test]
    fn names_of_every_length_come_out_whole() {
        let mut names = Names::default();
        let all: Vec<String> = (0..100).map(|length| "0123456789".repeat(10)[..length].to_owned()).collect();
        let ranks: Vec<usize> = all.iter().map(|name| names.push(name.as_bytes())).collect();
        for (name, rank) in all.iter().zip(ranks) {
            assert_eq!(&text(|pen| pen.name(&names, rank)), name);
        }
        assert_eq!(text(|pen| pen.name(&names, 100)), "?");
        assert_eq!(text(|pen| pen.member("bytes")), ",\"bytes\":");
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

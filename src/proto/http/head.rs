//! The head of a message: start line and field lines, up to and with the empty line. It is
//! collected byte by byte, so that no split of the input can change what is read or refused.

use bytes::{Buf as _, Bytes};

use super::fields::Fields;

/// How much head is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeadLimits {
    /// Bytes of the start line.
    pub line_bytes: usize,
    /// Bytes of all field lines together.
    pub fields_bytes: usize,
    /// Field lines.
    pub fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        HeadLimits { line_bytes: 8192, fields_bytes: 16_384, fields: 100 }
    }
}

/// Empty lines forgiven before the start line (RFC 9112 §2.2).
const MAX_EMPTY_LINES: usize = 4;

/// Why a head was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeadError {
    /// It breaks the grammar.
    Malformed,
    /// The start line is too long.
    LineTooLong,
    /// Too many or too long fields.
    FieldsTooLarge,
}

/// A whole head, in raw form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// The start line without its line end.
    pub line: Vec<u8>,
    /// The fields.
    pub fields: Fields,
}

/// Collects one head after the other.
#[derive(Debug)]
pub struct HeadReader {
    limits: HeadLimits,
    bytes: Vec<u8>,
    /// Length of the start line, once it is complete; its line end follows.
    line: Option<usize>,
    /// Where the line being read begins.
    line_start: usize,
    fields: usize,
    empty_lines: usize,
}

impl HeadReader {
    /// A reader at the beginning of a message.
    pub fn new(limits: HeadLimits) -> Self {
        HeadReader { limits, bytes: Vec::new(), line: None, line_start: 0, fields: 0, empty_lines: 0 }
    }

    /// True if nothing of the next head has been read yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.empty_lines == 0
    }

    /// Takes bytes from `input` up to the end of the head; what follows it stays there.
    pub fn read(&mut self, input: &mut Bytes) -> Result<Option<Head>, HeadError> {
        let mut taken = 0;
        let mut done = Ok(false);
        for &byte in input.iter() {
            taken += 1;
            done = self.push(byte);
            if done != Ok(false) {
                break;
            }
        }
        input.advance(taken);
        if !done? {
            return Ok(None);
        }
        let head = self.parse();
        *self = HeadReader::new(self.limits);
        head.map(Some)
    }

    /// One byte more; true if the head ends with it.
    fn push(&mut self, byte: u8) -> Result<bool, HeadError> {
        // RFC 9112 §2.2: a CR without LF makes the message invalid; an LF without CR may be
        // forgiven, but is not here.
        if (self.bytes.last() == Some(&b'\r')) != (byte == b'\n') {
            return Err(HeadError::Malformed);
        }
        self.bytes.push(byte);
        if byte == b'\n' {
            return self.end_line();
        }
        let over = |limit: usize, start: usize| self.bytes.len() - start > limit + usize::from(byte == b'\r');
        match self.line {
            None if over(self.limits.line_bytes, 0) => Err(HeadError::LineTooLong),
            Some(line) if over(self.limits.fields_bytes, line) => Err(HeadError::FieldsTooLarge),
            _ => Ok(false),
        }
    }

    fn end_line(&mut self) -> Result<bool, HeadError> {
        let length = self.bytes.len() - 2 - self.line_start;
        self.line_start = self.bytes.len();
        match (self.line, length) {
            (None, 0) => {
                self.bytes.clear();
                self.line_start = 0;
                self.empty_lines += 1;
                if self.empty_lines > MAX_EMPTY_LINES { Err(HeadError::Malformed) } else { Ok(false) }
            }
            (None, _) => {
                self.line = Some(length);
                Ok(false)
            }
            (Some(_), 0) => Ok(true),
            (Some(_), _) => {
                self.fields += 1;
                if self.fields > self.limits.fields { Err(HeadError::FieldsTooLarge) } else { Ok(false) }
            }
        }
    }

    fn parse(&self) -> Result<Head, HeadError> {
        let line = self.line.unwrap_or(0);
        let mut slots = vec![httparse::EMPTY_HEADER; self.fields];
        let (start_line, rest) = self.bytes.split_at(line);
        // RFC 9112 §5: httparse refuses space before the colon, folded lines and control bytes.
        let httparse::Status::Complete((_, parsed)) =
            httparse::parse_headers(&rest[2..], &mut slots).map_err(|_| HeadError::Malformed)?
        else {
            return Err(HeadError::Malformed);
        };
        let mut fields = Fields::new();
        for field in parsed {
            fields.push(field.name, field.value).map_err(|_| HeadError::Malformed)?;
        }
        Ok(Head { line: start_line.to_vec(), fields })
    }
}

//! The chunked transfer coding (RFC 9112 §7.1), read strictly.

use bytes::{Buf as _, Bytes};

/// Bytes of one chunk-size line, extensions included, and of one trailer line.
const MAX_LINE_BYTES: usize = 4096;
/// Bytes of the whole trailer section.
const MAX_TRAILER_BYTES: usize = 16_384;

/// The coding is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the chunked coding is broken")]
pub struct ChunkError;

/// What the decoder found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// Bytes of the body.
    Data(Bytes),
    /// The input ran out.
    More,
    /// The last chunk and the trailers are over; what follows is the next message.
    End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Size,
    Data(u64),
    DataEnd,
    Trailer,
    End,
}

/// Takes one chunked body apart, whatever the splits of its input.
#[derive(Debug)]
pub struct ChunkedDecoder {
    state: State,
    line: Vec<u8>,
    trailer_bytes: usize,
}

impl Default for ChunkedDecoder {
    fn default() -> Self {
        ChunkedDecoder { state: State::Size, line: Vec::new(), trailer_bytes: 0 }
    }
}

impl ChunkedDecoder {
    /// Takes bytes from `input` until there is something to tell.
    pub fn decode(&mut self, input: &mut Bytes) -> Result<Decoded, ChunkError> {
        loop {
            match self.state {
                State::End => return Ok(Decoded::End),
                _ if input.is_empty() => return Ok(Decoded::More),
                State::Data(0) => self.state = State::DataEnd,
                State::Data(left) => {
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    self.state = State::Data(left - take as u64);
                    return Ok(Decoded::Data(input.split_to(take)));
                }
                State::Size | State::DataEnd | State::Trailer => {
                    if self.read_line(input)? {
                        self.state = self.end_line()?;
                        self.line.clear();
                    }
                }
            }
        }
    }

    /// Collects a line without its CRLF; true once it is whole. Bare CR or LF is an error.
    fn read_line(&mut self, input: &mut Bytes) -> Result<bool, ChunkError> {
        while let Some(&byte) = input.first() {
            input.advance(1);
            let after_cr = self.line.last() == Some(&b'\r');
            if after_cr != (byte == b'\n') || self.line.len() > MAX_LINE_BYTES {
                return Err(ChunkError);
            }
            if byte == b'\n' {
                self.line.pop();
                return Ok(true);
            }
            self.line.push(byte);
        }
        Ok(false)
    }

    fn end_line(&mut self) -> Result<State, ChunkError> {
        match self.state {
            State::Size => match chunk_size(&self.line)? {
                0 => Ok(State::Trailer),
                size => Ok(State::Data(size)),
            },
            State::DataEnd if self.line.is_empty() => Ok(State::Size),
            // RFC 9112 §7.1.2: trailers are read over and never merged into the head.
            State::Trailer => {
                self.trailer_bytes += self.line.len();
                match (self.line.is_empty(), self.trailer_bytes > MAX_TRAILER_BYTES) {
                    (true, _) => Ok(State::End),
                    (false, false) => Ok(State::Trailer),
                    (false, true) => Err(ChunkError),
                }
            }
            _ => Err(ChunkError),
        }
    }
}

/// `chunk-size [ chunk-ext ]`: hex digits, at most 16 of them, no sign and no prefix.
fn chunk_size(line: &[u8]) -> Result<u64, ChunkError> {
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let (size, extensions) = line.split_at(digits);
    let extensions = extensions.trim_ascii_start();
    if digits == 0 || digits > 16 || !(extensions.is_empty() || extensions[0] == b';') {
        return Err(ChunkError);
    }
    let text = std::str::from_utf8(size).map_err(|_| ChunkError)?;
    u64::from_str_radix(text, 16).map_err(|_| ChunkError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str, step: usize) -> Result<(String, bool), ChunkError> {
        let (mut decoder, mut body) = (ChunkedDecoder::default(), Vec::new());
        for part in text.as_bytes().chunks(step) {
            let mut input = Bytes::copy_from_slice(part);
            loop {
                match decoder.decode(&mut input)? {
                    Decoded::Data(data) => body.extend_from_slice(&data),
                    Decoded::More => break,
                    Decoded::End => return Ok((String::from_utf8_lossy(&body).into_owned(), true)),
                }
            }
        }
        Ok((String::from_utf8_lossy(&body).into_owned(), false))
    }

    #[test]
    fn http_14_chunks() {
        for step in 1..40 {
            let whole = "5;a=b\r\nhello\r\nA\r\n, worlds!!\r\n000\r\nContent-Length: 9\r\n\r\n";
            assert_eq!(decode(whole, step), Ok(("hello, worlds!!".to_owned(), true)));
            for bad in ["0x5\r\nhello", "-1\r\n", "12345678901234567\r\n", "5\nhello", "5\r\nhelloX\r\n", "\r\n"] {
                assert_eq!(decode(bad, step), Err(ChunkError), "{bad}");
            }
        }
    }
}

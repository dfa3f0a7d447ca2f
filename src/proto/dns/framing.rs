//! DNS messages on a stream: each with its length before it (RFC 1035 section 4.2.2, RFC 7766
//! section 8).

use bytes::{BufMut as _, Bytes, BytesMut};
use thiserror::Error;

/// A message as it stands in a stream; `None` if it is too long for its length to be said.
pub fn frame(message: &[u8]) -> Option<Bytes> {
    let length = u16::try_from(message.len()).ok()?;
    let mut out = BytesMut::with_capacity(2 + message.len());
    out.put_u16(length);
    out.put_slice(message);
    Some(out.freeze())
}

/// A frame without anything in it: nothing that follows can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("a message of no bytes")]
pub struct EmptyFrame;

/// Takes messages out of a stream, however it was cut. Holds at most one message and what came with
/// it, if all there are are taken before more is added.
#[derive(Clone, Debug, Default)]
pub struct Frames(BytesMut);

impl Frames {
    /// More of the stream.
    pub fn push(&mut self, data: &[u8]) {
        self.0.extend_from_slice(data);
    }

    /// The next message, once all of it has come.
    pub fn pop(&mut self) -> Result<Option<Bytes>, EmptyFrame> {
        let Some(length) = self.0.first_chunk::<2>().map(|b| usize::from(u16::from_be_bytes(*b))) else {
            return Ok(None);
        };
        if length == 0 {
            return Err(EmptyFrame);
        }
        if self.0.len() < 2 + length {
            return Ok(None);
        }
        let whole = self.0.split_to(2 + length).freeze();
        Ok(Some(whole.slice(2..)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dnsr_07_messages_come_out_as_they_went_in_however_they_are_cut() {
        let messages: [&[u8]; 3] = [b"a", &[7; 300], &[1; 65_535]];
        let stream: Vec<u8> = messages.iter().flat_map(|m| frame(m).unwrap()).collect();
        for step in [1, 2, 3, 1_000, stream.len()] {
            let (mut frames, mut out) = (Frames::default(), Vec::new());
            for part in stream.chunks(step) {
                frames.push(part);
                out.extend(std::iter::from_fn(|| frames.pop().unwrap()));
            }
            assert_eq!(out, messages, "by {step}");
        }
        assert_eq!(frame(&[0; 65_536]), None);
        let mut frames = Frames::default();
        frames.push(&[0, 1, 9, 0, 0, 0, 1, 9]);
        assert_eq!(frames.pop(), Ok(Some(Bytes::from_static(&[9]))));
        assert_eq!(frames.pop(), Err(EmptyFrame), "a length of zero ends the stream");
    }
}

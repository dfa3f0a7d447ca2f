//! The client's side of one connection: one exchange at a time, request into bytes, response out
//! of bytes.

use std::collections::VecDeque;

use bytes::Bytes;

use super::chunked::{ChunkedDecoder, Decoded};
use super::fields::{content_length, persists};
use super::head::{Head, HeadError, HeadLimits, HeadReader};
use super::request::{Method, Request};
use super::response::{Response, parse_line};
use super::retry::is_idempotent;

/// Interim responses before the final one that are put up with.
const MAX_INTERIM: u32 = 20;

/// Why an exchange failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClientError {
    /// The request cannot be written down.
    #[error("the request cannot be sent as HTTP/1.1")]
    Request,
    /// The response breaks the grammar, or its framing is ambiguous.
    #[error("the response is not valid HTTP/1.1")]
    Malformed,
    /// The head is too large.
    #[error("the response's head is too large")]
    TooLarge,
    /// The connection ended in the middle of the response.
    #[error("the connection ended before the response was complete")]
    Incomplete,
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// The final response's head.
    Head(Response),
    /// More of the body.
    Body(Bytes),
    /// The body is complete.
    Done {
        /// Whether another request may follow on this connection.
        keep_alive: bool,
    },
    /// The exchange failed; the connection is of no more use.
    Failed(ClientError),
}

#[derive(Debug)]
enum State {
    /// No request is under way.
    Idle,
    /// Waiting for a head.
    Head(Method),
    /// In a body of this many bytes more.
    Sized(u64),
    /// In a chunked body.
    Chunked(ChunkedDecoder),
    /// In a body that ends with the connection.
    ToClose,
    /// Of no more use.
    Closed,
}

/// One connection of a client.
#[derive(Debug)]
pub struct ClientConn {
    input: VecDeque<Bytes>,
    output: VecDeque<Bytes>,
    head: HeadReader,
    state: State,
    keep_alive: bool,
    ended: bool,
    interim: u32,
    /// Whether this connection has carried an exchange before.
    reused: bool,
    /// The method under way, and whether any of its response came.
    asked: Option<Method>,
    heard: bool,
}

impl ClientConn {
    /// A fresh connection.
    pub fn new(limits: HeadLimits) -> Self {
        ClientConn {
            input: VecDeque::new(),
            output: VecDeque::new(),
            head: HeadReader::new(limits),
            state: State::Idle,
            keep_alive: true,
            ended: false,
            interim: 0,
            reused: false,
            asked: None,
            heard: false,
        }
    }

    /// Whether a request that failed here may be sent once more on a new connection unasked: the
    /// server may have closed an idle connection just when it was used again (RFC 9112 §9.3.1). Only
    /// for methods that may be repeated, and never twice, since a new connection was not used before.
    pub fn may_retry(&self) -> bool {
        self.reused && !self.heard && self.asked.is_some_and(is_idempotent)
    }

    /// Sends a request without body; only while no other is under way.
    pub fn request(&mut self, request: &Request) -> Result<(), ClientError> {
        let State::Idle = self.state else { return Err(ClientError::Request) };
        let head = request.encode().ok_or(ClientError::Request)?;
        self.output.push_back(Bytes::from(head));
        self.keep_alive = !request.fields.list_has("connection", "close");
        self.interim = 0;
        self.reused = self.asked.is_some();
        (self.asked, self.heard) = (Some(request.method), false);
        self.state = State::Head(request.method);
        Ok(())
    }

    /// The next bytes for the peer.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        self.output.pop_front()
    }

    /// Bytes from the peer.
    pub fn receive(&mut self, data: Bytes) {
        if !data.is_empty() && !matches!(self.state, State::Closed) {
            self.heard = true;
            self.input.push_back(data);
        }
    }

    /// The peer will send nothing more.
    pub fn receive_end(&mut self) {
        self.ended = true;
    }

    /// What there is to tell.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        loop {
            if let State::Sized(0) = self.state {
                return Some(self.done());
            }
            while self.input.front().is_some_and(Bytes::is_empty) {
                self.input.pop_front();
            }
            let Some(input) = self.input.front_mut() else { return self.at_end() };
            match &mut self.state {
                State::Idle | State::Closed => return None,
                State::Head(method) => {
                    let method = *method;
                    match self.head.read(input) {
                        Ok(None) => {}
                        Ok(Some(head)) => match self.open(method, head) {
                            Ok(Some(response)) => return Some(ClientEvent::Head(response)),
                            Ok(None) => {}
                            Err(error) => return Some(self.fail(error)),
                        },
                        Err(HeadError::Malformed) => return Some(self.fail(ClientError::Malformed)),
                        Err(_) => return Some(self.fail(ClientError::TooLarge)),
                    }
                }
                State::Sized(left) => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    *left -= take as u64;
                    return Some(ClientEvent::Body(input.split_to(take)));
                }
                State::Chunked(decoder) => match decoder.decode(input) {
                    Ok(Decoded::Data(data)) => return Some(ClientEvent::Body(data)),
                    Ok(Decoded::More) => {}
                    Ok(Decoded::End) => return Some(self.done()),
                    Err(_) => return Some(self.fail(ClientError::Malformed)),
                },
                State::ToClose => return Some(ClientEvent::Body(std::mem::take(input))),
            }
        }
    }

    /// All input is read: whether its end is the response's end too.
    fn at_end(&mut self) -> Option<ClientEvent> {
        if !self.ended {
            return None;
        }
        match self.state {
            State::Idle | State::Closed => None,
            State::ToClose => Some(self.done()),
            // RFC 9112 §8: a body cut short is an error, not a success.
            State::Head(_) | State::Sized(_) | State::Chunked(_) => Some(self.fail(ClientError::Incomplete)),
        }
    }

    /// RFC 9112 §6.3: how the response's body is framed. `None` for an interim response.
    fn open(&mut self, method: Method, head: Head) -> Result<Option<Response>, ClientError> {
        let (status, http_1_1) = parse_line(&head.line).ok_or(ClientError::Malformed)?;
        if (100..200).contains(&status) {
            self.interim += 1;
            // 101 would be an answer to an Upgrade that was never asked for.
            let tolerated = status != 101 && self.interim <= MAX_INTERIM;
            return if tolerated { Ok(None) } else { Err(ClientError::Malformed) };
        }
        let fields = &head.fields;
        self.keep_alive &= persists(http_1_1, fields);
        let length = content_length(fields).map_err(|_| ClientError::Malformed)?;
        let codings: Vec<_> = fields.list("transfer-encoding").collect();
        self.state = if method == Method::Head || matches!(status, 204 | 304) {
            State::Sized(0)
        } else if fields.has("transfer-encoding") {
            match codings.as_slice() {
                [one] if one.eq_ignore_ascii_case("chunked") && length.is_none() && http_1_1 => {
                    State::Chunked(ChunkedDecoder::default())
                }
                _ => return Err(ClientError::Malformed),
            }
        } else {
            length.map_or(State::ToClose, State::Sized)
        };
        Ok(Some(Response { status, http_1_1, fields: head.fields }))
    }

    fn done(&mut self) -> ClientEvent {
        let keep_alive = self.keep_alive && !self.ended && !matches!(self.state, State::ToClose);
        self.state = if keep_alive { State::Idle } else { State::Closed };
        ClientEvent::Done { keep_alive }
    }

    fn fail(&mut self, error: ClientError) -> ClientEvent {
        self.state = State::Closed;
        self.input.clear();
        ClientEvent::Failed(error)
    }
}

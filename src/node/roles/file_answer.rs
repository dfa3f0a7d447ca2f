//! The answer to a request for a file: whole, a part, several parts, or only that nothing changed.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;

use super::files::File;
use crate::proto::http::condition::{Validators, Verdict, range_counts, verdict};
use crate::proto::http::date;
use crate::proto::http::digest::repr_digest;
use crate::proto::http::fields::{InvalidField, hex};
use crate::proto::http::range::{Part, Wanted, wanted};
use crate::proto::http::request::Request;
use crate::proto::http::response::Response;

/// A stretch of a response's body.
#[derive(Debug)]
pub(super) enum Piece {
    /// These bytes.
    Text(Bytes),
    /// Bytes of a file, from the first number up to the second.
    File(Rc<File>, u64, u64),
}

impl Piece {
    fn bytes(&self) -> u64 {
        match self {
            Piece::Text(text) => text.len() as u64,
            Piece::File(_, from, to) => to - from,
        }
    }
}

/// A response before it is written down. Without a body, the server's own words take its place.
#[derive(Debug)]
pub(super) struct FileAnswer {
    pub(super) head: Response,
    /// `None` where a status and a line of text are all there is to say.
    pub(super) body: Option<VecDeque<Piece>>,
}

impl FileAnswer {
    /// How long the body is.
    pub(super) fn length(&self) -> u64 {
        self.body.iter().flatten().map(Piece::bytes).sum()
    }
}

/// What to answer to a GET or HEAD of this file. `start` is when the run began: files without a time
/// of their own are as old as the run.
pub(super) fn answer(request: &Request, file: &Rc<File>, start: u64, now: u64) -> Result<FileAnswer, InvalidField> {
    let etag = file.etag();
    // RFC 9110 §8.8.2.1: nothing was changed later than now.
    let modified = file.modified().unwrap_or(start).min(now);
    let have = Validators { etag: &etag, modified, now };
    match verdict(request.method, &request.fields, have) {
        Verdict::NotModified => {
            return Ok(FileAnswer { head: head(304, file, &etag, modified)?, body: Some(VecDeque::new()) });
        }
        Verdict::Failed => return Ok(FileAnswer { head: Response::new(412), body: None }),
        Verdict::Perform => {}
    }
    let range = request.fields.single("range").filter(|_| range_counts(request.method, &request.fields, have));
    let asked = range.map_or(Wanted::Whole, |field| wanted(field, file.len()));
    let mut body = VecDeque::new();
    let mut response = match &asked {
        Wanted::Nothing => {
            let mut head = Response::new(416);
            head.fields.push("Content-Range", format!("bytes */{}", file.len()))?;
            return Ok(FileAnswer { head, body: None });
        }
        Wanted::Whole => {
            body.push_back(Piece::File(file.clone(), 0, file.len()));
            head(200, file, &etag, modified)?
        }
        Wanted::Parts(_) => head(206, file, &etag, modified)?,
    };
    let content_type = file.content_type();
    match asked {
        Wanted::Parts(parts) if parts.len() > 1 => {
            let boundary = format!("twinwire-{}", hex(&file.sha256()[16..]));
            response.fields.push("Content-Type", format!("multipart/byteranges; boundary={boundary}"))?;
            for part in parts {
                let range = part.content_range(file.len());
                let text =
                    format!("\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {range}\r\n\r\n");
                body.push_back(Piece::Text(Bytes::from(text)));
                body.push_back(piece(file, part));
            }
            body.push_back(Piece::Text(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
        }
        Wanted::Parts(parts) => {
            response.fields.push("Content-Type", content_type)?;
            for part in parts {
                response.fields.push("Content-Range", part.content_range(file.len()))?;
                body.push_back(piece(file, part));
            }
        }
        Wanted::Whole | Wanted::Nothing => response.fields.push("Content-Type", content_type)?,
    }
    Ok(FileAnswer { head: response, body: Some(body) })
}

fn piece(file: &Rc<File>, part: Part) -> Piece {
    Piece::File(file.clone(), part.first, part.last + 1)
}

/// What every answer about a file says; a 304 too (RFC 9110 §15.4.5).
fn head(status: u16, file: &File, etag: &str, modified: u64) -> Result<Response, InvalidField> {
    let mut head = Response::new(status);
    head.fields.push("ETag", etag)?;
    head.fields.push("Last-Modified", date::format(modified))?;
    head.fields.push("Accept-Ranges", "bytes")?;
    if status != 304 {
        head.fields.push("X-Content-Type-Options", "nosniff")?;
        // Of the whole file, whatever part of it is sent (RFC 9530 §3).
        head.fields.push("Repr-Digest", repr_digest(file.sha256()))?;
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(fields: &[(&str, &str)]) -> FileAnswer {
        let mut request = Request::get("h", "/f");
        fields.iter().for_each(|(name, value)| request.fields.push(name, value).unwrap());
        answer(&request, &Rc::new(File::generated("f.mp4", 4096)), 1_000, 5_000).unwrap()
    }

    fn field(answer: &FileAnswer, name: &'static str) -> String {
        answer.head.fields.single(name).unwrap_or_default().to_owned()
    }

    #[test]
    fn http_28_29_one_range_none_and_none_that_counts() {
        let part = ask(&[("Range", "bytes=0-1023")]);
        assert_eq!((part.head.status, part.length()), (206, 1024));
        assert_eq!(field(&part, "content-range"), "bytes 0-1023/4096");
        assert_eq!((field(&part, "accept-ranges"), field(&part, "content-type")), ("bytes".into(), "video/mp4".into()));
        let all = ask(&[("Range", "bytes=0-")]);
        assert_eq!((all.head.status, all.length()), (206, 4096));
        let none = ask(&[("Range", "bytes=4096-")]);
        assert_eq!((none.head.status, field(&none, "content-range")), (416, "bytes */4096".to_owned()));
        assert!(none.body.is_none());
        for ignored in ["bytes=5-4", "items=0-1"] {
            let whole = ask(&[("Range", ignored)]);
            assert_eq!((whole.head.status, whole.length()), (200, 4096));
        }
    }

    #[test]
    fn http_30_two_ranges_are_two_parts() {
        let answer = ask(&[("Range", "bytes=0-0,-1")]);
        assert_eq!(answer.head.status, 206);
        let kind = field(&answer, "content-type");
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap().to_owned();
        assert_eq!(field(&answer, "content-range"), "", "the parts have their own");
        let whole = File::generated("f.mp4", 4096).chunk(0, 4096);
        let (length, mut body) = (answer.length(), Vec::new());
        for piece in answer.body.unwrap() {
            match piece {
                Piece::Text(text) => body.extend_from_slice(&text),
                Piece::File(file, from, to) => body.extend_from_slice(&file.chunk(from, (to - from) as usize)),
            }
        }
        let mut expected = Vec::new();
        for (range, byte) in [("0-0", whole[0]), ("4095-4095", whole[4095])] {
            let head =
                format!("\r\n--{boundary}\r\nContent-Type: video/mp4\r\nContent-Range: bytes {range}/4096\r\n\r\n");
            expected.extend_from_slice(head.as_bytes());
            expected.push(byte);
        }
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert_eq!((body.len() as u64, body), (length, expected));
    }

    #[test]
    fn http_35_a_304_has_no_body_and_says_what_it_is_about() {
        let etag = field(&ask(&[]), "etag");
        let answer = ask(&[("If-None-Match", &etag), ("Range", "bytes=0-1")]);
        assert_eq!((answer.head.status, answer.length(), field(&answer, "etag")), (304, 0, etag.clone()));
        assert_eq!(field(&answer, "last-modified"), "Thu, 01 Jan 1970 00:16:40 GMT");
        assert_eq!(ask(&[("If-Match", "\"other\"")]).head.status, 412);
        assert_eq!(ask(&[("Range", "bytes=0-1"), ("If-Range", "\"other\"")]).head.status, 200);
        assert_eq!(ask(&[("Range", "bytes=0-1"), ("If-Range", &etag)]).head.status, 206);
    }
}

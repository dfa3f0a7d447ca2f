//! Scripts for the byte-level door, one step a line, in the notation of packet traces:
//!
//! ```text
//! listen                          accept | connect | write 100 | read 100 | finish | close | abort
//! < S 0:0(0) win 1000 <mss 1460>  a segment arrives; its numbers count from the initial ones
//! > S. 0:0(0) ack 1               the next segment that leaves: what is written must be so
//! silent                          nothing more has left
//! +40ms silent                    so much later; what leaves meanwhile waits in line
//! +1s > . 1:1001(1000) ack 1      a segment that leaves exactly then
//! state ESTABLISHED               unread 5 | end reset | wnd 1000 | una 1001 | timeout 1s
//! ```
//!
//! Data is a function of its place in the stream, so that every byte is compared on its way. A flag
//! set is written as `S`, `F`, `R`, `P`, `.` (ACK), `U` in that order, or `-`; P is compared only if
//! the script names it. Every script runs twice, the second time across the wrap of both sequences.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use twinwire::base::rng::Seed;
use twinwire::base::time::{Duration, Instant};
use twinwire::transport::endpoint::ConnId;
use twinwire::transport::tcp::{TcpConfig, TcpDoor};
use twinwire::wire::tcp::{TcpFlags, TcpOptions, TcpSegment};

pub(crate) const OURS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 80);
pub(crate) const THEIRS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 5000);
/// Our timestamp at time 0.
const CLOCK: u32 = 1_000_000;

/// A passive open with a peer of MSS 1000 and a window of 65,535.
pub(crate) const OPEN: &str = "
    listen
    < S 0:0(0) win 65535 <mss 1000>
    > S. 0:0(0) ack 1
    < . 1:1(0) ack 1 win 65535
    silent
    accept
";

/// The byte at this place of a stream, the SYN being 0.
pub(crate) fn byte(place: i64) -> u8 {
    (place * 31 + place / 251) as u8
}

struct Play {
    door: TcpDoor,
    config: TcpConfig,
    now: Instant,
    conn: Option<ConnId>,
    iss: (u32, u32),
    left: VecDeque<(Instant, TcpSegment)>,
    written: i64,
    read: i64,
}

/// Runs a script with and without wrapping numbers.
#[track_caller]
pub(crate) fn run(config: &TcpConfig, script: &str) {
    for iss in [(5_000, 900_000), (u32::MAX - 700, u32::MAX - 1500)] {
        run_with(config, iss, script);
    }
}

/// Runs a script with these initial numbers, ours and the peer's.
#[track_caller]
pub(crate) fn run_with(config: &TcpConfig, iss: (u32, u32), script: &str) {
    let door = TcpDoor::new(Seed(1)).with_iss(iss.0).with_timestamp_offset(CLOCK);
    let now = Instant::ZERO;
    let config = config.clone();
    let mut play = Play { door, config, now, conn: None, iss, left: VecDeque::new(), written: 0, read: 0 };
    for line in script.lines().map(|l| l.split('#').next().unwrap_or("").trim()).filter(|l| !l.is_empty()) {
        if let Err(why) = play.step(line) {
            panic!("{why}\n  in: {line}\n  at {:?} with numbers from {iss:?} of\n{script}", play.now);
        }
    }
}

type Done = Result<(), String>;

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, should: T) -> Done {
    if is == should { Ok(()) } else { Err(format!("{what} is {is:?} and should be {should:?}")) }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("{word} is no number"))
}

fn duration(word: &str) -> Result<Duration, String> {
    let at = word.find(|c: char| c.is_alphabetic()).ok_or("a time needs a unit")?;
    let n = number(&word[..at])?;
    match &word[at..] {
        "s" => Ok(Duration::from_secs(n)),
        "ms" => Ok(Duration::from_millis(n)),
        unit => Err(format!("unit {unit}")),
    }
}

impl Play {
    fn step(&mut self, line: &str) -> Done {
        let mut line = line;
        let mut moved = false;
        if let Some(rest) = line.strip_prefix('+') {
            let (wait, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            self.wait_until(self.now + duration(wait)?);
            (line, moved) = (rest.trim(), true);
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "" => Ok(()),
            "<" => self.arrive(rest),
            ">" => self.expect(rest, moved),
            "silent" => same("what left", self.left.pop_front(), None),
            _ => self.act(verb, rest),
        }
    }

    fn act(&mut self, verb: &str, rest: &str) -> Done {
        match verb {
            "listen" => self.door.listen(OURS.port(), &self.config).map_err(|e| e.to_string())?,
            "connect" => {
                let conn = self.door.connect(self.now, OURS, THEIRS, &self.config);
                self.conn = Some(conn.map_err(|e| e.to_string())?);
            }
            "accept" => {
                let (conn, peer) = self.door.accept(OURS.port()).ok_or("nobody to accept")?;
                self.conn = Some(conn);
                same("the peer", peer, THEIRS)?;
            }
            "write" => {
                let n: i64 = number(rest)?;
                let data: Vec<u8> = (0..n).map(|i| byte(1 + self.written + i)).collect();
                let conn = self.conn()?;
                same("bytes taken", self.door.write(conn, data) as i64, n)?;
                self.written += n;
            }
            "read" => {
                let (mut left, conn): (i64, _) = (number(rest)?, self.conn()?);
                if left == 0 {
                    same("what is read at the end", self.door.read(conn, 1).map(|d| d.len()), Some(0))?;
                }
                while left > 0 {
                    let data = self.door.read(conn, left as usize).filter(|d| !d.is_empty());
                    let data = data.ok_or_else(|| format!("{left} bytes are missing"))?;
                    for &b in data.iter() {
                        self.read += 1;
                        same("a byte", b, byte(self.read))?;
                    }
                    left -= data.len() as i64;
                }
            }
            "finish" => self.door.finish(self.conn()?),
            "close" => self.door.close(self.conn()?),
            "abort" => self.door.abort(self.conn()?),
            "unread" => same("unread", self.door.readable(self.conn()?), number(rest)?)?,
            "end" => {
                let end = self.door.end(self.conn()?).map(|e| format!("{e:?}").to_lowercase());
                same("the end", end.as_deref().unwrap_or("none"), rest)?;
            }
            "state" => {
                let conn = self.conn.or_else(|| self.door.find(OURS, THEIRS));
                let state = conn.and_then(|c| self.door.snapshot(c)).map_or("none", |s| s.state);
                same("the state", state, rest)?;
            }
            "timeout" => {
                let at = self.door.next_timeout().map(|at| at.since(self.now));
                same("the next timeout", at, if rest == "none" { None } else { Some(duration(rest)?) })?;
            }
            field => {
                let s = self.door.snapshot(self.conn()?).ok_or("no connection")?;
                let is = match field {
                    "wnd" => s.snd_wnd,
                    "cwnd" => s.cwnd,
                    "smss" => s.smss,
                    "flight" => s.flight,
                    "una" => u64::from(s.snd_una.wrapping_sub(self.iss.0)),
                    "rcv" => u64::from(s.rcv_nxt.wrapping_sub(self.iss.1)),
                    _ => return Err(format!("no such step: {field}")),
                };
                same(field, is, number(rest)?)?;
            }
        }
        self.collect();
        Ok(())
    }

    fn conn(&self) -> Result<ConnId, String> {
        self.conn.ok_or_else(|| "no connection yet".to_owned())
    }

    fn collect(&mut self) {
        while let Some((src, dst, bytes)) = self.door.segment_out(self.now) {
            let s = TcpSegment::parse(src, dst, &bytes).expect("what leaves can be read");
            let place = i64::from(s.seq.wrapping_sub(self.iss.0) as i32);
            for (i, &b) in s.payload.iter().enumerate() {
                assert_eq!(b, byte(place + i as i64), "a byte that leaves");
            }
            self.left.push_back((self.now, s));
        }
    }

    fn wait_until(&mut self, end: Instant) {
        while let Some(at) = self.door.next_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.door.handle_timeout(at);
            self.collect();
        }
        self.now = end;
    }

    fn arrive(&mut self, text: &str) -> Done {
        let w = Written::read(text)?;
        let ack = w.ack.map_or(0, |n| self.iss.0.wrapping_add(n as u32));
        let flags = w.flags;
        if flags.ack != w.ack.is_some() {
            return Err("a . wants an ack, and nothing else does".to_owned());
        }
        let mut options = w.options;
        for block in options.sack.iter_mut() {
            *block = (self.iss.0.wrapping_add(block.0), self.iss.0.wrapping_add(block.1));
        }
        options.timestamps = options.timestamps.map(|(value, echo)| (value, echo.wrapping_add(CLOCK)));
        let first = w.seq + i64::from(flags.syn);
        let s = TcpSegment {
            src_port: THEIRS.port(),
            dst_port: OURS.port(),
            seq: self.iss.1.wrapping_add(w.seq as u32),
            ack,
            flags,
            window: w.window.unwrap_or(65_535),
            urgent: w.urgent,
            options,
            payload: (0..w.len).map(|i| byte(first + i)).collect(),
        };
        let mut bytes = Vec::new();
        s.encode(*THEIRS.ip(), *OURS.ip(), &mut bytes);
        self.door.segment_in(self.now, *THEIRS.ip(), *OURS.ip(), &bytes).map_err(|e| e.to_string())?;
        self.collect();
        Ok(())
    }

    fn expect(&mut self, text: &str, now: bool) -> Done {
        let w = Written::read(text)?;
        let (at, s) = self.left.pop_front().ok_or("nothing has left")?;
        let shown = |s: &TcpSegment| format!("{s:?}");
        let check = || {
            let mut flags = s.flags;
            flags.psh &= w.flags.psh;
            same("the flags", flags, w.flags)?;
            same("seq", i64::from(s.seq.wrapping_sub(self.iss.0) as i32), w.seq)?;
            same("the length", s.payload.len() as i64, w.len)?;
            if let Some(ack) = w.ack {
                same("ack", i64::from(s.ack.wrapping_sub(self.iss.1) as i32), ack)?;
            }
            if let Some(window) = w.window {
                same("the window", s.window, window)?;
            }
            if let Some((value, echo)) = w.options.timestamps {
                same("TS", s.options.timestamps.map(|t| (t.0.wrapping_sub(CLOCK), t.1)), Some((value, echo)))?;
            }
            if w.only_options {
                same("mss", s.options.mss, w.options.mss)?;
                same("ws", s.options.window_scale, w.options.window_scale)?;
                same("sackOK", s.options.sack_permitted, w.options.sack_permitted)?;
                same("TS", s.options.timestamps.is_some(), w.options.timestamps.is_some())?;
                let sack: Vec<_> = s
                    .options
                    .sack
                    .iter()
                    .map(|b| (b.0.wrapping_sub(self.iss.1), b.1.wrapping_sub(self.iss.1)))
                    .collect();
                same("sack", sack, w.options.sack.to_vec())?;
            }
            if now { same("the time", at, self.now) } else { Ok(()) }
        };
        check().map_err(|why| format!("{why}: {}", shown(&s)))
    }
}

/// One segment as the script writes it.
struct Written {
    flags: TcpFlags,
    seq: i64,
    len: i64,
    ack: Option<i64>,
    window: Option<u16>,
    urgent: u16,
    options: TcpOptions,
    only_options: bool,
}

impl Written {
    fn read(text: &str) -> Result<Written, String> {
        let (head, options) = match text.split_once('<') {
            Some((head, options)) => (head, Some(options.trim_end_matches('>'))),
            None => (text, None),
        };
        let mut words = head.split_whitespace();
        let letters = words.next().ok_or("no flags")?;
        let on = |c| letters.contains(c);
        let flags = TcpFlags { fin: on('F'), syn: on('S'), rst: on('R'), psh: on('P'), ack: on('.'), urg: on('U') };
        let range = words.next().ok_or("no numbers")?;
        let (seq, rest) = range.split_once(':').ok_or("numbers are first:next(bytes)")?;
        let (end, len) = rest.trim_end_matches(')').split_once('(').ok_or("numbers are first:next(bytes)")?;
        let (seq, end, len): (i64, i64, i64) = (number(seq)?, number(end)?, number(len)?);
        same("the end of the range", end, seq + len)?;
        let (options, only_options) = (read_options(options.unwrap_or(""))?, options.is_some());
        let mut w = Written { flags, seq, len, ack: None, window: None, urgent: 0, options, only_options };
        while let Some(word) = words.next() {
            let value = words.next().ok_or("a word without its number")?;
            match word {
                "ack" => w.ack = Some(number(value)?),
                "win" => w.window = Some(number(value)?),
                "urg" => w.urgent = number(value)?,
                other => return Err(format!("what is {other}?")),
            }
        }
        Ok(w)
    }
}

fn read_options(text: &str) -> Result<TcpOptions, String> {
    let mut o = TcpOptions::default();
    for option in text.split(',').filter(|o| !o.trim().is_empty()) {
        let words: Vec<&str> = option.split_whitespace().collect();
        match words[..] {
            ["mss", n] => o.mss = Some(number(n)?),
            ["ws", n] => o.window_scale = Some(number(n)?),
            ["sackOK"] => o.sack_permitted = true,
            ["TS", value, echo] => o.timestamps = Some((number(value)?, number(echo)?)),
            ["sack", ref blocks @ ..] => {
                for block in blocks {
                    let (a, b) = block.split_once(':').ok_or("a block is left:right")?;
                    o.sack.extend([(number(a)?, number(b)?)]);
                }
            }
            _ => return Err(format!("what option is {option}?")),
        }
    }
    Ok(o)
}

//! The lease file: one line for every change of a lease, written before the client hears of it, so
//! that a server that dies at any moment still knows what it promised.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use super::{ClientKey, Use};
use crate::base::time::Instant;
use crate::base::wall::WallClock;

/// A change of one address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseRecord {
    /// Which.
    pub address: Ipv4Addr,
    pub(super) client: ClientKey,
    pub(super) used: Use,
    /// When this ends.
    pub until: Instant,
}

const WORDS: [(Use, &str); 3] = [(Use::Bound, "bound"), (Use::Declined, "declined"), (Use::Released, "released")];

impl LeaseRecord {
    /// One line of a lease file, with its end: `bound 10.0.0.10 hw:01020000000001 946688400000000000`,
    /// the last number being nanoseconds since 1970.
    pub fn to_line(&self, wall: WallClock) -> String {
        let word = WORDS.iter().find(|(used, _)| *used == self.used).map_or("offered", |(_, word)| word);
        let kind = if self.client.0 { "id" } else { "hw" };
        let mut line = format!("{word} {} {kind}:", self.address);
        for byte in &self.client.1 {
            let _ = write!(line, "{byte:02x}");
        }
        let _ = writeln!(line, " {}", wall.unix_nanos(self.until));
        line
    }

    /// The record in a line; `None` for what is none, such as a line that was cut off.
    pub fn from_line(line: &str, wall: WallClock) -> Option<Self> {
        let words: Vec<&str> = line.strip_suffix('\n')?.split(' ').collect();
        let [word, address, client, until] = words.as_slice() else { return None };
        let used = WORDS.iter().find(|(_, w)| w == word)?.0;
        let (kind, digits) = client.split_once(':')?;
        let by_id = match kind {
            "id" => true,
            "hw" => false,
            _ => return None,
        };
        let even = digits.len() % 2 == 0 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        let client = even.then(|| (0..digits.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>())??;
        let until = wall.instant(until.parse().ok()?);
        Some(LeaseRecord { address: address.parse().ok()?, client: (by_id, client), used, until })
    }
}

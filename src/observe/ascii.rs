//! Numbers as text, written fast: a full recording writes some ten of them for every packet-hop,
//! which `format!` would make dearer than the run itself.

use crate::base::time::{Instant, NANOS_PER_SEC};

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
    2021222324252627282930313233343536373839\
    4041424344454647484950515253545556575859\
    6061626364656667686970717273747576777879\
    8081828384858687888990919293949596979899";

/// Digits of the largest number.
const DIGITS: usize = 20;

/// Appends a whole number.
#[inline]
pub fn number(out: &mut Vec<u8>, mut value: u64) {
    if value < 10 {
        return out.push(b'0' + value as u8);
    }
    let mut digits = [0; DIGITS];
    let mut start = DIGITS;
    while value >= 100 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if value >= 10 {
        let pair = value as usize * 2;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        start -= 1;
        digits[start] = b'0' + value as u8;
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends nanoseconds as decimal seconds, exact, without trailing zeros: `0.0503`.
pub fn seconds(out: &mut Vec<u8>, nanos: u64) {
    number(out, nanos / NANOS_PER_SEC);
    let mut part = (nanos % NANOS_PER_SEC) as u32;
    if part == 0 {
        return;
    }
    let mut digits = *b".000000000";
    let last = (part % 10) as u8;
    part /= 10;
    digits[9] += last;
    for place in [7, 5, 3, 1] {
        let pair = (part % 100) as usize * 2;
        part /= 100;
        digits[place..place + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    let end = digits.iter().rposition(|d| *d != b'0').map_or(0, |last| last + 1);
    out.extend_from_slice(&digits[..end]);
}

/// The text of the newest instant: several records in a row have the same.
#[derive(Clone, Debug, Default)]
pub struct Stamp {
    at: Option<Instant>,
    text: Vec<u8>,
}

impl Stamp {
    /// Appends `at` in seconds.
    #[inline]
    pub fn append(&mut self, out: &mut Vec<u8>, at: Instant) {
        if self.at != Some(at) {
            self.at = Some(at);
            self.text.clear();
            seconds(&mut self.text, at.as_nanos());
        }
        out.extend_from_slice(&self.text);
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

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_and_times_are_what_display_makes_of_them() {
        let mut values = vec![0, 9, 10, 99, 100, 101, 1_000_000_000, 50_300_000, 1, u64::MAX];
        values.extend((0..64).flat_map(|shift| [1 << shift, (1 << shift) - 1]));
        let mut stamp = Stamp::default();
        for value in values {
            assert_eq!(text(|out| number(out, value)), value.to_string());
            assert_eq!(text(|out| seconds(out, value)), Duration::from_nanos(value).to_string());
            let at = Instant::from_nanos(value);
            assert_eq!(text(|out| [0; 2].iter().for_each(|_| stamp.append(out, at))), format!("{at}{at}"));
        }
    }

    #[test]
    fn a_field_of_a_csv_file_is_quoted_where_it_must_be() {
        for name in ["a--b", "a,b", "say \"a\"", "two\nlines", ""] {
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.write_record(["x", name]).unwrap();
            let line = String::from_utf8(csv.into_inner().unwrap()).unwrap();
            assert_eq!(format!("x,{}\n", text(|out| csv_field(out, name))), line);
        }
    }
}

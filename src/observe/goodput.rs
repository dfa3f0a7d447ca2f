//! Goodput of flows: payload that was delivered, in bins of one width for the whole run.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use super::ascii::{Names, csv_field};
use super::files::Lines;
use crate::base::time::{Duration, Instant};

/// The goodput of a run.
#[derive(Clone, Debug)]
pub struct Goodput {
    pub(super) width: Duration,
    /// By flow, from its first byte to its last: the number of a bin, and bytes.
    pub(super) flows: BTreeMap<Arc<str>, Vec<(u64, u64)>>,
}

impl Goodput {
    /// By flow: where a bin begins, and bits per second in it.
    pub fn by_flow(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = (Instant, u64)>)> {
        let point = |(bin, bytes): &(u64, u64)| (self.begin(*bin), self.bps(*bytes));
        self.flows.iter().map(move |(name, bins)| (&**name, bins.iter().map(point)))
    }

    fn begin(&self, bin: u64) -> Instant {
        Instant::ZERO + self.width * bin
    }

    fn bps(&self, bytes: u64) -> u64 {
        let bps = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(self.width.as_nanos());
        u64::try_from(bps).unwrap_or(u64::MAX)
    }

    /// Writes `throughput.csv`, in the order of time, then of flows.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let (mut names, mut rows) = (Names::<48>::default(), Vec::new());
        for (name, bins) in &self.flows {
            let mut field = vec![b','];
            csv_field(&mut field, name);
            field.push(b',');
            let rank = names.push(&field);
            rows.extend(bins.iter().map(|(bin, bytes)| (*bin, rank, *bytes)));
        }
        rows.sort();
        let mut lines = Lines::new(out);
        lines.text(b"time_s,flow,goodput_bps\n");
        for (bin, rank, bytes) in rows {
            let mut row = lines.row();
            row.seconds(self.begin(bin).as_nanos());
            if names.are_short() {
                row.name(&names, rank);
            } else {
                let length = row.length();
                lines.end(length);
                lines.text(&names.whole(rank));
                row = lines.row();
            }
            row.number(self.bps(bytes));
            row.byte(b'\n');
            let length = row.length();
            lines.end(length);
        }
        lines.finish()
    }
}

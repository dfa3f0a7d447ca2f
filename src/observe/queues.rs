//! `queue.csv`: a row whenever a queue is seen longer or shorter than before, written as it happens.

use std::io::{self, Write};

use crate::base::note::{Depth, Place};
use crate::base::time::Instant;

use super::ascii::{Names, Stamp, csv_field};
use super::files::{Lines, Scratch, Spool};
use super::places::Places;
use super::tails::Tail;

/// Watches every queue.
pub struct Queues {
    /// For each direction of a link, its queue.
    seen: Vec<Seen>,
    changes: Scratch<2>,
    /// For each place that is a link's, `,a--b,forward,`.
    columns: Names,
    nodes: u32,
    out: Lines,
}

#[derive(Clone, Default)]
struct Seen {
    now: Option<Depth>,
    longest: u32,
    last: Instant,
}

/// What is known of the queues when the run is over.
pub struct Depths {
    changes: Scratch<2>,
    queues: Vec<QueueSeen>,
}

/// One queue of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSeen {
    /// The link and the direction: `a--b forward`.
    pub name: String,
    /// Its rank among all queues of the run.
    pub rank: u32,
    /// The most packets that waited in it.
    pub longest: u32,
    /// When it changed for the last time.
    pub last: Instant,
}

impl Depths {
    /// The queues that were ever looked at.
    pub fn queues(&self) -> &[QueueSeen] {
        &self.queues
    }

    /// Hands over every row of `queue.csv`: when, the queue's rank, and the packets in it.
    ///
    /// # Errors
    /// When the scratch file fails.
    pub fn each(&mut self, mut take: impl FnMut(Instant, u32, u32)) -> io::Result<()> {
        self.changes.each(|&[at, change]| take(Instant::from_nanos(at), (change >> 32) as u32, change as u32))
    }
}

impl Queues {
    /// Rows go to `out`, in large pieces.
    pub fn new(places: &Places, out: Box<dyn Write>, changes: Box<dyn Spool>) -> Self {
        let mut columns = Names::default();
        let mut field = Vec::new();
        for place in places.nodes..places.names.len() as u32 {
            let (link, direction) = places.link(Place(place)).map_or(("?", "?"), |(l, d)| (l, d.name()));
            field.clear();
            csv_field(&mut field, link);
            columns.push(&[b",", &field[..], b",", direction.as_bytes(), b","].concat());
        }
        let mut out = Lines::new(out);
        out.text(b"time_s,link,direction,packets,bytes\n");
        let seen = vec![Seen::default(); places.names.len().saturating_sub(places.nodes as usize)];
        Queues { seen, changes: Scratch::new(changes), columns, nodes: places.nodes, out }
    }

    /// The queue of a link at this moment. If it was another one before, its rank, for [`Queues::row`].
    #[inline(always)]
    pub(super) fn see(&mut self, at: Instant, place: Place, depth: Depth) -> Option<u32> {
        // A node has no queue.
        let rank = place.0.checked_sub(self.nodes)?;
        let seen = self.seen.get_mut(rank as usize)?;
        if seen.now == Some(depth) {
            return None;
        }
        *seen = Seen { now: Some(depth), longest: seen.longest.max(depth.packets), last: at };
        self.changes.push([at.as_nanos(), u64::from(rank) << 32 | u64::from(depth.packets)]);
        Some(rank)
    }

    /// The row of a change: when, and the queue's text.
    #[inline(always)]
    pub(super) fn row(&mut self, rank: u32, stamp: &Stamp, depth: &Tail) {
        let mut row = self.out.row();
        row.stamp(stamp);
        if !self.columns.are_short() {
            let length = row.length();
            self.out.end(length);
            self.out.text(&self.columns.whole(rank as usize));
            row = self.out.row();
        } else {
            row.name(&self.columns, rank as usize);
        }
        depth.end_row(&mut row);
        let length = row.length();
        self.out.end(length);
    }

    /// Flushes; what is left is for the picture.
    pub fn finish(self, places: &Places) -> io::Result<Depths> {
        self.out.finish()?;
        let name = |rank: u32| match places.link(Place(self.nodes + rank)) {
            Some((link, direction)) => format!("{link} {}", direction.name()),
            None => "?".to_owned(),
        };
        let seen = (0..).zip(&self.seen).filter(|(_, seen)| seen.now.is_some());
        let queues = seen.map(|(rank, s)| QueueSeen { name: name(rank), rank, longest: s.longest, last: s.last });
        Ok(Depths { queues: queues.collect(), changes: self.changes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Duration;
    use crate::observe::tails::Tails;
    use crate::observe::test_file::TestFile;

    #[test]
    fn a_queue_has_a_row_for_each_change() {
        let names = ["phone", "store", "phone--store/forward", "phone--store/reverse"].map(String::from).to_vec();
        let file = TestFile::default();
        let places = Places { names, nodes: 2 };
        let mut queues = Queues::new(&places, Box::new(file.clone()), Box::new(io::Cursor::new(Vec::new())));
        let (mut stamp, mut tails) = (Stamp::default(), Tails::default());
        for (ms, place, packets) in [(1, 2, 1), (2, 2, 1), (2, 0, 5), (3, 2, 0)] {
            let queue = Depth { packets, bytes: u64::from(packets) * 1500 };
            let at = Instant::ZERO + Duration::from_millis(ms);
            stamp.set(at);
            if let Some(rank) = queues.see(at, Place(place), queue) {
                queues.row(rank, &stamp, tails.of(1500, queue));
            }
        }
        let mut depths = queues.finish(&places).unwrap();
        assert_eq!(
            String::from_utf8(file.0.take()).unwrap(),
            "time_s,link,direction,packets,bytes\n\
             0.001,phone--store,forward,1,1500\n0.003,phone--store,forward,0,0\n"
        );
        let at = |ms| Instant::ZERO + Duration::from_millis(ms);
        let name = "phone--store forward".to_owned();
        assert_eq!(depths.queues(), [QueueSeen { name, rank: 0, longest: 1, last: at(3) }]);
        let mut changes = Vec::new();
        depths.each(|at, queue, packets| changes.push((at, queue, packets))).unwrap();
        assert_eq!(changes, [(at(1), 0, 1), (at(3), 0, 0)]);
    }
}

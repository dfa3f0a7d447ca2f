//! `queue.csv`: a row whenever a queue is seen longer or shorter than before, written as it happens.

use std::io::{self, Write};

use crate::base::note::{Depth, Note, Place, Record, Sink};
use crate::base::time::Instant;

use super::ascii::{Stamp, csv_field, number};
use super::files::Lines;
use super::places::Places;

/// Watches every queue.
pub struct Queues {
    /// For each place, its queue as it was last seen, and the columns that name it.
    links: Vec<Option<Link>>,
    stamp: Stamp,
    out: Lines,
}

struct Link {
    seen: Option<Depth>,
    /// `,a--b,forward,`
    columns: Box<[u8]>,
}

impl Queues {
    /// Rows go to `out`, in large pieces.
    pub fn new(places: &Places, out: Box<dyn Write>) -> Self {
        let link = |place: usize| {
            let (link, direction) = places.link(Place(place as u32))?;
            let mut columns = vec![b','];
            csv_field(&mut columns, link);
            columns.extend([b",", direction.name().as_bytes(), b","].concat());
            Some(Link { seen: None, columns: columns.into() })
        };
        let mut out = Lines::new(out);
        out.text.extend_from_slice(b"time_s,link,direction,packets,bytes\n");
        Queues { links: (0..places.names.len()).map(link).collect(), stamp: Stamp::default(), out }
    }

    #[inline]
    fn seen(&mut self, at: Instant, place: Place, depth: Depth) {
        let Some(Some(link)) = self.links.get_mut(place.0 as usize) else { return };
        if link.seen == Some(depth) {
            return;
        }
        link.seen = Some(depth);
        let row = &mut self.out.text;
        self.stamp.append(row, at);
        row.extend_from_slice(&link.columns);
        number(row, u64::from(depth.packets));
        row.push(b',');
        number(row, depth.bytes);
        row.push(b'\n');
        self.out.spill();
    }

    /// Flushes, and says whether everything could be written.
    pub fn finish(self) -> io::Result<()> {
        self.out.finish()
    }
}

impl Sink for Queues {
    #[inline]
    fn record(&mut self, record: &Record) {
        if let Note::PacketSent { queue, .. }
        | Note::PacketDelivered { queue, .. }
        | Note::PacketDropped { queue, .. } = &record.note
        {
            self.seen(record.at, record.place, *queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{NodeId, PacketId};
    use crate::base::time::Duration;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// A file that a test can look into.
    #[derive(Clone, Default)]
    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_queue_has_a_row_for_each_change() {
        let names = ["phone", "store", "phone--store/forward", "phone--store/reverse"].map(String::from).to_vec();
        let file = Shared::default();
        let mut queues = Queues::new(&Places { names, nodes: 2 }, Box::new(file.clone()));
        for (ms, place, packets) in [(1, 2, 1), (2, 2, 1), (2, 0, 5), (3, 2, 0)] {
            let queue = Depth { packets, bytes: u64::from(packets) * 1500 };
            let packet = PacketId { origin: NodeId(0), number: 1 };
            let at = Instant::ZERO + Duration::from_millis(ms);
            queues.record(&Record { at, place: Place(place), note: Note::PacketSent { packet, bytes: 1500, queue } });
        }
        queues.finish().unwrap();
        assert_eq!(
            String::from_utf8(file.0.take()).unwrap(),
            "time_s,link,direction,packets,bytes\n\
             0.001,phone--store,forward,1,1500\n0.003,phone--store,forward,0,0\n"
        );
    }
}

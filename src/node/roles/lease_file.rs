//! The lease file of a DHCP server in the real world: read when the server starts, added to before
//! each answer. A simulated run has none: it begins from nothing, every time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::base::time::Instant;
use crate::base::wall::WallClock;
use crate::proto::dhcp::server::{DhcpServer, LeaseRecord};

/// An open lease file.
#[derive(Debug)]
pub(super) struct LeaseFile {
    file: File,
    wall: WallClock,
}

impl LeaseFile {
    /// Gives the server what the file holds, and keeps the file open. A line that was cut off is
    /// ended, so that the next one stands by itself.
    pub(super) fn open(path: &Path, wall: WallClock, server: &mut DhcpServer) -> io::Result<Self> {
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let records = text.split_inclusive('\n').filter_map(|line| LeaseRecord::from_line(line, wall));
        server.restore(Instant::ZERO, records);
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(LeaseFile { file, wall })
    }

    /// Adds a record; it is on the disk when this returns.
    pub(super) fn append(&mut self, record: &LeaseRecord) -> io::Result<()> {
        self.file.write_all(record.to_line(self.wall).as_bytes())?;
        self.file.sync_data()
    }
}

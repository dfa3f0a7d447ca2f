//! A file that is saved whole or not at all: bytes gather in FILE.part and take the name at the end.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use sha2::{Digest as _, Sha256};

use crate::node::roles::keep::{Keep, Kept};

/// Bytes hashed at a time.
const STEP_BYTES: usize = 1 << 16;
/// Bytes that wait in memory to be written together.
const BUFFER_BYTES: usize = 1 << 18;

/// A download on its way to a file.
#[derive(Debug)]
pub(super) struct PartFile {
    target: PathBuf,
    part: PathBuf,
    /// Holds the entity tag of what `part` is a part of.
    tag: PathBuf,
    file: Option<BufWriter<File>>,
    bar: ProgressBar,
}

fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.file_name().map_or_else(OsString::new, OsString::from);
    name.push(ending);
    target.with_file_name(name)
}

impl PartFile {
    /// On its way to `target`, shown by a bar.
    pub(super) fn new(target: &Path, bar: ProgressBar) -> Self {
        let (part, tag) = (beside(target, ".part"), beside(target, ".part.etag"));
        PartFile { target: target.to_owned(), part, tag, file: None, bar }
    }
}

impl Keep for PartFile {
    fn kept(&self) -> Option<Kept> {
        let etag = fs::read_to_string(&self.tag).ok().filter(|tag| tag.starts_with('"'))?;
        let file = File::open(&self.part).ok()?;
        // Its last byte is asked for again: of a file that is whole already, but has not its name yet,
        // there would be no range left to ask for.
        let mut file = file.metadata().ok()?.len().checked_sub(1).map(|most| file.take(most))?;
        let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; STEP_BYTES]);
        loop {
            let n = file.read(&mut buffer).ok()?;
            if n == 0 {
                return (bytes > 0).then_some(Kept { etag, hasher, bytes });
            }
            hasher.update(&buffer[..n]);
            bytes += n as u64;
        }
    }

    fn begin(&mut self, from: u64, total: Option<u64>, etag: Option<&str>) -> io::Result<()> {
        self.file = None;
        // Truncated before the tag changes: a part never stands under another's tag.
        let file = OpenOptions::new().create(true).append(true).open(&self.part)?;
        file.set_len(from)?;
        match etag {
            Some(etag) => fs::write(&self.tag, etag)?,
            None => drop(fs::remove_file(&self.tag)),
        }
        self.file = Some(BufWriter::with_capacity(BUFFER_BYTES, file));
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar.set_position(from);
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.bar.inc(data.len() as u64);
        self.file.as_mut().ok_or(io::ErrorKind::NotFound)?.write_all(data)
    }

    fn finish(&mut self) -> io::Result<()> {
        let file = self.file.take().ok_or(io::ErrorKind::NotFound)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&self.part, &self.target)?;
        let _ = fs::remove_file(&self.tag);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let dir = std::env::temp_dir().join(format!("twinwire-part-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let target = dir.join("a.mp4");
        let open = || PartFile::new(&target, ProgressBar::hidden());
        let mut file = open();
        assert!(file.kept().is_none());
        file.begin(0, Some(6), Some("\"x\"")).unwrap();
        file.write(b"abcd").unwrap();
        drop(file);
        assert!(!target.exists());
        let mut file = open();
        let kept = file.kept().unwrap();
        assert_eq!((kept.etag.as_str(), kept.bytes, kept.hasher.finalize()), ("\"x\"", 3, Sha256::digest(b"abc")));
        file.begin(3, Some(6), Some("\"x\"")).unwrap();
        file.write(b"def").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"abcdef");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        fs::remove_dir_all(&dir).unwrap();
    }
}

//! The text of a scenario file.

use std::path::{Path, PathBuf};

/// No scenario is larger; a file that is was named by mistake.
const MAX_BYTES: u64 = 64 << 20;

/// A scenario's text and where it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// As the user named it.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl Source {
    /// A text that is already at hand.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Source { path: path.into(), text: text.into() }
    }

    /// Reads a file. The error is one line for people, the path included.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let about = std::fs::metadata(path).map_err(|e| format!("{name}: {e}"))?;
        if about.is_dir() {
            return Err(format!("{name}: is a folder; name a scenario file"));
        }
        if about.len() > MAX_BYTES {
            return Err(format!("{name}: {} bytes is too large for a scenario", about.len()));
        }
        let bytes = std::fs::read(path).map_err(|e| format!("{name}: {e}"))?;
        Self::from_bytes(path, bytes)
    }

    /// Checks that bytes are text.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, String> {
        let name = path.display();
        String::from_utf8(bytes).map(|text| Source::new(path, text)).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            format!("{name}: not a text file: the byte at offset {at} is not UTF-8; a scenario is TOML")
        })
    }

    /// The folder that paths in the scenario are relative to.
    pub fn folder(&self) -> PathBuf {
        self.path.parent().map(Path::to_path_buf).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_are_refused_with_their_place() {
        let error = Source::from_bytes(Path::new("a.toml"), vec![b'a', 0xff]).unwrap_err();
        assert_eq!(error, "a.toml: not a text file: the byte at offset 1 is not UTF-8; a scenario is TOML");
    }
}

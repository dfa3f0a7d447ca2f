//! The text of a scenario file.

use std::ops::Range;
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
        let about = std::fs::metadata(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => format!("{name}: there is no such file"),
            _ => format!("{name}: {e}"),
        })?;
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
        String::from_utf8(bytes).map(|text| Source::new(path, text)).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&e.as_bytes()[..at]).into_owned();
            let (line, column) = position(&before, at);
            let byte = e.as_bytes().get(at).copied().unwrap_or_default();
            format!(
                "{}:{line}:{column}: not a text file: the byte 0x{byte:02x} here is no UTF-8\n  \
                 = help: a scenario is TOML; save it as UTF-8",
                path.display()
            )
        })
    }

    /// The folder that paths in the scenario are relative to.
    pub fn folder(&self) -> PathBuf {
        self.path.parent().map(Path::to_path_buf).unwrap_or_default()
    }
}

/// The line and column of a byte, both from 1, columns in characters.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let offset = on_characters(text, &(offset..offset)).start;
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A span that can be cut out of the text: inside it, on character boundaries, on its first line.
pub(super) fn on_characters(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |mut i: usize| {
        i = i.min(text.len());
        while !text.is_char_boundary(i) {
            i -= 1;
        }
        i
    };
    let (start, end) = (floor(span.start), floor(span.end));
    let end = text[start..end.max(start)].find('\n').map_or(end.max(start), |i| start + i);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_are_refused_with_their_place() {
        let error = Source::from_bytes(Path::new("a.toml"), b"a\nb\xff".to_vec()).unwrap_err();
        assert!(error.starts_with("a.toml:2:2: not a text file: the byte 0xff here is no UTF-8"), "{error}");
    }
}

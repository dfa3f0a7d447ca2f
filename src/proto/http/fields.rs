//! Header fields (RFC 9110 §5): an ordered list, names compared without case.

use std::fmt::Write as _;

/// A name or value that must not stand in a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a field name must be a token, and a value free of CR, LF and NUL")]
pub struct InvalidField;

/// The fields of one message, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fields(Vec<(String, Vec<u8>)>);

impl Fields {
    /// No fields.
    pub const fn new() -> Self {
        Fields(Vec::new())
    }

    /// Adds a field line. Refuses what could end the line or the head (RFC 9112 §11.1).
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), InvalidField> {
        let value = value.as_ref();
        if !is_token(name.as_bytes()) || value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(InvalidField);
        }
        self.0.push((name.to_owned(), value.to_vec()));
        Ok(())
    }

    /// Takes every field of this name out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// Every value under this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_slice())
    }

    /// The value under this name if there is exactly one, and it is text.
    pub fn single<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (Some(value), None) => std::str::from_utf8(value).ok(),
            _ => None,
        }
    }

    /// True if a field of this name is there.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The members of a comma-separated list field over all its lines, trimmed (RFC 9110 §5.6.1).
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name)
            .filter_map(|v| std::str::from_utf8(v).ok())
            .flat_map(|v| v.split(','))
            .map(|m| m.trim_matches([' ', '\t']))
            .filter(|m| !m.is_empty())
    }

    /// True if the list field contains this word, whatever its case.
    pub fn list_has(&self, name: &str, word: &str) -> bool {
        self.list(name).any(|m| m.eq_ignore_ascii_case(word))
    }

    /// Appends the field lines to a head.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.0 {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// RFC 9110 §5.6.2: one or more tchar.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

/// RFC 9112 §6.2, strictly: one line, digits only, fits 64 bits. `Ok(None)` where there is none.
pub fn content_length(fields: &Fields) -> Result<Option<u64>, InvalidField> {
    if !fields.has("content-length") {
        return Ok(None);
    }
    let text = fields.single("content-length").ok_or(InvalidField)?;
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidField);
    }
    text.parse().map(Some).map_err(|_| InvalidField)
}

/// Whether the connection persists after a message of this minor version (RFC 9112 §9.3).
pub fn persists(http_1_1: bool, fields: &Fields) -> bool {
    if fields.list_has("connection", "close") {
        return false;
    }
    http_1_1 || fields.list_has("connection", "keep-alive")
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_20_a_field_cannot_end_its_line() {
        let mut fields = Fields::new();
        for value in ["a\rb", "a\nb", "a\0b"] {
            assert_eq!(fields.push("Location", value), Err(InvalidField));
        }
        assert_eq!(fields.push("Lo cation", "a"), Err(InvalidField));
        assert!(fields.push("Location", "/%0d%0a").is_ok());
    }

    #[test]
    fn http_11_content_length_is_digits_only() {
        for (text, expected) in [("0005", Ok(Some(5))), ("18446744073709551615", Ok(Some(u64::MAX)))] {
            let mut fields = Fields::new();
            fields.push("content-LENGTH", text).unwrap();
            assert_eq!(content_length(&fields), expected);
        }
        for text in ["+5", "-1", "0x5", "5 5", "", "5, 5", "18446744073709551616"] {
            let mut fields = Fields::new();
            fields.push("Content-Length", text).unwrap();
            assert_eq!(content_length(&fields), Err(InvalidField), "{text}");
        }
        let mut twice = Fields::new();
        twice.push("Content-Length", "5").unwrap();
        twice.push("Content-Length", "5").unwrap();
        assert_eq!(content_length(&twice), Err(InvalidField));
        assert_eq!(content_length(&Fields::new()), Ok(None));
    }
}

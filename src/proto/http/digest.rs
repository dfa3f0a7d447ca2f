//! Integrity fields (RFC 9530): what a server says a file's SHA-256 is.

use super::fields::Fields;

/// The value of `Repr-Digest` for this SHA-256: a structured dictionary with one byte sequence.
pub fn repr_digest(sha256: &[u8; 32]) -> String {
    format!("sha-256=:{}:", base64(sha256))
}

/// Whether the fields confirm this SHA-256; `None` where they say nothing of it.
pub fn confirms(fields: &Fields, sha256: &[u8; 32]) -> Option<bool> {
    let stated = fields.list("repr-digest").find(|m| m.starts_with("sha-256="))?;
    Some(stated == repr_digest(sha256))
}

/// RFC 4648 §4
fn base64(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for group in data.chunks(3) {
        let byte = |k: usize| u32::from(group.get(k).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for k in 0..4u32 {
            let digit = ALPHABET[(word >> (18 - 6 * k) & 63) as usize];
            text.push(if k as usize <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_rfc_4648_10() {
        for (data, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(data.as_bytes()), text);
        }
    }

    #[test]
    fn a_digest_is_confirmed_or_denied() {
        let mut fields = Fields::new();
        assert_eq!(confirms(&fields, &[7; 32]), None);
        fields.push("Repr-Digest", format!("md5=:AA==:, {}", repr_digest(&[7; 32]))).unwrap();
        assert_eq!(confirms(&fields, &[7; 32]), Some(true));
        assert_eq!(confirms(&fields, &[8; 32]), Some(false));
    }
}

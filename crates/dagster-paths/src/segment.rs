//! One segment of a path: the escaping that makes every key a safe, distinct name.
//!
//! A segment is kept byte for byte unless it is unsafe. What is not kept starts with
//! a marker, and a segment that starts with a marker by itself counts as unsafe, so
//! that the two kinds never meet: that is what makes the mapping injective.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// The longest file name that Linux, macOS and Windows all take.
pub(crate) const MAX_NAME_BYTES: usize = 255;

/// Starts a segment whose unsafe bytes are percent-encoded.
const ESCAPED: &str = "%~";
/// Starts a segment that was too long and was cut and hashed.
const SHORTENED: &str = "%=";
/// 128 bits of SHA-256: no two keys that anyone will find share a name.
const HASH_BYTES: usize = 16;

/// What a stored segment says about the key's segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unescaped {
    /// The key's segment, recovered.
    Plain(String),
    /// The segment was cut and hashed.
    Shortened,
    /// No key gives this segment.
    Foreign,
}

/// Escapes one segment so that it, followed by `reserved_bytes` of extension, fits a
/// file name. Different segments give different names for the same reserve.
pub(crate) fn escape(segment: &str, reserved_bytes: usize) -> Cow<'_, str> {
    let limit = MAX_NAME_BYTES.saturating_sub(reserved_bytes);
    let plain = is_plain(segment);
    if plain && segment.len() <= limit {
        return Cow::Borrowed(segment);
    }
    if plain {
        return Cow::Owned(shorten(segment, segment, limit));
    }
    let encoded = encode(segment);
    if ESCAPED.len() + encoded.len() <= limit {
        return Cow::Owned(format!("{ESCAPED}{encoded}"));
    }
    Cow::Owned(shorten(segment, &encoded, limit))
}

/// Inverts [`escape`] for the same `reserved_bytes`, and accepts nothing else.
pub(crate) fn unescape(stored: &str, reserved_bytes: usize) -> Unescaped {
    if stored.starts_with(SHORTENED) {
        return Unescaped::Shortened;
    }
    let candidate = match stored.strip_prefix(ESCAPED) {
        None => Some(stored.to_owned()),
        Some(encoded) => decode(encoded),
    };
    // Only the one name that the key gives is accepted: otherwise two objects
    // would parse to the same key, and one of them would shadow the other.
    match candidate {
        Some(segment) if escape(&segment, reserved_bytes) == stored => Unescaped::Plain(segment),
        Some(_) | None => Unescaped::Foreign,
    }
}

fn is_plain(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && !segment.starts_with(ESCAPED)
        && !segment.starts_with(SHORTENED)
        && !segment
            .chars()
            .any(|c| c.is_control() || matches!(c, '/' | '\\'))
}

fn encode(segment: &str) -> String {
    let only_dots = matches!(segment, "." | "..");
    let mut encoded = String::with_capacity(segment.len() + 8);
    for c in segment.chars() {
        let unsafe_here = c.is_control() || matches!(c, '/' | '\\' | '%') || only_dots;
        if unsafe_here {
            let mut buffer = [0_u8; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                encoded.push('%');
                push_hex(&mut encoded, byte, HEX_UPPER);
            }
        } else {
            encoded.push(c);
        }
    }
    encoded
}

fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// `%=` + what fits of the readable head + `~` + a hash of the whole segment.
fn shorten(segment: &str, readable: &str, limit: usize) -> String {
    let fixed = SHORTENED.len() + 1 + 2 * HASH_BYTES;
    let mut cut = limit.saturating_sub(fixed).min(readable.len());
    while !readable.is_char_boundary(cut) {
        cut -= 1;
    }
    let head = readable.get(..cut).unwrap_or_default();
    let mut name = String::with_capacity(fixed + head.len());
    name.push_str(SHORTENED);
    name.push_str(head);
    name.push('~');
    for byte in Sha256::digest(segment.as_bytes()).iter().take(HASH_BYTES) {
        push_hex(&mut name, *byte, HEX_LOWER);
    }
    name
}

const HEX_UPPER: &[char; 16] = &[
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
];
const HEX_LOWER: &[char; 16] = &[
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
];

fn push_hex(text: &mut String, byte: u8, digits: &[char; 16]) {
    text.extend(digits.get(usize::from(byte >> 4)));
    text.extend(digits.get(usize::from(byte & 0x0f)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_segments_stay_byte_for_byte() {
        for segment in [
            "report",
            "2024-01-01",
            "us|2024-01-01",
            "a:b",
            "50%",
            "%41",
            "a b",
            " lead",
            "#1",
            "übung",
            "...",
            ".hidden",
            "~",
            "%",
        ] {
            assert_eq!(escape(segment, 4), segment);
        }
    }

    #[test]
    fn unsafe_segments_get_the_marker_and_come_back() {
        for (segment, stored) in [
            ("", "%~"),
            (".", "%~%2E"),
            ("..", "%~%2E%2E"),
            ("a/b", "%~a%2Fb"),
            ("a\\b", "%~a%5Cb"),
            ("a\nb", "%~a%0Ab"),
            ("\u{7f}", "%~%7F"),
            ("\u{85}", "%~%C2%85"),
            ("../x", "%~..%2Fx"),
            ("50%/x", "%~50%25%2Fx"),
            ("%~x", "%~%25~x"),
            ("%=x", "%~%25=x"),
        ] {
            assert_eq!(escape(segment, 4), stored);
            assert_eq!(unescape(stored, 4), Unescaped::Plain(segment.to_owned()));
        }
    }

    #[test]
    fn a_name_of_255_bytes_is_kept_and_one_more_byte_is_shortened() {
        let fits = "x".repeat(251);
        assert_eq!(escape(&fits, 4), fits);
        let over = "x".repeat(252);
        let stored = escape(&over, 4);
        assert_eq!(stored.len(), 251);
        assert!(stored.starts_with("%=xxx"));
        assert_eq!(unescape(&stored, 4), Unescaped::Shortened);
    }

    #[test]
    fn long_names_that_differ_only_past_the_cut_stay_apart() {
        let head = "é".repeat(200);
        let one = escape(&format!("{head}1"), 4).into_owned();
        let two = escape(&format!("{head}2"), 4).into_owned();
        assert_ne!(one, two);
        assert!(one.len() <= 251 && two.len() <= 251);
    }

    #[test]
    fn a_long_unsafe_segment_is_shortened_without_its_unsafe_bytes() {
        let stored = escape(&"/".repeat(200), 4).into_owned();
        assert!(stored.starts_with("%=%2F"));
        assert!(!stored.contains('/'));
        assert!(stored.len() <= 251);
    }

    #[test]
    fn spellings_that_no_key_gives_are_foreign() {
        for stored in [
            "",
            ".",
            "..",
            "a\\b",
            "a\nb",
            "%~plain",
            "%~%2f",
            "%~%41/",
            "%~%2",
            "%~%FF",
            "%~%zz",
            "%~a%2Fb%41",
        ] {
            assert_eq!(unescape(stored, 0), Unescaped::Foreign, "{stored}");
        }
        assert_eq!(unescape(&"x".repeat(256), 0), Unescaped::Foreign);
    }
}

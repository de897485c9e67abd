//! The spellings in which a known secret turns up: quoted, escaped, in base64.
//!
//! Percent-encoding is missing here: which characters are encoded differs from client
//! to client, so that the search itself accepts every byte in either spelling.

use std::fmt::Write as _;

/// Escaped spellings of a secret that differ from it, in any order.
pub(crate) fn escaped(secret: &str) -> Vec<String> {
    let spellings = [
        secret.replace('\\', "\\\\"),
        secret.escape_debug().to_string(),
        secret.escape_default().to_string(),
        json(secret, false),
        json(secret, true),
        xml(secret, false),
        xml(secret, true),
    ];
    let mut distinct: Vec<String> = Vec::new();
    for spelling in spellings {
        if spelling != secret && !distinct.contains(&spelling) {
            distinct.push(spelling);
        }
    }
    distinct
}

fn json(secret: &str, ascii_only: bool) -> String {
    let mut text = String::with_capacity(secret.len());
    for c in secret.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            c if c < ' ' || (ascii_only && !c.is_ascii()) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
            c => text.push(c),
        }
    }
    text
}

fn xml(secret: &str, quotes: bool) -> String {
    let mut text = String::with_capacity(secret.len());
    for c in secret.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' if quotes => text.push_str("&quot;"),
            '\'' if quotes => text.push_str("&#39;"),
            c => text.push(c),
        }
    }
    text
}

/// The parts of base64 that the secret alone decides, whatever stands before and
/// behind it in the encoded bytes (`user:secret` in a Basic header, say): one for each
/// alignment, in both alphabets.
pub(crate) fn base64_cores(secret: &str) -> Vec<String> {
    let mut cores = Vec::new();
    for url_safe in [false, true] {
        for offset in 0..3 {
            let core = base64_core(secret.as_bytes(), offset, url_safe);
            if !cores.contains(&core) {
                cores.push(core);
            }
        }
    }
    cores
}

fn base64_core(secret: &[u8], offset: usize, url_safe: bool) -> String {
    let bits = 8 * (offset + secret.len());
    let first = (8 * offset).div_ceil(6);
    let end = bits / 6;
    (first..end)
        .map(|index| base64_char(sextet(secret, offset, index), url_safe))
        .collect()
}

/// The `index`th group of six bits of the secret with `offset` bytes before it.
fn sextet(secret: &[u8], offset: usize, index: usize) -> u8 {
    let byte = |position: usize| {
        position
            .checked_sub(offset)
            .and_then(|position| secret.get(position))
            .map_or(0, |byte| u16::from(*byte))
    };
    let start_bit = 6 * index;
    let pair = byte(start_bit / 8) << 8 | byte(start_bit / 8 + 1);
    let six = pair >> (10 - start_bit % 8) & 0x3f;
    u8::try_from(six).unwrap_or_default()
}

fn base64_char(six_bits: u8, url_safe: bool) -> char {
    match six_bits {
        0..=25 => char::from(b'A' + six_bits),
        26..=51 => char::from(b'a' + six_bits - 26),
        52..=61 => char::from(b'0' + six_bits - 52),
        62 if url_safe => '-',
        62 => '+',
        _ if url_safe => '_',
        _ => '/',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base64_core_stands_in_every_alignment() {
        // base64 of "hunter2", "a:hunter2", "ab:hunter2!" (checked with another encoder).
        let cores = base64_cores("hunter2");
        for encoded in ["aHVudGVyMg==", "YTpodW50ZXIy", "YWI6aHVudGVyMiE="] {
            assert!(
                cores.iter().any(|core| encoded.contains(core.as_str())),
                "{encoded}"
            );
        }
    }

    #[test]
    fn both_alphabets_are_known() {
        let cores = base64_cores("\u{3fb}\u{3ff}~~~");
        assert!(cores.iter().any(|core| core.contains(['+', '/'])));
        assert!(cores.iter().any(|core| core.contains(['-', '_'])));
    }

    #[test]
    fn a_plain_secret_has_no_other_spelling() {
        assert_eq!(escaped("hunter2"), Vec::<String>::new());
    }

    #[test]
    fn quotes_controls_and_letters_beyond_ascii_have_their_escapes() {
        let spellings = escaped("a\"b\nü&");
        assert!(spellings.contains(&"a\\\"b\\nü&".to_owned()));
        assert!(spellings.contains(&"a\\\"b\\n\\u00fc&".to_owned()));
        assert!(spellings.contains(&"a\"b\nü&amp;".to_owned()));
    }
}

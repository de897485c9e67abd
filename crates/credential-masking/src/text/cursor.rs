//! Looking at bytes of a text by position, without slicing that could fail.
//!
//! All shapes are delimited by ASCII bytes, which never occur inside a longer UTF-8
//! character: positions found this way are character boundaries.

/// The byte at a position.
pub(super) fn at(text: &str, position: usize) -> Option<u8> {
    text.as_bytes().get(position).copied()
}

/// The byte before a position.
pub(super) fn before(text: &str, position: usize) -> Option<u8> {
    at(text, position.checked_sub(1)?)
}

/// The text from a position on; nothing when it lies outside.
pub(super) fn rest(text: &str, position: usize) -> &str {
    text.get(position..).unwrap_or_default()
}

/// The first position from `position` on whose byte does not satisfy `accept`.
pub(super) fn skip(text: &str, mut position: usize, accept: impl Fn(u8) -> bool) -> usize {
    while at(text, position).is_some_and(&accept) {
        position += 1;
    }
    position
}

/// The last position down from `position` whose byte before does not satisfy `accept`.
pub(super) fn skip_back(text: &str, mut position: usize, accept: impl Fn(u8) -> bool) -> usize {
    while before(text, position).is_some_and(&accept) {
        position -= 1;
    }
    position
}

/// The end of the line that holds a position.
pub(super) fn line_end(text: &str, position: usize) -> usize {
    skip(text, position, |byte| !matches!(byte, b'\n' | b'\r'))
}

/// Whether the text at a position starts with `word`, ASCII case aside.
pub(super) fn starts_with_ignoring_case(text: &str, position: usize, word: &str) -> bool {
    text.as_bytes()
        .get(position..position + word.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
}

/// A space within a line.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A byte of an option, header or parameter name.
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// A byte of a word: what may not stand beside a token for it to be one.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

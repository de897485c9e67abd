//! How far a value goes: quoted, bracketed or bare.

use std::ops::Range;

use super::cursor::{self, at, is_blank, line_end, rest, skip, starts_with_ignoring_case};
use super::names::is_encoded_quote;
use crate::MASK;

/// Values that give nothing away and are worth showing.
const HARMLESS: [&str; 8] = [
    "None", "null", "nil", "true", "false", "True", "False", MASK,
];
/// A wrapped credential, which masks itself.
const MASKED_SECRET: &str = "Secret('***')";

/// The value that starts at `start` or after spaces behind it. With `to_line_end`, a
/// value without quotes may hold spaces and punctuation.
pub(super) fn find(text: &str, start: usize, to_line_end: bool) -> Option<Range<usize>> {
    let start = skip(text, start, is_blank);
    // `b'…'`, `r"…"`, `u'…'`
    let prefix = skip(text, start, |byte| byte.is_ascii_alphabetic());
    let quote = if prefix - start <= 2 { prefix } else { start };
    let backslashes = skip(text, quote, |byte| byte == b'\\');
    let range = match at(text, backslashes) {
        Some(mark @ (b'"' | b'\'')) => {
            let content = backslashes + 1;
            content..quoted_end(text, content, mark, backslashes - quote)
        }
        _ if is_encoded_quote(text, start) => {
            let content = start + 3;
            content..encoded_quote_end(text, content)
        }
        _ if rest(text, start).starts_with(MASKED_SECRET) => return None,
        _ if to_line_end && !opens_bracket(text, start) => start..trimmed_line_end(text, start),
        _ => start..bare_end(text, start),
    };
    let value = text.get(range.clone())?;
    (!value.is_empty() && !HARMLESS.contains(&value)).then_some(range)
}

/// Whether what follows reads as a word of a sentence: letters behind a space, no quote
/// and no bracket.
pub(super) fn is_word(text: &str, start: usize) -> bool {
    let word = skip(text, start, is_blank);
    let end = skip(text, word, |byte| byte.is_ascii_alphabetic());
    let ends = matches!(
        at(text, end),
        None | Some(b' ' | b'\n' | b'.' | b',' | b';')
    );
    word > start && end > word && ends && !opens_bracket(text, word)
}

/// The closing quote of a text that was opened by `mark` behind `level` backslashes,
/// or the end of all text.
///
/// A text quoted n times has its marks behind 2^n - 1 backslashes; one more level
/// doubles the backslashes of what stands inside. A mark behind fewer backslashes closes
/// an outer text and with it this one.
fn quoted_end(text: &str, start: usize, mark: u8, level: usize) -> usize {
    let mut backslashes = 0;
    let mut position = start;
    while let Some(byte) = at(text, position) {
        if byte == mark {
            let closes = backslashes < level || backslashes % (2 * (level + 1)) == level;
            let doubled = level == 0 && at(text, position + 1) == Some(mark);
            if closes && !doubled {
                return position - backslashes.min(level);
            }
            if closes {
                // SQL and TOML write a mark inside a text twice.
                position += 1;
            }
        }
        backslashes = if byte == b'\\' { backslashes + 1 } else { 0 };
        position += 1;
    }
    text.len()
}

fn encoded_quote_end(text: &str, start: usize) -> usize {
    let mut position = start;
    while let Some(byte) = at(text, position) {
        if is_encoded_quote(text, position) || byte.is_ascii_whitespace() {
            break;
        }
        position += 1;
    }
    position
}

fn trimmed_line_end(text: &str, start: usize) -> usize {
    let end = line_end(text, start);
    let line = text.get(start..end).unwrap_or_default();
    start + line.trim_end().len()
}

/// Whether the value is a list, a map, or a type's Debug output.
fn opens_bracket(text: &str, start: usize) -> bool {
    let name = skip(text, start, |byte| cursor::is_word(byte) || byte == b':');
    let bracket = if name > start {
        skip(text, name, |byte| byte == b' ')
    } else {
        name
    };
    match at(text, bracket) {
        Some(b'{') => true,
        Some(b'(' | b'[') => bracket == name,
        _ => false,
    }
}

/// The end of a value without quotes: the next delimiter outside of its own brackets.
/// A bracket that nothing closes takes the rest of the text: what is cut off there
/// may be a credential as well.
fn bare_end(text: &str, start: usize) -> usize {
    let mut position = start;
    let mut depth = 0_usize;
    while let Some(byte) = at(text, position) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => break,
            b')' | b']' | b'}' => depth -= 1,
            b'"' | b'\'' if depth > 0 => {
                position = quoted_end(text, position + 1, byte, 0);
            }
            b' ' if depth == 0 && at(text, position + 1) == Some(b'{') => {}
            b'&' | b';' | b',' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' if depth == 0 => break,
            b'%' if depth == 0 && is_encoded_delimiter(text, position) => break,
            byte if depth == 0 && byte.is_ascii_whitespace() => break,
            _ => {}
        }
        position += 1;
    }
    position.min(text.len())
}

fn is_encoded_delimiter(text: &str, position: usize) -> bool {
    ["%26", "%2526", "%22", "%27"]
        .iter()
        .any(|delimiter| starts_with_ignoring_case(text, position, delimiter))
}

//! `name=value`, `"name": "value"`, `--name value`, `<name>value</name>`.

use std::ops::Range;

use super::cursor::{
    at, before, is_blank, is_name, line_end, rest, skip, skip_back, starts_with_ignoring_case,
};
use super::names::Name;
use super::values;
use crate::spans::Spans;

/// Finds the values of all pairs whose name carries a credential.
pub(super) fn find(text: &str, spans: &mut Spans) {
    let mut found_to = 0;
    for (position, byte) in text.bytes().enumerate() {
        // What is hidden already needs no second look; without this, deeply nested
        // text would be read again for each level.
        if position < found_to {
            continue;
        }
        let value = match byte {
            b'=' | b':' | b',' | b' ' | b'%' => named_value(text, position, byte),
            b'<' => element(text, position),
            _ => None,
        };
        if let Some(value) = value {
            found_to = value.end;
            spans.push(value);
        }
    }
}

/// The value behind the separator at `position`, when the name before it is sensitive.
fn named_value(text: &str, position: usize, byte: u8) -> Option<Range<usize>> {
    // A flag's value follows its name at once. Asked first, since most spaces are none.
    if byte == b' ' && !before(text, position).is_some_and(is_name) {
        return None;
    }
    let start = position + separator_bytes(text, position, byte)?;
    let name = Name::before(text, position)?;
    let flag = name.text.starts_with("--");
    let fits = match byte {
        b' ' => flag && at(text, start) != Some(b'-'),
        b',' => name.quoted && (flag || before(text, name.start) == Some(b'(')),
        // In a sentence, `the option 'secret': expected a text` speaks of the name.
        b':' if name.quoted => name.begins_entry(text) || !values::is_word(text, start),
        b':' => !name.is_ordinary_word() || name.begins_entry(text),
        _ => true,
    };
    if !fits || !name.is_sensitive() {
        return None;
    }
    let spaced = before(text, position).is_some_and(is_blank);
    let to_line_end = name.is_header()
        || (name.begins_line(text) && !name.quoted && (byte == b':' || byte == b'=' && spaced));
    if byte == b':'
        && name.begins_line(text)
        && let Some(block) = indented_block(text, &name, start)
    {
        return Some(block);
    }
    values::find(text, start, to_line_end)
}

/// How long the separator is that starts with `byte`, if it is one.
fn separator_bytes(text: &str, position: usize, byte: u8) -> Option<usize> {
    let next = at(text, position + 1);
    match byte {
        b'=' if next == Some(b'>') => Some(2),
        // `::` is a Rust path, `://` a URL.
        b':' if next == Some(b':') || before(text, position) == Some(b':') => None,
        b':' if rest(text, position).starts_with("://") => None,
        b'%' => ["%3d", "%3a", "%253d", "%253a"]
            .iter()
            .find(|separator| starts_with_ignoring_case(text, position, separator))
            .map(|separator| separator.len()),
        _ => Some(1),
    }
}

/// A YAML block below the name: every following line that is indented deeper.
fn indented_block(text: &str, name: &Name<'_>, start: usize) -> Option<Range<usize>> {
    let first_line = text.get(start..line_end(text, start))?.trim();
    let marker = first_line.is_empty() || first_line.starts_with(['|', '>', '&', '!']);
    if !marker {
        return None;
    }
    let line_start = skip_back(text, name.start, |byte| !matches!(byte, b'\n' | b'\r'));
    let indent = name.start - line_start;
    let mut end = start;
    let mut position = line_end(text, start);
    while position < text.len() {
        let line = skip(text, position, |byte| matches!(byte, b'\n' | b'\r'));
        let content = skip(text, line, is_blank);
        if content - line <= indent || content >= text.len() {
            break;
        }
        position = line_end(text, content);
        end = position;
    }
    let begin = skip(text, start, |byte| byte.is_ascii_whitespace());
    (end > begin).then_some(begin..end)
}

/// The content of an XML element whose name carries a credential.
fn element(text: &str, position: usize) -> Option<Range<usize>> {
    let name_end = skip(text, position + 1, |byte| is_name(byte) || byte == b':');
    let tag_end = skip(text, name_end, |byte| !matches!(byte, b'<' | b'>'));
    if at(text, tag_end) != Some(b'>') || before(text, tag_end) == Some(b'/') {
        return None;
    }
    let name = Name::before(text, name_end)?;
    if name.is_ordinary_word() || !name.is_sensitive() {
        return None;
    }
    let start = tag_end + 1;
    let closing = format!("</{}", text.get(position + 1..name_end)?);
    let length = rest(text, start)
        .find(&closing)
        .unwrap_or_else(|| text.len() - start);
    (length > 0).then_some(start..start + length)
}

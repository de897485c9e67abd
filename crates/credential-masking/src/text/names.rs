//! The name that stands before a separator, and how it stands there.

use super::cursor::{at, before, is_blank, is_name, rest, skip_back, starts_with_ignoring_case};
use crate::is_sensitive_key;

/// Names that are ordinary words: in a sentence they say nothing about a credential.
const ORDINARY_WORDS: [&str; 5] = ["key", "auth", "pass", "token", "cookie"];
/// Headers whose value runs to the end of the line, spaces included.
const HEADERS: [&str; 4] = ["authorization", "proxyauthorization", "cookie", "setcookie"];

/// A name before a separator.
pub(super) struct Name<'t> {
    pub(super) text: &'t str,
    /// Where the name starts, its opening quote included.
    pub(super) start: usize,
    /// Whether it stands in quotes.
    pub(super) quoted: bool,
}

impl<'t> Name<'t> {
    /// The name that ends before the separator at `separator`.
    pub(super) fn before(text: &'t str, separator: usize) -> Option<Self> {
        let mut end = skip_back(text, separator, is_blank);
        if at(text, separator) == Some(b'=') && before(text, end) == Some(b']') {
            // `headers["authorization"] = …`, but not the end of a list of names, as in
            // `unknown options ['secret']: …`.
            end -= 1;
        }
        let (end, quoted) = strip_closing_quote(text, end);
        let mut start = skip_back(text, end, is_name);
        start = skip_encoded_mark(text, start).min(end);
        let name = text.get(start..end).filter(|name| !name.is_empty())?;
        let start = if quoted {
            skip_back(text, start, |byte| matches!(byte, b'"' | b'\'' | b'\\'))
        } else {
            start
        };
        Some(Self {
            text: name,
            start,
            quoted,
        })
    }

    /// Whether a value under this name is to be hidden.
    pub(super) fn is_sensitive(&self) -> bool {
        let folded = self.folded();
        folded == "sig" || folded.ends_with("signature") || is_sensitive_key(self.text)
    }

    /// Whether the name alone, without quotes around it, is an ordinary word.
    pub(super) fn is_ordinary_word(&self) -> bool {
        !self.quoted && ORDINARY_WORDS.contains(&self.folded().as_str())
    }

    /// Whether the value is a header's, which may hold spaces.
    pub(super) fn is_header(&self) -> bool {
        HEADERS.contains(&self.folded().as_str())
    }

    /// Whether the name is the first thing on its line, list dashes aside.
    pub(super) fn begins_line(&self, text: &str) -> bool {
        let start = skip_back(text, self.start, |byte| is_blank(byte) || byte == b'-');
        matches!(before(text, start), None | Some(b'\n' | b'\r'))
    }

    /// Whether the name begins a line or an entry of a list or map.
    pub(super) fn begins_entry(&self, text: &str) -> bool {
        let start = skip_back(text, self.start, is_blank);
        self.begins_line(text) || matches!(before(text, start), Some(b'{' | b'(' | b'[' | b','))
    }

    fn folded(&self) -> String {
        self.text
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect()
    }
}

/// Past the digits of a percent-encoded `&`, `?` or quote, encoded once or twice: they
/// are no part of the name behind them.
fn skip_encoded_mark(text: &str, start: usize) -> usize {
    let is_hex = |position| at(text, position).is_some_and(|byte| byte.is_ascii_hexdigit());
    let pair = |position: usize| is_hex(position) && is_hex(position + 1);
    if before(text, start) != Some(b'%') || !pair(start) {
        start
    } else if rest(text, start).starts_with("25") && pair(start + 2) {
        start + 4
    } else {
        start + 2
    }
}

fn strip_closing_quote(text: &str, end: usize) -> (usize, bool) {
    if matches!(before(text, end), Some(b'"' | b'\'')) {
        return (skip_back(text, end - 1, |byte| byte == b'\\'), true);
    }
    match end.checked_sub(3) {
        Some(start) if is_encoded_quote(text, start) => (start, true),
        Some(_) | None => (end, false),
    }
}

/// Whether a percent-encoded quote stands at a position.
pub(super) fn is_encoded_quote(text: &str, position: usize) -> bool {
    rest(text, position).starts_with("%22") || starts_with_ignoring_case(text, position, "%27")
}

//! Credentials that can be told by their own shape.

use std::ops::Range;

use super::cursor::{at, before, is_blank, is_word, rest, skip, starts_with_ignoring_case};
use crate::spans::Spans;

/// Words of an `Authorization` header that a credential follows.
const SCHEMES: [&str; 4] = ["bearer", "basic", "sharedkey", "sharedkeylite"];
/// Access key ids of AWS: the prefix and 16 capitals or digits.
const AWS_PREFIXES: [&str; 2] = ["AKIA", "ASIA"];
const AWS_ID_BYTES: usize = 20;
/// Tokens that announce themselves.
const TOKEN_PREFIXES: [&str; 14] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "sk_live_",
    "pypi-",
    "dapi",
    "AIza",
    "hf_",
];
const MIN_TOKEN_TAIL_BYTES: usize = 20;
const PEM_BEGIN: &str = "-----BEGIN ";
const PEM_KEY: &str = "PRIVATE KEY-----";
const PEM_END: &str = "-----END ";

/// Finds tokens by their shape.
pub(super) fn find(text: &str, spans: &mut Spans) {
    private_keys(text, spans);
    let mut position = 0;
    while position < text.len() {
        let byte = at(text, position).unwrap_or_default();
        if !is_word(byte) {
            position += 1;
            continue;
        }
        let word_end = skip(text, position, is_word);
        let found = token_end(text, position, word_end)
            .map(|end| position..end)
            .or_else(|| scheme_token(text, position, word_end));
        // On behind what was found: reading a long token again for each of its words
        // would cost the square of its length.
        position = found.as_ref().map_or(word_end, |token| token.end);
        if let Some(token) = found {
            spans.push(token);
        }
    }
}

fn token_end(text: &str, start: usize, word_end: usize) -> Option<usize> {
    let word = text.get(start..word_end)?;
    if word.len() == AWS_ID_BYTES
        && AWS_PREFIXES.iter().any(|prefix| word.starts_with(prefix))
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    {
        return Some(word_end);
    }
    let known = TOKEN_PREFIXES
        .iter()
        .find(|prefix| rest(text, start).starts_with(*prefix));
    if let Some(prefix) = known {
        let tail = start + prefix.len();
        let end = skip(text, tail, is_token);
        if end - tail >= MIN_TOKEN_TAIL_BYTES {
            return Some(end);
        }
    }
    web_token_end(text, start)
}

/// A JSON web token: three parts of base64, the first of which starts with `{"`.
fn web_token_end(text: &str, start: usize) -> Option<usize> {
    // One that stands behind a dash was read with what stands before the dash.
    if !rest(text, start).starts_with("eyJ") || before(text, start).is_some_and(is_token) {
        return None;
    }
    let header = skip(text, start, is_token);
    let claims = skip(text, header + 1, is_token);
    let dots = at(text, header) == Some(b'.') && at(text, claims) == Some(b'.');
    (dots && claims > header + 1).then(|| skip(text, claims + 1, is_token))
}

/// The credential behind `Bearer` and its like; none when an ordinary word follows.
fn scheme_token(text: &str, start: usize, word_end: usize) -> Option<Range<usize>> {
    let scheme = SCHEMES.iter().any(|scheme| {
        scheme.len() == word_end - start && starts_with_ignoring_case(text, start, scheme)
    });
    let begin = skip(text, word_end, is_blank);
    if !scheme || begin == word_end {
        return None;
    }
    let mut end = skip(text, begin, |byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b'-' | b':')
    });
    while end > begin && matches!(before(text, end), Some(b'.' | b':')) {
        end -= 1;
    }
    let token = text.get(begin..end)?;
    is_opaque(token).then_some(begin..end)
}

/// A byte of base64 for URLs, in which tokens are written.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_opaque(token: &str) -> bool {
    token.len() >= MIN_TOKEN_TAIL_BYTES
        || token
            .bytes()
            .any(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'~' | b'+' | b'='))
        || token.bytes().skip(1).any(|byte| byte.is_ascii_uppercase())
}

fn private_keys(text: &str, spans: &mut Spans) {
    let mut from = 0;
    while let Some(found) = rest(text, from).find(PEM_BEGIN) {
        let begin = from + found + PEM_BEGIN.len();
        from = begin;
        // The kind of the key stands between, `EC ` or `OPENSSH `, in capitals.
        let label = skip(text, begin, |byte| {
            byte.is_ascii_uppercase() || byte == b' '
        });
        let head = skip(text, label, |byte| byte == b'-');
        if !text
            .get(begin..head)
            .is_some_and(|head| head.ends_with(PEM_KEY))
        {
            continue;
        }
        let length = rest(text, head)
            .find(PEM_END)
            .unwrap_or_else(|| text.len() - head);
        spans.push(head..head + length);
        from = head + length;
    }
}

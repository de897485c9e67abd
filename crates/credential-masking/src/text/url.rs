//! The user part of URLs.

use std::ops::Range;

use super::cursor::{at, rest, skip, skip_back};
use crate::MASK;
use crate::spans::Spans;

const MARK: &str = "://";
/// Schemes in whose URLs a user part without password is a plain name: the container
/// of an Azure URL, the login of an SSH one.
const NAME_BEFORE_AT: [&str; 7] = ["abfs", "abfss", "wasb", "wasbs", "sftp", "ssh", "ftp"];

/// Finds `user:password` and tokens before the `@` of URLs.
pub(super) fn find(text: &str, spans: &mut Spans) {
    let mut from = 0;
    while let Some(found) = rest(text, from).find(MARK) {
        let mark = from + found;
        let start = mark + MARK.len();
        if let Some(user) = user_part(text, start) {
            let scheme_start = skip_back(text, mark, |byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
            });
            let scheme = text.get(scheme_start..mark).unwrap_or_default();
            let value = text.get(user.clone()).unwrap_or_default();
            let plain_name = NAME_BEFORE_AT
                .iter()
                .any(|known| known.eq_ignore_ascii_case(scheme))
                && !value.contains(':')
                && !value.to_ascii_lowercase().contains("%3a");
            if !plain_name && value != MASK {
                spans.push(user);
            }
        }
        from = start;
    }
}

/// How far behind `://` the end of a user part is looked for. Bounded, so that a text of
/// many marks is not read to its end for each.
const MAX_USER_BYTES: usize = 2048;

fn user_part(text: &str, start: usize) -> Option<Range<usize>> {
    let in_text =
        |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'<' | b'>' | b'`');
    let authority_end = skip(text, start, |byte| {
        in_text(byte) && !matches!(byte, b'/' | b'?' | b'#')
    });
    let authority = text.get(start..authority_end)?;
    if let Some(length) = authority.rfind('@') {
        return (length > 0).then_some(start..start + length);
    }
    // A password may hold a raw `/`, `?` or `#`; then what follows the colon is no port.
    let (host, port) = authority.split_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let delimited = matches!(at(text, authority_end), Some(b'/' | b'?' | b'#'));
    if host.starts_with('[') || is_port || !delimited {
        return None;
    }
    let end = skip(text, authority_end, in_text).min(start + MAX_USER_BYTES);
    let behind = text.as_bytes().get(start..end)?;
    let length = behind.iter().rposition(|byte| *byte == b'@')?;
    Some(start..start + length)
}

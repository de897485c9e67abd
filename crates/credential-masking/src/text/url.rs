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
    let mut stretch = Stretch::default();
    let mut from = 0;
    while let Some(found) = rest(text, from).find(MARK) {
        let mark = from + found;
        let start = mark + MARK.len();
        if let Some(user) = user_part(text, start, &mut stretch) {
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

/// What may stand in a URL, a raw password included.
fn is_url(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'<' | b'>' | b'`')
}

/// A stretch of text without spaces and quotes, which may hold many URLs. Kept from one
/// URL to the next: reading it again for each would cost the square of its length.
#[derive(Default)]
struct Stretch {
    end: usize,
    last_at: Option<usize>,
}

impl Stretch {
    /// The last `@` from `start` on in the stretch that holds `start`.
    fn last_at(&mut self, text: &str, start: usize) -> Option<usize> {
        if start >= self.end {
            self.end = skip(text, start, is_url);
            let stretch = text.get(start..self.end)?;
            self.last_at = stretch.rfind('@').map(|index| start + index);
        }
        self.last_at.filter(|position| *position > start)
    }
}

fn user_part(text: &str, start: usize, stretch: &mut Stretch) -> Option<Range<usize>> {
    let authority_end = skip(text, start, |byte| {
        is_url(byte) && !matches!(byte, b'/' | b'?' | b'#')
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
    Some(start..stretch.last_at(text, start)?)
}

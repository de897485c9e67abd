//! Taking secrets that are known out of any text.

use std::fmt;

use crate::encodings;
use crate::spans::Spans;
use crate::{MASK, Secret};

/// Below this many bytes a secret is hidden as a whole word only: hiding each `a` of a
/// text would hide nothing but the text.
const MIN_SUBSTRING_BYTES: usize = 4;

/// Replaces known secrets in a text by `***`.
///
/// Each secret is found as it is, percent-encoded (by any client's rules, and twice),
/// in base64 (also inside a longer encoded text such as a Basic header), and as JSON,
/// XML and Debug escape it. A secret under 4 bytes is replaced as a whole word only; an
/// empty one is ignored.
///
/// Use [`redact_text`](crate::redact_text) for secrets that are not known.
///
/// # Example
///
/// ```
/// use remote_store_credential_masking::{Redactor, Secret};
///
/// let redactor = Redactor::new([Secret::new("p@ss/word")]);
/// assert_eq!(redactor.redact("login with p@ss/word failed"), "login with *** failed");
/// assert_eq!(redactor.redact("GET /?pw=p%40ss%2Fword"), "GET /?pw=***");
/// assert_eq!(redactor.redact("Basic bWU6cEBzcy93b3Jk"), "Basic ***");
/// ```
#[derive(Clone, Default)]
pub struct Redactor {
    needles: Vec<Needle>,
}

#[derive(Clone, PartialEq)]
struct Needle {
    text: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Anywhere.
    Substring,
    /// Between characters that belong to no word.
    WholeWord,
    /// Part of a base64 text, which is hidden whole.
    Base64,
}

impl Redactor {
    /// A redactor of these secrets.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut redactor = Self::default();
        for secret in secrets {
            redactor.add(&secret);
        }
        redactor
    }

    /// Adds one secret.
    ///
    /// ```
    /// use remote_store_credential_masking::{Redactor, Secret};
    ///
    /// let mut redactor = Redactor::default();
    /// redactor.add(&Secret::new("hunter2"));
    /// assert_eq!(redactor.redact("hunter2!"), "***!");
    /// ```
    pub fn add(&mut self, secret: &Secret) {
        let secret = secret.reveal();
        if secret.is_empty() {
            return;
        }
        let kind = if secret.len() < MIN_SUBSTRING_BYTES {
            Kind::WholeWord
        } else {
            Kind::Substring
        };
        self.push(secret.to_owned(), kind);
        for text in encodings::escaped(secret) {
            self.push(text, kind);
        }
        if kind == Kind::Substring {
            for text in encodings::base64_cores(secret) {
                self.push(text, Kind::Base64);
            }
        }
    }

    /// The text with every secret replaced.
    ///
    /// A secret that consists of `*` only is left as it is: it cannot be told from the
    /// mask.
    pub fn redact(&self, text: &str) -> String {
        let mut spans = Spans::default();
        for needle in &self.needles {
            needle.find_in(text, &mut spans);
        }
        spans.mask(text)
    }

    fn push(&mut self, text: String, kind: Kind) {
        let needle = Needle { text, kind };
        if !self.needles.contains(&needle) {
            self.needles.push(needle);
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("secrets", &format_args!("{MASK}"))
            .finish()
    }
}

impl Needle {
    fn find_in(&self, text: &str, spans: &mut Spans) {
        let bytes = text.as_bytes();
        let needle = self.text.as_bytes();
        let first = needle.first().copied();
        for (start, byte) in bytes.iter().enumerate() {
            if Some(*byte) != first && !matches!(byte, b'%' | b'+') {
                continue;
            }
            let rest = bytes.get(start..).unwrap_or_default();
            let literal = rest.starts_with(needle).then_some(needle.len());
            // The longer spelling: with `100%` known, `100%25` goes as a whole.
            let Some(length) = literal
                .max(percent_encoded(rest, needle, b"%"))
                .max(percent_encoded(rest, needle, b"%25"))
            else {
                continue;
            };
            let end = start + length;
            match self.kind {
                Kind::Substring => spans.push(start..end),
                Kind::WholeWord if is_word(text, start, end) => spans.push(start..end),
                Kind::WholeWord => {}
                Kind::Base64 => spans.push(base64_start(bytes, start)..base64_end(bytes, end)),
            }
        }
    }
}

/// How many bytes of `text` spell `needle` with some bytes percent-encoded behind
/// `marker` (`%` for once, `%25` for twice), and spaces possibly as `+`.
fn percent_encoded(text: &[u8], needle: &[u8], marker: &[u8]) -> Option<usize> {
    let mut position = 0;
    for wanted in needle {
        let rest = text.get(position..)?;
        position += if hex_after(rest, marker) == Some(*wanted) {
            marker.len() + 2
        } else if rest.first() == Some(wanted) || (*wanted == b' ' && rest.first() == Some(&b'+')) {
            1
        } else {
            return None;
        };
    }
    Some(position)
}

fn hex_after(text: &[u8], marker: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(marker)?;
    let high = char::from(*digits.first()?).to_digit(16)?;
    let low = char::from(*digits.get(1)?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

fn is_word(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let behind = text.get(end..).and_then(|text| text.chars().next());
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !joins(before) && !joins(behind)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn base64_start(text: &[u8], mut start: usize) -> usize {
    while start > 0 && text.get(start - 1).is_some_and(|byte| is_base64(*byte)) {
        start -= 1;
    }
    start
}

fn base64_end(text: &[u8], mut end: usize) -> usize {
    loop {
        let rest = text.get(end..).unwrap_or_default();
        end += match rest.first() {
            Some(byte) if is_base64(*byte) || *byte == b'=' => 1,
            Some(b'%') if matches!(hex_after(rest, b"%"), Some(b'+' | b'/' | b'=')) => 3,
            Some(_) | None => return end,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(secret: &str, text: &str) -> String {
        Redactor::new([Secret::new(secret)]).redact(text)
    }

    #[test]
    fn overlapping_secrets_leave_nothing_of_either() {
        let redactor = Redactor::new([Secret::new("abcd"), Secret::new("cdef")]);
        assert_eq!(redactor.redact("<abcdef>"), "<***>");
        assert_eq!(redactor.redact("abcdabcd-cdef"), "***-***");
    }

    #[test]
    fn a_short_secret_is_hidden_as_a_word_only() {
        assert_eq!(redact("ab", "ab cab ab_ (ab)"), "*** cab ab_ (***)");
    }

    #[test]
    fn an_empty_secret_hides_nothing() {
        assert_eq!(redact("", "a b"), "a b");
    }

    #[test]
    fn percent_encoding_is_seen_in_every_style() {
        for text in [
            "a b/c~d",
            "a%20b%2Fc~d",
            "a+b%2fc%7Ed",
            "%61%20b/c~d",
            "a%2520b%252Fc~d",
        ] {
            assert_eq!(redact("a b/c~d", text), "***", "{text}");
        }
    }

    #[test]
    fn a_secret_with_percent_signs_is_found() {
        assert_eq!(redact("100%25", "x=100%25&y"), "x=***&y");
        assert_eq!(redact("100%25", "x=100%2525&y"), "x=***&y");
    }

    #[test]
    fn quoted_spellings_are_found() {
        let secret = "a\"b\\c\nd";
        assert_eq!(redact(secret, &format!("{secret:?}")), "\"***\"");
        assert_eq!(redact("R&D<1>", "<m>R&amp;D&lt;1&gt;</m>"), "<m>***</m>");
    }

    #[test]
    fn base64_inside_a_longer_text_hides_the_whole_token() {
        assert_eq!(
            redact("hunter2", "auth: YTpodW50ZXIy, next"),
            "auth: ***, next"
        );
        assert_eq!(redact("hunter2", "sig=aHVudGVyMg%3D%3D&x"), "sig=***&x");
    }

    #[test]
    fn dag_033_a_redactor_does_not_show_its_secrets() {
        let redactor = Redactor::new([Secret::new("hunter2")]);
        assert_eq!(format!("{redactor:?}"), "Redactor { secrets: *** }");
    }
}

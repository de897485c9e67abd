//! Python's tokens for numbers that JSON does not have.

use std::ops::Range;

/// Longest first: `-Infinity` holds `Infinity`.
const TOKENS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// Where a token stands.
pub(super) struct Found {
    pub(super) text: &'static str,
    pub(super) at: usize,
}

/// The first token outside strings.
pub(super) fn first_non_finite(json: &[u8]) -> Option<Found> {
    all(json).next().map(|(text, range)| Found {
        text,
        at: range.start,
    })
}

/// The same document with `null` for each token.
pub(super) fn non_finite_as_null(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let mut copied = 0;
    for (_, range) in all(json) {
        out.extend_from_slice(json.get(copied..range.start).unwrap_or_default());
        out.extend_from_slice(b"null");
        copied = range.end;
    }
    out.extend_from_slice(json.get(copied..).unwrap_or_default());
    out
}

fn all(json: &[u8]) -> impl Iterator<Item = (&'static str, Range<usize>)> {
    let mut at = 0;
    let mut in_string = false;
    std::iter::from_fn(move || {
        while let Some(byte) = json.get(at) {
            match byte {
                b'\\' if in_string => at += 1,
                b'"' => in_string = !in_string,
                b'-' | b'I' | b'N' if !in_string => {
                    let rest = json.get(at..).unwrap_or_default();
                    if let Some(token) = TOKENS
                        .iter()
                        .find(|token| rest.starts_with(token.as_bytes()))
                    {
                        let start = at;
                        at += token.len();
                        return Some((*token, start..at));
                    }
                }
                _ => {}
            }
            at += 1;
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_inside_strings_stay() {
        let json = br#"{"NaN \" NaN": NaN, "x": [-Infinity, Infinity, -1, "Infinity"]}"#;
        let expected = br#"{"NaN \" NaN": null, "x": [null, null, -1, "Infinity"]}"#;
        assert_eq!(
            String::from_utf8_lossy(&non_finite_as_null(json)),
            String::from_utf8_lossy(expected)
        );
        assert_eq!(
            first_non_finite(json).map(|found| (found.text, found.at)),
            Some(("NaN", 15))
        );
        assert!(first_non_finite(br#"["NaN"]"#).is_none());
    }
}

//! What a message shows though it looks like a credential: the caller's own path.

use std::error::Error as StdError;
use std::fmt;
use std::ops::RangeInclusive;

use remote_store_credential_masking::redact_text;

use super::Error;

/// What Display shows, and what it is about; a message as it was built may hold
/// a credential, which is why the fields are not shown as they are.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Error");
        shown
            .field("kind", &self.kind().as_str())
            .field("message", &self.to_string());
        if let Some(path) = self.path() {
            shown.field("path", &path);
        }
        if let Some(backend) = self.backend() {
            shown.field("backend", &backend);
        }
        let mut causes = Vec::new();
        let mut next = self.source();
        while let Some(cause) = next.filter(|_| causes.len() < MAX_CAUSES) {
            causes.push(redact_text(&cause.to_string()));
            next = cause.source();
        }
        if !causes.is_empty() {
            shown.field("causes", &causes);
        }
        shown.finish_non_exhaustive()
    }
}

/// Chains are short, and a cyclic one must end.
const MAX_CAUSES: usize = 8;

/// Characters of no meaning that stand for a path while the rest is redacted.
const MARKS: RangeInclusive<char> = '\u{e000}'..='\u{f8ff}';

/// Redacts a message, but for the path that the error is about and its folders:
/// `key=5/x.parquet` is a partition, not a credential.
///
/// Only whole names count, so that a path such as `key=5` does not uncover `key=5ecret`.
pub(super) fn redact_but_path(message: &str, path: Option<&str>) -> String {
    let redacted = redact_text(message);
    let Some(path) = path.filter(|_| redacted != message) else {
        return redacted;
    };
    if message.contains(|letter| MARKS.contains(&letter)) {
        return redacted;
    }
    let mut text = message.to_owned();
    let mut shown = Vec::new();
    for (name, mark) in with_folders(path).zip(MARKS) {
        if redact_text(name) != name {
            text = mark_whole_names(&text, name, mark);
            shown.push((mark, name));
        }
    }
    text = redact_text(&text);
    for (mark, name) in shown {
        text = text.replace(mark, name);
    }
    text
}

/// A path and its folders, longest first.
fn with_folders(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |name| {
        name.rsplit_once('/').map(|(folder, _)| folder)
    })
    .filter(|name| !name.is_empty())
}

fn mark_whole_names(text: &str, name: &str, mark: char) -> String {
    let mut marked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(name) {
        marked.push_str(before);
        if begins_after(&marked) && ends_before(after) {
            marked.push(mark);
        } else {
            marked.push_str(name);
        }
        rest = after;
    }
    marked.push_str(rest);
    marked
}

fn is_quote(letter: char) -> bool {
    matches!(letter, '\'' | '"' | '`')
}

fn begins_after(before: &str) -> bool {
    before
        .chars()
        .next_back()
        .is_none_or(|last| last.is_whitespace() || is_quote(last) || matches!(last, '/' | '('))
}

fn ends_before(after: &str) -> bool {
    let sentence_goes_on = after.trim_start_matches(['.', ',', ':', ';', ')']);
    sentence_goes_on
        .chars()
        .next()
        .is_none_or(|next| next.is_whitespace() || (is_quote(next) && sentence_goes_on == after))
}

#[cfg(test)]
mod tests {
    use super::redact_but_path;

    #[test]
    fn the_path_of_an_error_is_shown_whatever_its_folders_are_called() {
        let path = Some("lake/key=5/token=abc/x.parquet");
        for message in [
            "Access denied for lake/key=5/token=abc/x.parquet in the bucket 'b'",
            "Cannot use '/mnt/lake/key=5/token=abc/x.parquet'",
            "Cannot write into the folder /mnt/lake/key=5/token=abc: permission denied",
        ] {
            assert_eq!(redact_but_path(message, path), message);
        }
    }

    #[test]
    fn what_is_not_the_path_stays_hidden() {
        for (message, expected) in [
            (
                "key=5/x failed: secret=hunter2",
                "key=5/x failed: secret=***",
            ),
            ("key=5/xhunter2 failed", "key=*** failed"),
            ("password=key=5/x failed", "password=*** failed"),
            (
                "GET https://u:hunter2@h/b/key=5/x failed",
                "GET https://***@h/b/key=5/x failed",
            ),
        ] {
            assert_eq!(redact_but_path(message, Some("key=5/x")), expected);
        }
        assert_eq!(
            redact_but_path("password: hunter2", Some("hunter2")),
            redact_but_path("password: hunter2", None)
        );
        assert_eq!(redact_but_path("key=5/x", None), "key=***");
    }
}

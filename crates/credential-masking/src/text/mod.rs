//! Redaction of text whose secrets are not known: shapes that give credentials away.

mod cursor;
mod names;
mod pairs;
mod tokens;
mod url;
mod values;

use crate::spans::Spans;

/// Replaces what looks like a credential by `***`: for error messages, traces and
/// configuration dumps that come from elsewhere.
///
/// Hidden are
///
/// - the user part of URLs (`https://user:password@host`),
/// - values under names that carry a credential (see
///   [`is_sensitive_key`](crate::is_sensitive_key)) and signatures: query parameters
///   (also percent-encoded), connection strings, JSON, YAML, TOML, Python and Rust Debug
///   output at any depth of nesting and quoting, XML elements, headers, `--flags`,
/// - `Bearer` and `Basic` tokens, AWS access key ids, JSON web tokens, private key
///   blocks, tokens with a known prefix such as `ghp_`.
///
/// The empty text, `None`, `null`, `true` and `false` stay. A lone `key: …` in a sentence
/// stays too, since that is more often the key of an object; `key=…`, `"key": …` and a
/// `key: …` that begins a line or an entry are hidden.
///
/// This is a guess. When the secrets are known, use [`Redactor`](crate::Redactor), which
/// is not.
///
/// # Example
///
/// ```
/// use remote_store_credential_masking::redact_text;
///
/// assert_eq!(
///     redact_text("PUT https://host/bucket/a?X-Amz-Signature=cafe&x=1 failed"),
///     "PUT https://host/bucket/a?X-Amz-Signature=***&x=1 failed"
/// );
/// assert_eq!(
///     redact_text(r#"{"backend": {"secret": "hunter2", "bucket": "lake"}}"#),
///     r#"{"backend": {"secret": "***", "bucket": "lake"}}"#
/// );
/// // Without a name or a known shape it cannot help.
/// assert_eq!(redact_text("tried hunter2"), "tried hunter2");
/// ```
pub fn redact_text(text: &str) -> String {
    let mut spans = Spans::default();
    url::find(text, &mut spans);
    pairs::find(text, &mut spans);
    tokens::find(text, &mut spans);
    spans.mask(text)
}

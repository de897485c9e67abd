//! Redaction of text whose secrets are not known: shapes that give credentials away.

/// skeleton
pub fn redact_text(text: &str) -> String {
    text.to_owned()
}

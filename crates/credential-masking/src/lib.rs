//! Secret values and redaction: no credential in any Debug, Display or log line.
#![forbid(unsafe_code)]

mod encodings;
mod names;
mod redactor;
mod secret;
mod spans;
mod text;

pub use names::{SENSITIVE_KEYS, is_sensitive_key, mask_value, must_wrap};
pub use redactor::Redactor;
pub use secret::{MASK, Secret};
pub use text::redact_text;

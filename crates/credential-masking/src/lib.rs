//! Secret values and redaction: no credential in any Debug, Display or log line.
//!
//! Three lines of defence, for three degrees of knowledge:
//!
//! 1. [`Secret`] holds a credential from the moment it is read. It shows as `***`, so that
//!    nothing which holds one can leak it by accident. Which options become secrets is
//!    specified (DAG-033): [`must_wrap`].
//! 2. [`Redactor`] takes secrets that are known out of text that was made elsewhere, such as
//!    the errors of a client, in whatever encoding they stand there.
//! 3. [`redact_text`] takes out what looks like a credential, where none is known.
//!
//! ```
//! use remote_store_credential_masking::{Redactor, Secret, mask_value, redact_text};
//!
//! let secret = Secret::new("hunter2");
//! assert_eq!(format!("{secret:?} {secret}"), "Secret('***') ***");
//!
//! let redactor = Redactor::new([secret]);
//! assert_eq!(redactor.redact("401 for hunter2"), "401 for ***");
//!
//! assert_eq!(redact_text("AccountName=me;AccountKey=abc=="), "AccountName=me;AccountKey=***");
//! assert_eq!(mask_value("client_secret", "abc"), "***");
//! assert_eq!(mask_value("bucket", "lake"), "lake");
//! ```
//!
//! No dependency, no I/O, no global state.
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

/// The README's example is run, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

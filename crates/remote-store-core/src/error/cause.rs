//! The chain of causes, as text.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use remote_store_credential_masking::redact_text;

/// What another library said, as redacted text; the chain is kept.
#[derive(Clone)]
pub struct Cause {
    link: Arc<Link>,
}

struct Link {
    text: String,
    next: Option<Cause>,
    thrown: Option<Thrown>,
}

/// An error of a backend outside this crate, as it was thrown.
pub(super) type Thrown = Arc<dyn StdError + Send + Sync>;

/// How many causes are kept: chains are short, and a cyclic one must end.
const MAX_CAUSES: usize = 8;

impl Cause {
    /// Takes over an error and its causes, each redacted.
    pub fn new(error: &(dyn StdError + 'static)) -> Self {
        Self::outermost(error, None)
    }

    /// As [`Cause::new`], with the error itself for whoever can downcast it.
    pub(super) fn keeping(thrown: Thrown) -> Self {
        let error = Arc::clone(&thrown);
        Self::outermost(&*error, Some(thrown))
    }

    /// The error itself, where it was kept.
    pub(super) fn thrown(&self) -> Option<&Thrown> {
        self.link.thrown.as_ref()
    }

    fn outermost(error: &(dyn StdError + 'static), thrown: Option<Thrown>) -> Self {
        let mut inner = Vec::new();
        let mut current = error.source();
        while let Some(error) = current {
            if inner.len() + 1 == MAX_CAUSES {
                break;
            }
            inner.push(redact_text(&error.to_string()));
            current = error.source();
        }
        let next = inner
            .into_iter()
            .rev()
            .fold(None, |next, text| Some(Self::linked(text, next, None)));
        Self::linked(redact_text(&error.to_string()), next, thrown)
    }

    fn linked(text: String, next: Option<Self>, thrown: Option<Thrown>) -> Self {
        let link = Arc::new(Link { text, next, thrown });
        Self { link }
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cause").field(&self.link.text).finish()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.link.text)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.link
            .next
            .as_ref()
            .map(|next| next as &(dyn StdError + 'static))
    }
}

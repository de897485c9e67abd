//! The chain of causes, as text.

use std::error::Error as StdError;
use std::fmt;

use remote_store_credential_masking::redact_text;

/// What another library said, as redacted text; the chain is kept.
#[derive(Clone)]
pub struct Cause {
    text: String,
    next: Option<Box<Self>>,
}

/// How many causes are kept: chains are short, and a cyclic one must end.
const MAX_CAUSES: usize = 8;

impl Cause {
    /// Takes over an error and its causes, each redacted.
    pub fn new(error: &(dyn StdError + 'static)) -> Self {
        let mut texts = Vec::new();
        let mut current = Some(error);
        while let Some(error) = current {
            if texts.len() == MAX_CAUSES {
                break;
            }
            texts.push(redact_text(&error.to_string()));
            current = error.source();
        }
        let mut next = None;
        let mut texts = texts.into_iter().rev();
        let mut text = texts.next().unwrap_or_default();
        for outer in texts {
            next = Some(Box::new(Self { text, next }));
            text = outer;
        }
        Self { text, next }
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cause").field(&self.text).finish()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.next
            .as_ref()
            .map(|next| &**next as &(dyn StdError + 'static))
    }
}

//! A value that never shows itself.

use std::fmt;

/// What stands in the place of every credential.
pub const MASK: &str = "***";

/// A credential: password, key, token, connection string.
///
/// `Debug` and `Display` show `***`, whatever the formatting options, so that a struct
/// which holds one can derive `Debug`. There is no `Deref`, `AsRef` or serialisation:
/// the value comes out through [`reveal`](Self::reveal) only, which is easy to search
/// for in a review.
///
/// # Example
///
/// ```
/// use remote_store_credential_masking::Secret;
///
/// #[derive(Debug)]
/// struct Login {
///     user: &'static str,
///     password: Secret,
/// }
///
/// let login = Login { user: "ada", password: Secret::new("hunter2") };
/// assert_eq!(format!("{login:?}"), r#"Login { user: "ada", password: Secret('***') }"#);
/// assert_eq!(format!("{}", login.password), "***");
/// assert_eq!(login.password.reveal(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Secret {
    value: String,
}

impl Secret {
    /// Wraps a credential.
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
        }
    }

    /// The credential itself, for the client that needs it and nothing else.
    pub fn reveal(&self) -> &str {
        &self.value
    }

    /// Whether the credential is the empty text, which most services take for none.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for Secret {
    /// The same for `{:#?}`, and the same for every value: not even its length shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret('***')")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dag_033_a_secret_shows_neither_itself_nor_its_length() {
        for value in ["", "x", "a much longer credential"] {
            let secret = Secret::new(value);
            assert_eq!(format!("{secret:?}"), "Secret('***')");
            assert_eq!(format!("{secret:#?}"), "Secret('***')");
            assert_eq!(format!("{secret}"), "***");
            assert_eq!(format!("{secret:>5}"), "  ***");
            assert_eq!(secret.reveal(), value);
            assert_eq!(secret.is_empty(), value.is_empty());
        }
    }

    #[test]
    fn secrets_are_equal_by_their_value() {
        assert_eq!(Secret::from("a"), Secret::new(String::from("a")));
        assert_ne!(Secret::from("a"), Secret::from("b"));
    }
}

//! Validated names: [`ObjectKey`] for one object, [`Prefix`] for a folder or the root.
//!
//! Both are relative, `/`-separated and free of `.`/`..`, so that no text that
//! a caller supplies can name anything outside a store's root.

use std::fmt;

use crate::error::{Error, Result};

/// The name of one object: a relative path, never empty.
///
/// ```
/// use remote_store_core::ObjectKey;
///
/// let key = ObjectKey::parse("/reports\\2026//./q1.json")?;
/// assert_eq!(key.as_str(), "reports/2026/q1.json");
/// assert_eq!(key.name(), "q1.json");
/// assert_eq!(key.parent().as_str(), "reports/2026");
///
/// // What could leave the root is refused.
/// assert!(ObjectKey::parse("../secret").is_err());
/// assert!(ObjectKey::parse("").is_err());
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

/// The name of a folder; the empty prefix is the root.
///
/// ```
/// use remote_store_core::Prefix;
///
/// let prefix = Prefix::parse("reports/2026")?;
/// assert_eq!(prefix.join("q1.json")?.as_str(), "reports/2026/q1.json");
/// assert!(Prefix::parse(".")?.is_root());
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Prefix(String);

/// Normalises `path`; the result may be empty.
fn normalise(path: &str) -> Result<String> {
    if path.contains('\0') {
        return Err(Error::invalid_path(path, "Path contains null byte"));
    }
    let mut out = String::with_capacity(path.len());
    for segment in path.split(['/', '\\']) {
        match segment {
            "" | "." => {}
            ".." => {
                return Err(Error::invalid_path(path, "Path contains '..' segment"));
            }
            plain => {
                if !out.is_empty() {
                    out.push('/');
                }
                out.push_str(plain);
            }
        }
    }
    Ok(out)
}

impl ObjectKey {
    /// Reads a key from text: backslashes become `/`; empty and `.` segments
    /// and outer slashes are dropped.
    ///
    /// # Errors
    /// [`Error::InvalidPath`] when the text has a NUL byte or a `..` segment,
    /// or when nothing is left.
    pub fn parse(path: &str) -> Result<Self> {
        let text = normalise(path)?;
        if text.is_empty() {
            return Err(Error::invalid_path(
                "",
                "Path must not be empty or root for file operations",
            ));
        }
        Ok(Self(text))
    }

    /// The whole key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder that holds the object.
    pub fn parent(&self) -> Prefix {
        Prefix(
            self.0
                .rsplit_once('/')
                .map_or_else(String::new, |(head, _)| head.to_owned()),
        )
    }

    /// The same name seen as a folder.
    pub fn to_prefix(&self) -> Prefix {
        Prefix(self.0.clone())
    }

    /// Every folder above the object, nearest first, without the root.
    ///
    /// ```
    /// use remote_store_core::ObjectKey;
    /// let key = ObjectKey::parse("a/b/c")?;
    /// let above: Vec<String> = key.ancestors().map(|p| p.to_string()).collect();
    /// assert_eq!(above, ["a/b", "a"]);
    /// # Ok::<(), remote_store_core::Error>(())
    /// ```
    pub fn ancestors(&self) -> impl Iterator<Item = Prefix> + '_ {
        self.0
            .rmatch_indices('/')
            .map(|(at, _)| Prefix(self.0.get(..at).unwrap_or_default().to_owned()))
    }
}

impl Prefix {
    /// The root of a store.
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a prefix from text, by the rules of [`ObjectKey::parse`];
    /// nothing left means the root.
    ///
    /// # Errors
    /// [`Error::InvalidPath`] when the text has a NUL byte or a `..` segment.
    pub fn parse(path: &str) -> Result<Self> {
        normalise(path).map(Self)
    }

    /// The whole prefix, without a trailing slash; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The last segment; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The folder above; the root is its own parent.
    #[must_use]
    pub fn parent(&self) -> Self {
        Self(
            self.0
                .rsplit_once('/')
                .map_or_else(String::new, |(head, _)| head.to_owned()),
        )
    }

    /// The key of an object below this prefix.
    ///
    /// # Errors
    /// As [`ObjectKey::parse`].
    pub fn join(&self, path: &str) -> Result<ObjectKey> {
        let key = ObjectKey::parse(path)?;
        Ok(self.join_key(&key))
    }

    /// The key of an object below this prefix, from a relative key.
    #[must_use]
    pub fn join_key(&self, key: &ObjectKey) -> ObjectKey {
        if self.is_root() {
            return key.clone();
        }
        ObjectKey(format!("{}/{}", self.0, key.0))
    }

    /// A folder below this prefix.
    ///
    /// # Errors
    /// As [`Prefix::parse`].
    pub fn join_prefix(&self, path: &str) -> Result<Self> {
        let tail = normalise(path)?;
        Ok(match (self.is_root(), tail.is_empty()) {
            (true, _) => Self(tail),
            (false, true) => self.clone(),
            (false, false) => Self(format!("{}/{tail}", self.0)),
        })
    }

    /// The key with this name; `None` for the root.
    pub fn to_key(&self) -> Option<ObjectKey> {
        (!self.is_root()).then(|| ObjectKey(self.0.clone()))
    }

    /// What of `path` lies below this prefix; `None` when it lies elsewhere,
    /// an empty text when it is this prefix.
    pub fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.is_root() {
            return Some(path);
        }
        let rest = path.strip_prefix(self.0.as_str())?;
        if rest.is_empty() {
            return Some(rest);
        }
        rest.strip_prefix('/')
    }

    /// A full key made relative to this prefix.
    pub fn relative_key(&self, key: &ObjectKey) -> Option<ObjectKey> {
        self.strip(key.as_str())
            .filter(|rest| !rest.is_empty())
            .map(|rest| ObjectKey(rest.to_owned()))
    }

    /// A full prefix made relative to this one.
    pub fn relative_prefix(&self, prefix: &Self) -> Option<Self> {
        self.strip(prefix.as_str())
            .map(|rest| Self(rest.to_owned()))
    }

    /// True when `key` lies below this prefix.
    pub fn contains(&self, key: &ObjectKey) -> bool {
        self.strip(key.as_str())
            .is_some_and(|rest| !rest.is_empty())
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ObjectKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Prefix {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ObjectKey {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl std::str::FromStr for Prefix {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_prefix_is_stripped_only_at_a_segment_boundary() {
        let prefix = Prefix::parse("data").unwrap();
        assert_eq!(prefix.strip("data/x"), Some("x"));
        assert_eq!(prefix.strip("data"), Some(""));
        assert_eq!(prefix.strip("database/x"), None);
    }

    #[test]
    fn nul_and_dot_dot_are_refused_wherever_they_stand() {
        for bad in ["a\0b", "..", "a/../b", "a\\..\\b", "/.."] {
            assert!(Prefix::parse(bad).is_err(), "{bad}");
        }
        assert!(ObjectKey::parse("a/...").is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn parsing_is_idempotent_and_never_leaves_the_root(text in "[a-c./\\\\ é]{0,24}") {
            if let Ok(key) = ObjectKey::parse(&text) {
                prop_assert_eq!(ObjectKey::parse(key.as_str()).unwrap(), key.clone());
                prop_assert!(key.as_str().split('/').all(|s| !s.is_empty() && s != "." && s != ".."));
                prop_assert_eq!(key.parent().join(key.name()).unwrap(), key);
            }
        }

        #[test]
        fn joining_and_stripping_are_inverse(root in "[a-c]{0,3}(/[a-c]{1,3}){0,2}", tail in "[a-c]{1,3}(/[a-c]{1,3}){0,2}") {
            let root = Prefix::parse(&root).unwrap();
            let tail = ObjectKey::parse(&tail).unwrap();
            prop_assert_eq!(root.relative_key(&root.join_key(&tail)), Some(tail));
        }
    }
}

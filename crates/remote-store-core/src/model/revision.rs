//! Which content of an object is meant, for updates that must not lose another's.

use crate::error::{Error, Result};

use super::{ObjectInfo, WriteResult};

/// The longest tag that is sent; those of services take some 70 bytes.
const MAX_TAG_BYTES: usize = 1024;

/// One content of an object, as its store told it: what
/// [`WriteOptions::if_match`](crate::WriteOptions::if_match) replaces and
/// nothing else.
///
/// The tag alone is enough everywhere. Google Cloud Storage compares versions,
/// so that a revision without one costs a look at the object before the write.
///
/// ```
/// use remote_store_core::{ErrorKind, Store, WriteOptions, runtime};
///
/// let store = Store::memory();
/// runtime::block_on(store.driver(), async {
///     let first = store.write("state", "1".into(), &WriteOptions::create()).await?;
///     let seen = first.revision().unwrap();
///     store.write("state", "2".into(), &WriteOptions::if_match(seen.clone())).await?;
///
///     // What was seen is no longer there: somebody else's "2" is kept.
///     let err = store.write("state", "3".into(), &WriteOptions::if_match(seen)).await.unwrap_err();
///     assert_eq!(err.kind(), ErrorKind::Conflict);
///     assert_eq!(store.read_bytes("state").await?, "2");
///     Ok::<(), remote_store_core::Error>(())
/// })??;
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Revision {
    /// The tag that changes with the content, exactly as the store gave it.
    pub etag: String,
    /// The version, on stores that told one.
    pub version: Option<String>,
}

impl Revision {
    /// A revision known by its tag.
    pub fn new(etag: impl Into<String>) -> Self {
        Self {
            etag: etag.into(),
            version: None,
        }
    }

    /// With the version that the store told beside the tag.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    fn known(etag: Option<&String>, version: Option<&String>) -> Option<Self> {
        etag.map(|etag| Self {
            etag: etag.clone(),
            version: version.cloned(),
        })
    }

    /// True when it is the content with this tag. Listings of some services
    /// leave out the quotes that other answers put around it.
    pub(crate) fn is(&self, etag: Option<&str>) -> bool {
        etag.is_some_and(|etag| etag.trim_matches('"') == self.etag.trim_matches('"'))
    }

    /// Refuses what no store can have given.
    pub(super) fn validate(&self) -> Result<()> {
        for text in [Some(&self.etag), self.version.as_ref()]
            .into_iter()
            .flatten()
        {
            let printable = text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
            if text.is_empty() || text.len() > MAX_TAG_BYTES || !printable {
                return Err(Error::invalid_config(
                    "'if_match' is no tag of a store; pass the etag that reading or writing the object gave",
                ));
            }
        }
        Ok(())
    }
}

impl From<String> for Revision {
    fn from(etag: String) -> Self {
        Self::new(etag)
    }
}

impl From<&str> for Revision {
    fn from(etag: &str) -> Self {
        Self::new(etag)
    }
}

impl ObjectInfo {
    /// The content that this tells of; `None` on stores without tags.
    pub fn revision(&self) -> Option<Revision> {
        Revision::known(self.etag.as_ref(), self.version.as_ref())
    }
}

impl WriteResult {
    /// The content that was written; `None` on stores without tags.
    pub fn revision(&self) -> Option<Revision> {
        Revision::known(self.etag.as_ref(), self.version.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::model::{WriteMode, WriteOptions};

    #[test]
    fn what_no_store_can_have_given_is_refused() {
        for bad in ["", "a b", "a\r\nX-Header: 1", "ü", &"x".repeat(2000)] {
            let err = WriteOptions::if_match(bad).validate().unwrap_err();
            assert_eq!(
                err.kind(),
                ErrorKind::InvalidConfig,
                "{}",
                bad.escape_debug()
            );
        }
        let version = Revision::new("\"a\"").with_version("");
        assert!(WriteOptions::if_match(version).validate().is_err());
        assert!(WriteOptions::if_match("\"a-1\"").validate().is_ok());
    }

    #[test]
    fn nothing_can_be_created_and_matched_at_once() {
        let options = WriteOptions::if_match("x").with_mode(WriteMode::Create);
        assert_eq!(
            options.validate().unwrap_err().kind(),
            ErrorKind::InvalidConfig
        );
    }

    #[test]
    fn quotes_are_no_part_of_a_tag() {
        assert!(Revision::new("\"a\"").is(Some("a")));
        assert!(!Revision::new("a").is(Some("b")));
        assert!(!Revision::new("a").is(None));
    }
}

//! What stores say about objects, and what callers ask of writes and listings.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::key::{ObjectKey, Prefix};

mod revision;

pub use revision::Revision;

/// What is known about one object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// Its name.
    pub key: ObjectKey,
    /// Its length in bytes.
    pub size: u64,
    /// When it was last written, where the backend knows.
    pub modified: Option<DateTime<Utc>>,
    /// An opaque tag that changes with the content.
    pub etag: Option<String>,
    /// The version, on stores that keep versions.
    pub version: Option<String>,
    /// The media type, where one was given.
    pub content_type: Option<String>,
    /// Text pairs that were written with the object.
    pub user_metadata: BTreeMap<String, String>,
}

impl ObjectInfo {
    /// What every backend knows.
    pub fn new(key: ObjectKey, size: u64) -> Self {
        Self {
            key,
            size,
            modified: None,
            etag: None,
            version: None,
            content_type: None,
            user_metadata: BTreeMap::new(),
        }
    }
}

/// The answer to a write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteResult {
    /// The name written.
    pub key: ObjectKey,
    /// The number of bytes written.
    pub size: u64,
    /// The tag of the new content.
    pub etag: Option<String>,
    /// The new version, on stores that keep versions.
    pub version: Option<String>,
    /// When it was written, where the store said so.
    pub modified: Option<DateTime<Utc>>,
    /// True when the fields come from the store's own answer.
    pub native: bool,
}

impl WriteResult {
    /// A result that the store said nothing about.
    pub fn new(key: ObjectKey, size: u64) -> Self {
        Self {
            key,
            size,
            etag: None,
            version: None,
            modified: None,
            native: false,
        }
    }
}

/// The sum of everything below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FolderInfo {
    /// The folder.
    pub prefix: Prefix,
    /// How many objects are below it.
    pub object_count: u64,
    /// The sum of their sizes in bytes.
    pub total_size: u64,
    /// The newest of their times.
    pub modified: Option<DateTime<Utc>>,
}

impl FolderInfo {
    /// A folder without anything counted yet.
    pub fn new(prefix: Prefix) -> Self {
        Self {
            prefix,
            object_count: 0,
            total_size: 0,
            modified: None,
        }
    }

    /// Counts one object in.
    pub fn add(&mut self, info: &ObjectInfo) {
        self.object_count += 1;
        self.total_size = self.total_size.saturating_add(info.size);
        self.modified = self.modified.max(info.modified);
    }
}

/// One level of a folder: its own objects and folders, each sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Level {
    /// The objects directly in the folder.
    pub objects: Vec<ObjectInfo>,
    /// The folders directly in the folder.
    pub folders: Vec<Prefix>,
}

impl Level {
    /// A level; both lists are sorted here, so that every backend's order is the same.
    pub fn new(mut objects: Vec<ObjectInfo>, mut folders: Vec<Prefix>) -> Self {
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        folders.sort();
        folders.dedup();
        Self { objects, folders }
    }

    /// True when there is neither object nor folder.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.folders.is_empty()
    }
}

/// Where a listing goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken(pub(crate) ObjectKey);

impl PageToken {
    /// The token as text, to be handed to another process.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The token from its text.
    ///
    /// # Errors
    /// [`Error::InvalidPath`] when the text is no token.
    pub fn parse(text: &str) -> Result<Self> {
        ObjectKey::parse(text).map(Self)
    }
}

/// A bounded part of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The objects, sorted by key.
    pub objects: Vec<ObjectInfo>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<PageToken>,
}

impl Page {
    /// One page.
    pub fn new(objects: Vec<ObjectInfo>, next: Option<PageToken>) -> Self {
        Self { objects, next }
    }
}

/// How far a listing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ListOptions {
    /// Also what lies in folders below.
    pub recursive: bool,
    /// With `recursive`: how many levels of folders below; 0 lists the folder's own objects.
    pub max_depth: Option<usize>,
}

impl ListOptions {
    /// The folder's own objects only.
    pub const fn flat() -> Self {
        Self {
            recursive: false,
            max_depth: None,
        }
    }

    /// Everything below.
    pub const fn recursive() -> Self {
        Self {
            recursive: true,
            max_depth: None,
        }
    }

    /// Bounded in depth.
    #[must_use]
    pub const fn with_max_depth(mut self, levels: usize) -> Self {
        self.max_depth = Some(levels);
        self
    }

    /// Levels to descend; `None` is unbounded.
    pub(crate) const fn depth(self) -> Option<usize> {
        if self.recursive {
            self.max_depth
        } else {
            Some(0)
        }
    }
}

/// What a write does when the name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum WriteMode {
    /// Fail with [`Error::AlreadyExists`]; atomic where the store can.
    #[default]
    Create,
    /// Replace the object; readers see the old or the new one, never a part.
    Overwrite,
}

/// How to write.
///
/// ```
/// use remote_store_core::{WriteMode, WriteOptions};
///
/// let options = WriteOptions::overwrite().with_content_type("application/json");
/// assert_eq!(options.mode, WriteMode::Overwrite);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// What happens when the name is taken.
    pub mode: WriteMode,
    /// Text pairs to keep with the object.
    pub user_metadata: BTreeMap<String, String>,
    /// The media type.
    pub content_type: Option<String>,
    /// Replace this content and no other: anything else that is there, or
    /// nothing, is [`Error::Conflict`].
    pub if_match: Option<Revision>,
}

/// The most that user metadata may take, keys and values together.
pub const MAX_USER_METADATA_BYTES: usize = 2048;

impl WriteOptions {
    /// Fail when the name is taken.
    pub fn create() -> Self {
        Self::default()
    }

    /// Replace what is there.
    pub fn overwrite() -> Self {
        Self {
            mode: WriteMode::Overwrite,
            ..Self::default()
        }
    }

    /// Replace one content and no other; see [`Revision`]. Whoever finds
    /// something else there gets [`Error::Conflict`], and nothing is written.
    pub fn if_match(revision: impl Into<Revision>) -> Self {
        Self {
            if_match: Some(revision.into()),
            ..Self::overwrite()
        }
    }

    /// With another mode.
    #[must_use]
    pub fn with_mode(mut self, mode: WriteMode) -> Self {
        self.mode = mode;
        self
    }

    /// With text pairs to keep.
    #[must_use]
    pub fn with_user_metadata(mut self, pairs: BTreeMap<String, String>) -> Self {
        self.user_metadata = pairs;
        self
    }

    /// With a media type.
    #[must_use]
    pub fn with_content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Checks what every backend would have to keep unchanged.
    ///
    /// # Errors
    /// [`Error::InvalidMetadata`] for a key that is empty, not ASCII or starts
    /// with `_`, and for more than [`MAX_USER_METADATA_BYTES`] in all;
    /// [`Error::InvalidConfig`] for an `if_match` that is no tag or comes with
    /// [`WriteMode::Create`].
    pub fn validate(&self) -> Result<()> {
        if let Some(revision) = &self.if_match {
            revision.validate()?;
            if self.mode == WriteMode::Create {
                return Err(Error::invalid_config(
                    "'if_match' replaces an object and cannot create one; leave one of both out",
                ));
            }
        }
        let mut total = 0;
        for (name, value) in &self.user_metadata {
            if name.is_empty() || !name.is_ascii() || name.starts_with('_') {
                return Err(Error::InvalidMetadata {
                    reason: format!(
                        "User metadata key '{}' must be non-empty ASCII and must not start with '_'",
                        name.escape_debug()
                    ),
                });
            }
            total += name.len() + value.len();
        }
        if total > MAX_USER_METADATA_BYTES {
            return Err(Error::InvalidMetadata {
                reason: format!(
                    "User metadata takes {total} bytes; at most {MAX_USER_METADATA_BYTES} are allowed"
                ),
            });
        }
        Ok(())
    }
}

/// Which bytes of an object to read. A range that starts at or beyond the end
/// reads as empty; one that ends beyond it is cut.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ReadRange {
    /// The whole object.
    #[default]
    All,
    /// From a first byte up to, not including, an end.
    Bounded(Range<u64>),
    /// From a byte to the end.
    From(u64),
    /// The last bytes.
    Suffix(u64),
}

impl ReadRange {
    /// The bytes meant, for an object of `size` bytes.
    ///
    /// ```
    /// use remote_store_core::ReadRange;
    /// assert_eq!(ReadRange::Suffix(3).resolve(10), 7..10);
    /// assert_eq!(ReadRange::Bounded(8..20).resolve(10), 8..10);
    /// assert!(ReadRange::From(10).resolve(10).is_empty());
    /// ```
    pub fn resolve(&self, size: u64) -> Range<u64> {
        let (start, end) = match self {
            Self::All => (0, size),
            Self::Bounded(range) => (range.start, range.end),
            Self::From(start) => (*start, size),
            Self::Suffix(length) => (size.saturating_sub(*length), size),
        };
        let start = start.min(size);
        start..end.min(size).max(start)
    }
}

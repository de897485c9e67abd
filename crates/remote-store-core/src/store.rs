//! [`Store`]: a backend seen from a root folder.

use std::fmt;
use std::sync::Arc;

use crate::backend::{Backend, Driver};
use crate::backends::MemoryBackend;
use crate::capability::{Capability, CapabilitySet};
use crate::error::{Error, Result};
use crate::key::{ObjectKey, Prefix};
use crate::model::{ObjectInfo, WriteResult};

mod folder;
mod listing;
mod reading;
mod signing;
mod whole_writer;
mod writing;

/// A backend seen from a root folder. Paths go in and come out relative to the
/// root; nothing outside of it can be named. Cloning is cheap and shares the
/// backend.
///
/// ```
/// use remote_store_core::{ErrorKind, Store, WriteOptions, runtime};
///
/// let store = Store::memory();
/// runtime::block_on(store.driver(), async {
///     store.write("a/report.json", "{}".into(), &WriteOptions::create()).await?;
///     assert_eq!(store.read_bytes("a/report.json").await?, "{}");
///
///     // A second create does not replace the object, and says so.
///     let taken = store.write("a/report.json", "[]".into(), &WriteOptions::create()).await;
///     assert_eq!(taken.unwrap_err().kind(), ErrorKind::AlreadyExists);
///
///     let child = store.child("a")?;
///     assert!(child.is_file("report.json").await?);
///     Ok::<(), remote_store_core::Error>(())
/// })??;
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    root: Prefix,
}

impl Store {
    /// A store over a backend, from a root.
    pub fn new(backend: Arc<dyn Backend>, root: Prefix) -> Self {
        Self { backend, root }
    }

    /// An empty store in memory, for tests and examples.
    pub fn memory() -> Self {
        Self::new(Arc::new(MemoryBackend::new()), Prefix::root())
    }

    /// The store that a URL points to, e.g. `s3://bucket/prefix`, or the absolute path of a folder; which
    /// schemes there are stands with [`Location`](crate::registry::Location).
    ///
    /// ```
    /// use remote_store_core::{Store, registry::Options};
    ///
    /// let store = Store::from_url("memory://team-a", &Options::new())?;
    /// assert_eq!(store.root().as_str(), "team-a");
    /// assert!(Store::from_url("nowhere://x", &Options::new()).is_err());
    /// # Ok::<(), remote_store_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`registry::from_url`](crate::registry::from_url()).
    pub fn from_url(url: &str, options: &crate::registry::Options) -> Result<Self> {
        crate::registry::from_url(url, options)
    }

    /// The same backend seen from a folder below this root. Closing either
    /// closes the backend of both.
    ///
    /// # Errors
    /// [`Error::InvalidPath`] when `sub` is no folder name.
    pub fn child(&self, sub: &str) -> Result<Self> {
        Ok(Self {
            backend: Arc::clone(&self.backend),
            root: self.root.join_prefix(sub)?,
        })
    }

    /// The backend.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// The folder that paths are relative to.
    pub fn root(&self) -> &Prefix {
        &self.root
    }

    /// What drives the futures of this store; see [`crate::runtime::block_on`].
    pub fn driver(&self) -> Driver {
        self.backend.driver()
    }

    /// What the backend can do.
    pub fn capabilities(&self) -> CapabilitySet {
        self.backend.capabilities()
    }

    /// True when the backend can do it.
    pub fn supports(&self, capability: Capability) -> bool {
        self.capabilities().contains(capability)
    }

    /// True when [`WriteOptions::if_match`](crate::WriteOptions::if_match) can be asked for.
    pub fn supports_conditional_update(&self) -> bool {
        self.backend.supports_conditional_update()
    }

    /// Makes sure that the backend can do it.
    ///
    /// # Errors
    /// [`Error::CapabilityNotSupported`] naming what the backend has.
    pub fn require(&self, capability: Capability) -> Result<()> {
        if self.supports(capability) {
            return Ok(());
        }
        Err(Error::CapabilityNotSupported {
            capability,
            backend: self.backend.name().to_owned(),
            supported: self.capabilities(),
            source: None,
        })
    }

    /// The path as the backend's own tools would write it, root included.
    ///
    /// # Errors
    /// [`Error::InvalidPath`] when `path` is no name.
    pub fn native_path(&self, path: &str) -> Result<String> {
        Ok(self.backend.native_path(&self.full_prefix(path)?))
    }

    /// The inverse of [`Store::native_path`].
    ///
    /// # Errors
    /// [`Error::InvalidPath`] when the path lies outside this store.
    pub fn to_key(&self, native: &str) -> Result<String> {
        self.backend
            .key_from_native(native)
            .and_then(|full| self.root.relative_prefix(&full))
            .map(|relative| relative.to_string())
            .ok_or_else(|| Error::InvalidPath {
                path: native.to_owned(),
                reason: "Path lies outside the store".into(),
                backend: Some(self.backend.name().to_owned()),
                source: None,
            })
    }

    /// A URI for lineage and for people.
    ///
    /// # Errors
    /// [`Error::InvalidPath`] when `path` is no name.
    pub fn uri(&self, path: &str) -> Result<String> {
        Ok(self.backend.uri(&self.full_prefix(path)?))
    }

    /// One cheap request that proves that the store can be used.
    ///
    /// # Errors
    /// What an operation would report: wrong credential, missing bucket,
    /// unreachable endpoint.
    pub async fn ping(&self) -> Result<()> {
        self.backend.ping().await
    }

    /// Closes the backend. Later calls are [`Error::Closed`] where connections
    /// were held; a local folder and memory hold none and can be used on.
    pub async fn close(&self) {
        self.backend.close().await;
    }

    fn full_key(&self, path: &str) -> Result<ObjectKey> {
        self.root.join(path)
    }

    fn full_prefix(&self, path: &str) -> Result<Prefix> {
        self.root.join_prefix(path)
    }

    fn relative_info(&self, mut info: ObjectInfo) -> ObjectInfo {
        if let Some(key) = self.root.relative_key(&info.key) {
            info.key = key;
        }
        info
    }

    fn relative_result(&self, mut result: WriteResult) -> WriteResult {
        if let Some(key) = self.root.relative_key(&result.key) {
            result.key = key;
        }
        result
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Store(backend='{}', root_path='{}')",
            self.backend.name(),
            self.root
        )
    }
}

/// Equal when they share one backend and one root.
impl PartialEq for Store {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.backend, &other.backend) && self.root == other.root
    }
}

impl Eq for Store {}

#[cfg(test)]
mod tests;

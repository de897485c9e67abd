//! Objects as files below a folder.
//!
//! Calls block the calling thread, which is the fastest way to local disks;
//! services with an async runtime may wrap long ones in `spawn_blocking`.

use std::fs;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use percent_encoding::utf8_percent_encode;

use crate::backend::{Backend, Driver, ObjectWriter};
use crate::capability::{Capability, CapabilitySet};
use crate::error::{Error, Result};
use crate::key::{ObjectKey, Prefix};
use crate::model::{Level, ObjectInfo, ReadRange, WriteMode, WriteOptions, WriteResult};
use crate::reader::{FileBody, ObjectReader};
use crate::registry::{BackendSpec, OptionKind, OptionSpec, OptionValue};

use super::URI_PLAIN;

mod commit;
mod folder;
mod io_error;
mod lock;
mod resolve;
mod staging;
mod transfer;
mod walk;
mod writer;

use commit::Target;
use resolve::{Place, resolve};
use staging::{Staged, Sweeper};
use walk::Entry;
use writer::LocalWriter;

const NAME: &str = "local";

/// How a [`LocalBackend`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalOptions {
    /// The folder that holds everything; made when something is first written.
    pub root: PathBuf,
    /// Wait until every write has reached the disk. Off by default: a power
    /// cut may then lose the last seconds, never show a part.
    pub fsync: bool,
}

impl LocalOptions {
    /// The defaults, below a folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            fsync: false,
        }
    }

    /// With every write on disk before it returns.
    #[must_use]
    pub fn with_fsync(mut self, fsync: bool) -> Self {
        self.fsync = fsync;
        self
    }
}

/// Objects as files below a folder: replaced in one step, folders real, links
/// out of the folder refused.
///
/// ```
/// use std::sync::Arc;
/// use remote_store_core::{ErrorKind, Prefix, Store, WriteOptions, runtime};
/// use remote_store_core::backends::{LocalBackend, LocalOptions};
///
/// let folder = tempfile::tempdir().unwrap();
/// let backend = LocalBackend::new(LocalOptions::new(folder.path()))?;
/// let store = Store::new(Arc::new(backend), Prefix::root());
/// runtime::block_on(store.driver(), async {
///     store.write("a/b.txt", "x".into(), &WriteOptions::create()).await?;
///     assert_eq!(std::fs::read(folder.path().join("a/b.txt")).unwrap(), b"x");
///
///     // Below a file there is no room for another one.
///     let err = store.write("a/b.txt/c", "y".into(), &WriteOptions::create()).await.unwrap_err();
///     assert_eq!(err.kind(), ErrorKind::InvalidPath);
///     Ok::<(), remote_store_core::Error>(())
/// })??;
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug)]
pub struct LocalBackend {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    fsync: bool,
    hard_links: bool,
    sweeper: Sweeper,
    closed: AtomicBool,
}

impl LocalBackend {
    /// A backend below a folder. The folder is made when something is first
    /// written.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when the root is empty or a file.
    pub fn new(options: LocalOptions) -> Result<Self> {
        let LocalOptions { root, fsync } = options;
        let refuse = |message: String| Error::InvalidConfig {
            message,
            backend: Some(NAME.into()),
            source: None,
        };
        if root.as_os_str().is_empty() {
            return Err(refuse(
                "Option 'root' of backend 'local' is empty; name a folder".into(),
            ));
        }
        let root = std::path::absolute(&root).map_err(|err| {
            refuse(format!(
                "Option 'root' of backend 'local': {} is no path",
                root.display()
            ))
            .caused_by(&err)
        })?;
        if fs::metadata(&root).is_ok_and(|metadata| !metadata.is_dir()) {
            let shown = root.display();
            return Err(refuse(format!(
                "Option 'root' of backend 'local': {shown} is a file; name a folder"
            )));
        }
        let inner = Inner {
            root,
            fsync,
            hard_links: true,
            sweeper: Sweeper::default(),
            closed: AtomicBool::new(false),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The folder that holds everything.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }
}

/// What the registry knows about this backend.
pub(super) fn spec() -> BackendSpec {
    BackendSpec::new(NAME, |options| {
        let root = options
            .get("root")
            .and_then(OptionValue::as_text)
            .unwrap_or_default();
        let fsync = options
            .get("fsync")
            .and_then(OptionValue::as_bool)
            .unwrap_or(false);
        Ok(Arc::new(LocalBackend::new(
            LocalOptions::new(root).with_fsync(fsync),
        )?) as Arc<dyn Backend>)
    })
    .with_options(vec![
        OptionSpec::new("root", OptionKind::Text, "the folder that holds everything").required(),
        OptionSpec::new(
            "fsync",
            OptionKind::Bool,
            "wait until every write has reached the disk",
        ),
    ])
}

impl Inner {
    fn open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed {
                backend: NAME.into(),
            });
        }
        Ok(())
    }

    /// The place of an object that exists.
    fn existing(&self, key: &ObjectKey) -> Result<Place> {
        self.open()?;
        let place = resolve(&self.root, key.as_str())?;
        match &place.metadata {
            None => Err(Error::not_found(key.as_str(), NAME)),
            // Pipes and devices would block or never end.
            Some(metadata) if !metadata.is_file() => Err(Error::not_a_file(key.as_str(), NAME)),
            Some(_) => Ok(place),
        }
    }

    async fn finish(
        &self,
        key: &ObjectKey,
        target: &Target,
        staged: Staged,
    ) -> Result<WriteResult> {
        let size = staged.written();
        let file = staged.file().try_clone();
        self.commit(key, target, staged).await?;
        // Of the file itself: the name may stand for another one by now.
        let seen = file.and_then(|file| file.metadata());
        let seen = seen.ok().map(|metadata| walk::info(key, &metadata));
        let (etag, modified) = seen.map_or((None, None), |info| (info.etag, info.modified));
        Ok(WriteResult {
            etag,
            modified,
            native: true,
            ..WriteResult::new(key.clone(), size)
        })
    }
}

#[async_trait]
impl Backend for LocalBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> CapabilitySet {
        CapabilitySet::all().without(Capability::UserMetadata)
    }

    fn driver(&self) -> Driver {
        Driver::Inline
    }

    fn supports_conditional_update(&self) -> bool {
        true
    }

    fn native_path(&self, prefix: &Prefix) -> String {
        let path = if prefix.is_root() {
            self.inner.root.clone()
        } else {
            self.inner.root.join(prefix.as_str())
        };
        path.to_string_lossy().into_owned()
    }

    fn key_from_native(&self, path: &str) -> Option<Prefix> {
        let relative = Path::new(path).strip_prefix(&self.inner.root).ok()?;
        Prefix::parse(relative.to_str()?).ok()
    }

    fn uri(&self, prefix: &Prefix) -> String {
        format!(
            "file://{}",
            utf8_percent_encode(&self.native_path(prefix), URI_PLAIN)
        )
    }

    fn describe(&self) -> Vec<(String, String)> {
        vec![
            ("root".into(), self.native_path(&Prefix::root())),
            ("fsync".into(), self.inner.fsync.to_string()),
        ]
    }

    async fn read(&self, key: &ObjectKey, range: ReadRange) -> Result<ObjectReader> {
        let place = self.inner.existing(key)?;
        let failed = |err: std::io::Error| io_error::reading(key.as_str(), &err);
        let mut file = fs::File::open(&place.path).map_err(failed)?;
        // Of the file that was opened: the name may stand for another one by now.
        let info = walk::info(key, &file.metadata().map_err(failed)?);
        let range = range.resolve(info.size);
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        }
        let body = FileBody::new(file, range.end - range.start, key.as_str(), NAME);
        Ok(ObjectReader::from_file(info, range, NAME, body))
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo> {
        let place = self.inner.existing(key)?;
        place
            .metadata
            .map(|metadata| walk::info(key, &metadata))
            .ok_or_else(|| Error::not_found(key.as_str(), NAME))
    }

    async fn write(
        &self,
        key: &ObjectKey,
        bytes: Bytes,
        options: &WriteOptions,
    ) -> Result<WriteResult> {
        self.inner.open()?;
        let target = self.inner.write_target(key, options)?;
        let mut staged = Inner::stage(key, &target)?;
        let written = staged.write(&bytes).await;
        written.map_err(|err| io_error::writing(key.as_str(), target.folder(), &err))?;
        self.inner.finish(key, &target, staged).await
    }

    async fn writer(
        &self,
        key: &ObjectKey,
        options: &WriteOptions,
    ) -> Result<Box<dyn ObjectWriter>> {
        self.inner.open()?;
        let target = self.inner.write_target(key, options)?;
        let staged = Inner::stage(key, &target)?;
        Ok(Box::new(LocalWriter {
            inner: Arc::clone(&self.inner),
            key: key.clone(),
            target,
            staged,
        }))
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        self.inner.delete(key)
    }

    fn list(
        &self,
        prefix: &Prefix,
        start_after: Option<&ObjectKey>,
    ) -> BoxStream<'static, Result<ObjectInfo>> {
        let place = self
            .inner
            .open()
            .and_then(|()| resolve(&self.inner.root, prefix.as_str()));
        match place {
            Ok(place) => walk::walk(
                self.inner.root.clone(),
                prefix.clone(),
                place.path,
                start_after.cloned(),
            ),
            Err(err) => stream::iter([Err(err)]).boxed(),
        }
    }

    async fn list_level(&self, prefix: &Prefix) -> Result<Level> {
        self.inner.open()?;
        let place = resolve(&self.inner.root, prefix.as_str())?;
        let (mut objects, mut folders) = (Vec::new(), Vec::new());
        for entry in walk::entries(&self.inner.root, prefix, &place.path)? {
            match entry {
                Entry::File(info) => objects.push(info),
                Entry::Folder(prefix, _) => folders.push(prefix),
            }
        }
        Ok(Level::new(objects, folders))
    }

    async fn is_folder(&self, prefix: &Prefix) -> Result<bool> {
        self.inner.open()?;
        Ok(prefix.is_root() || resolve(&self.inner.root, prefix.as_str())?.is_folder())
    }

    async fn delete_folder(&self, prefix: &Prefix, recursive: bool) -> Result<()> {
        self.inner.delete_folder(prefix, recursive)
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        self.inner.copy(from, to, mode).await
    }

    async fn rename(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        self.inner.rename(from, to, mode).await
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping()
    }

    async fn close(&self) {
        self.inner.closed.store(true, Ordering::Release);
    }
}

#[cfg(all(test, unix))]
mod tests;

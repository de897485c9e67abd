//! Objects in memory: for tests, examples and short-lived data.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use crate::backend::{Backend, Driver, ObjectWriter};
use crate::capability::{Capability, CapabilitySet};
use crate::error::{Error, Result, Subject};
use crate::key::{ObjectKey, Prefix};
use crate::model::{Level, ObjectInfo, ReadRange, WriteMode, WriteOptions, WriteResult};
use crate::reader::ObjectReader;
use crate::registry::BackendSpec;

mod objects;
mod writer;

use objects::{Entry, Shared, absent, below, check_revision, check_target, has_folder};
use writer::MemoryWriter;

const NAME: &str = "memory";
/// A listing copies at most this many entries while it holds the lock.
const LIST_BATCH: usize = 1000;

/// Objects in memory. Folders are implied by the objects in them: writing
/// below an object, or onto a folder, is refused as on a disk.
///
/// ```
/// use std::sync::Arc;
/// use remote_store_core::{Prefix, Store, backends::MemoryBackend};
///
/// let store = Store::new(Arc::new(MemoryBackend::new()), Prefix::root());
/// assert_eq!(store.native_path("a/b")?, "a/b");
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryBackend {
    shared: Arc<Shared>,
}

/// What the registry knows about this backend.
pub(super) fn spec() -> BackendSpec {
    BackendSpec::new(NAME, |_| {
        Ok(Arc::new(MemoryBackend::new()) as Arc<dyn Backend>)
    })
}

impl MemoryBackend {
    /// An empty backend.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Backend for MemoryBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> CapabilitySet {
        CapabilitySet::all().without(Capability::LazyRead)
    }

    fn driver(&self) -> Driver {
        Driver::Inline
    }

    fn supports_conditional_update(&self) -> bool {
        true
    }

    fn native_path(&self, prefix: &Prefix) -> String {
        prefix.to_string()
    }

    fn key_from_native(&self, path: &str) -> Option<Prefix> {
        Prefix::parse(path).ok()
    }

    fn uri(&self, prefix: &Prefix) -> String {
        format!("memory:///{prefix}")
    }

    fn describe(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    async fn read(&self, key: &ObjectKey, range: ReadRange) -> Result<ObjectReader> {
        self.shared.open()?;
        let objects = self.shared.read();
        let entry = objects
            .get(key.as_str())
            .ok_or_else(|| absent(&objects, key))?;
        let size = entry.bytes.len() as u64;
        let range = range.resolve(size);
        // Resolved ranges lie within the length, which is a usize.
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = entry.bytes.slice(at(range.start)..at(range.end));
        Ok(ObjectReader::from_bytes(entry.info(), range, NAME, bytes))
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo> {
        self.shared.open()?;
        let objects = self.shared.read();
        objects
            .get(key.as_str())
            .map(Entry::info)
            .ok_or_else(|| absent(&objects, key))
    }

    async fn write(
        &self,
        key: &ObjectKey,
        bytes: Bytes,
        options: &WriteOptions,
    ) -> Result<WriteResult> {
        self.shared.put(key, bytes, options)
    }

    async fn writer(
        &self,
        key: &ObjectKey,
        options: &WriteOptions,
    ) -> Result<Box<dyn ObjectWriter>> {
        self.shared.open()?;
        let objects = self.shared.read();
        check_target(&objects, key, options.mode, Subject::File)?;
        check_revision(&objects, key, options.if_match.as_ref())?;
        drop(objects);
        Ok(Box::new(MemoryWriter::new(
            Arc::clone(&self.shared),
            key.clone(),
            options.clone(),
        )))
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        self.shared.open()?;
        let mut objects = self.shared.write();
        match objects.remove(key.as_str()) {
            Some(_) => Ok(()),
            None => Err(absent(&objects, key)),
        }
    }

    fn list(
        &self,
        prefix: &Prefix,
        start_after: Option<&ObjectKey>,
    ) -> BoxStream<'static, Result<ObjectInfo>> {
        let shared = Arc::clone(&self.shared);
        let prefix = prefix.clone();
        let start = Some(start_after.map(ToString::to_string));
        stream::try_unfold(start, move |state| {
            let batch = match (&state, shared.open()) {
                (None, _) => Ok(Vec::new()),
                (Some(_), Err(err)) => Err(err),
                (Some(after), Ok(())) => {
                    let objects = shared.read();
                    Ok(below(&objects, &prefix, after.as_deref())
                        .take(LIST_BATCH)
                        .map(Entry::info)
                        .collect())
                }
            };
            async move {
                let batch: Vec<ObjectInfo> = batch?;
                let next = batch
                    .last()
                    .filter(|_| batch.len() == LIST_BATCH)
                    .map(|last| Some(last.key.to_string()));
                Ok((!batch.is_empty()).then(|| (stream::iter(batch.into_iter().map(Ok)), next)))
            }
        })
        .try_flatten()
        .boxed()
    }

    async fn list_level(&self, prefix: &Prefix) -> Result<Level> {
        self.shared.open()?;
        let objects = self.shared.read();
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in below(&objects, prefix, None) {
            match prefix
                .strip(entry.key.as_str())
                .and_then(|rest| rest.split_once('/'))
            {
                None => files.push(entry.info()),
                Some((name, _)) => folders.push(prefix.join_prefix(name)?),
            }
        }
        Ok(Level::new(files, folders))
    }

    async fn is_folder(&self, prefix: &Prefix) -> Result<bool> {
        self.shared.open()?;
        Ok(prefix.is_root() || has_folder(&self.shared.read(), prefix))
    }

    async fn delete_folder(&self, prefix: &Prefix, recursive: bool) -> Result<()> {
        self.shared.open()?;
        let mut objects = self.shared.write();
        let keys: Vec<String> = below(&objects, prefix, None)
            .map(|entry| entry.key.to_string())
            .collect();
        if keys.is_empty() {
            if objects.contains_key(prefix.as_str()) {
                return Err(Error::not_a_folder(prefix.as_str(), NAME));
            }
            return Err(Error::missing(Subject::Folder, prefix.as_str(), NAME));
        }
        if !recursive {
            return Err(Error::DirectoryNotEmpty {
                path: prefix.to_string(),
                backend: NAME.into(),
                source: None,
            });
        }
        for key in keys {
            objects.remove(&key);
        }
        Ok(())
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        self.shared.transfer(from, to, mode, true)
    }

    async fn rename(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        self.shared.transfer(from, to, mode, false)
    }

    async fn ping(&self) -> Result<()> {
        self.shared.open()
    }

    async fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
    }
}

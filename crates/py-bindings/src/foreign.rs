//! A Python store as a backend of the core.
//!
//! Our own, unpatched `Store` gives up its core directly. Subclassed and patched
//! stores, mocks and anything with the methods of a store are called through the
//! instance, so that what was overridden takes effect.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, BoxStream, StreamExt};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};
use remote_store_core::{
    Backend, CapabilitySet, Driver, Error, Level, ObjectInfo, ObjectKey, ObjectReader,
    ObjectWriter, Prefix, ReadRange, Result, Store as CoreStore, Subject, WriteMode, WriteOptions,
    WriteResult,
};

use crate::errors;
use crate::store::Store;

mod raised;

/// The core store behind any Python store.
///
/// # Errors
/// What looking at the object raises.
pub(crate) fn core_store(store: &Bound<'_, PyAny>) -> PyResult<CoreStore> {
    static NATIVE_CORE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = store.py();
    if let Ok(native) = store.cast::<Store>() {
        return Ok(native.get().inner.clone());
    }
    let native_core = NATIVE_CORE.import(py, "remote_store._store", "native_core")?;
    let native = native_core.call1((store,))?;
    if let Ok(native) = native.cast::<Store>() {
        return Ok(native.get().inner.clone());
    }
    Ok(CoreStore::new(
        Arc::new(ForeignStore::new(store)),
        Prefix::root(),
    ))
}

/// From here on, a small part of an object is not cut out of the whole of it.
const LARGE_BYTES: u64 = 8 << 20;

/// A Python object with the methods of a store.
#[derive(Debug, Clone)]
struct ForeignStore {
    store: Arc<Py<PyAny>>,
    name: String,
}

impl ForeignStore {
    fn new(store: &Bound<'_, PyAny>) -> Self {
        let name = store
            .getattr("_core")
            .and_then(|core| core.getattr("backend_name"))
            .and_then(|name| name.extract())
            .unwrap_or_else(|_no_name| "python".to_owned());
        Self {
            store: Arc::new(store.clone().unbind()),
            name,
        }
    }

    /// Calls into Python; what it raises is told as the core's error of the same meaning.
    fn with<T>(
        &self,
        path: &str,
        call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T> {
        // A thread of ours may come when the interpreter is on its way out: no Python then.
        let called = Python::try_attach(|py| {
            let store = self.store.bind(py);
            call(store).map_err(|raised| raised::error(store, &self.name, path, &raised))
        });
        called.unwrap_or_else(|| {
            Err(Error::unavailable(
                self.name.as_str(),
                "Python is shutting down; the store cannot be called any more",
            ))
        })
    }

    /// A part of a large object, without the rest of it where the store can jump.
    fn part(&self, key: &ObjectKey, range: &Range<u64>) -> Result<Option<Bytes>> {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        self.with(key.as_str(), |store| {
            let file = store.call_method1("read", (key.as_str(),))?;
            let part = if file.call_method0("seekable")?.is_truthy()? {
                file.call_method1("seek", (range.start,))?;
                let mut bytes = BytesMut::with_capacity(length);
                while bytes.len() < length {
                    let chunk = file.call_method1("read", (length - bytes.len(),))?;
                    let chunk = crate::content::from_python(&chunk)?;
                    if chunk.is_empty() {
                        break;
                    }
                    bytes.extend_from_slice(&chunk);
                }
                Some(bytes.freeze())
            } else {
                None
            };
            file.call_method0("close")?;
            Ok(part)
        })
    }

    fn file_info(entry: &Bound<'_, PyAny>) -> PyResult<ObjectInfo> {
        let py = entry.py();
        let path = entry.getattr("path")?.str()?.to_string();
        let key =
            ObjectKey::parse(&path).map_err(|error| errors::ToPyErr::to_py_err(&error, py))?;
        let mut info = ObjectInfo::new(key, entry.getattr("size")?.extract()?);
        info.modified = entry
            .getattr("modified_at")
            .and_then(|time| time.extract::<DateTime<Utc>>())
            .ok();
        info.etag = entry
            .getattr("etag")
            .and_then(|etag| etag.extract())
            .unwrap_or_default();
        Ok(info)
    }

    fn files(&self, prefix: &Prefix, recursive: bool) -> Result<Vec<ObjectInfo>> {
        let mut found = self.with(prefix.as_str(), |store| {
            let options = PyDict::new(store.py());
            if recursive {
                options.set_item("recursive", true)?;
            }
            let listed = store.call_method("list_files", (prefix.as_str(),), Some(&options))?;
            listed
                .try_iter()?
                .map(|entry| Self::file_info(&entry?))
                .collect::<PyResult<Vec<_>>>()
        })?;
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    fn two_sided(
        &self,
        method: &str,
        from: &ObjectKey,
        to: &ObjectKey,
        mode: WriteMode,
    ) -> Result<()> {
        self.with(from.as_str(), |store| {
            let options = PyDict::new(store.py());
            options.set_item("overwrite", mode == WriteMode::Overwrite)?;
            store
                .call_method(method, (from.as_str(), to.as_str()), Some(&options))
                .map(drop)
        })
    }

    fn put(&self, key: &ObjectKey, bytes: &[u8], options: &WriteOptions) -> Result<WriteResult> {
        self.with(key.as_str(), |store| {
            let py = store.py();
            let named = PyDict::new(py);
            named.set_item("overwrite", options.mode == WriteMode::Overwrite)?;
            if !options.user_metadata.is_empty() {
                named.set_item("metadata", &options.user_metadata)?;
            }
            store
                .call_method(
                    "write",
                    (key.as_str(), PyBytes::new(py, bytes)),
                    Some(&named),
                )
                .map(drop)
        })?;
        Ok(WriteResult::new(key.clone(), bytes.len() as u64))
    }

    fn text(&self, method: &str, path: &str) -> Option<String> {
        self.with(path, |store| store.call_method1(method, (path,))?.extract())
            .ok()
    }
}

#[async_trait]
impl Backend for ForeignStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> CapabilitySet {
        // What the store cannot do, it says itself when it is called.
        CapabilitySet::all()
    }

    fn driver(&self) -> Driver {
        Driver::Inline
    }

    fn native_path(&self, prefix: &Prefix) -> String {
        self.text("native_path", prefix.as_str())
            .unwrap_or_else(|| prefix.to_string())
    }

    fn key_from_native(&self, path: &str) -> Option<Prefix> {
        self.text("to_key", path)
            .and_then(|key| Prefix::parse(&key).ok())
    }

    fn uri(&self, prefix: &Prefix) -> String {
        format!(
            "{}://{}",
            self.name,
            self.native_path(prefix).trim_start_matches('/')
        )
    }

    fn describe(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    async fn read(&self, key: &ObjectKey, range: ReadRange) -> Result<ObjectReader> {
        if range != ReadRange::All
            && let Ok(info) = self.head(key).await
        {
            let wanted = range.resolve(info.size);
            if info.size >= LARGE_BYTES
                && wanted.end - wanted.start < info.size / 2
                && let Some(bytes) = self.part(key, &wanted)?
            {
                return Ok(ObjectReader::from_bytes(info, wanted, &self.name, bytes));
            }
        }
        let bytes = self.with(key.as_str(), |store| {
            crate::content::from_python(&store.call_method1("read_bytes", (key.as_str(),))?)
        })?;
        let range = range.resolve(bytes.len() as u64);
        let at = |offset: u64| {
            usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(bytes.len())
        };
        let part = bytes.slice(at(range.start)..at(range.end));
        let info = ObjectInfo::new(key.clone(), bytes.len() as u64);
        Ok(ObjectReader::from_bytes(info, range, &self.name, part))
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo> {
        let mut info = self.with(key.as_str(), |store| {
            Self::file_info(&store.call_method1("get_file_info", (key.as_str(),))?)
        })?;
        info.key = key.clone();
        Ok(info)
    }

    async fn write(
        &self,
        key: &ObjectKey,
        bytes: Bytes,
        options: &WriteOptions,
    ) -> Result<WriteResult> {
        self.put(key, &bytes, options)
    }

    async fn writer(
        &self,
        key: &ObjectKey,
        options: &WriteOptions,
    ) -> Result<Box<dyn ObjectWriter>> {
        Ok(Box::new(Collected {
            store: self.clone(),
            key: key.clone(),
            options: options.clone(),
            bytes: BytesMut::new(),
        }))
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        self.with(key.as_str(), |store| {
            store.call_method1("delete", (key.as_str(),)).map(drop)
        })
    }

    async fn delete_if_exists(&self, key: &ObjectKey) -> Result<()> {
        self.with(key.as_str(), |store| {
            let options = PyDict::new(store.py());
            options.set_item("missing_ok", true)?;
            store
                .call_method("delete", (key.as_str(),), Some(&options))
                .map(drop)
        })
    }

    fn list(
        &self,
        prefix: &Prefix,
        start_after: Option<&ObjectKey>,
    ) -> BoxStream<'static, Result<ObjectInfo>> {
        let (store, prefix, after) = (self.clone(), prefix.clone(), start_after.cloned());
        stream::once(async move { store.files(&prefix, true) })
            .flat_map(move |listed| {
                let entries: Vec<Result<ObjectInfo>> = match listed {
                    Err(error) => vec![Err(error)],
                    Ok(files) => files
                        .into_iter()
                        .filter(|info| after.as_ref().is_none_or(|key| info.key > *key))
                        .map(Ok)
                        .collect(),
                };
                stream::iter(entries)
            })
            .boxed()
    }

    async fn list_level(&self, prefix: &Prefix) -> Result<Level> {
        let files = self.files(prefix, false)?;
        let folders = self.with(prefix.as_str(), |store| {
            let listed = store.call_method1("list_folders", (prefix.as_str(),))?;
            let paths = listed
                .try_iter()?
                .map(|entry| Ok(entry?.getattr("path")?.str()?.to_string()));
            paths.collect::<PyResult<Vec<String>>>()
        })?;
        let folders = folders
            .iter()
            .map(|path| Prefix::parse(path))
            .collect::<Result<Vec<_>>>()?;
        Ok(Level::new(files, folders))
    }

    async fn is_folder(&self, prefix: &Prefix) -> Result<bool> {
        self.with(prefix.as_str(), |store| {
            store
                .call_method1("is_folder", (prefix.as_str(),))?
                .extract()
        })
    }

    async fn delete_folder(&self, prefix: &Prefix, recursive: bool) -> Result<()> {
        let deleted = self.with(prefix.as_str(), |store| {
            let options = PyDict::new(store.py());
            options.set_item("recursive", recursive)?;
            // The core decides whether a missing folder is an error; the clause's call says it is none.
            options.set_item("missing_ok", recursive)?;
            store
                .call_method("delete_folder", (prefix.as_str(),), Some(&options))
                .map(drop)
        });
        deleted.map_err(|error| error.about(Subject::Folder))
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        self.two_sided("copy", from, to, mode)
    }

    async fn rename(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        self.two_sided("move", from, to, mode)
    }

    async fn ping(&self) -> Result<()> {
        self.with("", |store| store.call_method0("ping").map(drop))
    }

    /// Does nothing: whoever handed the store in closes it.
    async fn close(&self) {}
}

/// An object for a Python store: its `write` takes the whole content at once.
#[derive(Debug)]
struct Collected {
    store: ForeignStore,
    key: ObjectKey,
    options: WriteOptions,
    bytes: BytesMut,
}

#[async_trait]
impl ObjectWriter for Collected {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<WriteResult> {
        self.store.put(&self.key, &self.bytes, &self.options)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

//! [`AsyncStore`]: the store of the core for event loops.

use std::future::Future;
use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use remote_store_core::{
    Error, FolderInfo, Level, ListOptions, ObjectInfo, ReadRange, Store as CoreStore, WriteResult,
};

use crate::errors::ToPyErr;
use crate::store::{Store, mode, write_options};
use crate::{content, models};

use super::call::{Call, start};
use super::reading;
use super::stream::{AsyncStream, Item, to_py};
use super::writer::AsyncWriter;

/// The calls of a store, each for the event loop that runs where it is made.
#[pyclass(frozen, module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct AsyncStore {
    inner: CoreStore,
}

impl AsyncStore {
    fn start<T, F, W>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(CoreStore) -> F,
        wrap: W,
    ) -> PyResult<Call>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
        W: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        start(py, self.inner.driver(), call(self.inner.clone()), wrap)
    }

    fn yes_or_no<F>(&self, py: Python<'_>, call: impl FnOnce(CoreStore) -> F) -> PyResult<Call>
    where
        F: Future<Output = Result<bool, Error>> + Send + 'static,
    {
        self.start(py, call, |py, answer| answer.into_py_any(py))
    }

    fn act<F>(&self, py: Python<'_>, call: impl FnOnce(CoreStore) -> F) -> PyResult<Call>
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        self.start(py, call, |py, ()| Ok(py.None()))
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "calls take a function that may fail"
)]
fn bytes_object(py: Python<'_>, bytes: Bytes) -> PyResult<Py<PyAny>> {
    Ok(PyBytes::new(py, &bytes).into_any().unbind())
}

#[pymethods]
impl AsyncStore {
    #[new]
    fn new(store: &Bound<'_, Store>) -> Self {
        Self {
            inner: store.get().inner.clone(),
        }
    }

    fn read_bytes(&self, py: Python<'_>, path: String) -> PyResult<Call> {
        self.start(
            py,
            |store| async move { store.read_bytes(&path).await },
            bytes_object,
        )
    }

    #[pyo3(signature = (path, start, end = None))]
    fn read_range(
        &self,
        py: Python<'_>,
        path: String,
        start: u64,
        end: Option<u64>,
    ) -> PyResult<Call> {
        let range = end.map_or(ReadRange::From(start), |end| ReadRange::Bounded(start..end));
        self.start(
            py,
            |store| async move { store.read_range(&path, range).await },
            bytes_object,
        )
    }

    fn get_ranges(&self, py: Python<'_>, path: String, ranges: Vec<(u64, u64)>) -> PyResult<Call> {
        let ranges: Vec<Range<u64>> = ranges.into_iter().map(|(start, end)| start..end).collect();
        let call = |store: CoreStore| async move { store.get_ranges(&path, &ranges).await };
        self.start(py, call, |py, parts: Vec<Bytes>| {
            let parts = parts.iter().map(|part| PyBytes::new(py, part));
            Ok(PyList::new(py, parts.collect::<Vec<_>>())?
                .into_any()
                .unbind())
        })
    }

    /// The size of an object and its chunks, fetched ahead.
    #[pyo3(signature = (path, chunk_bytes, prefetch))]
    fn open_read(
        &self,
        py: Python<'_>,
        path: String,
        chunk_bytes: usize,
        prefetch: usize,
    ) -> PyResult<Call> {
        let driver = self.inner.driver();
        let call = |store: CoreStore| async move { store.read(&path).await };
        self.start(py, call, move |py, reader| {
            let size = reader.info().size;
            let items = reading::chunks(reader, chunk_bytes);
            (size, AsyncStream::new(driver, items, prefetch)).into_py_any(py)
        })
    }

    /// The objects in the order of the paths, with at most `window` requests under way.
    #[pyo3(signature = (paths, *, window = 64, missing_ok = false))]
    fn read_many(&self, paths: Vec<String>, window: usize, missing_ok: bool) -> AsyncStream {
        let items = if missing_ok {
            self.inner
                .read_many_or_missing(paths, window)
                .map(|found| found.map(Item::from))
                .boxed()
        } else {
            self.inner
                .read_many(paths, window)
                .map(|found| found.map(Item::Bytes))
                .boxed()
        };
        AsyncStream::new(self.inner.driver(), items, window / 4)
    }

    #[pyo3(signature = (path, content, overwrite = false, metadata = None))]
    fn write(
        &self,
        py: Python<'_>,
        path: String,
        content: &Bound<'_, PyAny>,
        overwrite: bool,
        metadata: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Call> {
        let options = write_options(overwrite, metadata.as_ref())?;
        let bytes = content::from_python(content)?;
        let metadata = metadata.map(Bound::unbind);
        let call = |store: CoreStore| async move { store.write(&path, bytes, &options).await };
        self.start(py, call, move |py, result: WriteResult| {
            let metadata = metadata.as_ref().map(|pairs| pairs.bind(py));
            models::write_result(py, &result, metadata).map(Bound::unbind)
        })
    }

    #[pyo3(signature = (path, overwrite = false, metadata = None))]
    fn open_write(
        &self,
        py: Python<'_>,
        path: String,
        overwrite: bool,
        metadata: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Call> {
        let options = write_options(overwrite, metadata.as_ref())?;
        let metadata = metadata.map(Bound::unbind);
        let owner = self.inner.clone();
        let call = |store: CoreStore| async move { store.writer(&path, &options).await };
        self.start(py, call, move |py, writer| {
            AsyncWriter::new(owner, writer, metadata).into_py_any(py)
        })
    }

    fn head(&self, py: Python<'_>, path: String) -> PyResult<Call> {
        let call = |store: CoreStore| async move { store.head(&path).await };
        self.start(py, call, |py, info: ObjectInfo| {
            models::file_info(py, &info).map(Bound::unbind)
        })
    }

    fn exists(&self, py: Python<'_>, path: String) -> PyResult<Call> {
        self.yes_or_no(py, |store| async move { store.exists(&path).await })
    }

    fn is_file(&self, py: Python<'_>, path: String) -> PyResult<Call> {
        self.yes_or_no(py, |store| async move { store.is_file(&path).await })
    }

    fn is_folder(&self, py: Python<'_>, path: String) -> PyResult<Call> {
        self.yes_or_no(py, |store| async move { store.is_folder(&path).await })
    }

    #[pyo3(signature = (path, missing_ok = false))]
    fn delete(&self, py: Python<'_>, path: String, missing_ok: bool) -> PyResult<Call> {
        self.act(
            py,
            |store| async move { store.delete(&path, missing_ok).await },
        )
    }

    /// Each path with its error, or None.
    fn delete_many(&self, py: Python<'_>, paths: Vec<String>) -> PyResult<Call> {
        let call = |store: CoreStore| async move { store.delete_many(paths).await };
        self.start(py, call, |py, results: Vec<(String, Result<(), Error>)>| {
            let answers = results.into_iter().map(|(path, result)| {
                let error = result.err().map(|error| error.to_py_err(py).into_value(py));
                (path, error)
            });
            Ok(PyList::new(py, answers.collect::<Vec<_>>())?
                .into_any()
                .unbind())
        })
    }

    #[pyo3(signature = (path, recursive = false, missing_ok = false))]
    fn delete_folder(
        &self,
        py: Python<'_>,
        path: String,
        recursive: bool,
        missing_ok: bool,
    ) -> PyResult<Call> {
        self.act(py, |store| async move {
            store.delete_folder(&path, recursive, missing_ok).await
        })
    }

    #[pyo3(signature = (path, recursive = false, max_depth = None))]
    fn list(
        &self,
        py: Python<'_>,
        path: &str,
        recursive: bool,
        max_depth: Option<usize>,
    ) -> PyResult<AsyncStream> {
        let mut options = ListOptions::flat();
        options.recursive = recursive;
        options.max_depth = max_depth;
        let listed = to_py(py, self.inner.list(path, &options))?;
        let items = listed.map(|info| info.map(Item::File)).boxed();
        Ok(AsyncStream::new(self.inner.driver(), items, LIST_AHEAD))
    }

    fn list_level(&self, py: Python<'_>, path: String) -> PyResult<Call> {
        let call = |store: CoreStore| async move { store.list_level(&path).await };
        self.start(py, call, |py, level: Level| {
            models::level(py, &level)?.into_py_any(py)
        })
    }

    #[pyo3(signature = (src, dst, overwrite = false))]
    fn copy(&self, py: Python<'_>, src: String, dst: String, overwrite: bool) -> PyResult<Call> {
        self.act(py, |store| async move {
            store.copy(&src, &dst, mode(overwrite)).await
        })
    }

    #[pyo3(signature = (src, dst, overwrite = false))]
    fn rename(&self, py: Python<'_>, src: String, dst: String, overwrite: bool) -> PyResult<Call> {
        self.act(py, |store| async move {
            store.rename(&src, &dst, mode(overwrite)).await
        })
    }

    #[pyo3(signature = (path, max_depth = None))]
    fn folder_info(
        &self,
        py: Python<'_>,
        path: String,
        max_depth: Option<usize>,
    ) -> PyResult<Call> {
        let call = |store: CoreStore| async move { store.folder_info(&path, max_depth).await };
        self.start(py, call, |py, info: FolderInfo| {
            models::folder_info(py, &info).map(Bound::unbind)
        })
    }

    fn ping(&self, py: Python<'_>) -> PyResult<Call> {
        self.act(py, |store| async move { store.ping().await })
    }

    fn close(&self, py: Python<'_>) -> PyResult<Call> {
        self.act(py, |store| async move {
            store.close().await;
            Ok(())
        })
    }
}

/// How many entries of a listing wait for the loop.
const LIST_AHEAD: usize = 1000;

//! [`Store`]: a store of the core.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use remote_store_core::{
    Error, ListOptions, ObjectInfo, Prefix, ReadRange, Revision, Store as CoreStore, WriteMode,
    WriteOptions,
};

use crate::backend::Backend;
use crate::call::wait;
use crate::errors::ToPyErr;
use crate::prefetch::Prefetch;
use crate::reader::Reader;
use crate::writer::Writer;
use crate::{content, models};

/// How many entries of a listing cross the boundary at a time.
const LIST_CHUNK: usize = 1000;

/// A store of the core: what `remote_store.Store` holds as `_core`.
#[pyclass(frozen, module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) inner: CoreStore,
}

/// `overwrite` of the Python methods.
pub(crate) fn mode(overwrite: bool) -> WriteMode {
    if overwrite {
        WriteMode::Overwrite
    } else {
        WriteMode::Create
    }
}

pub(crate) fn write_options(
    overwrite: bool,
    metadata: Option<&Bound<'_, PyAny>>,
) -> PyResult<WriteOptions> {
    let options = WriteOptions::create().with_mode(mode(overwrite));
    match metadata {
        None => Ok(options),
        Some(pairs) => Ok(options.with_user_metadata(pairs.extract::<BTreeMap<String, String>>()?)),
    }
}

#[pymethods]
impl Store {
    #[new]
    #[pyo3(signature = (backend, root_path = ""))]
    fn new(py: Python<'_>, backend: &Bound<'_, Backend>, root_path: &str) -> PyResult<Self> {
        let root = Prefix::parse(root_path).map_err(|error| error.to_py_err(py))?;
        Ok(Self {
            inner: CoreStore::new(Arc::clone(&backend.get().inner), root),
        })
    }

    #[getter]
    fn backend_name(&self) -> &str {
        self.inner.backend().name()
    }

    #[getter]
    fn root_path(&self) -> &str {
        self.inner.root().as_str()
    }

    fn capabilities(&self) -> Vec<&'static str> {
        self.inner
            .capabilities()
            .iter()
            .map(remote_store_core::Capability::as_str)
            .collect()
    }

    /// True when `write` takes `if_match`.
    fn supports_conditional_update(&self) -> bool {
        self.inner.supports_conditional_update()
    }

    fn child(&self, py: Python<'_>, subpath: &str) -> PyResult<Self> {
        self.inner
            .child(subpath)
            .map(|inner| Self { inner })
            .map_err(|error| error.to_py_err(py))
    }

    fn read_bytes<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyBytes>> {
        content::read(py, &self.inner, path, &ReadRange::All)
    }

    /// The whole object as a `Buffer`, without the copy that `bytes` needs.
    fn read_buffer(&self, py: Python<'_>, path: &str) -> PyResult<content::Buffer> {
        wait(py, self.inner.driver(), self.inner.read_bytes(path)).map(content::Buffer::new)
    }

    #[pyo3(signature = (path, start, end = None))]
    fn read_range<'py>(
        &self,
        py: Python<'py>,
        path: &str,
        start: u64,
        end: Option<u64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let range = end.map_or(ReadRange::From(start), |end| ReadRange::Bounded(start..end));
        content::read(py, &self.inner, path, &range)
    }

    fn get_ranges<'py>(
        &self,
        py: Python<'py>,
        path: &str,
        ranges: Vec<(u64, u64)>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let ranges: Vec<Range<u64>> = ranges.into_iter().map(|(start, end)| start..end).collect();
        let parts = wait(
            py,
            self.inner.driver(),
            self.inner.get_ranges(path, &ranges),
        )?;
        Ok(parts.iter().map(|part| PyBytes::new(py, part)).collect())
    }

    fn open_read(&self, py: Python<'_>, path: &str) -> PyResult<Reader> {
        Reader::open(py, &self.inner, path)
    }

    #[pyo3(signature = (path, overwrite = false, metadata = None))]
    fn open_write(
        &self,
        py: Python<'_>,
        path: &str,
        overwrite: bool,
        metadata: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Writer> {
        let options = write_options(overwrite, metadata)?;
        Writer::open(
            py,
            &self.inner,
            path,
            &options,
            metadata.map(|pairs| pairs.clone().unbind()),
        )
    }

    /// The objects in the order of the paths, with at most `window` requests under way.
    #[pyo3(signature = (paths, *, window = 64, missing_ok = false))]
    fn read_many(&self, paths: Vec<String>, window: usize, missing_ok: bool) -> BytesIterator {
        let stream = if missing_ok {
            self.inner.read_many_or_missing(paths, window)
        } else {
            self.inner
                .read_many(paths, window)
                .map(|item| item.map(Some))
                .boxed()
        };
        BytesIterator {
            items: Prefetch::new(self.inner.driver(), stream, window / 4),
        }
    }

    /// With `if_match`, an etag, only that content is replaced; see `Revision` of the core.
    #[pyo3(signature = (path, content, overwrite = false, metadata = None, *, if_match = None))]
    fn write<'py>(
        &self,
        py: Python<'py>,
        path: &str,
        content: &Bound<'py, PyAny>,
        overwrite: bool,
        metadata: Option<&Bound<'py, PyAny>>,
        if_match: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let overwrite = overwrite || if_match.is_some();
        let mut options = write_options(overwrite, metadata)?;
        options.if_match = if_match.map(Revision::from);
        let bytes = content::from_python(content)?;
        let result = wait(
            py,
            self.inner.driver(),
            self.inner.write(path, bytes, &options),
        )?;
        models::write_result(py, &result, metadata)
    }

    fn head<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyAny>> {
        let info = wait(py, self.inner.driver(), self.inner.head(path))?;
        models::file_info(py, &info)
    }

    fn exists(&self, py: Python<'_>, path: &str) -> PyResult<bool> {
        wait(py, self.inner.driver(), self.inner.exists(path))
    }

    fn is_file(&self, py: Python<'_>, path: &str) -> PyResult<bool> {
        wait(py, self.inner.driver(), self.inner.is_file(path))
    }

    fn is_folder(&self, py: Python<'_>, path: &str) -> PyResult<bool> {
        wait(py, self.inner.driver(), self.inner.is_folder(path))
    }

    #[pyo3(signature = (path, missing_ok = false))]
    fn delete(&self, py: Python<'_>, path: &str, missing_ok: bool) -> PyResult<()> {
        wait(py, self.inner.driver(), self.inner.delete(path, missing_ok))
    }

    /// Each path with its error, or None.
    fn delete_many(
        &self,
        py: Python<'_>,
        paths: Vec<String>,
    ) -> PyResult<Vec<(String, Option<Py<PyAny>>)>> {
        let results = wait(py, self.inner.driver(), self.inner.delete_many(paths))?;
        let answer = |(path, result): (String, Result<(), Error>)| {
            (
                path,
                result
                    .err()
                    .map(|error| error.to_py_err(py).into_value(py).into_any()),
            )
        };
        Ok(results.into_iter().map(answer).collect())
    }

    #[pyo3(signature = (path, recursive = false, missing_ok = false))]
    fn delete_folder(
        &self,
        py: Python<'_>,
        path: &str,
        recursive: bool,
        missing_ok: bool,
    ) -> PyResult<()> {
        wait(
            py,
            self.inner.driver(),
            self.inner.delete_folder(path, recursive, missing_ok),
        )
    }

    #[pyo3(signature = (path, recursive = false, max_depth = None))]
    fn list(
        &self,
        py: Python<'_>,
        path: &str,
        recursive: bool,
        max_depth: Option<usize>,
    ) -> PyResult<FileIterator> {
        let mut options = ListOptions::flat();
        options.recursive = recursive;
        options.max_depth = max_depth;
        let stream = self
            .inner
            .list(path, &options)
            .map_err(|error| error.to_py_err(py))?;
        let chunks = Prefetch::new(
            self.inner.driver(),
            stream.ready_chunks(LIST_CHUNK).boxed(),
            1,
        );
        Ok(FileIterator {
            chunks,
            rest: Vec::new().into_iter(),
        })
    }

    fn list_level<'py>(&self, py: Python<'py>, path: &str) -> PyResult<models::PyLevel<'py>> {
        let level = wait(py, self.inner.driver(), self.inner.list_level(path))?;
        models::level(py, &level)
    }

    #[pyo3(signature = (src, dst, overwrite = false))]
    fn copy(&self, py: Python<'_>, src: &str, dst: &str, overwrite: bool) -> PyResult<()> {
        wait(
            py,
            self.inner.driver(),
            self.inner.copy(src, dst, mode(overwrite)),
        )
    }

    #[pyo3(signature = (src, dst, overwrite = false))]
    fn rename(&self, py: Python<'_>, src: &str, dst: &str, overwrite: bool) -> PyResult<()> {
        wait(
            py,
            self.inner.driver(),
            self.inner.rename(src, dst, mode(overwrite)),
        )
    }

    #[pyo3(signature = (path, max_depth = None))]
    fn folder_info<'py>(
        &self,
        py: Python<'py>,
        path: &str,
        max_depth: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let info = wait(
            py,
            self.inner.driver(),
            self.inner.folder_info(path, max_depth),
        )?;
        models::folder_info(py, &info)
    }

    fn ping(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, self.inner.driver(), self.inner.ping())
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, self.inner.driver(), async {
            self.inner.close().await;
            Ok::<(), PyErr>(())
        })
    }

    fn native_path(&self, py: Python<'_>, path: &str) -> PyResult<String> {
        self.inner
            .native_path(path)
            .map_err(|error| error.to_py_err(py))
    }

    fn to_key(&self, py: Python<'_>, native_path: &str) -> PyResult<String> {
        self.inner
            .to_key(native_path)
            .map_err(|error| error.to_py_err(py))
    }

    fn uri(&self, py: Python<'_>, path: &str) -> PyResult<String> {
        self.inner.uri(path).map_err(|error| error.to_py_err(py))
    }
}

/// Contents in order, fetched ahead.
#[pyclass(module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct BytesIterator {
    items: Prefetch<Result<Option<Bytes>, Error>>,
}

#[pymethods]
impl BytesIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// The next content: `None` ends the iteration, `Some(None)` is a missing object.
    #[expect(
        clippy::option_option,
        reason = "the outer option ends the iteration, the inner one is Python's None"
    )]
    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Option<Bound<'py, PyBytes>>>> {
        match self.items.next(py)? {
            None => Ok(None),
            Some(Err(error)) => Err(error.to_py_err(py)),
            Some(Ok(found)) => Ok(Some(found.map(|bytes| PyBytes::new(py, &bytes)))),
        }
    }
}

/// The files of a listing.
#[pyclass(module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct FileIterator {
    chunks: Prefetch<Vec<Result<ObjectInfo, Error>>>,
    rest: std::vec::IntoIter<Result<ObjectInfo, Error>>,
}

#[pymethods]
impl FileIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        loop {
            match self.rest.next() {
                Some(Ok(info)) => return models::file_info(py, &info).map(Some),
                Some(Err(error)) => return Err(error.to_py_err(py)),
                None => match self.chunks.next(py)? {
                    None => return Ok(None),
                    Some(chunk) => self.rest = chunk.into_iter(),
                },
            }
        }
    }
}

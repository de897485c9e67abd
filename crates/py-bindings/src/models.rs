//! What the core says about objects, as the Python models.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use remote_store_core::{FolderInfo, Level, ObjectInfo, Prefix, WriteResult};

/// The classes, looked up once.
struct Models {
    path: Py<PyAny>,
    file_info: Py<PyAny>,
    folder_entry: Py<PyAny>,
    folder_info: Py<PyAny>,
    write_result: Py<PyAny>,
    unknown_time: Py<PyAny>,
}

fn models(py: Python<'_>) -> PyResult<&Models> {
    static MODELS: PyOnceLock<Models> = PyOnceLock::new();
    MODELS.get_or_try_init(py, || {
        let models = py.import("remote_store._models")?;
        Ok(Models {
            path: py
                .import("remote_store._path")?
                .getattr("RemotePath")?
                .getattr("_trusted")?
                .unbind(),
            file_info: models.getattr("FileInfo")?.unbind(),
            folder_entry: models.getattr("FolderEntry")?.unbind(),
            folder_info: models.getattr("FolderInfo")?.unbind(),
            write_result: models.getattr("WriteResult")?.unbind(),
            unknown_time: models.getattr("UNKNOWN_TIME")?.unbind(),
        })
    })
}

/// A `FileInfo`.
///
/// # Errors
/// What the class raises.
pub(crate) fn file_info<'py>(py: Python<'py>, info: &ObjectInfo) -> PyResult<Bound<'py, PyAny>> {
    let models = models(py)?;
    let path = models.path.call1(py, (info.key.as_str(),))?;
    let modified = match info.modified {
        Some(time) => time.into_pyobject(py)?.into_any(),
        None => models.unknown_time.bind(py).clone(),
    };
    let metadata = (!info.user_metadata.is_empty()).then_some(&info.user_metadata);
    let extra = PyDict::new(py);
    if let Some(version) = &info.version {
        extra.set_item("version_id", version)?;
    }
    let digest = py.None();
    models.file_info.bind(py).call1((
        path,
        info.key.name(),
        info.size,
        modified,
        digest,
        &info.etag,
        &info.content_type,
        metadata,
        extra,
    ))
}

/// A `FolderEntry`.
///
/// # Errors
/// What the class raises.
fn folder_entry<'py>(py: Python<'py>, folder: &Prefix) -> PyResult<Bound<'py, PyAny>> {
    let models = models(py)?;
    let path = models.path.call1(py, (folder.as_str(),))?;
    models.folder_entry.bind(py).call1((path, folder.name()))
}

/// Files and folders.
pub(crate) type PyLevel<'py> = (Vec<Bound<'py, PyAny>>, Vec<Bound<'py, PyAny>>);

/// The files and the folders of one level.
///
/// # Errors
/// What the classes raise.
pub(crate) fn level<'py>(py: Python<'py>, level: &Level) -> PyResult<PyLevel<'py>> {
    let files = level
        .objects
        .iter()
        .map(|info| file_info(py, info))
        .collect::<PyResult<_>>()?;
    let folders = level
        .folders
        .iter()
        .map(|folder| folder_entry(py, folder))
        .collect::<PyResult<_>>()?;
    Ok((files, folders))
}

/// A `FolderInfo`.
///
/// # Errors
/// What the class raises.
pub(crate) fn folder_info<'py>(py: Python<'py>, info: &FolderInfo) -> PyResult<Bound<'py, PyAny>> {
    let models = models(py)?;
    let path = models.path.call1(py, (info.prefix.as_str(),))?;
    models
        .folder_info
        .bind(py)
        .call1((path, info.object_count, info.total_size, info.modified))
}

/// A `WriteResult`; the metadata is what was asked to be kept.
///
/// # Errors
/// What the class raises.
pub(crate) fn write_result<'py>(
    py: Python<'py>,
    result: &WriteResult,
    metadata: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let models = models(py)?;
    let path = models.path.call1(py, (result.key.as_str(),))?;
    let source = if result.native { "native" } else { "basic" };
    let digest = py.None();
    models.write_result.bind(py).call1((
        path,
        result.size,
        source,
        digest,
        &result.etag,
        &result.version,
        result.modified,
        metadata,
    ))
}

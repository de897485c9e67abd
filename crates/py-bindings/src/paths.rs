//! `_native.paths`: where assets, op outputs and logs lie.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use remote_store_dagster_paths as paths_core;
use remote_store_dagster_paths::{AssetKey, IoType, LogKey, PartitionKey, PathError};

use crate::errors::ToPyErr;

/// The stream of `"out"` or `"err"`.
///
/// # Errors
/// `ValueError` for anything else.
pub(crate) fn io_type(extension: &str) -> PyResult<IoType> {
    IoType::from_extension(extension).ok_or_else(|| {
        PyValueError::new_err(format!(
            "the stream must be 'out' or 'err', got '{}'",
            extension.escape_debug()
        ))
    })
}

/// A core answer with its error as `InvalidPath`.
///
/// # Errors
/// The core's.
pub(crate) fn raised<T>(py: Python<'_>, answer: Result<T, PathError>) -> PyResult<T> {
    answer.map_err(|error| error.to_py_err(py))
}

/// `remote_store._native.paths`.
#[pymodule(submodule)]
pub(crate) mod paths {
    use pyo3::prelude::*;

    use super::{AssetKey, LogKey, PartitionKey, io_type, paths_core, raised};

    /// The path of an asset, or of one partition of it (DAG-005).
    #[pyfunction]
    fn asset_path(
        py: Python<'_>,
        segments: Vec<String>,
        partition: Option<String>,
        extension: &str,
    ) -> PyResult<String> {
        let key = raised(py, AssetKey::new(segments))?;
        raised(
            py,
            paths_core::asset_path(&key, partition.map(PartitionKey::new).as_ref(), extension),
        )
    }

    /// The key of a dataset (DAG-018).
    #[pyfunction]
    fn dataset_key(
        py: Python<'_>,
        segments: Vec<String>,
        partition: Option<String>,
    ) -> PyResult<String> {
        let key = raised(py, AssetKey::new(segments))?;
        raised(
            py,
            paths_core::dataset_key(&key, partition.map(PartitionKey::new).as_ref()),
        )
    }

    /// The path of an output that is no asset.
    #[pyfunction]
    fn op_output_path(
        py: Python<'_>,
        identifier: Vec<String>,
        extension: &str,
    ) -> PyResult<String> {
        raised(py, paths_core::op_output_path(&identifier, extension))
    }

    /// The segments of an asset path, partition included.
    #[pyfunction]
    fn parse_asset_path(py: Python<'_>, path: &str, extension: &str) -> PyResult<Vec<String>> {
        raised(py, paths_core::parse_asset_path(path, extension))
    }

    /// The path of one captured stream (DAG-024).
    #[pyfunction]
    fn log_path(
        py: Python<'_>,
        prefix: &str,
        key: Vec<String>,
        stream: &str,
        partial: bool,
    ) -> PyResult<String> {
        let key = raised(py, LogKey::new(key))?;
        raised(
            py,
            paths_core::log_path(prefix, &key, io_type(stream)?, partial),
        )
    }

    /// The folder of the logs whose key starts so.
    #[pyfunction]
    fn log_folder(py: Python<'_>, prefix: &str, log_prefix: Vec<String>) -> PyResult<String> {
        raised(py, paths_core::log_folder(prefix, &log_prefix))
    }

    /// The last key segment, the stream and whether it is partial; None for a stray file.
    #[pyfunction]
    fn parse_log_name(file_name: &str) -> Option<(String, &'static str, bool)> {
        paths_core::parse_log_name(file_name)
            .map(|(name, io, partial)| (name, io.extension(), partial))
    }
}
